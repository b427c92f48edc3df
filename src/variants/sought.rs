//! What somebody looks for: a place, a variant, an rsID, an HGVS text or a gene, as people type them.

use std::fmt;

use super::columns::Row;
use super::identity::simple_id;
use super::model::{Category, Variant};
use crate::genome::{Chromosome, GenomeBuild, NormKey, Region};
use crate::vcf::model::{GeneAnnotation, Transcript};

/// Most characters of a question.
pub const LONGEST: usize = 200;

/// A question, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sought {
    /// A position, a range or a chromosome.
    Region(Region),
    /// One change at one place, as written; 1-based.
    Allele {
        /// Contig.
        chromosome: Chromosome,
        /// 1-based.
        position: u32,
        /// Upper case.
        reference: String,
        /// Upper case.
        alternative: String,
    },
    /// A dbSNP identifier, `rs…`.
    Rs(String),
    /// A change of a transcript or protein.
    Hgvs {
        /// What stands before it.
        of: Option<HgvsOf>,
        /// `c.903G>T`, `p.Gln301His`.
        change: String,
    },
    /// A gene by symbol, alias or HGNC number.
    Gene(String),
}

/// What an HGVS change is counted on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HgvsOf {
    /// `NM_…`, `ENST…`, `NP_…`, `ENSP…`, without version.
    Sequence(String),
    /// A gene.
    Gene(String),
}

impl Sought {
    /// Reads what was typed; the error says what to type.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("type a position, an rsID, an HGVS name or a gene".to_owned());
        }
        if text.chars().count() > LONGEST {
            return Err(format!("may have at most {LONGEST} characters"));
        }
        if text.chars().any(char::is_control) {
            return Err("may have no control characters".to_owned());
        }
        if let Some(found) =
            rs(text).or_else(|| hgvs(text)).or_else(|| ['_', '-', ':'].into_iter().find_map(|cut| allele(text, cut)))
        {
            return Ok(found);
        }
        if let Some(number) =
            text.strip_prefix("HGNC:").filter(|number| number.bytes().all(|digit| digit.is_ascii_digit()))
        {
            return Ok(Self::Gene(number.to_owned()));
        }
        if text.contains(':') || is_chromosome(text) {
            return text.parse().map(Self::Region).map_err(|error| error.to_string());
        }
        if text.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '@')
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@' | '/'))
        {
            return Ok(Self::Gene(text.to_owned()));
        }
        Err("is none of a position (7:124491972), a range, an rsID, an HGVS name (NM_015450.3:c.903G>T, p.Gln301His), 7_124491972_C_A or a gene symbol".to_owned())
    }

    /// The word for the kind.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Region(_) => "region",
            Self::Allele { .. } => "variant",
            Self::Rs(_) => "rsid",
            Self::Hgvs { .. } => "hgvs",
            Self::Gene(_) => "gene",
        }
    }

    /// Where to look in a file: bases of one contig, 1-based inclusive. `None` when only reading all of it tells.
    ///
    /// An allele may be spelt with other bases around it, so its surroundings are looked at too.
    #[must_use]
    pub fn place(&self) -> Option<Region> {
        match self {
            Self::Region(region) => Some(region.clone()),
            Self::Allele { chromosome, position, reference, .. } => {
                let length = u32::try_from(reference.len()).unwrap_or(u32::MAX);
                Some(Region {
                    chromosome: chromosome.clone(),
                    start: position.saturating_sub(SPELLING).max(1),
                    end: position.saturating_add(length).saturating_add(SPELLING),
                })
            }
            _ => None,
        }
    }

    /// What the audit trail may keep: kind and name of a gene or region asked for, never other text.
    #[must_use]
    pub fn for_audit(&self) -> Option<(&'static str, String)> {
        match self {
            Self::Region(region) => Some(("region", region.to_string())),
            Self::Allele { chromosome, position, .. } => Some(("region", format!("{chromosome}:{position}"))),
            Self::Gene(gene) | Self::Hgvs { of: Some(HgvsOf::Gene(gene)), .. } => Some(("gene", gene.clone())),
            Self::Rs(_) | Self::Hgvs { .. } => None,
        }
    }

    /// The name across spellings, of an allele.
    #[must_use]
    pub fn norm_key(&self, build: GenomeBuild) -> Option<NormKey> {
        let Self::Allele { chromosome, position, reference, alternative } = self else { return None };
        Some(NormKey::new(Category::Snv.as_str(), build, chromosome, *position, reference, alternative))
    }
}

/// How far apart two spellings of one indel may begin, in bases.
const SPELLING: u32 = 50;

