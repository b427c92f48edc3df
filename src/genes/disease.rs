use bson::doc;
use mongodb::IndexModel;
use serde::{Deserialize, Deserializer, Serialize};
use serde_with::skip_serializing_none;

use crate::db::{Stored, index};

/// A disease of OMIM, Orphanet or DECIPHER, as far as its inheritance goes.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Disease {
    /// `OMIM:615848`, `ORPHA:93`.
    #[serde(rename = "_id")]
    pub id: String,
    /// Name in the file that names it best.
    pub name: Option<String>,
    /// How it is inherited, and who says so.
    pub inheritance: Vec<DiseaseModel>,
}

/// A model of inheritance with its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiseaseModel {
    /// AD, AR, XL, XD, XR, Y, MT, digenic, polygenic, multifactorial.
    pub model: String,
    /// File and release, e.g. `phenotype.hpoa 2023-04-05`.
    pub source: String,
}

/// A disease of a gene.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GeneDisease {
    /// `OMIM:615848`, `ORPHA:93`.
    pub id: String,
    /// Name.
    pub name: Option<String>,
    /// Who links it to the gene; empty in documents from before sources were kept.
    #[serde(default)]
    pub links: Vec<DiseaseLink>,
    /// How the disease is inherited, and who says so.
    #[serde(default)]
    pub inheritance: Vec<DiseaseModel>,
}

/// One source's link between a gene and a disease.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiseaseLink {
    /// File and release.
    pub source: String,
    /// What the gene has to do with the disease, where the source says more than that it causes it.
    pub association: Option<String>,
}

/// Words of Orphanet for genes in which no inherited variant causes the disease.
const NOT_INHERITED: [&str; 4] = ["candidate", "biomarker", "somatic", "fusion gene"];

impl DiseaseLink {
    /// Whether the disease's inheritance says something about variants of this gene. It does not for a gene that is a
    /// candidate or a biomarker, or whose changes are somatic.
    #[must_use]
    pub fn is_inherited(&self) -> bool {
        let words = self.association.as_deref().unwrap_or_default().to_lowercase();
        !NOT_INHERITED.iter().any(|word| words.contains(word))
    }
}

impl GeneDisease {
    /// Whether any source says that inherited variants of the gene cause or favour the disease.
    #[must_use]
    pub fn is_inherited(&self) -> bool {
        self.links.is_empty() || self.links.iter().any(DiseaseLink::is_inherited)
    }
}

/// Earlier versions stored identifiers only.
pub(super) fn of_any_version<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<GeneDisease>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Id(String),
        Disease(GeneDisease),
    }
    let written = Vec::<Written>::deserialize(from)?;
    Ok(written
        .into_iter()
        .map(|one| match one {
            Written::Id(id) => GeneDisease { id, ..GeneDisease::default() },
            Written::Disease(disease) => disease,
        })
        .collect())
}

impl Stored for Disease {
    const COLLECTION: &'static str = "diseases";

    fn indexes() -> Vec<IndexModel> {
        vec![index("name", doc! { "name": 1 })]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genes::Gene;

    #[test]
    fn a_gene_of_an_earlier_version_still_reads() {
        let mut document = bson::serialize_to_document(&Gene::default()).unwrap();
        document.insert("diseases", vec!["OMIM:1", "ORPHA:2"]);
        let gene: Gene = bson::deserialize_from_document(document).unwrap();
        let ids: Vec<_> = gene.diseases.iter().map(|disease| disease.id.as_str()).collect();
        assert_eq!((ids, gene.diseases[0].is_inherited()), (vec!["OMIM:1", "ORPHA:2"], true));
        let again: Gene = bson::deserialize_from_document(bson::serialize_to_document(&gene).unwrap()).unwrap();
        assert_eq!(again, gene);
    }

    #[test]
    fn candidates_biomarkers_and_somatic_changes_are_not_inherited() {
        // Orphadata's own words, of its page on gene–disorder associations.
        let inherited =
            |words: &str| DiseaseLink { source: String::new(), association: Some(words.to_owned()) }.is_inherited();
        for words in [
            "Disease-causing germline mutation(s) in",
            "Disease-causing germline mutation(s) (loss of function) in",
            "Major susceptibility factor in",
            "Modifying germline mutation in",
            "Role in the phenotype of",
            "susceptibility",
        ] {
            assert!(inherited(words), "{words}");
        }
        for words in [
            "Disease-causing somatic mutation(s) in",
            "Part of a fusion gene in",
            "Candidate gene tested in",
            "Biomarker tested in",
        ] {
            assert!(!inherited(words), "{words}");
        }
    }
}
