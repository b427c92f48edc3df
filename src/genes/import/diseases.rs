//! Diseases of genes and how they are inherited: what several files say, each with its source.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::modes;
use crate::genes::disease::{Disease, DiseaseLink, DiseaseModel, GeneDisease};
use crate::genes::model::Gene;

/// A file that says something about diseases: the beginning of every source it gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Authority {
    GenesToPhenotype,
    Mim2Gene,
    PhenotypeHpoa,
    /// 4: phenotypes; 6: genes; 9: types of inheritance.
    Orphadata(u8),
}

impl Authority {
    fn name(self) -> String {
        match self {
            Self::GenesToPhenotype => "genes_to_phenotype".to_owned(),
            Self::Mim2Gene => "mim2gene".to_owned(),
            Self::PhenotypeHpoa => "phenotype.hpoa".to_owned(),
            Self::Orphadata(product) => format!("Orphadata product {product}"),
        }
    }

    /// The source of a fact: the file and its release, where it names one.
    pub(super) fn source(self, release: Option<&str>) -> String {
        match release {
            Some(release) => format!("{} {release}", self.name()),
            None => self.name(),
        }
    }

    fn gave(self, source: &str) -> bool {
        source.strip_prefix(&self.name()).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    }
}

/// What is known of diseases while files are read.
pub(super) struct Knowledge {
    diseases: BTreeMap<String, Disease>,
    links: BTreeMap<u32, BTreeMap<String, Vec<DiseaseLink>>>,
    /// Genes as earlier versions left them, with models that no source stands behind any more.
    unsourced: BTreeMap<u32, Vec<String>>,
    touched: bool,
}

impl Knowledge {
    /// What is stored.
    pub(super) fn new(diseases: BTreeMap<String, Disease>, genes: &BTreeMap<u32, Gene>) -> Self {
        let mut knowledge = Self { diseases, links: BTreeMap::new(), unsourced: BTreeMap::new(), touched: false };
        for gene in genes.values().filter(|gene| !gene.diseases.is_empty()) {
            if gene.diseases.iter().any(|disease| disease.links.is_empty()) {
                knowledge.unsourced.insert(gene.hgnc_id, gene.inheritance.clone());
            }
            let links = gene.diseases.iter().map(|disease| (disease.id.clone(), disease.links.clone())).collect();
            knowledge.links.insert(gene.hgnc_id, links);
        }
        knowledge
    }

    /// Forgets what this file said before; a new release may have taken it back. What earlier versions stored without a
    /// source came from `genes_to_phenotype`.
    pub(super) fn forget(&mut self, authority: Authority) {
        self.touched = true;
        for disease in self.diseases.values_mut() {
            disease.inheritance.retain(|model| !authority.gave(&model.source));
        }
        if authority == Authority::GenesToPhenotype {
            self.unsourced.clear();
        }
        for links in self.links.values_mut() {
            links.retain(|_, of_disease| {
                let had_source = !of_disease.is_empty();
                of_disease.retain(|link| !authority.gave(&link.source));
                !of_disease.is_empty() || (!had_source && authority != Authority::GenesToPhenotype)
            });
        }
    }

    /// A gene has to do with a disease.
    pub(super) fn link(&mut self, gene: u32, disease: &str, source: &str, association: Option<&str>) {
        let links = self.links.entry(gene).or_default().entry(disease.to_owned()).or_default();
        let link = DiseaseLink { source: source.to_owned(), association: association.map(str::to_owned) };
        if !links.contains(&link) {
            links.push(link);
        }
    }

    /// A disease has this name; the first name is kept.
    pub(super) fn name(&mut self, disease: &str, name: &str) {
        let known = self.entry(disease);
        if known.name.is_none() && !name.is_empty() {
            known.name = Some(name.to_owned());
        }
    }

    /// A disease is inherited this way.
    pub(super) fn inherited(&mut self, disease: &str, models: &[&str], source: &str) {
        for model in models {
            let known = self.entry(disease);
            let model = DiseaseModel { model: (*model).to_owned(), source: source.to_owned() };
            if !known.inheritance.contains(&model) {
                known.inheritance.push(model);
            }
        }
    }

