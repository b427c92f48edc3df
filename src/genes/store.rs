use std::collections::{BTreeMap, HashMap};

use bson::{Bson, doc};
use mongodb::options::FindOptions;
use serde::Deserialize;

use super::disease::Disease;
use super::model::{Gene, TranscriptRecord};
use crate::cli::SystemScope;
use crate::consent::{ListedGene, SecondaryGenes};
use crate::db::{Db, Documents, StoreError, Stored};
use crate::genome::GenomeBuild;

/// The `genes`, `transcripts` and `diseases` collections: public knowledge, so reading takes no scope.
#[derive(Clone)]
pub struct GeneStore {
    genes: Documents<Gene>,
    transcripts: Documents<TranscriptRecord>,
    diseases: Documents<Disease>,
}

/// Names and inheritance of all genes, for loading and filtering.
#[derive(Debug, Clone, Default)]
pub struct GeneNames {
    genes: HashMap<u32, GeneName>,
    by_symbol: HashMap<String, u32>,
    by_alias: HashMap<String, Vec<u32>>,
}

/// What loading and filtering need of a gene.
#[derive(Debug, Clone, Deserialize)]
pub struct GeneName {
    /// HGNC number.
    #[serde(rename = "_id")]
    pub hgnc_id: u32,
    /// Approved symbol.
    pub symbol: String,
    /// Other and earlier symbols.
    pub aliases: Vec<String>,
    /// How its diseases are inherited.
    pub inheritance: Vec<String>,
    /// `RNA, …` locus types pass the clinical preset when the gene has a disease.
    #[serde(default)]
    pub locus_type: Option<String>,
}

/// A gene on the list of secondary findings.
#[derive(Deserialize)]
struct OnList {
    #[serde(rename = "_id")]
    hgnc_id: u32,
    symbol: String,
    secondary_findings: String,
}

impl GeneName {
    /// Whether this is an RNA gene with an inherited disease: its exons matter although they code for no protein.
    #[must_use]
    pub fn is_disease_rna(&self) -> bool {
        self.locus_type.as_deref().is_some_and(|kind| kind.starts_with("RNA")) && !self.inheritance.is_empty()
    }
}

impl GeneNames {
    /// From all genes.
    #[must_use]
    pub fn new(genes: Vec<GeneName>) -> Self {
        let mut names = Self::default();
        for gene in genes {
            names.by_symbol.insert(gene.symbol.to_uppercase(), gene.hgnc_id);
            for alias in &gene.aliases {
                names.by_alias.entry(alias.to_uppercase()).or_default().push(gene.hgnc_id);
            }
            names.genes.insert(gene.hgnc_id, gene);
        }
        names
    }

    /// The gene with this number.
    #[must_use]
    pub fn get(&self, hgnc_id: u32) -> Option<&GeneName> {
        self.genes.get(&hgnc_id)
    }

    /// The gene an approved symbol, an alias of one gene only, or a number (`HGNC:17284`, `17284`) means.
    #[must_use]
    pub fn resolve(&self, text: &str) -> Option<&GeneName> {
        let text = text.trim().to_uppercase();
        let number = text.strip_prefix("HGNC:").unwrap_or(&text);
        if let Some(gene) = number.parse().ok().and_then(|id| self.genes.get(&id)) {
            return Some(gene);
        }
        if let Some(id) = self.by_symbol.get(&text) {
            return self.genes.get(id);
        }
        match self.by_alias.get(&text).map(Vec::as_slice) {
            Some([only]) => self.genes.get(only),
            _ => None,
        }
    }

    /// How many genes are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.genes.len()
    }

    /// Whether no reference was loaded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.genes.is_empty()
    }
}

