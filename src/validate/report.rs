use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::compare::{Difference, compare, compare_order};
use super::reader::IndependentVcf;
use super::shown::{ShownBy, ShownSample, ShownVariant};

/// Values compared for each call: genotype, three depths, quality.
const VALUES_PER_CALL: usize = 5;

/// What was compared with what, by which program, and what differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Version of this program.
    pub program_version: String,
    /// The case, as its user names it.
    pub case: String,
    /// The file's name.
    pub file: String,
    /// BLAKE3 of the file, in hexadecimal.
    pub file_digest: String,
    /// Records in the file.
    pub records: usize,
    /// Alternative alleles in the file.
    pub alleles: usize,
    /// Samples in the file.
    pub samples: usize,
    /// One for each way of showing.
    pub comparisons: Vec<Comparison>,
}

/// The outcome for one way of showing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// Who showed the variants.
    pub shown_by: ShownBy,
    /// Variants shown.
    pub variants: usize,
    /// Values compared one by one.
    pub values: usize,
    /// What differs; empty if nothing.
    pub differences: Vec<Difference>,
}

impl Report {
    /// A report about a file that was read, with nothing compared yet.
    #[must_use]
    pub fn new(case: &str, file: &str, file_digest: &str, expected: &IndependentVcf) -> Self {
        Self {
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
            case: case.to_owned(),
            file: file.to_owned(),
            file_digest: file_digest.to_owned(),
            records: expected.records,
            alleles: expected.variants.len(),
            samples: expected.samples.len(),
            comparisons: Vec::new(),
        }
    }

    /// Compares and adds the outcome. `order` is the order that people should have, from [`super::expected_order`].
    pub fn add(
        &mut self,
        expected: &IndependentVcf,
        shown: &[ShownVariant],
        shown_samples: &[ShownSample],
        order: &[String],
        source: ShownBy,
    ) {
        let mut differences: Vec<Difference> = compare_order(order, shown_samples, source).into_iter().collect();
        differences.extend(compare(expected, shown, shown_samples, source));
        let values = shown.iter().map(|variant| 1 + VALUES_PER_CALL * variant.samples.len()).sum();
        self.comparisons.push(Comparison { shown_by: source, variants: shown.len(), values, differences });
    }

    /// Whether something was compared and nothing differs.
    #[must_use]
    pub fn passed(&self) -> bool {
        !self.comparisons.is_empty() && self.comparisons.iter().all(|comparison| comparison.differences.is_empty())
    }

    /// For people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "Validation of case {}\nlodestone {}\n{}: BLAKE3 {}\n{} records, {} alternative alleles, {} samples\n",
            self.case, self.program_version, self.file, self.file_digest, self.records, self.alleles, self.samples
        );
        for comparison in &self.comparisons {
            let _ = writeln!(
                text,
                "{}: {} variants, {} values compared, {} differences",
                comparison.shown_by,
                comparison.variants,
                comparison.values,
                comparison.differences.len()
            );
            for difference in &comparison.differences {
                let _ = writeln!(text, "  {difference}");
            }
        }
        text.push_str(if self.passed() { "Passed\n" } else { "Not passed\n" });
        text
    }

    /// For programs. The text is pretty-printed JSON with a final newline.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut value = serde_json::json!(self);
        value["passed"] = self.passed().into();
        format!("{value:#}\n")
    }
}
