use super::model::Zygosity;

impl Zygosity {
    /// Reads a genotype for ALT number `allele`, counted from 1.
    ///
    /// Any ploidy, phased or not, partly missing or not, with or without the leading phase mark of VCF 4.4. A text that
    /// is no genotype reads as [`Zygosity::NoCall`].
    #[must_use]
    pub fn of(genotype: &str, allele: u16) -> Self {
        let Some(alleles) = alleles(genotype) else { return Self::NoCall };
        let (mut this, mut other, mut unknown, mut total) = (0_u32, 0_u32, 0_u32, 0_u32);
        for called in alleles {
            total += 1;
            match called {
                Some(called) if called == allele => this += 1,
                Some(0) => {}
                Some(_) => other += 1,
                None => unknown += 1,
            }
        }
        match (this, unknown) {
            (0, 0) if other > 0 => Self::OtherAllele,
            (0, 0) => Self::Reference,
            (0, _) if unknown == total => Self::NoCall,
            (0, _) => Self::PartialReference,
            (_, 0) if total == 1 => Self::Haploid,
            (_, 0) if this == total => Self::Homozygous,
            (_, 1..) if this + unknown == total => Self::PartialCarrier,
            _ => Self::Heterozygous,
        }
    }
}

/// The called alleles, `None` for `.`; nothing when the text is no genotype.
pub(super) fn alleles(genotype: &str) -> Option<impl Iterator<Item = Option<u16>> + '_> {
    let bare = genotype.strip_prefix(['/', '|']).unwrap_or(genotype);
    let valid = |token: &str| {
        token == "." || (!token.is_empty() && token.bytes().all(|b| b.is_ascii_digit()) && token.parse::<u16>().is_ok())
    };
    bare.split(['/', '|']).all(valid).then(|| bare.split(['/', '|']).map(|token| token.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Zygosity::{
        Haploid, Heterozygous, Homozygous, NoCall, OtherAllele, PartialCarrier, PartialReference, Reference,
    };

    #[test]
    fn genotypes_read_for_one_allele() {
        for (genotype, first, second) in [
            ("0/0", Reference, Reference),
            ("0|0", Reference, Reference),
            ("0", Reference, Reference),
            ("0/1", Heterozygous, OtherAllele),
            ("1|0", Heterozygous, OtherAllele),
            ("1/1", Homozygous, OtherAllele),
            ("1|2", Heterozygous, Heterozygous),
            ("2/2", OtherAllele, Homozygous),
            ("1", Haploid, OtherAllele),
            ("2", OtherAllele, Haploid),
            ("./.", NoCall, NoCall),
            (".", NoCall, NoCall),
            ("", NoCall, NoCall),
            ("0/.", PartialReference, PartialReference),
            ("./1", PartialCarrier, PartialReference),
            ("1/0/.", Heterozygous, PartialReference),
            ("0/1/1", Heterozygous, OtherAllele),
            ("1/1/1", Homozygous, OtherAllele),
            ("1/1/.", PartialCarrier, PartialReference),
            ("|0|1", Heterozygous, OtherAllele),
            ("/1", Haploid, OtherAllele),
            ("10/10", OtherAllele, OtherAllele),
            ("0/+1", NoCall, NoCall),
            ("0/x", NoCall, NoCall),
            ("0//1", NoCall, NoCall),
            ("0/99999999", NoCall, NoCall),
        ] {
            assert_eq!(Zygosity::of(genotype, 1), first, "{genotype} for 1");
            assert_eq!(Zygosity::of(genotype, 2), second, "{genotype} for 2");
        }
    }

    fn genotype() -> impl proptest::strategy::Strategy<Value = Vec<Option<u16>>> {
        proptest::collection::vec(proptest::option::weighted(0.8, 0_u16..4), 1..6)
    }

    fn written(alleles: &[Option<u16>], separator: &str) -> String {
        let texts: Vec<String> =
            alleles.iter().map(|allele| allele.map_or_else(|| ".".to_owned(), |number| number.to_string())).collect();
        texts.join(separator)
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,20}", allele in 1_u16..5) {
            let _ = Zygosity::of(&text, allele);
        }

        #[test]
        fn phase_and_order_do_not_matter(alleles in genotype(), allele in 1_u16..4) {
            let expected = Zygosity::of(&written(&alleles, "/"), allele);
            let mut turned = alleles.clone();
            turned.reverse();
            proptest::prop_assert_eq!(Zygosity::of(&written(&turned, "|"), allele), expected);
            proptest::prop_assert_eq!(Zygosity::of(&format!("|{}", written(&alleles, "|")), allele), expected);
        }

        #[test]
        fn an_allele_is_carried_exactly_when_it_is_written(alleles in genotype(), allele in 1_u16..4) {
            let zygosity = Zygosity::of(&written(&alleles, "/"), allele);
            proptest::prop_assert_eq!(zygosity.carries(), alleles.contains(&Some(allele)));
            if zygosity.is_open() {
                proptest::prop_assert!(alleles.contains(&None));
            }
            if zygosity == Reference {
                proptest::prop_assert!(alleles.iter().all(|called| *called == Some(0)));
            }
        }
    }
}
