use std::collections::HashSet;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::row::Row;
use crate::cases::{Phenotype, Sex};
use crate::consent::Withheld;
use crate::genome::GenomeBuild;
use crate::ids::VariantId;
use crate::vcf::model::Zygosity;

/// Layout number; columns of another layout are built again from the documents.
pub const FORMAT: i32 = 1;

/// Columns of a list, rows in rank order: row 0 has rank 1. Missing numbers are NaN.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Columns {
    pub(super) build: Option<GenomeBuild>,
    pub(super) ids: Vec<[u8; 16]>,
    pub(super) chromosomes: Vec<Text>,
    pub(super) positions: Vec<u32>,
    pub(super) ends: Vec<u32>,
    pub(super) references: Vec<Text>,
    pub(super) alternatives: Vec<Text>,
    pub(super) sub_categories: Vec<Text>,
    /// Bases; `u32::MAX` when unknown.
    pub(super) lengths: Vec<u32>,
    pub(super) numbers: Numbers,
    pub(super) genes: Lists<GeneCell>,
    pub(super) models: Lists<Text>,
    pub(super) clinvar: Lists<ClinvarCell>,
    pub(super) callers: Lists<(Text, Text)>,
    pub(super) filters: Lists<Text>,
    pub(super) dbsnp: Lists<Text>,
    pub(super) compounds: Lists<CompoundCell>,
    pub(super) individuals: Vec<IndividualColumn>,
    pub(super) strings: Strings,
    #[serde(skip)]
    pub(super) by_id: ById,
    /// Variants of the list that lie outside consent, in a list without them.
    #[serde(skip)]
    pub(super) outside: HashSet<[u8; 16]>,
    /// What it is without.
    #[serde(skip)]
    pub(super) withheld: Withheld,
}

/// Rows in the order of their identities, made when the first one is looked for.
#[derive(Debug, Clone, Default)]
pub(super) struct ById(OnceLock<Vec<u32>>);

impl PartialEq for ById {
    /// It says nothing that the identities do not.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// One column per number that is filtered or sorted on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Numbers {
    pub rank_score: Vec<f64>,
    pub gnomad: Vec<f64>,
    pub gnomad_popmax: Vec<f64>,
    pub exac: Vec<f64>,
    pub thousand_genomes: Vec<f64>,
    pub swegen: Vec<f64>,
    pub local_obs: Vec<f64>,
    pub local_hom: Vec<f64>,
    pub cadd: Vec<f64>,
    pub revel: Vec<f64>,
    pub spliceai: Vec<f64>,
    pub spidex: Vec<f64>,
}

/// Index of a text in [`Strings`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Text(pub u32);

impl Text {
    /// The text that is not there; index 0 of every table.
    pub const NONE: Self = Self(0);
}

/// A gene in a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct GeneCell {
    /// HGNC number; 0 when unknown.
    pub hgnc_id: u32,
    pub symbol: Text,
    pub consequence: Text,
    /// The term is not in this version's table: it passes consequence filters.
    pub unknown_term: bool,
    pub region: Text,
    pub hgvs_c: Text,
    pub hgvs_p: Text,
    pub transcript: Text,
    pub exon: Text,
    pub sift: Text,
    pub polyphen: Text,
    /// Modes joined by `,`, as one text.
    pub inheritance: Text,
    pub disease_rna: bool,
    pub mane: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct ClinvarCell {
    pub code: u16,
    pub significance: Text,
    pub accession: Text,
    pub review_status: Text,
    pub trusted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct CompoundCell {
    /// Row of the partner; `u32::MAX` when it is not in the list.
    pub row: u32,
    pub name: Text,
    /// Combined score; NaN when not written.
    pub score: f64,
}

/// One individual's calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct IndividualColumn {
    pub id: String,
    pub name: String,
    pub sex: Sex,
    pub phenotype: Phenotype,
    pub genotypes: Vec<Text>,
    pub zygosity: Vec<Zygosity>,
    /// Reads; `u32::MAX` when unknown.
    pub ref_depth: Vec<u32>,
    pub alt_depth: Vec<u32>,
    pub depth: Vec<u32>,
    pub quality: Vec<f64>,
    pub fraction: Vec<f64>,
    /// [`GenotypeKind`] bits.
    pub kinds: Vec<u8>,
}

/// What a genotype counts as in filters; several may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GenotypeKind {
    /// One of several copies.
    Het,
    /// All of several copies, outside the mitochondrion.
    Hom,
    /// A single copy, or a male's X or Y outside the pseudo-autosomal regions.
    Hemi,
    /// Any other call that is neither reference nor missing.
    Other,
}

impl GenotypeKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Het, Self::Hom, Self::Hemi, Self::Other];

    /// The word in filters.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Het => "het",
            Self::Hom => "hom",
            Self::Hemi => "hemi",
            Self::Other => "other",
        }
    }

    pub(super) fn bit(self) -> u8 {
        match self {
            Self::Het => 1,
            Self::Hom => 2,
            Self::Hemi => 4,
            Self::Other => 8,
        }
    }
}

pub(super) const LOW_FRACTION: u8 = 16;
/// The call is not told of, for want of consent.
pub(super) const WITHHELD: u8 = 32;

