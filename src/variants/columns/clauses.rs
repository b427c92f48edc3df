//! A filter as clauses, each a set of rows, and how they combine.

use std::collections::{HashMap, HashSet};

use super::bits::Bits;
use super::filter::Filter;
use super::limits::{Limit, NOTABLE_SPLICEAI, People, Rescue, SpidexBand};
use super::row::known;
use super::table::{Columns, GeneCell, WITHHELD};
use crate::cases::Phenotype;
use crate::variants::Tiers;
use crate::variants::model::is_of_compounds;
use crate::vcf::consequence;

/// One part of a filter that a row passes or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Clause {
    /// `panel`, `gene`, `exclude_genes`.
    Genes,
    /// `region`.
    Region,
    /// `affected_only`.
    AffectedOnly,
    /// `filter`.
    Filter,
    /// `hide_filter`.
    HideFilter,
    /// `dismissed`.
    Dismissed,
    /// `pinned`.
    Pinned,
    /// `classified`.
    Classified,
    /// `commented`.
    Commented,
    /// `clinvar` with its modifiers.
    Clinvar,
    /// `clinvar_only`.
    ClinvarOnly,
    /// `consequence`.
    Consequence,
    /// `region_annotation`.
    RegionAnnotation,
    /// `model`.
    Model,
    /// `gene_model`.
    GeneModel,
    /// `genotype`.
    Genotype,
    /// A number's limit.
    Limit(Limit),
    /// `spidex`.
    Spidex,
    /// `size_min`, `size_max`.
    Size,
    /// `compound_filtered`.
    CompoundFiltered,
}

impl Clause {
    /// The parameter that a person removes to lift this clause.
    #[must_use]
    pub fn parameter(self) -> &'static str {
        match self {
            Self::Genes => "gene",
            Self::Region => "region",
            Self::AffectedOnly => "affected_only",
            Self::Filter => "filter",
            Self::HideFilter => "hide_filter",
            Self::Dismissed => "dismissed",
            Self::Pinned => "pinned",
            Self::Classified => "classified",
            Self::Commented => "commented",
            Self::Clinvar => "clinvar",
            Self::ClinvarOnly => "clinvar_only",
            Self::Consequence => "consequence",
            Self::RegionAnnotation => "region_annotation",
            Self::Model => "model",
            Self::GeneModel => "gene_model",
            Self::Genotype => "genotype",
            Self::Limit(limit) => limit.parameter(),
            Self::Spidex => "spidex",
            Self::Size => "size_min",
            Self::CompoundFiltered => "compound_filtered",
        }
    }

    /// Whether `clinvar_first` cannot make up for it.
    fn is_fundamental(self) -> bool {
        matches!(
            self,
            Self::Genes
                | Self::Region
                | Self::AffectedOnly
                | Self::Filter
                | Self::HideFilter
                | Self::Dismissed
                | Self::Pinned
                | Self::Classified
                | Self::Commented
        )
    }
}

/// The genes that `panel` and `gene` mean, looked up; `None` when neither is given.
pub type GeneSet = Option<HashSet<u32>>;

/// What people decided about a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RowState {
    /// Pinned.
    pub pinned: bool,
    /// Held to be the cause.
    pub causative: bool,
    /// Held to be so, and not confirmed by the second reader that the institute asks for.
    pub unconfirmed: bool,
    /// Held to explain a part of what the patient has.
    pub partial: bool,
    /// Something is held of mosaicism.
    pub mosaic: bool,
    /// What it means in the tumour.
    pub tiers: Tiers,
    /// A mark is there that whoever asks is to come to by themselves.
    pub kept_back: bool,
    /// To be validated by the laboratory, or so already.
    pub validation: Option<RowValidation>,
    /// Put aside.
    pub dismissed: bool,
    /// Put aside, but its genotype or ClinVar record is another one since: it is shown as if it was not.
    pub shown_again: bool,
    /// Classified.
    pub classified: bool,
    /// Manual rank.
    pub rank: Option<u8>,
    /// Commented.
    pub comments: u32,
}

/// How far the validation of a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowValidation {
    /// Ordered.
    Waiting,
    /// The variant is there.
    Confirmed,
    /// It is not, or that could not be told.
    Unconfirmed,
}

/// Decisions by row; rows without any are absent.
pub type Overlay = HashMap<usize, RowState>;

