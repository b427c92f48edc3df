use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Why a record is not in the list. There is no other reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftOut {
    /// Its rank score does not exceed the threshold.
    RankAtOrBelowThreshold,
    /// The same allele was read before in this list.
    DuplicateRecord,
    /// A fixed field cannot be read; line and field are among the faults.
    Unreadable,
}

impl LeftOut {
    /// For people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::RankAtOrBelowThreshold => "rank at or below threshold",
            Self::DuplicateRecord => "duplicate record",
            Self::Unreadable => "unreadable",
        }
    }
}

/// What happened to every record of a list's files. Every record read is stored or counted under a reason.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LoadReport {
    /// Files read, in order, by their names.
    pub files: Vec<String>,
    /// Program version that read them.
    pub program: String,
    /// Annotation programs and versions the files name.
    pub annotations: Vec<String>,
    /// Sample columns in the order of the first file.
    pub sample_columns: Vec<String>,
    /// Sample columns that belong to nobody in the case.
    pub ignored_columns: Vec<String>,
    /// Records read.
    pub records: u64,
    /// Alleles after records with several were split.
    pub alleles: u64,
    /// Variants stored.
    pub stored: u64,
    /// Alleles (records, when unreadable) left out, by reason.
    pub left_out: BTreeMap<LeftOut, u64>,
    /// Consequence terms this version does not know, with how often they were read; kept and shown with a mark.
    pub unknown_terms: BTreeMap<String, u64>,
    /// Records whose REF is not what the reference sequence has there; kept, and keyed as written.
    #[serde(default)]
    pub reference_differs: u64,
    /// Faults found: how many in all.
    pub faults: u64,
    /// The first of them, in words.
    pub first_faults: Vec<String>,
    /// Seconds from opening the first file to publishing.
    pub seconds: f64,
}

/// Faults that are kept in words; the rest is counted.
pub(super) const KEPT_FAULTS: usize = 50;

impl LoadReport {
    /// The counts without so many variants that were stored, each from a record of its own.
    #[must_use]
    pub(super) fn without(&self, variants: u64) -> Self {
        Self {
            records: self.records.saturating_sub(variants),
            alleles: self.alleles.saturating_sub(variants),
            stored: self.stored.saturating_sub(variants),
            ..self.clone()
        }
    }

    /// Records read per second; 0 when nothing was timed.
    #[must_use]
    pub fn records_per_second(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let records = self.records as f64;
        if self.seconds > 0.0 { records / self.seconds } else { 0.0 }
    }

    /// What to say about records that disagree with the reference sequence; nothing when all agree.
    #[must_use]
    pub fn reference_sentence(&self) -> Option<String> {
        let records = match self.reference_differs {
            0 => return None,
            1 => "1 record has a REF that is".to_owned(),
            many => format!("{many} records have a REF that is"),
        };
        Some(format!(
            "{records} not what the reference sequence has there; kept as written, and compared with other cases without \
             left-alignment. Many of them mean that the file is on another assembly"
        ))
    }

    /// All left-out alleles and records.
    #[must_use]
    pub fn left_out_total(&self) -> u64 {
        self.left_out.values().sum()
    }

    /// Notes one thing that was left out.
    pub(super) fn leave_out(&mut self, reason: LeftOut) {
        *self.left_out.entry(reason).or_default() += 1;
    }

    /// Notes a fault, in words.
    pub(super) fn fault(&mut self, words: String) {
        self.faults += 1;
        if self.first_faults.len() < KEPT_FAULTS {
            self.first_faults.push(words);
        }
    }
}