impl GeneStore {
    /// Opens the collections.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        Self { genes: Documents::new(db), transcripts: Documents::new(db), diseases: Documents::new(db) }
    }

    /// Names of all genes.
    pub async fn names(&self) -> Result<GeneNames, StoreError> {
        let projection = doc! { "symbol": 1, "aliases": 1, "inheritance": 1, "locus_type": 1 };
        let genes = self.genes.find_as(doc! {}, FindOptions::builder().projection(projection).build()).await?;
        Ok(GeneNames::new(genes))
    }

    /// Names of the genes that these symbols, aliases or numbers may mean.
    pub async fn resolve(&self, texts: &[String]) -> Result<GeneNames, StoreError> {
        let mut words: Vec<String> =
            texts.iter().flat_map(|text| [text.trim().to_owned(), text.trim().to_uppercase()]).collect();
        words.sort();
        words.dedup();
        let numbers: Vec<Bson> = words
            .iter()
            .filter_map(|word| word.trim_start_matches("HGNC:").parse::<u32>().ok())
            .map(|number| Bson::Int64(i64::from(number)))
            .collect();
        let any = vec![
            doc! { "symbol": { "$in": &words } },
            doc! { "aliases": { "$in": &words } },
            doc! { "_id": { "$in": numbers } },
        ];
        let projection = doc! { "symbol": 1, "aliases": 1, "inheritance": 1, "locus_type": 1 };
        let genes =
            self.genes.find_as(doc! { "$or": any }, FindOptions::builder().projection(projection).build()).await?;
        Ok(GeneNames::new(genes))
    }

    /// The genes with these numbers, by number.
    pub async fn by_ids(&self, ids: &[u32]) -> Result<BTreeMap<u32, Gene>, StoreError> {
        let ids: Vec<Bson> = ids.iter().map(|id| Bson::Int64(i64::from(*id))).collect();
        let genes = self.genes.find(doc! { "_id": { "$in": ids } }, FindOptions::default()).await?;
        Ok(genes.into_iter().map(|gene| (gene.hgnc_id, gene)).collect())
    }

    /// The list of secondary findings with its genes, by number; none when no such list is loaded.
    pub(crate) async fn secondary_findings(&self) -> Result<Option<SecondaryGenes>, StoreError> {
        let parts = doc! { "symbol": 1, "secondary_findings": 1 };
        let options = FindOptions::builder().projection(parts).sort(doc! { "_id": 1 }).build();
        let found: Vec<OnList> = self.genes.find_as(doc! { "secondary_findings": { "$gt": "" } }, options).await?;
        let Some(list) = found.first().map(|gene| gene.secondary_findings.clone()) else { return Ok(None) };
        let genes = found.into_iter().map(|gene| ListedGene { hgnc_id: gene.hgnc_id, symbol: gene.symbol }).collect();
        Ok(Some(SecondaryGenes { list, genes }))
    }

    /// The transcripts of these genes on one build.
    pub async fn transcripts(&self, build: GenomeBuild, ids: &[u32]) -> Result<Vec<TranscriptRecord>, StoreError> {
        let ids: Vec<Bson> = ids.iter().map(|id| Bson::Int64(i64::from(*id))).collect();
        self.transcripts.find(doc! { "hgnc_id": { "$in": ids }, "build": build.as_str() }, FindOptions::default()).await
    }

    /// All genes, by number; for imports that add to them.
    pub async fn all(&self, _: &SystemScope) -> Result<BTreeMap<u32, Gene>, StoreError> {
        let genes = self.genes.find(doc! {}, FindOptions::default()).await?;
        Ok(genes.into_iter().map(|gene| (gene.hgnc_id, gene)).collect())
    }

    /// All diseases, by identifier; for imports that add to them.
    pub async fn diseases(&self, _: &SystemScope) -> Result<BTreeMap<String, Disease>, StoreError> {
        let diseases = self.diseases.find(doc! {}, FindOptions::default()).await?;
        Ok(diseases.into_iter().map(|disease| (disease.id.clone(), disease)).collect())
    }

    /// Puts these diseases in place of those with the same identifiers.
    pub async fn put_diseases(&self, _: &SystemScope, diseases: &BTreeMap<String, Disease>) -> Result<(), StoreError> {
        replace_all(&self.diseases, diseases.values().map(|disease| (Bson::from(&*disease.id), disease))).await
    }

    /// Puts these genes in place of those with the same numbers.
    pub async fn put(&self, _: &SystemScope, genes: &BTreeMap<u32, Gene>) -> Result<(), StoreError> {
        replace_all(&self.genes, genes.values().map(|gene| (Bson::from(i64::from(gene.hgnc_id)), gene))).await
    }

    /// Puts these transcripts in place of those with the same names.
    pub async fn put_transcripts(&self, _: &SystemScope, transcripts: &[TranscriptRecord]) -> Result<(), StoreError> {
        replace_all(&self.transcripts, transcripts.iter().map(|transcript| (Bson::from(&*transcript.id), transcript)))
            .await
    }
}

/// Replaces or adds documents by `_id`, a thousand per command.
async fn replace_all<'a, T: Stored>(
    documents: &Documents<T>,
    values: impl Iterator<Item = (Bson, &'a T)>,
) -> Result<(), StoreError> {
    documents.collection().await?;
    let mut updates = Vec::new();
    for (id, value) in values {
        let document = bson::serialize_to_document(value)
            .map_err(|error| StoreError::Unwritable { collection: T::COLLECTION, reason: error.to_string() })?;
        updates.push(doc! { "q": { "_id": id }, "u": document, "upsert": true });
    }
    for part in updates.chunks(1_000) {
        let command = doc! { "update": T::COLLECTION, "ordered": false, "updates": part };
        let answer = documents.db().raw().run_command(command).await?;
        if let Ok(errors) = answer.get_array("writeErrors") {
            return Err(StoreError::Unwritable {
                collection: T::COLLECTION,
                reason: format!("{errors:?}").chars().take(300).collect(),
            });
        }
    }
    Ok(())
}
