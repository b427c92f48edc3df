use bson::{Binary, doc};
use mongodb::IndexModel;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::columns::is_low_fraction;
use super::identity::{Identity, document_id, simple_id};
use crate::cases::{Case, ListKind};
use crate::consent::{Told, Withheld};
use crate::db::{Stored, index};
use crate::genome::{Chromosome, GenomeBuild, NormKey};
use crate::ids::{CaseId, VariantId};
use crate::vcf::model::{
    Allele, Autozygous, Call, Caller, CancerFacts, ClinvarRecord, CompoundName, Frequencies, GeneAnnotation,
    LocalArchive, OncogenicityRecord, OtherRanks, RankFacts, Scores,
};

/// Kinds of variant that have lists of their own. Others are added here when their reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Germline SNVs and indels, mitochondrial ones included.
    Snv,
}

impl Category {
    /// All of them, in the order of pages.
    pub const ALL: [Self; 1] = [Self::Snv];

    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Snv => "small variants",
        }
    }

    /// The word in documents, URLs and API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Snv => "snv",
        }
    }
}

/// One allele of one record of one list revision, as stored. Written once by the loader, never changed.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Variant {
    /// [`document_id`].
    #[serde(rename = "_id")]
    pub key: Binary,
    /// Case.
    pub case_id: CaseId,
    /// Kind.
    pub category: Category,
    /// Clinical or research.
    pub list: ListKind,
    /// List revision.
    pub revision: u32,
    /// Name across cases.
    pub norm_key: NormKey,
    /// Assembly.
    pub build: GenomeBuild,
    /// Contig.
    pub chromosome: Chromosome,
    /// 1-based.
    pub position: u32,
    /// 1-based inclusive.
    pub end: u32,
    /// As written.
    pub reference: String,
    /// As written.
    pub alternative: String,
    /// Which ALT of how many.
    pub allele: (u16, u16),
    /// `snv`, `indel`, `symbolic`.
    pub sub_category: String,
    /// Bases changed.
    pub length: Option<u32>,
    /// QUAL.
    pub quality: Option<f64>,
    /// FILTER.
    pub filters: Vec<String>,
    /// dbSNP.
    pub dbsnp: Vec<String>,
    /// COSMIC.
    pub cosmic: Vec<String>,
    /// Rank score and its parts.
    pub rank: RankFacts,
    /// Ranks by other programs.
    #[serde(default, skip_serializing_if = "is_default")]
    pub other_ranks: OtherRanks,
    /// Inheritance models.
    pub models: Vec<String>,
    /// Compound partners as named in the file.
    pub compounds: Vec<CompoundName>,
    /// Genes, most severe first.
    pub genes: Vec<GeneAnnotation>,
    /// Public frequencies.
    pub frequencies: Frequencies,
    /// The laboratory's archive.
    pub local_archive: LocalArchive,
    /// What pipelines for tumours write.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cancer: CancerFacts,
    /// Predictions.
    pub scores: Scores,
    /// ClinVar.
    pub clinvar: Vec<ClinvarRecord>,
    /// ClinVar oncogenicity.
    pub clinvar_oncogenicity: Vec<OncogenicityRecord>,
    /// Callers.
    pub callers: Vec<Caller>,
    /// Autozygous region.
    pub autozygous: Option<Autozygous>,
    /// Custom pairs.
    pub custom: Vec<(String, String)>,
    /// MitoMap.
    pub mitomap_diseases: Option<String>,
    /// HmtVar.
    pub hmtvar: Option<String>,
    /// One per individual with DNA, in page order.
    pub samples: Vec<SampleCall>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// One individual's call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SampleCall {
    /// Whose.
    pub individual_id: String,
    /// What.
    pub call: Call,
}

impl Variant {
    /// The document as a guest holds it: without how often the owner's archives have the variant.
    #[must_use]
    pub(super) fn for_guest(mut self) -> Self {
        self.local_archive = LocalArchive::default();
        self.cancer.germline = LocalArchive::default();
        self.cancer.somatic = LocalArchive::default();
        self.cancer.panel = LocalArchive::default();
        self
    }

    /// The document without what is withheld; none when nothing of it is told. As [`Columns::within`] has it.
    ///
    /// [`Columns::within`]: super::columns::Columns::within
    #[must_use]
    pub(super) fn within(mut self, withheld: &Withheld) -> Option<Self> {
        let told = told_of(withheld, is_allowed(withheld, &self.samples), &self.genes);
        let is_closed = |gene: &GeneAnnotation| withheld.has_gene(gene.hgnc_id, gene.symbol.as_deref().unwrap_or(""));
        if self.genes.iter().any(is_closed) {
            self.compounds.clear();
            self.models.retain(|model| !is_of_compounds(model));
        }
        match told {
            Told::WithoutGenes => self.genes.retain(|gene| !is_closed(gene)),
            Told::OfSome => {
                self.models.clear();
                self.rank.results.clear();
                self.other_ranks = OtherRanks::default();
                self.autozygous = None;
                let concerned = self.samples.iter_mut().filter(|sample| withheld.concerns(&sample.individual_id));
                concerned.for_each(|sample| sample.call = Call::default());
            }
            Told::Whole | Told::Nothing => {}
        }
        (told != Told::Nothing).then_some(self)
    }

