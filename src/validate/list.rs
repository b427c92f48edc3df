use std::collections::{BTreeMap, BTreeSet};

use super::compare::{Difference, Field};
use super::reader::{ExpectedVariant, IndependentVcf, chromosome};
use super::shown::{ShownBy, ShownVariant};

/// What decides which alleles of its files a list shows.
#[derive(Debug, Clone, PartialEq)]
pub struct ListRule {
    /// Rank score that an allele has to exceed.
    pub threshold: f64,
    /// The case's family, the first key of `RankScore`.
    pub family: String,
    /// The case's name, the second.
    pub name: String,
    /// Lines the load report names; an absent allele on one of them counts as unreadable if any record did.
    pub unreadable_lines: BTreeSet<usize>,
}

/// Alleles (records, when unreadable) that are not in a list, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftOutCounts {
    /// Rank at or below the threshold.
    pub for_rank: usize,
    /// In the list already.
    pub duplicates: usize,
    /// Not readable.
    pub unreadable: usize,
}

/// The files of one list, held against what was shown of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ListFiles {
    /// One for each file: the alleles that must be shown, and what was shown of them.
    pub files: Vec<(IndependentVcf, Vec<ShownVariant>)>,
    /// What may be absent.
    pub left_out: LeftOutCounts,
}

type Key = (String, u32, String, String);

fn key_of_expected(variant: &ExpectedVariant) -> Key {
    (variant.chromosome.clone(), variant.position, variant.reference.clone(), variant.alternative.clone())
}

fn key_of_shown(variant: &ShownVariant) -> Key {
    (chromosome(&variant.chromosome), variant.position, variant.reference.clone(), variant.alternative.clone())
}

impl ListRule {
    /// Whether the loader may leave this allele out for its rank: scored, not above the threshold, not mitochondrial.
    ///
    /// It may still be shown, for its ClinVar record or somebody's decision.
    fn may_leave_out(&self, variant: &ExpectedVariant) -> bool {
        let score = variant.rank_score(&self.family, &self.name);
        score.is_some_and(|score| score <= self.threshold) && variant.chromosome != "MT"
    }
}

impl ListFiles {
    /// Takes out of the files, in the order they were loaded, what may be absent, and gives each file the variants
    /// that were shown of it. What is in no file goes to the first, where it is a difference.
    #[must_use]
    pub fn new(files: Vec<IndependentVcf>, shown: Vec<ShownVariant>, rule: &ListRule) -> Self {
        let shown_keys: BTreeSet<Key> = shown.iter().map(key_of_shown).collect();
        let certain: BTreeSet<Key> = files
            .iter()
            .flat_map(|file| &file.variants)
            .filter(|variant| !rule.may_leave_out(variant))
            .map(key_of_expected)
            .collect();
        let mut left_out = LeftOutCounts::default();
        let mut unreadable = BTreeSet::new();
        let mut file_of: BTreeMap<Key, usize> = BTreeMap::new();
        let mut split = Vec::with_capacity(files.len());
        for (nth, mut file) in files.into_iter().enumerate() {
            file.variants.retain(|variant| {
                let key = key_of_expected(variant);
                let for_rank = rule.may_leave_out(variant) && (certain.contains(&key) || !shown_keys.contains(&key));
                if for_rank {
                    left_out.for_rank += 1;
                    return false;
                }
                if !shown_keys.contains(&key) && rule.unreadable_lines.contains(&variant.line) {
                    unreadable.insert((nth, variant.line));
                    return false;
                }
                let first = !file_of.contains_key(&key);
                if first {
                    file_of.insert(key, nth);
                } else {
                    left_out.duplicates += 1;
                }
                first
            });
            split.push((file, Vec::new()));
        }
        left_out.unreadable = unreadable.len();
        for variant in shown {
            let nth = file_of.get(&key_of_shown(&variant)).copied().unwrap_or(0);
            if let Some((_, of_file)) = split.get_mut(nth) {
                of_file.push(variant);
            }
        }
        Self { files: split, left_out }
    }
}

impl LeftOutCounts {
    /// Where the load report counted otherwise.
    #[must_use]
    pub fn differences(self, reported: Self) -> Vec<Difference> {
        [
            (Field::LeftOutForRank, self.for_rank, reported.for_rank),
            (Field::Duplicates, self.duplicates, reported.duplicates),
            (Field::Unreadable, self.unreadable, reported.unreadable),
        ]
        .into_iter()
        .filter(|(_, absent, reported)| absent != reported)
        .map(|(field, absent, reported)| Difference {
            shown_by: ShownBy::LoadReport,
            field,
            variant: None,
            line: None,
            sample: None,
            in_file: Some(absent.to_string()),
            shown: Some(reported.to_string()),
        })
        .collect()
    }
}

