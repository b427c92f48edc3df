//! The keys of a load configuration, as Scout's pipelines write them.

/// Lists that this version cannot show, by key, in words.
pub(super) const LISTS: [(&str, &str); 16] = [
    ("vcf_cancer", "cancer SNVs and indels"),
    ("vcf_cancer_research", "research cancer SNVs and indels"),
    ("vcf_cancer_sv", "cancer structural variants"),
    ("vcf_cancer_sv_research", "research cancer structural variants"),
    ("vcf_snv_research", "research SNVs and indels"),
    ("vcf_snv_research_mt", "research mitochondrial SNVs"),
    ("vcf_sv", "structural variants"),
    ("vcf_sv_mt", "mitochondrial structural variants"),
    ("vcf_sv_research", "research structural variants"),
    ("vcf_sv_research_mt", "research mitochondrial structural variants"),
    ("vcf_str", "short tandem repeats"),
    ("vcf_mei", "mobile element insertions"),
    ("vcf_mei_research", "research mobile element insertions"),
    ("vcf_fusion", "gene fusions"),
    ("vcf_fusion_research", "research gene fusions"),
    ("custom_images", "custom images"),
];

pub(super) const OMICS: [(&str, &str); 6] = [
    ("fraser", "splicing outliers (FRASER)"),
    ("fraser_research", "research splicing outliers (FRASER)"),
    ("outrider", "expression outliers (OUTRIDER)"),
    ("outrider_research", "research expression outliers (OUTRIDER)"),
    ("methbat", "methylation outliers (MethBat)"),
    ("methbat_research", "research methylation outliers (MethBat)"),
];

/// Findings in files that this version cannot show, by key, in words.
pub(super) const FINDINGS: [(&str, &str); 2] =
    [("smn_tsv", "SMN copy numbers"), ("paraphrase", "paralog regions (paraphase)")];

/// Reports and quality files: kept, not yet shown, and no list of variants.
pub(super) const REPORTS: [&str; 29] = [
    "cnv_report",
    "coverage_qc_report",
    "delivery_report",
    "rna_delivery_report",
    "exe_ver",
    "reference_info",
    "gene_fusion_report",
    "gene_fusion_report_research",
    "RNAfusion_report",
    "RNAfusion_report_research",
    "RNAfusion_inspector",
    "RNAfusion_inspector_research",
    "multiqc",
    "multiqc_rna",
    "saltshaker_report",
    "madeline",
    "peddy_ped",
    "peddy_check",
    "peddy_ped_check",
    "peddy_sex",
    "peddy_sex_check",
    "somalier_ancestry",
    "somalier_pairs",
    "somalier_samples",
    "rank_model_url",
    "sv_rank_model_url",
    "smn_tsv",
    "paraphrase",
    "vcf_snv_mt",
];

pub(super) const SETTINGS: [&str; 4] =
    ["assignee", "rna_human_genome_build", "sv_rank_model_version", "rank_model_version"];

pub(super) const ANALYSIS_TYPES: [&str; 11] =
    ["external", "mixed", "ogm", "panel", "panel-lr", "panel-umi", "unknown", "wes", "wgs", "wgs-lr", "wts"];

/// Keys of a sample that name files; a missing file is noted, as the list can be read without it.
pub(super) const SAMPLE_FILES: [&str; 21] = [
    "alignment_path",
    "bam_file",
    "bam_path",
    "mt_bam",
    "assembly_alignment_path",
    "paraphase_alignment_path",
    "rna_alignment_path",
    "rna_coverage_bigwig",
    "splice_junctions_bed",
    "phase_blocks",
    "rhocall_bed",
    "rhocall_wig",
    "tiddit_coverage_wig",
    "coverage_wig",
    "minor_allele_frequency_wig",
    "upd_regions_bed",
    "upd_sites_bed",
    "vcf2cytosure",
    "d4_file",
    "mitodel_file",
    "chromograph_images",
];

pub(super) const SAMPLE_SETTINGS: [&str; 18] = [
    "omics_sample_id",
    "mitodel",
    "reviewer",
    "bionano_access",
    "confirmed_sex",
    "confirmed_parent",
    "predicted_ancestry",
    "is_sma",
    "is_sma_carrier",
    "smn1_cn",
    "smn2_cn",
    "smn2delta78_cn",
    "smn_27134_cn",
    "tumor_type",
    "tumor_purity",
    "tmb",
    "msi",
    "hrd",
];