impl fmt::Display for Sought {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Region(region) if region.end == u32::MAX => write!(f, "chromosome {region}"),
            Self::Region(region) if region.start == region.end => write!(f, "position {region}"),
            Self::Region(region) => write!(f, "positions {region}"),
            Self::Allele { chromosome, position, reference, alternative } => {
                write!(f, "variant {}", simple_id(chromosome, *position, reference, alternative))
            }
            Self::Rs(id) => write!(f, "dbSNP identifier {id}"),
            Self::Hgvs { of: Some(HgvsOf::Sequence(of)), change } => write!(f, "{change} of {of}"),
            Self::Hgvs { of: Some(HgvsOf::Gene(of)), change } => write!(f, "{change} of gene {of}"),
            Self::Hgvs { of: None, change } => f.write_str(change),
            Self::Gene(gene) => write!(f, "gene {gene}"),
        }
    }
}

fn is_chromosome(text: &str) -> bool {
    let name = Chromosome::parse(text);
    // `chrUn_KI270302v1`, but not CHRNA1, which is a gene
    let unplaced = text.starts_with("chr") && text.contains('_');
    unplaced
        || matches!(name.as_str(), "X" | "Y" | "MT")
        || name.as_str().parse::<u8>().is_ok_and(|number| (1..=22).contains(&number))
}

fn rs(text: &str) -> Option<Sought> {
    if text == "RS1" {
        return None; // the gene of retinoschisin
    }
    let digits = text.get(2..).filter(|_| text.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("rs")))?;
    (!digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()))
        .then(|| Sought::Rs(format!("rs{digits}")))
}

/// `7_124491972_C_A` and its kin; the contig may contain the separator.
fn allele(text: &str, separator: char) -> Option<Sought> {
    let mut parts = text.rsplitn(4, separator);
    let (alternative, reference, position, contig) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let reads = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|base| matches!(base.to_ascii_uppercase(), b'A' | b'C' | b'G' | b'T' | b'N' | b'*'))
    };
    let symbolic = alternative.starts_with('<') && alternative.ends_with('>');
    if contig.is_empty() || !reads(reference) || !(reads(alternative) || symbolic) {
        return None;
    }
    let region: Region = format!("{contig}:{position}").parse().ok().filter(|_| !position.contains('-'))?;
    Some(Sought::Allele {
        chromosome: region.chromosome,
        position: region.start,
        reference: reference.to_ascii_uppercase(),
        alternative: alternative.to_ascii_uppercase(),
    })
}

/// `NM_015450.3:c.903G>T`, `POT1 c.903G>T`, `NM_015450.3(POT1):c.903G>T`, `p.Gln301His`, `chr7:g.124491972C>A`.
fn hgvs(text: &str) -> Option<Sought> {
    let (of, change) = match text.split_once(':').or_else(|| text.split_once(char::is_whitespace)) {
        Some((of, change)) => (of.trim(), change.trim()),
        None => ("", text),
    };
    let kind = change.as_bytes().first().map(u8::to_ascii_lowercase).filter(|_| change.get(1..2) == Some("."))?;
    let rest = change.get(2..).filter(|rest| !rest.is_empty())?;
    match kind {
        b'g' | b'm' => {
            let contig = if kind == b'm' { "MT" } else { of };
            substitution(contig, rest)
        }
        b'c' | b'n' | b'p' | b'r' => {
            let change = format!("{}.{rest}", char::from(kind));
            Some(Sought::Hgvs { of: hgvs_of(of), change: if kind == b'p' { protein(rest) } else { change } })
        }
        _ => None,
    }
}

/// `124491972C>A` on a contig.
fn substitution(contig: &str, rest: &str) -> Option<Sought> {
    if contig.is_empty() || contig.to_ascii_uppercase().starts_with("NC_") {
        return None; // which contig an accession names depends on the assembly
    }
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (position, change) = rest.split_at(digits);
    let (reference, alternative) = change.split_once('>')?;
    allele(&format!("{contig}_{position}_{reference}_{alternative}"), '_')
}

fn hgvs_of(text: &str) -> Option<HgvsOf> {
    // `NM_015450.3(POT1)`: the transcript says more than the gene
    let name = text.split('(').next().unwrap_or(text).trim();
    if name.is_empty() {
        return None;
    }
    let upper = name.to_ascii_uppercase();
    let is_sequence =
        ["NM_", "NR_", "XM_", "XR_", "NP_", "XP_", "ENST", "ENSP", "LRG_"].iter().any(|start| upper.starts_with(start));
    Some(if is_sequence { HgvsOf::Sequence(without_version(&upper).to_owned()) } else { HgvsOf::Gene(name.to_owned()) })
}

