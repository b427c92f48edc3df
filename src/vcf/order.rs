//! What shows only between records: contigs in one block, positions ascending, nothing twice.

use std::collections::{BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::error::{Faults, quote};
use crate::genome::{is_symbolic, trim};

/// Remembers the recent past of a file.
#[derive(Debug, Default)]
pub(super) struct Order {
    contig: String,
    position: u32,
    contigs: HashSet<String>,
    unsorted_named: bool,
    /// Trimmed position and hash of the trimmed alleles, as far ahead as records have reached.
    recent: BTreeSet<(u32, u64)>,
}

impl Order {
    /// Most alleles that are remembered for one place; a file with more is told of no more duplicates there.
    const RECENT: usize = 200_000;
    /// Most contigs that are remembered.
    const CONTIGS: usize = 100_000;

    /// Takes the place of the next record.
    pub(super) fn record(&mut self, contig: &str, position: u32, faults: &mut Faults) {
        // `<1>` names the same sequence in an assembly file (VCF 4.2, section 1.4.1)
        let contig = contig.trim_start_matches('<').trim_end_matches('>');
        if self.contig != contig {
            if self.contigs.contains(contig) {
                faults.push(
                    "CHROM",
                    format!("records of {contig} are in two places of the file; sort it with `bcftools sort`"),
                );
            } else if self.contigs.len() < Self::CONTIGS {
                self.contigs.insert(contig.to_owned());
            }
            contig.clone_into(&mut self.contig);
            self.position = 0;
            self.unsorted_named = false;
            self.recent.clear();
        }
        if position < self.position && !self.unsorted_named {
            faults.push(
                "POS",
                format!(
                    "{position} comes after {} on {contig}; sort the file with `bcftools sort` (named once a contig)",
                    self.position
                ),
            );
            self.unsorted_named = true;
        }
        self.position = position;
        while self.recent.first().is_some_and(|&(at, _)| at < position) {
            self.recent.pop_first();
        }
    }

    /// Takes one allele of the record. Symbols are not compared: their length is elsewhere.
    pub(super) fn allele(&mut self, position: u32, reference: &str, alternative: &str, faults: &mut Faults) {
        if is_symbolic(alternative) {
            return;
        }
        let trimmed = trim(position, reference, alternative);
        let mut hasher = DefaultHasher::new();
        for allele in [trimmed.reference, trimmed.alternative] {
            allele.bytes().for_each(|base| base.to_ascii_uppercase().hash(&mut hasher));
            u8::MAX.hash(&mut hasher);
        }
        if self.recent.len() >= Self::RECENT {
            return;
        }
        if !self.recent.insert((trimmed.position, hasher.finish())) {
            faults.push(
                "ALT",
                format!(
                    "the change of {} to {} was in the file already, spelt the same or otherwise",
                    quote(reference),
                    quote(alternative)
                ),
            );
        }
    }
}
