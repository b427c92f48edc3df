use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::cases::{Phenotype, Sex};
use crate::genome::{Chromosome, GenomeBuild};
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

/// One row, for reading.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    pub(super) columns: &'a Columns,
    pub(super) at: usize,
}

/// A gene of a row, in texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowGene<'a> {
    /// HGNC number, when known.
    pub hgnc_id: Option<u32>,
    /// Symbol; empty when none.
    pub symbol: &'a str,
    /// Most severe term; empty when none.
    pub consequence: &'a str,
    /// The term is unknown to this version.
    pub unknown_term: bool,
    /// Region class; empty when none.
    pub region: &'a str,
    /// `c.…` of the representative transcript.
    pub hgvs_c: &'a str,
    /// `p.…`
    pub hgvs_p: &'a str,
    /// Transcript's name.
    pub transcript: &'a str,
    /// `11/19`
    pub exon: &'a str,
    /// Modes joined by `,`.
    pub inheritance: &'a str,
    /// The transcript is MANE Select.
    pub mane: bool,
}

/// A call of a row, in texts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RowCall<'a> {
    /// Whose.
    pub individual_id: &'a str,
    /// Name on pages.
    pub name: &'a str,
    /// Affected or not.
    pub phenotype: Phenotype,
    /// GT as written; empty when there is none.
    pub genotype: &'a str,
    /// How it reads.
    pub zygosity: Zygosity,
    /// Reads with the reference.
    pub ref_depth: Option<u32>,
    /// Reads with this allele.
    pub alt_depth: Option<u32>,
    /// All reads.
    pub depth: Option<u32>,
    /// PHRED.
    pub quality: Option<f64>,
    /// 0 to 1.
    pub fraction: Option<f64>,
    /// 0/0, but with reads that show the allele.
    pub low_fraction: bool,
}

impl RowCall<'_> {
    /// The genotype's alleles from the lowest number: phase and order make no other genotype.
    #[must_use]
    pub fn alleles(&self) -> String {
        let mut alleles: Vec<&str> = self.genotype.split(['/', '|']).collect();
        alleles.sort_unstable();
        alleles.join("/")
    }
}

/// A ClinVar record of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowClinvar<'a> {
    /// Code.
    pub code: u16,
    /// Word.
    pub significance: &'a str,
    /// Accession; empty when none.
    pub accession: &'a str,
    /// Review status; empty when none.
    pub review_status: &'a str,
    /// Whether the status is trusted.
    pub trusted: bool,
}

impl RowClinvar<'_> {
    /// Pathogenic or likely pathogenic, whoever said so.
    #[must_use]
    pub fn is_pathogenic(&self) -> bool {
        is_pathogenic(self.code)
    }
}

/// Whether a ClinVar code says pathogenic or likely pathogenic.
pub(super) fn is_pathogenic(code: u16) -> bool {
    matches!(code, 4 | 5)
}

/// A compound partner of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RowCompound<'a> {
    /// The partner's row, when it is in the list.
    pub row: Option<usize>,
    /// `7_124537031_G_A`
    pub name: &'a str,
    /// Combined score.
    pub score: Option<f64>,
}

pub(super) fn known(value: f64) -> Option<f64> {
    (!value.is_nan()).then_some(value)
}