/// A filter evaluated on a list.
#[derive(Debug, Clone)]
pub struct Evaluated {
    clauses: Vec<(Clause, Bits)>,
    clinvar_first: bool,
    /// For each row whose only models are compound ones: its partners.
    compound_partners: Option<HashMap<usize, Vec<usize>>>,
    rows: usize,
}

impl Evaluated {
    /// Evaluates every clause of a filter.
    #[must_use]
    pub fn new(columns: &Columns, filter: &Filter, genes: &GeneSet, overlay: &Overlay) -> Self {
        let rows = columns.len();
        let mut clauses = Vec::new();
        let mut add = |clause, bits| clauses.push((clause, bits));
        if let Some(set) = genes {
            let has = |row| columns.genes.of(row).iter().any(|gene| set.contains(&gene.hgnc_id));
            add(Clause::Genes, Bits::from_fn(rows, |row| has(row) != filter.exclude_genes));
        }
        if !filter.regions.is_empty() {
            add(Clause::Region, regions(columns, filter));
        }
        if filter.affected_only
            && let Some(bits) = affected_only(columns)
        {
            add(Clause::AffectedOnly, bits);
        }
        if !filter.filters.is_empty() {
            let wanted = columns.strings.matching(|text| filter.filters.iter().any(|filter| filter == text));
            let has = |row| columns.filters.of(row).iter().any(|value| wanted[value.0 as usize]);
            add(Clause::Filter, Bits::from_fn(rows, has));
        }
        if !filter.hide_filters.is_empty() {
            let hidden = columns.strings.matching(|text| filter.hide_filters.iter().any(|filter| filter == text));
            let has = |row| columns.filters.of(row).iter().any(|value| hidden[value.0 as usize]);
            add(Clause::HideFilter, Bits::from_fn(rows, |row| !has(row)));
        }
        let state = |test: fn(&RowState) -> bool| {
            let mut bits = Bits::none(rows);
            for (row, state) in overlay {
                if test(state) {
                    bits.insert(*row);
                }
            }
            bits
        };
        match filter.dismissed {
            People::Show => {}
            People::Hide => add(Clause::Dismissed, Bits::all(rows).without(&state(|state| state.dismissed))),
            People::Only => add(Clause::Dismissed, state(|state| state.dismissed)),
        }
        if filter.pinned_only {
            add(Clause::Pinned, state(|state| state.pinned));
        }
        if filter.classified_only {
            add(Clause::Classified, state(|state| state.classified));
        }
        if filter.commented_only {
            add(Clause::Commented, state(|state| state.comments > 0));
        }
        if !filter.clinvar.is_empty() {
            add(Clause::Clinvar, clinvar(columns, filter));
        }
        if filter.clinvar_only {
            add(Clause::ClinvarOnly, Bits::from_fn(rows, |row| !columns.clinvar.of(row).is_empty()));
        }
        add_annotations(columns, filter, &mut add);
        for (limit, value) in &filter.limits {
            let (values, missing_passes) = (limit.values(columns), !filter.drop_missing.contains(limit));
            let bits = Bits::from_fn(rows, |row| match known(values[row]) {
                Some(found) => limit.admits(found, *value),
                None => missing_passes,
            });
            add(Clause::Limit(*limit), bits);
        }
        if !filter.spidex.is_empty() {
            let band = |row: usize| SpidexBand::of(known(columns.numbers.spidex[row]));
            add(Clause::Spidex, Bits::from_fn(rows, |row| filter.spidex.contains(&band(row))));
        }
        if filter.size_min.is_some() || filter.size_max.is_some() {
            let within = |length: u32| {
                length == u32::MAX
                    || (filter.size_min.is_none_or(|least| length >= least)
                        && filter.size_max.is_none_or(|most| length <= most))
            };
            add(Clause::Size, Bits::from_fn(rows, |row| within(columns.lengths[row])));
        }
        Self {
            clauses,
            clinvar_first: filter.clinvar_first && !filter.clinvar.is_empty() && !filter.clinvar_exclude,
            compound_partners: filter.compound_filtered.then(|| compound_partners(columns)),
            rows,
        }
    }

    /// The clauses that the filter has.
    #[must_use]
    pub fn clauses(&self) -> Vec<Clause> {
        let compound = self.compound_partners.as_ref().map(|_| Clause::CompoundFiltered);
        self.clauses.iter().map(|(clause, _)| *clause).chain(compound).collect()
    }

    /// The rows that pass.
    #[must_use]
    pub fn matched(&self) -> Bits {
        self.matched_without(&[])
    }

