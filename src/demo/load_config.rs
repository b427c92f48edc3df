use std::fmt::Write as _;

use super::family::Family;
use super::rank_model::{RANK_MODEL_FILE, RANK_MODEL_VERSION};
use super::teaching::{Sex, TeachingCase};

/// Records at or below this rank score stay in the VCF and out of the list; common variants of no consequence fall here.
pub(super) const RANK_SCORE_THRESHOLD: i32 = -8;

/// The load configuration, with Scout's keys and file names relative to its own folder.
pub(super) fn yaml(case: &TeachingCase, family: &Family) -> String {
    let mut text = String::from("---\n# Invented family around a published variant. Not for clinical use.\n");
    let list = |values: &[String]| values.iter().map(|value| quoted(value)).collect::<Vec<_>>().join(", ");
    let _ = writeln!(text, "owner: {}", quoted(&case.owner));
    let _ = writeln!(text, "family: {}", quoted(&case.family));
    let _ = writeln!(text, "family_name: {}", quoted(&case.family_name));
    text.push_str("synopsis:\n");
    for sentence in &case.synopsis {
        let _ = writeln!(text, "  - {}", quoted(sentence));
    }
    text.push_str("phenotype_terms:\n");
    for term in &case.hpo {
        let _ = writeln!(text, "  - {}", quoted(&term.id));
    }
    let _ = writeln!(text, "cohorts: ['teaching']\ntrack: rare\nsamples:");
    let id = |at: Option<usize>| quoted(at.map_or("0", |at| family.samples[at].id.as_str()));
    for sample in &family.samples {
        let _ = writeln!(text, "  - sample_id: {}", quoted(&sample.id));
        let _ = writeln!(text, "    sample_name: {}", quoted(&sample.name));
        let _ = writeln!(text, "    sex: {}", if sample.sex == Sex::Male { "male" } else { "female" });
        let _ = writeln!(text, "    phenotype: {}", if sample.affected { "affected" } else { "unaffected" });
        let _ = writeln!(text, "    father: {}", id(sample.father));
        let _ = writeln!(text, "    mother: {}", id(sample.mother));
        let _ = writeln!(text, "    analysis_type: {}", case.analysis_type.as_str());
        let _ = writeln!(text, "    tissue_type: {}", quoted(sample.tissue));
        if let Some(same) = sample.same_as {
            let _ = writeln!(text, "    subject_id: {}", quoted(&family.samples[same].id));
        } else {
            let _ = writeln!(text, "    subject_id: {}", quoted(&sample.id));
        }
    }
    let _ = writeln!(text, "vcf_snv: {}", quoted(&vcf_name(case)));
    let _ = writeln!(text, "default_gene_panels: [{}]", list(&case.default_gene_panels));
    let _ = writeln!(text, "gene_panels: [{}]", list(&case.gene_panels));
    let _ = writeln!(text, "rank_model_version: {}", quoted(RANK_MODEL_VERSION));
    let _ = writeln!(text, "rank_model_url: {}", quoted(RANK_MODEL_FILE));
    let _ = writeln!(text, "rank_score_threshold: {RANK_SCORE_THRESHOLD}");
    let _ = writeln!(text, "analysis_date: {}", case.analysis_date);
    let _ = writeln!(text, "human_genome_build: {}", quoted(case.build.as_str()));
    text
}

/// Name of the case's VCF within its folder.
pub(super) fn vcf_name(case: &TeachingCase) -> String {
    format!("{}.vcf.gz", case.family)
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
