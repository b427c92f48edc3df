//! Rows of the columns, read one by one.

use super::table::{Columns, LOW_FRACTION, WITHHELD};
use crate::cases::Phenotype;
use crate::genome::Chromosome;
use crate::ids::VariantId;
use crate::vcf::model::Zygosity;

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
    /// Not told of, for want of consent.
    pub withheld: bool,
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

    /// Whether a gene of this symbol is not told of, for want of consent.
    #[must_use]
    pub fn withholds_gene(self, symbol: &str) -> bool {
        self.columns.withheld.has_gene(None, symbol)
    }

    /// Whether the call of an individual is not told of, for want of consent.
    #[must_use]
    pub fn withholds(self, individual_id: &str) -> bool {
        self.calls().any(|call| call.withheld && call.individual_id == individual_id)
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
            withheld: individual.kinds[self.at] & WITHHELD != 0,
        })
    }
}