    /// The rows that pass when these clauses are lifted.
    #[must_use]
    pub fn matched_without(&self, lifted: &[Clause]) -> Bits {
        let base = self.base_without(lifted);
        match &self.compound_partners {
            Some(partners) if !lifted.contains(&Clause::CompoundFiltered) => {
                let alone = |row: usize| {
                    partners.get(&row).is_some_and(|partners| !partners.iter().any(|partner| base.has(*partner)))
                };
                Bits::from_fn(self.rows, |row| base.has(row) && !alone(row))
            }
            _ => base,
        }
    }

    /// Whether a row passes when these clauses are lifted: as [`Self::matched_without`], without looking at all rows.
    #[must_use]
    pub fn shows_without(&self, row: usize, lifted: &[Clause]) -> bool {
        if !self.base_shows(row, lifted) {
            return false;
        }
        match &self.compound_partners {
            Some(partners) if !lifted.contains(&Clause::CompoundFiltered) => partners
                .get(&row)
                .is_none_or(|partners| partners.iter().any(|partner| self.base_shows(*partner, lifted))),
            _ => true,
        }
    }

    /// The false clauses that nothing makes up for, `compound_filtered` apart: all of them have to be lifted.
    pub(super) fn hindrances(&self, row: usize) -> Vec<Clause> {
        let is_true = |wanted: Clause| self.clauses.iter().any(|(clause, bits)| *clause == wanted && bits.has(row));
        let false_ones = self.clauses.iter().filter(|(_, bits)| !bits.has(row)).map(|(clause, _)| *clause);
        match (self.clinvar_first, is_true(Clause::Clinvar)) {
            (true, true) => false_ones.filter(|clause| clause.is_fundamental()).collect(),
            (true, false) => false_ones.filter(|clause| *clause != Clause::Clinvar).collect(),
            (false, _) => false_ones.collect(),
        }
    }

    fn base_shows(&self, row: usize, lifted: &[Clause]) -> bool {
        let mut kept = self.clauses.iter().filter(|(clause, _)| !lifted.contains(clause));
        if self.clinvar_first && !lifted.contains(&Clause::Clinvar) {
            let (mut fundamental, mut remaining, mut clinvar) = (true, true, false);
            for (clause, bits) in kept {
                match clause {
                    Clause::Clinvar => clinvar = bits.has(row),
                    clause if clause.is_fundamental() => fundamental &= bits.has(row),
                    _ => remaining &= bits.has(row),
                }
            }
            return fundamental && (remaining || clinvar);
        }
        kept.all(|(_, bits)| bits.has(row))
    }

    /// All clauses but `compound_filtered`, which looks at the result of the others.
    fn base_without(&self, lifted: &[Clause]) -> Bits {
        let kept = || self.clauses.iter().filter(|(clause, _)| !lifted.contains(clause));
        let and = |test: fn(Clause) -> bool| {
            kept().filter(|(clause, _)| test(*clause)).fold(Bits::all(self.rows), |all, (_, bits)| all.and(bits))
        };
        let clinvar = kept().find(|(clause, _)| *clause == Clause::Clinvar).map(|(_, bits)| bits);
        match clinvar {
            Some(clinvar) if self.clinvar_first => {
                let fundamental = and(Clause::is_fundamental);
                let remaining = and(|clause| !clause.is_fundamental() && clause != Clause::Clinvar);
                fundamental.and(&remaining.or(clinvar))
            }
            _ => and(|_| true),
        }
    }

    /// The clauses that are false for a row, whatever they combine to.
    #[must_use]
    pub fn false_clauses(&self, row: usize) -> Vec<Clause> {
        let mut found: Vec<Clause> =
            self.clauses.iter().filter(|(_, bits)| !bits.has(row)).map(|(clause, _)| *clause).collect();
        if let Some(partners) = &self.compound_partners {
            let base = self.base_without(&[]);
            if partners.get(&row).is_some_and(|partners| !partners.iter().any(|partner| base.has(*partner))) {
                found.push(Clause::CompoundFiltered);
            }
        }
        found
    }
}

fn regions(columns: &Columns, filter: &Filter) -> Bits {
    Bits::from_fn(columns.len(), |row| {
        let chromosome = columns.text(columns.chromosomes[row]);
        let (start, end) = (columns.positions[row], columns.ends[row]);
        filter
            .regions
            .iter()
            .any(|region| region.chromosome.as_str() == chromosome && start <= region.end && end >= region.start)
    })
}

