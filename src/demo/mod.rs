//! Demo data: teaching cases around published variants, with the reference files and gene panels they need.
//!
//! [`write_all`] writes files and nothing else, the same bytes for the same seed. People, pedigrees, read counts,
//! scores and dates are invented; genes, variants and diseases are facts from `config/demo/`, whose README names the
//! sources. Not for clinical use.

mod annotation;
mod facts;
mod family;
mod genotypes;
mod inheritance;
mod load_config;
mod rank_model;
mod records;
mod reference;
mod site;
mod teaching;
#[cfg(test)]
mod tests;
mod vcf;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use rand::SeedableRng;
use serde::{Deserialize, Serialize};

pub use self::teaching::{DemoInstitute, LaterCase};

use self::facts::Facts;
use self::family::Family;
use self::genotypes::Genotyper;
use self::rank_model::{RANK_MODEL, RANK_MODEL_FILE, RankModel};
use self::teaching::{Role, TeachingCase, TeachingVariant};
use crate::genome::GenomeBuild;

/// A generator whose numbers are the same on every platform and in every release.
type DemoRng = rand::rngs::Xoshiro256PlusPlus;

/// The seed that `lodestone demo` uses.
pub const DEFAULT_SEED: u64 = 1;

/// The gene panels, as they stand in `config/demo/panels/`. An older version comes before a newer one.
const PANELS: [(&str, &str); 9] = [
    ("epilepsy-1.0.txt", include_str!("../../config/demo/panels/epilepsy-1.0.txt")),
    ("intellectual-disability-1.0.txt", include_str!("../../config/demo/panels/intellectual-disability-1.0.txt")),
    ("intellectual-disability-2.0.txt", include_str!("../../config/demo/panels/intellectual-disability-2.0.txt")),
    ("mitochondrial-1.0.txt", include_str!("../../config/demo/panels/mitochondrial-1.0.txt")),
    ("respiratory-1.0.txt", include_str!("../../config/demo/panels/respiratory-1.0.txt")),
    ("bone-growth-puberty-1.0.txt", include_str!("../../config/demo/panels/bone-growth-puberty-1.0.txt")),
    ("acmg-sf-3.2.txt", include_str!("../../config/demo/panels/acmg-sf-3.2.txt")),
    ("neuromuscular-1.0.txt", include_str!("../../config/demo/panels/neuromuscular-1.0.txt")),
    ("dilated-cardiomyopathy-1.0.txt", include_str!("../../config/demo/panels/dilated-cardiomyopathy-1.0.txt")),
];

/// The panel that holds the genes of secondary findings.
const SECONDARY: &str = "acmg-sf-3.2.txt";

/// What was written. All paths are relative to the folder given to [`write_all`], which holds this as `manifest.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The seed that decided genotypes and counts.
    pub seed: u64,
    /// Who owns the cases and panels.
    pub institutes: Vec<DemoInstitute>,
    /// Folder of the reference files.
    pub reference: PathBuf,
    /// Gene panels, older versions first.
    pub panels: Vec<DemoPanel>,
    /// The cases, in the order in which a newcomer may look at them.
    pub cases: Vec<DemoCase>,
    /// Teaching cases that need other kinds of variant.
    pub later: Vec<LaterCase>,
}

/// A gene panel file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemoPanel {
    /// The panel's id, e.g. `epilepsy`.
    pub id: String,
    /// Its version, e.g. `1.0`.
    pub version: String,
    /// Institute that owns it.
    pub institute: String,
    /// The file.
    pub file: PathBuf,
    /// Number of genes.
    pub genes: usize,
}