    fn entry(&mut self, disease: &str) -> &mut Disease {
        self.diseases
            .entry(disease.to_owned())
            .or_insert_with(|| Disease { id: disease.to_owned(), ..Disease::default() })
    }

    /// Puts diseases and the union of their models on the genes; the diseases to be stored.
    pub(super) fn finish(mut self, genes: &mut BTreeMap<u32, Gene>) -> BTreeMap<String, Disease> {
        if !self.touched {
            return self.diseases;
        }
        for disease in self.diseases.values_mut() {
            disease.inheritance.sort_by(|a, b| {
                (modes::place(&a.model), &a.model, &a.source).cmp(&(modes::place(&b.model), &b.model, &b.source))
            });
        }
        for gene in genes.values_mut() {
            let links = self.links.remove(&gene.hgnc_id).unwrap_or_default();
            let mut diseases: Vec<GeneDisease> = links
                .into_iter()
                .map(|(id, links)| {
                    let known = self.diseases.get(&id);
                    GeneDisease {
                        name: known.and_then(|disease| disease.name.clone()),
                        inheritance: known.map(|disease| disease.inheritance.clone()).unwrap_or_default(),
                        id,
                        links,
                    }
                })
                .collect();
            diseases.sort_by_key(|disease| order(&disease.id));
            let of_diseases = diseases.iter().filter(|disease| disease.is_inherited());
            let mut models: BTreeSet<(usize, String)> = of_diseases
                .flat_map(|disease| &disease.inheritance)
                .map(|model| (modes::place(&model.model), model.model.clone()))
                .collect();
            let unsourced = self.unsourced.remove(&gene.hgnc_id).unwrap_or_default();
            models.extend(unsourced.into_iter().map(|model| (modes::place(&model), model)));
            gene.inheritance = models.into_iter().map(|(_, model)| model).collect();
            gene.diseases = diseases;
        }
        self.diseases
    }
}

/// OMIM before Orphanet before others, each by number.
fn order(id: &str) -> (u8, u64, String) {
    let (authority, number) = id.split_once(':').unwrap_or((id, ""));
    let place = match authority {
        "OMIM" => 0,
        "ORPHA" => 1,
        _ => 2,
    };
    (place, number.parse().unwrap_or(u64::MAX), id.to_owned())
}

/// Genes by what other files call them.
pub(super) struct GeneIndex {
    ids: BTreeSet<u32>,
    by_entrez: HashMap<u32, u32>,
    by_symbol: HashMap<String, u32>,
    by_alias: HashMap<String, Option<u32>>,
}

impl GeneIndex {
    pub(super) fn new(genes: &BTreeMap<u32, Gene>) -> Self {
        let mut by_alias: HashMap<String, Option<u32>> = HashMap::new();
        for gene in genes.values() {
            for alias in &gene.aliases {
                let only = by_alias.entry(alias.clone()).or_insert(Some(gene.hgnc_id));
                if *only != Some(gene.hgnc_id) {
                    *only = None;
                }
            }
        }
        Self {
            ids: genes.keys().copied().collect(),
            by_entrez: genes.values().filter_map(|gene| Some((gene.entrez_id?, gene.hgnc_id))).collect(),
            by_symbol: genes.values().map(|gene| (gene.symbol.clone(), gene.hgnc_id)).collect(),
            by_alias,
        }
    }

    /// By number of the HGNC.
    pub(super) fn hgnc(&self, id: &str) -> Option<u32> {
        id.trim_start_matches("HGNC:").parse().ok().filter(|id| self.ids.contains(id))
    }

    /// By number of NCBI Gene.
    pub(super) fn entrez(&self, id: &str) -> Option<u32> {
        id.trim_start_matches("NCBIGene:").parse().ok().and_then(|id: u32| self.by_entrez.get(&id)).copied()
    }

    /// By approved symbol, else by an alias of one gene only.
    pub(super) fn symbol(&self, symbol: &str) -> Option<u32> {
        self.by_symbol.get(symbol).copied().or_else(|| self.by_alias.get(symbol).copied().flatten())
    }
}