/// Somebody affected or of unknown status carries it; open calls of all of them, and low fractions, pass too. A call that
/// consent withholds is no open one.
///
/// `None` when nobody is affected or unknown: the clause is off then.
fn affected_only(columns: &Columns) -> Option<Bits> {
    let watched: Vec<_> =
        columns.individuals.iter().filter(|individual| individual.phenotype != Phenotype::Unaffected).collect();
    if watched.is_empty() {
        return None;
    }
    Some(Bits::from_fn(columns.len(), |row| {
        watched.iter().any(|individual| individual.carries(row))
            || watched
                .iter()
                .all(|individual| individual.zygosity[row].is_open() && individual.kinds[row] & WITHHELD == 0)
    }))
}

fn clinvar(columns: &Columns, filter: &Filter) -> Bits {
    let matches = |row: usize| {
        columns
            .clinvar
            .of(row)
            .iter()
            .any(|record| filter.clinvar.contains(&record.code) && (!filter.clinvar_trusted || record.trusted))
    };
    Bits::from_fn(columns.len(), |row| matches(row) != filter.clinvar_exclude)
}

fn add_annotations(columns: &Columns, filter: &Filter, add: &mut impl FnMut(Clause, Bits)) {
    let rows = columns.len();
    let rescued = |row: usize| {
        let genes = columns.genes.of(row);
        (filter.rescue.contains(&Rescue::Spliceai)
            && columns.numbers.spliceai[row] >= NOTABLE_SPLICEAI
            && genes.iter().any(|gene| gene.hgnc_id != 0 || gene.symbol.0 != 0))
            || (filter.rescue.contains(&Rescue::DiseaseRna)
                && genes.iter().any(|gene| gene.disease_rna && is_rna_exon(columns.text(gene.consequence))))
    };
    let any_gene = |test: &dyn Fn(&GeneCell) -> bool| Bits::from_fn(rows, |row| columns.genes.of(row).iter().any(test));
    if !filter.consequences.is_empty() {
        let wanted =
            columns.strings.matching(|text| filter.consequences.iter().any(|wanted| consequence::is_a(text, wanted)));
        let bits = Bits::from_fn(rows, |row| {
            columns.genes.of(row).iter().any(|gene| gene.unknown_term || wanted[gene.consequence.0 as usize])
                || rescued(row)
        });
        add(Clause::Consequence, bits);
    }
    if !filter.region_annotations.is_empty() {
        let wanted = columns.strings.matching(|text| filter.region_annotations.iter().any(|class| class == text));
        let bits = Bits::from_fn(rows, |row| {
            columns.genes.of(row).iter().any(|gene| gene.unknown_term || wanted[gene.region.0 as usize]) || rescued(row)
        });
        add(Clause::RegionAnnotation, bits);
    }
    if !filter.models.is_empty() {
        let wanted = columns.strings.matching(|text| filter.models.iter().any(|model| model == text));
        let has = |row| columns.models.of(row).iter().any(|model| wanted[model.0 as usize]);
        add(Clause::Model, Bits::from_fn(rows, has));
    }
    if !filter.gene_models.is_empty() {
        let wanted = columns
            .strings
            .matching(|text| text.split(',').any(|mode| filter.gene_models.iter().any(|model| model == mode)));
        add(Clause::GeneModel, any_gene(&|gene| gene.inheritance.0 != 0 && wanted[gene.inheritance.0 as usize]));
    }
    if !filter.genotypes.is_empty() {
        let mask = filter.genotypes.iter().fold(0, |mask, kind| mask | kind.bit());
        let affected: Vec<_> =
            columns.individuals.iter().filter(|individual| individual.phenotype == Phenotype::Affected).collect();
        let bits = Bits::from_fn(rows, |row| affected.iter().any(|individual| individual.kinds[row] & mask != 0));
        add(Clause::Genotype, bits);
    }
}

/// Terms of a change within an exon of a gene that codes for no protein.
pub(super) fn is_rna_exon(term: &str) -> bool {
    matches!(term, "non_coding_transcript_exon_variant" | "mature_miRNA_variant" | "non_coding_exon_variant")
}

/// Rows all of whose models are compound ones, with the rows of their partners.
fn compound_partners(columns: &Columns) -> HashMap<usize, Vec<usize>> {
    (0..columns.len())
        .filter(|row| {
            let mut models = columns.row(*row).models().peekable();
            models.peek().is_some() && models.all(is_of_compounds)
        })
        .map(|row| (row, columns.row(row).compounds().filter_map(|compound| compound.row).collect()))
        .collect()
}