fn without_version(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

/// Amino acids by their one-letter codes (IUPAC-IUB 1983, and `*` for Ter as HGVS writes it).
const AMINO_ACIDS: [(char, &str); 21] = [
    ('A', "Ala"),
    ('R', "Arg"),
    ('N', "Asn"),
    ('D', "Asp"),
    ('C', "Cys"),
    ('Q', "Gln"),
    ('E', "Glu"),
    ('G', "Gly"),
    ('H', "His"),
    ('I', "Ile"),
    ('L', "Leu"),
    ('K', "Lys"),
    ('M', "Met"),
    ('F', "Phe"),
    ('P', "Pro"),
    ('S', "Ser"),
    ('T', "Thr"),
    ('W', "Trp"),
    ('Y', "Tyr"),
    ('V', "Val"),
    ('*', "Ter"),
];

/// `p.(Gln301His)`, `p.Q301H` and `p.Gln301%3D` in one spelling.
fn protein(rest: &str) -> String {
    let bare: String = rest.chars().filter(|c| !matches!(c, '(' | ')')).collect::<String>().replace("%3D", "=");
    let long = |letter: char| AMINO_ACIDS.iter().find(|(code, _)| *code == letter).map(|(_, name)| *name);
    let mut letters = bare.chars();
    let (first, last) = (letters.next(), letters.next_back());
    let middle = letters.as_str();
    let short = !middle.is_empty() && middle.bytes().all(|digit| digit.is_ascii_digit());
    match (first.and_then(long), last) {
        (Some(first), Some('=')) if short => format!("p.{first}{middle}="),
        (Some(first), Some(last)) if short => match long(last) {
            Some(last) => format!("p.{first}{middle}{last}"),
            None => format!("p.{bare}"),
        },
        _ => format!("p.{bare}"),
    }
}

/// The spellings under which a stored change may stand.
#[must_use]
pub fn spellings(change: &str) -> Vec<String> {
    let mut found = vec![change.to_owned()];
    if let Some(rest) = change.strip_prefix("p.") {
        found.push(format!("p.({rest})"));
        found.push(change.replace('*', "Ter"));
        found.push(change.replace('=', "%3D"));
    }
    found.dedup();
    found
}

/// What a question is held against; genes are numbers by then.
#[derive(Debug, Clone)]
pub struct Matcher {
    sought: Sought,
    norm_key: Option<NormKey>,
    build: GenomeBuild,
    /// HGNC number of the gene asked for, when it is known.
    gene: Option<u32>,
}

impl Matcher {
    /// `gene`: what the gene named in the question resolves to.
    #[must_use]
    pub fn new(sought: Sought, build: GenomeBuild, gene: Option<u32>) -> Self {
        Self { norm_key: sought.norm_key(build), sought, build, gene }
    }

    /// Whether a row of a list is meant. HGVS is looked up in the documents, which have all transcripts.
    #[must_use]
    pub fn row(&self, row: Row<'_>) -> bool {
        match &self.sought {
            Sought::Region(region) => {
                region.chromosome.as_str() == row.chromosome()
                    && row.position() <= region.end
                    && row.end() >= region.start
            }
            Sought::Allele { chromosome, position, .. } => {
                chromosome.as_str() == row.chromosome()
                    && row.position().abs_diff(*position) <= SPELLING
                    && self.is_allele(chromosome, row.position(), row.reference(), row.alternative())
            }
            Sought::Rs(id) => row.dbsnp().any(|known| known.eq_ignore_ascii_case(id)),
            Sought::Hgvs { .. } => false,
            Sought::Gene(name) => row.genes().any(|gene| self.is_gene(name, gene.hgnc_id, gene.symbol)),
        }
    }

    /// Whether a stored variant has the change asked for, on any transcript (`exactly`: on the one asked for).
    #[must_use]
    pub fn document(&self, variant: &Variant, exactly: bool) -> bool {
        self.hgvs_in(&variant.genes, exactly)
    }

    /// Whether an allele of a file is meant.
    #[must_use]
    pub fn allele(&self, allele: &crate::vcf::model::Allele) -> bool {
        match &self.sought {
            Sought::Region(region) => region.overlaps(&allele.chromosome, allele.position, allele.end),
            Sought::Allele { .. } => {
                self.is_allele(&allele.chromosome, allele.position, &allele.reference, &allele.alternative)
            }
            Sought::Rs(id) => allele.dbsnp.iter().any(|known| known.eq_ignore_ascii_case(id)),
            Sought::Hgvs { .. } => self.hgvs_in(&allele.genes, false),
            Sought::Gene(name) => allele
                .genes
                .iter()
                .any(|gene| self.is_gene(name, gene.hgnc_id, gene.symbol.as_deref().unwrap_or_default())),
        }
    }

    fn is_allele(&self, chromosome: &Chromosome, position: u32, reference: &str, alternative: &str) -> bool {
        let (reference, alternative) = (reference.to_ascii_uppercase(), alternative.to_ascii_uppercase());
        let key = NormKey::new(Category::Snv.as_str(), self.build, chromosome, position, &reference, &alternative);
        self.norm_key.as_ref() == Some(&key)
    }

    fn is_gene(&self, name: &str, hgnc_id: Option<u32>, symbol: &str) -> bool {
        (self.gene.is_some() && hgnc_id == self.gene) || symbol.eq_ignore_ascii_case(name)
    }

    fn hgvs_in(&self, genes: &[GeneAnnotation], exactly: bool) -> bool {
        let Sought::Hgvs { of, change } = &self.sought else { return false };
        let spelt = spellings(change);
        let has_change = |transcript: &Transcript| {
            [&transcript.hgvs_c, &transcript.hgvs_p].into_iter().flatten().any(|known| spelt.contains(known))
        };
        genes.iter().any(|gene| match of {
            Some(HgvsOf::Gene(name)) => {
                self.is_gene(name, gene.hgnc_id, gene.symbol.as_deref().unwrap_or_default())
                    && gene.transcripts.iter().any(has_change)
            }
            Some(HgvsOf::Sequence(name)) if exactly => {
                gene.transcripts.iter().any(|transcript| is_of(transcript, name) && has_change(transcript))
            }
            _ => gene.transcripts.iter().any(has_change),
        })
    }
}

fn is_of(transcript: &Transcript, name: &str) -> bool {
    [
        Some(&transcript.id),
        transcript.protein_id.as_ref(),
        transcript.mane_select.as_ref(),
        transcript.mane_plus_clinical.as_ref(),
    ]
    .into_iter()
    .flatten()
    .any(|known| without_version(known).eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        Sought::parse(text).unwrap_or_else(|why| panic!("{text}: {why}")).to_string()
    }

    #[test]
    fn what_people_type_is_understood() {
        for (typed, understood) in [
            ("7:124491972", "position 7:124491972"),
            (" chr7:124,491,972 ", "position 7:124491972"),
            ("7:124491900-124,492,000", "positions 7:124491900-124492000"),
            ("X", "chromosome X"),
            ("chr12", "chromosome 12"),
            ("chrM:73", "position MT:73"),
            ("rs116916706", "dbSNP identifier rs116916706"),
            ("RS12", "dbSNP identifier rs12"),
            ("7_124491972_C_A", "variant 7_124491972_C_A"),
            ("chr7-124491972-c-a", "variant 7_124491972_C_A"),
            ("7:124491972:C:A", "variant 7_124491972_C_A"),
            ("chrUn_KI270302v1_12_A_ACC", "variant Un_KI270302v1_12_A_ACC"),
            ("chr7:g.124491972C>A", "variant 7_124491972_C_A"),
            ("m.3243A>G", "variant MT_3243_A_G"),
            ("NM_015450.3:c.903G>T", "c.903G>T of NM_015450"),
            ("NM_015450.3(POT1):c.903G>T", "c.903G>T of NM_015450"),
            ("ENST00000357628.3:c.903G>T", "c.903G>T of ENST00000357628"),
            ("c.903G>T", "c.903G>T"),
            ("POT1 c.903G>T", "c.903G>T of gene POT1"),
            ("POT1:p.(Gln301His)", "p.Gln301His of gene POT1"),
            ("p.Gln301His", "p.Gln301His"),
            ("p.Q301H", "p.Gln301His"),
            ("p.R97*", "p.Arg97Ter"),
            ("p.Q301=", "p.Gln301="),
            ("pot1", "gene pot1"),
            ("HLA-DRB1", "gene HLA-DRB1"),
            ("17284", "gene 17284"),
            ("HGNC:17284", "gene 17284"),
            ("CHRNA1", "gene CHRNA1"),
            ("chrUn_KI270302v1", "chromosome Un_KI270302v1"),
            ("RS1", "gene RS1"),
            ("rs1", "dbSNP identifier rs1"),
        ] {
            assert_eq!(read(typed), understood, "{typed}");
        }
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for typed in ["", "  ", "7:0", "7:9-3", "7:x", "two words", "c.", "a\u{0}b", &"x".repeat(201)] {
            assert!(Sought::parse(typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn the_trail_gets_genes_and_regions_and_no_other_text() {
        let noted = |text: &str| Sought::parse(text).unwrap().for_audit();
        assert_eq!(noted("7_100_C_A"), Some(("region", "7:100".to_owned())));
        assert_eq!(noted("POT1 c.903G>T"), Some(("gene", "POT1".to_owned())));
        assert_eq!(noted("p.Gln301His"), None);
        assert_eq!(noted("rs1"), None);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in ".{0,60}") {
            let _ = Sought::parse(&text);
        }

        #[test]
        fn no_text_close_to_a_name_makes_the_reader_panic(text in "(chr|NM_|rs|)[0-9XM]{0,3}[:_.-][cgpmn]?\\.?[A-Za-z0-9>=*_:-]{0,12}") {
            let _ = Sought::parse(&text);
        }
    }
}
