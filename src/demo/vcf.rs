use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use noodles::core::Position;
use noodles::csi::binning_index::index::Header as IndexHeader;
use noodles::csi::binning_index::index::header::Builder as IndexHeaderBuilder;
use noodles::csi::binning_index::index::reference_sequence::bin::Chunk;
use noodles::{bgzf, tabix};

use super::DemoError;
use super::annotation::{CSQ_KEYS, LOCAL_CASES};
use super::family::Family;
use super::rank_model::RankModel;
use super::teaching::TeachingCase;
use crate::genome::GenomeBuild;

/// One line of the VCF and where it is, for the index. `position` is 1-based.
pub(super) struct Line {
    pub contig: String,
    pub position: u32,
    pub reference_length: usize,
    pub text: String,
}

/// Contigs of the assembled chromosomes with their lengths.
const CONTIGS: [(&str, u32, u32); 25] = [
    ("1", 249_250_621, 248_956_422),
    ("2", 243_199_373, 242_193_529),
    ("3", 198_022_430, 198_295_559),
    ("4", 191_154_276, 190_214_555),
    ("5", 180_915_260, 181_538_259),
    ("6", 171_115_067, 170_805_979),
    ("7", 159_138_663, 159_345_973),
    ("8", 146_364_022, 145_138_636),
    ("9", 141_213_431, 138_394_717),
    ("10", 135_534_747, 133_797_422),
    ("11", 135_006_516, 135_086_622),
    ("12", 133_851_895, 133_275_309),
    ("13", 115_169_878, 114_364_328),
    ("14", 107_349_540, 107_043_718),
    ("15", 102_531_392, 101_991_189),
    ("16", 90_354_753, 90_338_345),
    ("17", 81_195_210, 83_257_441),
    ("18", 78_077_248, 80_373_285),
    ("19", 59_128_983, 58_617_616),
    ("20", 63_025_520, 64_444_167),
    ("21", 48_129_895, 46_709_983),
    ("22", 51_304_566, 50_818_468),
    ("X", 155_270_560, 156_040_895),
    ("Y", 59_373_566, 57_227_415),
    ("MT", 16_569, 16_569),
];

const DEFINITIONS: &str = r#"##FILTER=<ID=PASS,Description="All filters passed">
##FILTER=<ID=LowQual,Description="Low quality">
##FILTER=<ID=LOW_VQSLOD,Description="Likelihood of a true variant below zero">
##FILTER=<ID=IndelGap,Description="Indel within 10 bp of an indel">
##FILTER=<ID=low_allele_frac,Description="Allele fraction below 2.5 percent">
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Reads that support each allele (invented)">
##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Read depth (invented)">
##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="Genotype quality (invented)">
##INFO=<ID=FOUND_IN,Number=.,Type=String,Description="Callers that found the variant (invented)">
##INFO=<ID=set,Number=1,Type=String,Description="Callers that found the variant, as CombineVariants writes them (invented)">
##INFO=<ID=GNOMADAF,Number=A,Type=Float,Description="Allele frequency; for this demo taken over from ExAC, 1000 Genomes or SweRef, or invented">
##INFO=<ID=GNOMADAF_popmax,Number=A,Type=Float,Description="Highest allele frequency in a population (invented)">
##INFO=<ID=EXACAF,Number=A,Type=Float,Description="Allele frequency in ExAC">
##INFO=<ID=1000GAF,Number=A,Type=Float,Description="Allele frequency in 1000 Genomes">
##INFO=<ID=SWEGENAF,Number=A,Type=Float,Description="Allele frequency in Swedish reference data">
##INFO=<ID=GNOMAD_MT_AF_HET,Number=A,Type=Float,Description="Heteroplasmic allele frequency of a mitochondrial variant (invented)">
##INFO=<ID=Obs,Number=1,Type=Integer,Description="Observations in the laboratory's own cases (invented)">
##INFO=<ID=Hom,Number=1,Type=Integer,Description="Homozygotes among them (invented)">
##INFO=<ID=CADD,Number=A,Type=Float,Description="CADD, scaled (invented)">
##INFO=<ID=CLNVID,Number=1,Type=Integer,Description="ClinVar variation id">
##INFO=<ID=CLNSIG,Number=.,Type=String,Description="Clinical significance in ClinVar">
##INFO=<ID=CLNREVSTAT,Number=.,Type=String,Description="Review status in ClinVar">
##INFO=<ID=most_severe_consequence,Number=.,Type=String,Description="Most severe genomic consequence.">
##INFO=<ID=GeneticModels,Number=.,Type=String,Description="':'-separated list of genetic models for this variant.">
##INFO=<ID=Compounds,Number=.,Type=String,Description="List of compound pairs for this variant. The list is split on ',' and the family id is separated from the compounds with ':'. Compounds are separated with '|'.">
##INFO=<ID=RankScore,Number=.,Type=String,Description="The rank score for this variant in this family. family_id:rank_score.">
##INFO=<ID=RankScoreNormalized,Number=.,Type=String,Description="The rank score between 0 (least) and 1 (most the model gives). family_id:score.">
"#;