/// A case: where its files are, what it teaches and what its answer is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DemoCase {
    /// Key of the teaching case, e.g. `a-dravet-denovo`; gives the answer away, so not for pages.
    pub key: String,
    /// Institute that owns the case.
    pub owner: String,
    /// The `family` key of the load configuration.
    pub family: String,
    /// The case's name on pages and in URLs.
    pub family_name: String,
    /// What the family came with.
    pub title: String,
    /// The capability of the program that solves it.
    pub capability: String,
    /// What a newcomer should discover. Tells the answer.
    pub discover: String,
    /// Genome build of the positions.
    pub build: GenomeBuild,
    /// Load configuration.
    pub config: PathBuf,
    /// Variants in VCF, block-compressed, with an index beside it.
    pub vcf: PathBuf,
    /// Pedigree.
    pub ped: PathBuf,
    /// Simple ids of the variants that answer the case, e.g. `2_166042334_G_A`; empty if only a secondary finding is there.
    pub causal: Vec<String>,
    /// Simple ids of secondary findings.
    pub secondary: Vec<String>,
    /// Simple ids of known harmless variants in the same genes.
    pub distractors: Vec<String>,
    /// Genes of the causal and secondary variants.
    pub genes: Vec<String>,
    /// Panels that are on by default.
    pub default_panels: Vec<String>,
    /// The diagnosis.
    pub disease: DemoDisease,
    /// Number of records in the VCF.
    pub records: usize,
    /// Publications.
    pub references: Vec<String>,
}

/// A diagnosis with its numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemoDisease {
    /// Name.
    pub name: String,
    /// OMIM number, e.g. `OMIM:607208`.
    pub omim: Option<String>,
    /// Orphanet number, e.g. `ORPHA:33069`.
    pub orpha: Option<String>,
}

/// Why no demo data was written. All but [`DemoError::Write`] mean that the tables in `config/demo/` contradict themselves.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A file could not be written.
    #[error("could not write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A table does not have the expected columns or values.
    #[error("demo table {name} cannot be read")]
    Table {
        /// File name in `config/demo/`.
        name: &'static str,
        /// Where and what.
        source: csv::Error,
    },
    /// The teaching cases cannot be read.
    #[error("demo file cases.json cannot be read")]
    Cases {
        /// Where and what.
        source: serde_json::Error,
    },
    /// A variant names a gene that the gene table lacks.
    #[error("gene {0} is not in the demo's gene table")]
    UnknownGene(String),
    /// A case names a member that its family lacks.
    #[error("case {case}: no genotype or person for {member}")]
    UnknownMember {
        /// Key of the case.
        case: String,
        /// The member.
        member: String,
    },
    /// A region is not `chromosome:start-end`.
    #[error("case {case}: {region} is not a region")]
    Region {
        /// Key of the case.
        case: String,
        /// The text.
        region: String,
    },
    /// A position that no index can hold.
    #[error("{contig}:{position} cannot be indexed")]
    Position {
        /// The contig.
        contig: String,
        /// 1-based position.
        position: u32,
    },
    /// The rank model file is not one.
    #[error("rank model")]
    RankModel(#[from] crate::ranking::RankModelError),
    /// The manifest cannot be expressed as JSON.
    #[error("manifest")]
    Manifest(#[source] serde_json::Error),
}

/// Writes reference files, panels and cases into `out`, which is made if absent, and says what was written.
///
/// The same seed gives the same bytes in every file.
pub fn write_all(out: &Path, seed: u64) -> Result<Manifest, DemoError> {
    let facts = Facts::read()?;
    let model = RankModel::parse(RANK_MODEL)?;
    let reference = PathBuf::from("reference");
    for file in reference::files(&facts) {
        write_compressed(&out.join(&reference).join(file.name), &file.text)?;
    }
    write_file(&out.join(&reference).join("secondary_findings.tsv"), &secondary_findings())?;
    let mut panels = Vec::new();
    for (name, text) in PANELS {
        let file = Path::new("panels").join(name);
        write_file(&out.join(&file), text)?;
        panels.push(describe_panel(text, file));
    }
    let mut cases = Vec::new();
    for case in &facts.teaching.cases {
        cases.push(write_case(out, &facts, case, &model, seed)?);
    }
    let manifest =
        Manifest { seed, institutes: facts.teaching.institutes, reference, panels, cases, later: facts.teaching.later };
    let text = serde_json::to_string_pretty(&manifest).map_err(DemoError::Manifest)? + "\n";
    write_file(&out.join("manifest.json"), &text)?;
    Ok(manifest)
}

fn write_case(
    out: &Path,
    facts: &Facts,
    case: &TeachingCase,
    model: &RankModel,
    seed: u64,
) -> Result<DemoCase, DemoError> {
    let folder = Path::new("cases").join(&case.key);
    let family = Family::of(case)?;
    let mut rng = rng(seed, &case.key);
    let mut genotyper = Genotyper::new(case, &family)?;
    let sites = site::choose(facts, case, &family, &genotyper, &mut rng)?;
    let lines = records::lines(case, &family, sites, &mut genotyper, model, &mut rng)?;

    let config = folder.join(format!("{}.config.yaml", case.family));
    let vcf = folder.join(load_config::vcf_name(case));
    let ped = folder.join(format!("{}.ped", case.family));
    write_file(&out.join(&config), &load_config::yaml(case, &family))?;
    write_file(&out.join(&ped), &family.ped())?;
    write_file(&out.join(&folder).join(RANK_MODEL_FILE), RANK_MODEL)?;
    vcf::write(&out.join(&vcf), &vcf::header(case, &family, model), &lines)?;

    let with_role = |role: Role| case.variants.iter().filter(move |variant| variant.role == role);
    let ids = |role: Role| with_role(role).map(|variant| simple_id(variant, case.build)).collect();
    let mut genes: Vec<String> =
        with_role(Role::Causal).chain(with_role(Role::Secondary)).map(|variant| variant.gene.clone()).collect();
    genes.dedup();
    Ok(DemoCase {
        key: case.key.clone(),
        owner: case.owner.clone(),
        family: case.family.clone(),
        family_name: case.family_name.clone(),
        title: case.title.clone(),
        capability: case.capability.clone(),
        discover: case.discover.clone(),
        build: case.build,
        config,
        vcf,
        ped,
        causal: ids(Role::Causal),
        secondary: ids(Role::Secondary),
        distractors: ids(Role::Distractor),
        genes,
        default_panels: case.default_gene_panels.clone(),
        disease: DemoDisease {
            name: case.diseases.name.clone(),
            omim: case.diseases.omim.clone(),
            orpha: case.diseases.orpha.clone(),
        },
        records: lines.len(),
        references: case.references.clone(),
    })
}

/// Each case has numbers of its own, so that a new case leaves the others as they are.
fn rng(seed: u64, key: &str) -> DemoRng {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes()).update(key.as_bytes());
    DemoRng::from_seed(*hasher.finalize().as_bytes())
}

