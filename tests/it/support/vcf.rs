//! Small families and files for tests.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::TestApp;

/// The header of a trio's file, annotated by VEP and genmod, GRCh37.
const HEADER: &str = "##fileformat=VCFv4.2
##contig=<ID=1,length=249250621>
##contig=<ID=7,length=159138663>
##contig=<ID=X,length=155270560>
##contig=<ID=MT,length=16569>
##FILTER=<ID=PASS,Description=\"All filters passed\">
##FILTER=<ID=LowQual,Description=\"Low quality\">
##INFO=<ID=CSQ,Number=.,Type=String,Description=\"Consequence annotations from Ensembl VEP. Format: Allele|Consequence|SYMBOL|Gene|Feature_type|Feature|BIOTYPE|EXON|INTRON|HGVSc|HGVSp|STRAND|HGNC_ID|CANONICAL\">
##INFO=<ID=RankScore,Number=.,Type=String,Description=\"Rank score\">
##INFO=<ID=RankResult,Number=.,Type=String,Description=\"Consequence|Frequency\">
##INFO=<ID=GeneticModels,Number=.,Type=String,Description=\"Models\">
##INFO=<ID=Compounds,Number=.,Type=String,Description=\"Compounds\">
##INFO=<ID=CADD,Number=1,Type=Integer,Description=\"CADD\">
##INFO=<ID=GNOMADAF,Number=1,Type=Float,Description=\"gnomAD\">
##INFO=<ID=SPIDEX,Number=1,Type=Float,Description=\"SPIDEX\">
##INFO=<ID=Obs,Number=1,Type=Integer,Description=\"Observations\">
##INFO=<ID=CLNSIG,Number=.,Type=String,Description=\"ClinVar significance\">
##INFO=<ID=CLNVID,Number=.,Type=String,Description=\"ClinVar id\">
##INFO=<ID=CLNREVSTAT,Number=.,Type=String,Description=\"ClinVar review status\">
##FORMAT=<ID=GT,Number=1,Type=String,Description=\"Genotype\">
##FORMAT=<ID=AD,Number=R,Type=Integer,Description=\"Depths\">
##FORMAT=<ID=DP,Number=1,Type=Integer,Description=\"Depth\">
##FORMAT=<ID=GQ,Number=1,Type=Integer,Description=\"Quality\">
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tdad\tkid\tmum
";

/// One record of a trio; genotypes in the file's order: dad, kid, mum.
pub fn record(contig: &str, position: u32, alleles: (&str, &str), info: &str, genotypes: [&str; 3]) -> String {
    let (reference, alternative) = alleles;
    let info = if info.is_empty() { "." } else { info };
    format!(
        "{contig}\t{position}\t.\t{reference}\t{alternative}\t50\tPASS\t{info}\tGT:AD:DP:GQ\t{}\t{}\t{}\n",
        genotypes[0], genotypes[1], genotypes[2]
    )
}

/// VEP's entry for one transcript of POT1 with this consequence.
pub fn csq(alternative: &str, consequence: &str) -> String {
    format!(
        "CSQ={alternative}|{consequence}|POT1|ENSG00000128513|Transcript|ENST00000357628|protein_coding|11/19||ENST00000357628.3:c.903G>T|ENSP00000350249.3:p.Gln301His|-1|HGNC:17284|YES"
    )
}

/// The text of a trio's file.
pub fn trio_text(records: &[String]) -> String {
    let mut text = HEADER.to_owned();
    for record in records {
        text.push_str(record);
    }
    text
}

/// Three records: a missense change with rank 11, its compound partner with 6, and a common one with rank -5.
pub fn three_records() -> Vec<String> {
    vec![
        record(
            "7",
            124_491_972,
            ("C", "A"),
            &format!(
                "{};RankScore=F1:11;RankResult=5|6;GeneticModels=F1:AR_comp;Compounds=F1:7_124537031_G_A>17;CADD=15.65;GNOMADAF=0.001",
                csq("A", "missense_variant")
            ),
            ["0/1:31,18:49:99", "0/1:24,15:39:99", "0/0:37,0:37:99"],
        ),
        record(
            "7",
            124_537_031,
            ("G", "A"),
            &format!(
                "{};RankScore=F1:6;GeneticModels=F1:AR_comp;Compounds=F1:7_124491972_C_A>17",
                csq("A", "synonymous_variant")
            ),
            ["0/0:30,0:30:99", "0/1:20,20:40:99", "0/1:15,15:30:99"],
        ),
        record(
            "1",
            7_847_367,
            ("T", "TC"),
            &format!("{};RankScore=F1:-5;GNOMADAF=0.3", csq("C", "intron_variant")),
            ["1/1:0,9:9:20", "0/1:5,5:10:40", "./.:0,0:0:0"],
        ),
    ]
}

/// A load configuration of a trio `F1` with the individuals in another order than the file's columns.
pub fn config(institute: &str, name: &str, vcf: &Path, more: &str) -> String {
    let mut text = String::new();
    write!(
        text,
        "owner: {institute}
family: {name}
family_name: '{name}'
human_genome_build: '37'
rank_score_threshold: -100
vcf_snv: {}
samples:
  - {{sample_id: mum, sample_name: Mum, sex: female, phenotype: unaffected}}
  - {{sample_id: kid, sample_name: Kid, sex: male, phenotype: affected, father: dad, mother: mum}}
  - {{sample_id: dad, sample_name: Dad, sex: male, phenotype: unaffected}}
{more}",
        vcf.display()
    )
    .unwrap();
    text
}

impl TestApp {
    /// Writes a trio's files; the path of its load configuration.
    pub fn write_trio(&self, institute: &str, name: &str, records: &[String], more: &str) -> PathBuf {
        let vcf = self.folder().join(format!("{institute}-{name}.vcf"));
        std::fs::write(&vcf, trio_text(records).replace("F1:", &format!("{name}:"))).unwrap();
        let path = self.folder().join(format!("{institute}-{name}.yaml"));
        std::fs::write(&path, config(institute, name, &vcf, more)).unwrap();
        path
    }

    /// Loads a trio of three records into an institute that exists.
    pub async fn given_case(&self, institute: &str, name: &str) {
        self.given_records(institute, name, &three_records()).await;
    }

    /// Loads a trio of these records.
    pub async fn given_records(&self, institute: &str, name: &str, records: &[String]) {
        let path = self.write_trio(institute, name, records, "");
        assert!(self.cli(&["load", "case", path.to_str().unwrap()]).await, "the case loads");
    }
}