/// The whole header, with the line that names the columns.
pub(super) fn header(case: &TeachingCase, family: &Family, model: &RankModel) -> String {
    let date = case.analysis_date.split(' ').next().unwrap_or_default().replace('-', "");
    let mut text = format!(
        "##fileformat=VCFv4.2\n##fileDate={date}\n##source=lodestone demo, invented family, not for clinical use\n"
    );
    text.push_str(DEFINITIONS);
    let _ = writeln!(
        text,
        "##INFO=<ID=CSQ,Number=.,Type=String,Description=\"Consequence annotations from Ensembl VEP. Format: {}\">",
        CSQ_KEYS.join("|"),
    );
    let categories: Vec<&str> = model.category_names().collect();
    let _ = writeln!(text, "##INFO=<ID=RankResult,Number=.,Type=String,Description=\"{}\">", categories.join("|"));
    let assembly = case.build.name();
    let _ = writeln!(
        text,
        "##VEP=\"v110\" time=\"{}\" cache=\"none: made by hand for the demo\" assembly=\"{assembly}\"",
        case.analysis_date
    );
    let _ = writeln!(text, "##NrCases={LOCAL_CASES}");
    let _ = writeln!(
        text,
        "##Software=<ID=loqusdb,Version=0,Date=\"{}\",CommandLineOptions=\"invented\">",
        case.analysis_date
    );
    for (name, grch37, grch38) in CONTIGS {
        let length = if case.build == GenomeBuild::Grch37 { grch37 } else { grch38 };
        let _ = writeln!(text, "##contig=<ID={},length={length},assembly={assembly}>", contig(case, name));
    }
    text.push_str("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT");
    for &column in &family.columns {
        let _ = write!(text, "\t{}", family.samples[column].id);
    }
    text.push('\n');
    text
}

/// A chromosome's name in this case's file.
pub(super) fn contig(case: &TeachingCase, chromosome: &str) -> String {
    match (case.chr_prefix, chromosome) {
        (true, "MT") => "chrM".to_owned(),
        (true, _) => format!("chr{chromosome}"),
        (false, _) => chromosome.to_owned(),
    }
}

/// Writes `header` and `lines`, which are sorted, block-compressed to `path`, and beside it the tabix index.
pub(super) fn write(path: &Path, header: &str, lines: &[Line]) -> Result<(), DemoError> {
    let io = |source| DemoError::Write { path: path.to_owned(), source };
    let mut writer = bgzf::io::Writer::new(BufWriter::new(File::create(path).map_err(io)?));
    let mut indexer = tabix::index::Indexer::default();
    let layout: IndexHeader = IndexHeaderBuilder::vcf().build();
    indexer.set_header(layout);
    writer.write_all(header.as_bytes()).map_err(io)?;
    for line in lines {
        let before = writer.virtual_position();
        writer.write_all(line.text.as_bytes()).map_err(io)?;
        let chunk = Chunk::new(before, writer.virtual_position());
        let start = usize::try_from(line.position).ok().and_then(Position::new);
        let end = start.and_then(|start| start.checked_add(line.reference_length.saturating_sub(1)));
        let (Some(start), Some(end)) = (start, end) else {
            return Err(DemoError::Position { contig: line.contig.clone(), position: line.position });
        };
        indexer.add_record(&line.contig, start, end, chunk).map_err(io)?;
    }
    writer.finish().map_err(io)?.flush().map_err(io)?;
    let mut index_path = path.as_os_str().to_owned();
    index_path.push(".tbi");
    tabix::fs::write(Path::new(&index_path), &indexer.build())
        .map_err(|source| DemoError::Write { path: index_path.into(), source })
}