fn simple_id(variant: &TeachingVariant, build: GenomeBuild) -> String {
    let allele = variant.allele(build);
    format!("{}_{}_{}_{}", allele.chrom, allele.pos, allele.reference, allele.alternative)
}

/// The list of secondary findings, from the panel of its genes.
fn secondary_findings() -> String {
    let panel = PANELS.iter().find(|(name, _)| *name == SECONDARY).map_or("", |(_, text)| text);
    let genes = panel.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split('\t').next());
    let lines = genes.map(|number| format!("HGNC:{number}\tACMG SF v3.2\n"));
    std::iter::once("hgnc_id\tsecondary_findings\n".to_owned()).chain(lines).collect()
}

fn describe_panel(text: &str, file: PathBuf) -> DemoPanel {
    let value = |key: &str| {
        let prefix = format!("##{key}=");
        text.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap_or_default().to_owned()
    };
    DemoPanel {
        id: value("panel_id"),
        version: value("version"),
        institute: value("institute"),
        file,
        genes: text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).count(),
    }
}

fn write_file(path: &Path, text: &str) -> Result<(), DemoError> {
    write_bytes(path, text.as_bytes())
}

/// Without name and time in the header, so that the bytes depend on the text alone.
fn write_compressed(path: &Path, text: &str) -> Result<(), DemoError> {
    let mut encoder = flate2::GzBuilder::new().mtime(0).write(Vec::new(), flate2::Compression::default());
    let bytes = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish());
    write_bytes(path, &bytes.map_err(|source| DemoError::Write { path: path.to_owned(), source })?)
}

fn write_bytes(path: &Path, bytes: &[u8]) -> Result<(), DemoError> {
    let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(path, bytes));
    written.map_err(|source| DemoError::Write { path: path.to_owned(), source })
}