impl IndividualColumn {
    /// Whether the individual has the allele, be it in a small part of the reads.
    pub(super) fn carries(&self, row: usize) -> bool {
        self.zygosity[row].carries() || self.kinds[row] & LOW_FRACTION != 0
    }

    /// Takes the call of a row out, and notes that it was.
    pub(super) fn withhold(&mut self, row: usize) {
        self.genotypes[row] = Text::NONE;
        self.zygosity[row] = Zygosity::NoCall;
        for reads in [&mut self.ref_depth, &mut self.alt_depth, &mut self.depth] {
            reads[row] = u32::MAX;
        }
        self.quality[row] = f64::NAN;
        self.fraction[row] = f64::NAN;
        self.kinds[row] = WITHHELD;
    }
}

/// Many short lists in one: row `i` has `items[starts[i]..starts[i + 1]]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Lists<T> {
    starts: Vec<u32>,
    items: Vec<T>,
}

impl<T> Default for Lists<T> {
    fn default() -> Self {
        Self { starts: vec![0], items: Vec::new() }
    }
}

impl<T: Copy> Lists<T> {
    pub fn push(&mut self, items: impl IntoIterator<Item = T>) {
        self.items.extend(items);
        self.starts.push(u32::try_from(self.items.len()).expect("a list of variants has fewer than 2^32 genes"));
    }

    pub fn of(&self, row: usize) -> &[T] {
        &self.items[self.starts[row] as usize..self.starts[row + 1] as usize]
    }

    pub fn of_mut(&mut self, row: usize) -> &mut [T] {
        &mut self.items[self.starts[row] as usize..self.starts[row + 1] as usize]
    }

    pub fn reordered(&self, order: &[u32]) -> Self {
        let mut lists = Self::default();
        for row in order {
            lists.push(self.of(*row as usize).iter().copied());
        }
        lists
    }

    /// All items of all rows.
    pub fn items(&self) -> &[T] {
        &self.items
    }

    fn bytes(&self) -> usize {
        self.starts.len() * 4 + self.items.len() * size_of::<T>()
    }
}

/// Texts, each once, in one block.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Strings {
    text: String,
    ends: Vec<u32>,
}

impl Default for Strings {
    fn default() -> Self {
        Self { text: String::new(), ends: vec![0] }
    }
}

impl Strings {
    pub fn push(&mut self, text: &str) -> Text {
        self.text.push_str(text);
        self.ends.push(u32::try_from(self.text.len()).expect("the texts of a list have fewer than 2^32 bytes"));
        Text(u32::try_from(self.ends.len() - 1).expect("a list has fewer than 2^32 texts"))
    }

    pub fn get(&self, text: Text) -> &str {
        let at = text.0 as usize;
        let start = if at == 0 { 0 } else { self.ends[at - 1] as usize };
        &self.text[start..self.ends[at] as usize]
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The texts for which `test` holds, as a table by index.
    pub fn matching(&self, mut test: impl FnMut(&str) -> bool) -> Vec<bool> {
        (0..self.ends.len()).map(|at| test(self.get(Text(u32::try_from(at).unwrap_or(u32::MAX))))).collect()
    }
}

impl Columns {
    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Row `at`; its rank is `at + 1`.
    #[must_use]
    pub fn row(&self, at: usize) -> Row<'_> {
        Row { columns: self, at }
    }

    /// The row of a variant.
    #[must_use]
    pub fn find(&self, id: &VariantId) -> Option<usize> {
        let hash = id.to_hash();
        let rows = self.by_id.0.get_or_init(|| {
            let mut rows: Vec<u32> = (0..).take(self.ids.len()).collect();
            rows.sort_unstable_by_key(|row| self.ids[*row as usize]);
            rows
        });
        let at = rows.binary_search_by_key(&hash, |row| self.ids[*row as usize]).ok()?;
        Some(rows[at] as usize)
    }

    /// The HGNC number of a gene of this list by symbol (any case) or number.
    #[must_use]
    pub fn gene_named(&self, name: &str) -> Option<u32> {
        let number = name.trim().trim_start_matches("HGNC:").parse().ok();
        let named = self.strings.matching(|text| text.eq_ignore_ascii_case(name.trim()));
        self.genes
            .items()
            .iter()
            .find(|gene| {
                gene.hgnc_id != 0
                    && (number == Some(gene.hgnc_id) || (gene.symbol.0 != 0 && named[gene.symbol.0 as usize]))
            })
            .map(|gene| gene.hgnc_id)
    }

    /// The same list for guests: without how often the owner's archive has a variant, so that no filter or count tells it.
    #[must_use]
    pub fn without_archive(&self) -> Self {
        let mut copy = self.clone();
        copy.numbers.local_obs.fill(f64::NAN);
        copy.numbers.local_hom.fill(f64::NAN);
        copy
    }

    /// Memory held, in bytes, roughly.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let rows = self.len();
        rows * (16 + 4 * 8 + 12 * 8)
            + self.genes.bytes()
            + self.models.bytes()
            + self.clinvar.bytes()
            + self.callers.bytes()
            + self.filters.bytes()
            + self.dbsnp.bytes()
            + self.compounds.bytes()
            + self.individuals.len() * rows * 34
            + self.strings.text.len()
            + self.strings.ends.len() * 4
    }

    pub(super) fn text(&self, text: Text) -> &str {
        self.strings.get(text)
    }
}
