/// A set of rows, one bit each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bits {
    words: Vec<u64>,
    len: usize,
}

impl Bits {
    /// All of `len` rows.
    #[must_use]
    pub fn all(len: usize) -> Self {
        let mut bits = Self { words: vec![u64::MAX; len.div_ceil(64)], len };
        bits.trim();
        bits
    }

    /// None of `len` rows.
    #[must_use]
    pub fn none(len: usize) -> Self {
        Self { words: vec![0; len.div_ceil(64)], len }
    }

    /// The rows for which `test` holds.
    #[must_use]
    pub fn from_fn(len: usize, mut test: impl FnMut(usize) -> bool) -> Self {
        let mut bits = Self::none(len);
        for (index, word) in bits.words.iter_mut().enumerate() {
            let start = index * 64;
            for bit in 0..64.min(len - start) {
                *word |= u64::from(test(start + bit)) << bit;
            }
        }
        bits
    }

    fn trim(&mut self) {
        let rest = self.len % 64;
        if rest != 0
            && let Some(last) = self.words.last_mut()
        {
            *last &= (1 << rest) - 1;
        }
    }

    /// Whether the row is in the set.
    #[must_use]
    pub fn has(&self, row: usize) -> bool {
        self.words[row / 64] >> (row % 64) & 1 == 1
    }

    /// Puts a row in.
    pub fn insert(&mut self, row: usize) {
        self.words[row / 64] |= 1 << (row % 64);
    }

    /// Rows in both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        self.zip(other, |a, b| a & b)
    }

    /// Rows in either.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        self.zip(other, |a, b| a | b)
    }

    /// Rows here and not there.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        self.zip(other, |a, b| a & !b)
    }

    fn zip(&self, other: &Self, with: impl Fn(u64, u64) -> u64) -> Self {
        debug_assert_eq!(self.len, other.len, "sets of the same list");
        let words = self.words.iter().zip(&other.words).map(|(a, b)| with(*a, *b)).collect();
        Self { words, len: self.len }
    }

    /// How many rows are in the set.
    #[must_use]
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The rows in the set, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(index, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                (rest != 0).then(|| {
                    let bit = rest.trailing_zeros() as usize;
                    rest &= rest - 1;
                    index * 64 + bit
                })
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn a_set_behaves_like_a_set(rows in proptest::collection::btree_set(0_usize..200, 0..60), others in proptest::collection::btree_set(0_usize..200, 0..60)) {
            let (a, b) = (Bits::from_fn(200, |row| rows.contains(&row)), Bits::from_fn(200, |row| others.contains(&row)));
            proptest::prop_assert_eq!(a.iter().collect::<Vec<_>>(), rows.iter().copied().collect::<Vec<_>>());
            proptest::prop_assert_eq!(a.and(&b).iter().collect::<Vec<_>>(), rows.intersection(&others).copied().collect::<Vec<_>>());
            proptest::prop_assert_eq!(a.or(&b).iter().collect::<Vec<_>>(), rows.union(&others).copied().collect::<Vec<_>>());
            proptest::prop_assert_eq!(a.without(&b).count(), rows.difference(&others).count());
            proptest::prop_assert_eq!(Bits::all(200).without(&a).count(), 200 - rows.len());
        }
    }
}