impl IndependentVcf {
    /// The same file without these samples, which belong to nobody in the case.
    #[must_use]
    pub fn without_samples(mut self, ignored: &[String]) -> Self {
        let kept: Vec<bool> = self.samples.iter().map(|sample| !ignored.contains(sample)).collect();
        let mut columns = kept.iter();
        self.samples.retain(|_| columns.next().copied().unwrap_or(true));
        for variant in &mut self.variants {
            let mut columns = kept.iter();
            variant.calls.retain(|_| columns.next().copied().unwrap_or(true));
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::validate::{ExpectedCall, parse};

    const HEAD: &str = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tkid\tguest\n";

    fn file(records: &[(&str, u32, &str)]) -> IndependentVcf {
        let mut text = HEAD.to_owned();
        for (contig, at, info) in records {
            writeln!(text, "{contig}\t{at}\t.\tC\tA\t.\tPASS\t{info}\tGT\t0/1\t1/1").unwrap();
        }
        parse(text.as_bytes()).unwrap()
    }

    fn shown(contig: &str, position: u32) -> ShownVariant {
        ShownVariant {
            chromosome: contig.to_owned(),
            position,
            reference: "C".to_owned(),
            alternative: "A".to_owned(),
            consequence: None,
            samples: Vec::new(),
        }
    }

    fn rule() -> ListRule {
        ListRule { threshold: 5.0, family: "F".to_owned(), name: "N".to_owned(), unreadable_lines: BTreeSet::new() }
    }

    #[test]
    fn only_a_low_rank_excuses_an_allele_that_is_not_shown() {
        let records =
            [("1", 1, "RankScore=F:5"), ("1", 2, "RankScore=F:6"), ("1", 3, "."), ("MT", 4, "RankScore=F:-9")];
        let list = ListFiles::new(vec![file(&records)], Vec::new(), &rule());
        let expected: Vec<u32> = list.files[0].0.variants.iter().map(|variant| variant.position).collect();
        assert_eq!(expected, [2, 3, 4]);
        assert_eq!(list.left_out, LeftOutCounts { for_rank: 1, ..LeftOutCounts::default() });
    }

    #[test]
    fn what_was_kept_all_the_same_is_compared() {
        let list = ListFiles::new(vec![file(&[("1", 1, "RankScore=F:5")])], vec![shown("chr1", 1)], &rule());
        assert_eq!((list.files[0].0.variants.len(), list.files[0].1.len()), (1, 1));
        assert_eq!(list.left_out, LeftOutCounts::default());
    }

    #[test]
    fn an_allele_of_two_files_belongs_to_the_first_and_of_two_ranks_to_the_higher() {
        let files = vec![
            file(&[("MT", 1, "."), ("1", 2, "RankScore=F:1"), ("1", 2, "RankScore=F:9")]),
            file(&[("MT", 1, "."), ("2", 7, ".")]),
        ];
        let list = ListFiles::new(files, vec![shown("MT", 1), shown("1", 2), shown("2", 7), shown("3", 3)], &rule());
        let lines: Vec<usize> = list.files[0].0.variants.iter().map(|variant| variant.line).collect();
        assert_eq!(lines, [3, 5]);
        assert_eq!(
            (list.files[0].1.len(), list.files[1].1.len()),
            (3, 1),
            "what no file has is held against the first"
        );
        assert_eq!(list.left_out, LeftOutCounts { for_rank: 1, duplicates: 1, unreadable: 0 });
        assert_eq!(list.left_out.differences(list.left_out), []);
        let differences = list.left_out.differences(LeftOutCounts::default());
        assert_eq!(differences[0].to_string(), "load report, left out, rank at or below threshold: file 1, shown 0");
    }

    #[test]
    fn a_sample_of_nobody_goes_with_its_calls() {
        let file = file(&[("1", 1, ".")]).without_samples(&["kid".to_owned()]);
        assert_eq!(file.samples, ["guest"]);
        let genotypes: Vec<&ExpectedCall> = file.variants[0].calls.iter().collect();
        assert_eq!(genotypes.len(), 1);
        assert_eq!(genotypes[0].genotype.as_deref(), Some("1/1"));
    }
}