    /// Public id.
    #[must_use]
    pub fn id(&self) -> VariantId {
        let hash: [u8; 16] = self.key.bytes[..16].try_into().expect("a document id begins with 16 bytes of hash");
        VariantId::from_hash(&hash)
    }

    /// `7_124491972_C_A`.
    #[must_use]
    pub fn simple_id(&self) -> String {
        simple_id(&self.chromosome, self.position, &self.reference, &self.alternative)
    }

    /// Puts an allele into a list of a case. `columns[i]` is the sample column of the `i`-th individual with DNA.
    #[must_use]
    pub fn from_allele(
        allele: Allele,
        case: &Case,
        category: Category,
        list: ListKind,
        revision: u32,
        columns: &[usize],
    ) -> Self {
        let id = Identity {
            case: &case.id,
            list: list.as_str(),
            category: category.as_str(),
            build: case.build,
            chromosome: &allele.chromosome,
            position: allele.position,
            end: allele.end,
            reference: &allele.reference,
            alternative: &allele.alternative,
            sv_type: "",
        }
        .id();
        let with_dna = case.individuals.iter().filter(|individual| individual.has_dna());
        let samples = with_dna
            .zip(columns)
            .map(|(individual, column)| SampleCall {
                individual_id: individual.individual_id.clone(),
                call: allele.calls.get(*column).cloned().unwrap_or_default(),
            })
            .collect();
        Self {
            key: document_id(&id, revision),
            case_id: case.id.clone(),
            category,
            list,
            revision,
            norm_key: NormKey::new(
                category.as_str(),
                case.build,
                &allele.chromosome,
                allele.position,
                &allele.reference,
                &allele.alternative,
            ),
            build: case.build,
            chromosome: allele.chromosome,
            position: allele.position,
            end: allele.end,
            reference: allele.reference,
            alternative: allele.alternative,
            allele: allele.allele,
            sub_category: allele.sub_category,
            length: allele.length,
            quality: allele.quality,
            filters: allele.filters,
            dbsnp: allele.dbsnp,
            cosmic: allele.cosmic,
            rank: allele.rank,
            other_ranks: allele.other_ranks,
            models: allele.models,
            compounds: allele.compounds,
            genes: allele.genes,
            frequencies: allele.frequencies,
            local_archive: allele.local_archive,
            cancer: allele.cancer,
            scores: allele.scores,
            clinvar: allele.clinvar,
            clinvar_oncogenicity: allele.clinvar_oncogenicity,
            callers: allele.callers,
            autozygous: allele.autozygous,
            custom: allele.custom,
            mitomap_diseases: allele.mitomap_diseases,
            hmtvar: allele.hmtvar,
            samples,
        }
    }
}

/// Whether a model is one of two variants of a gene together: it tells that there is another one.
pub(super) fn is_of_compounds(model: &str) -> bool {
    model.starts_with("AR_comp")
}

/// Whether somebody carries a variant with these calls in whom no gene is closed.
pub(super) fn is_allowed(withheld: &Withheld, samples: &[SampleCall]) -> bool {
    samples.iter().any(|sample| !withheld.concerns(&sample.individual_id) && is_carrier(&sample.call))
}

/// Whether a call shows the allele, be it in a small part of the reads.
pub(super) fn is_carrier(call: &Call) -> bool {
    call.zygosity.carries() || is_low_fraction(call)
}

/// What is told of a variant with these genes.
pub(super) fn told_of(withheld: &Withheld, allowed: bool, genes: &[GeneAnnotation]) -> Told {
    let genes = genes.iter().map(|gene| {
        let (symbol, term) = (gene.symbol.as_deref(), gene.consequence.as_deref());
        (gene.hgnc_id, symbol.unwrap_or_default(), term.unwrap_or_default())
    });
    withheld.told(allowed, genes)
}

/// Names of stored fields.
pub(super) mod field {
    pub const CASE_ID: &str = "case_id";
    pub const CATEGORY: &str = "category";
    pub const LIST: &str = "list";
    pub const REVISION: &str = "revision";
}

impl Stored for Variant {
    const COLLECTION: &'static str = "variants";

    fn indexes() -> Vec<IndexModel> {
        vec![index("list_revision", doc! { field::CASE_ID: 1, field::CATEGORY: 1, field::LIST: 1, field::REVISION: 1 })]
    }
}