fn reads(value: u32) -> Option<u32> {
    (value != u32::MAX).then_some(value)
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

impl<'a> Row<'a> {
    /// Place in the list, from 0.
    #[must_use]
    pub fn at(self) -> usize {
        self.at
    }

    /// Identity.
    #[must_use]
    pub fn id(self) -> VariantId {
        VariantId::from_hash(&self.columns.ids[self.at])
    }

    /// Contig.
    #[must_use]
    pub fn chromosome(self) -> &'a str {
        self.columns.text(self.columns.chromosomes[self.at])
    }

    /// 1-based.
    #[must_use]
    pub fn position(self) -> u32 {
        self.columns.positions[self.at]
    }

    /// 1-based inclusive.
    #[must_use]
    pub fn end(self) -> u32 {
        self.columns.ends[self.at]
    }

    /// As written.
    #[must_use]
    pub fn reference(self) -> &'a str {
        self.columns.text(self.columns.references[self.at])
    }

    /// As written.
    #[must_use]
    pub fn alternative(self) -> &'a str {
        self.columns.text(self.columns.alternatives[self.at])
    }

    /// `snv`, `indel`, `symbolic`.
    #[must_use]
    pub fn sub_category(self) -> &'a str {
        self.columns.text(self.columns.sub_categories[self.at])
    }

    /// `7_124491972_C_A`.
    #[must_use]
    pub fn simple_id(self) -> String {
        super::super::identity::simple_id(
            &Chromosome::parse(self.chromosome()),
            self.position(),
            self.reference(),
            self.alternative(),
        )
    }

    /// Rank score.
    #[must_use]
    pub fn rank_score(self) -> Option<f64> {
        known(self.columns.numbers.rank_score[self.at])
    }

    /// gnomAD, all populations.
    #[must_use]
    pub fn gnomad(self) -> Option<f64> {
        known(self.columns.numbers.gnomad[self.at])
    }

    /// The highest public frequency known, with its source.
    #[must_use]
    pub fn highest_frequency(self) -> Option<(&'static str, f64)> {
        let numbers = &self.columns.numbers;
        [
            ("gnomAD", numbers.gnomad[self.at]),
            ("gnomAD highest population", numbers.gnomad_popmax[self.at]),
            ("ExAC", numbers.exac[self.at]),
            ("1000 Genomes", numbers.thousand_genomes[self.at]),
            ("SweGen", numbers.swegen[self.at]),
        ]
        .into_iter()
        .filter(|(_, value)| !value.is_nan())
        .max_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// CADD.
    #[must_use]
    pub fn cadd(self) -> Option<f64> {
        known(self.columns.numbers.cadd[self.at])
    }

    /// REVEL.
    #[must_use]
    pub fn revel(self) -> Option<f64> {
        known(self.columns.numbers.revel[self.at])
    }

    /// SpliceAI.
    #[must_use]
    pub fn spliceai(self) -> Option<f64> {
        known(self.columns.numbers.spliceai[self.at])
    }

    /// Cases in the laboratory's archive.
    #[must_use]
    pub fn local_obs(self) -> Option<f64> {
        known(self.columns.numbers.local_obs[self.at])
    }

    /// Homozygous cases in the laboratory's archive.
    #[must_use]
    pub fn local_hom(self) -> Option<f64> {
        known(self.columns.numbers.local_hom[self.at])
    }

    /// Genes, most severe first.
    pub fn genes(self) -> impl Iterator<Item = RowGene<'a>> {
        let text = |at| self.columns.text(at);
        self.columns.genes.of(self.at).iter().map(move |gene| RowGene {
            hgnc_id: (gene.hgnc_id != 0).then_some(gene.hgnc_id),
            symbol: text(gene.symbol),
            consequence: text(gene.consequence),
            unknown_term: gene.unknown_term,
            region: text(gene.region),
            hgvs_c: text(gene.hgvs_c),
            hgvs_p: text(gene.hgvs_p),
            transcript: text(gene.transcript),
            exon: text(gene.exon),
            inheritance: text(gene.inheritance),
            mane: gene.mane,
        })
    }

    /// Inheritance models of the family.
    pub fn models(self) -> impl Iterator<Item = &'a str> {
        self.columns.models.of(self.at).iter().map(move |model| self.columns.text(*model))
    }

    /// ClinVar records.
    pub fn clinvar(self) -> impl Iterator<Item = RowClinvar<'a>> {
        let text = |at| self.columns.text(at);
        self.columns.clinvar.of(self.at).iter().map(move |record| RowClinvar {
            code: record.code,
            significance: text(record.significance),
            accession: text(record.accession),
            review_status: text(record.review_status),
            trusted: record.trusted,
        })
    }

    /// FILTER values.
    pub fn filters(self) -> impl Iterator<Item = &'a str> {
        self.columns.filters.of(self.at).iter().map(move |filter| self.columns.text(*filter))
    }

    /// dbSNP identifiers.
    pub fn dbsnp(self) -> impl Iterator<Item = &'a str> {
        self.columns.dbsnp.of(self.at).iter().map(move |id| self.columns.text(*id))
    }

    /// Compound partners.
    pub fn compounds(self) -> impl Iterator<Item = RowCompound<'a>> {
        self.columns.compounds.of(self.at).iter().map(move |compound| RowCompound {
            row: reads(compound.row).map(|row| row as usize),
            name: self.columns.text(compound.name),
            score: known(compound.score),
        })
    }

    /// Calls of all individuals with DNA, in page order.
    pub fn calls(self) -> impl Iterator<Item = RowCall<'a>> {
        self.columns.individuals.iter().map(move |individual| RowCall {
            individual_id: &individual.id,
            name: &individual.name,
            phenotype: individual.phenotype,
            genotype: self.columns.text(individual.genotypes[self.at]),
            zygosity: individual.zygosity[self.at],
            ref_depth: reads(individual.ref_depth[self.at]),
            alt_depth: reads(individual.alt_depth[self.at]),
            depth: reads(individual.depth[self.at]),
            quality: known(individual.quality[self.at]),
            fraction: known(individual.fraction[self.at]),
            low_fraction: individual.kinds[self.at] & LOW_FRACTION != 0,
        })
    }
}
