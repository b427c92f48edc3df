use std::collections::HashMap;

use super::table::{ClinvarCell, Columns, CompoundCell, GeneCell, GenotypeKind, IndividualColumn, LOW_FRACTION, Text};
use crate::cases::{Phenotype, Sex};
use crate::genome::{Chromosome, GenomeBuild, is_pseudo_autosomal};
use crate::variants::Variant;
use crate::variants::identity::simple_id;
use crate::vcf::consequence;
use crate::vcf::model::{Call, GeneAnnotation, Zygosity};

/// ALT reads from which a reference call is shown as "low fraction", and the fraction they must be of all reads.
const LOW_FRACTION_READS: u32 = 3;
const LOW_FRACTION_SHARE: f64 = 0.02;

/// Builds columns from documents in any order.
pub struct ColumnsBuilder {
    columns: Columns,
    interned: HashMap<String, Text>,
}

/// An individual with DNA, in page order.
#[derive(Debug, Clone)]
pub struct ColumnIndividual {
    /// Column name.
    pub id: String,
    /// Name on pages.
    pub name: String,
    /// Sex as registered.
    pub sex: Sex,
    /// Affected or not.
    pub phenotype: Phenotype,
}

impl ColumnsBuilder {
    /// Columns of a list on `build` with the calls of these individuals.
    #[must_use]
    pub fn new(build: GenomeBuild, individuals: Vec<ColumnIndividual>) -> Self {
        let individuals = individuals
            .into_iter()
            .map(|individual| IndividualColumn {
                id: individual.id,
                name: individual.name,
                sex: individual.sex,
                phenotype: individual.phenotype,
                genotypes: Vec::new(),
                zygosity: Vec::new(),
                ref_depth: Vec::new(),
                alt_depth: Vec::new(),
                depth: Vec::new(),
                quality: Vec::new(),
                fraction: Vec::new(),
                kinds: Vec::new(),
            })
            .collect();
        Self { columns: Columns { build: Some(build), individuals, ..Columns::default() }, interned: HashMap::new() }
    }

    fn text(&mut self, text: &str) -> Text {
        if text.is_empty() {
            return Text::NONE;
        }
        if let Some(known) = self.interned.get(text) {
            return *known;
        }
        let index = self.columns.strings.push(text);
        self.interned.insert(text.to_owned(), index);
        index
    }

    fn optional(&mut self, text: Option<&String>) -> Text {
        text.map_or(Text::NONE, |text| self.text(text))
    }

    /// Adds one row.
    pub fn add(&mut self, variant: &Variant) {
        let number = |value: Option<f64>| value.unwrap_or(f64::NAN);
        let mut hash = [0; 16];
        hash.copy_from_slice(&variant.key.bytes[..16]);
        self.columns.ids.push(hash);
        let chromosome = self.text(variant.chromosome.as_str());
        self.columns.chromosomes.push(chromosome);
        self.columns.positions.push(variant.position);
        self.columns.ends.push(variant.end);
        let reference = self.text(&variant.reference);
        self.columns.references.push(reference);
        let alternative = self.text(&variant.alternative);
        self.columns.alternatives.push(alternative);
        let sub_category = self.text(&variant.sub_category);
        self.columns.sub_categories.push(sub_category);
        self.columns.lengths.push(variant.length.unwrap_or(u32::MAX));
        let numbers = &mut self.columns.numbers;
        numbers.rank_score.push(number(variant.rank.score));
        numbers.gnomad.push(number(variant.frequencies.gnomad));
        numbers.gnomad_popmax.push(number(variant.frequencies.gnomad_popmax));
        numbers.exac.push(number(variant.frequencies.exac));
        numbers.thousand_genomes.push(number(variant.frequencies.thousand_genomes));
        numbers.swegen.push(number(variant.frequencies.swegen));
        numbers.local_obs.push(number(variant.local_archive.observations.map(f64::from)));
        numbers.local_hom.push(number(variant.local_archive.homozygotes.map(f64::from)));
        numbers.cadd.push(number(variant.scores.cadd));
        numbers.revel.push(number(variant.scores.revel));
        numbers.spliceai.push(number(variant.scores.spliceai));
        numbers.spidex.push(number(variant.scores.spidex));
        self.add_lists(variant);
        self.add_calls(variant);
    }

    fn add_lists(&mut self, variant: &Variant) {
        let genes: Vec<GeneCell> = variant.genes.iter().map(|gene| self.gene(gene)).collect();
        self.columns.genes.push(genes);
        let models: Vec<Text> = variant.models.iter().map(|model| self.text(model)).collect();
        self.columns.models.push(models);
        let clinvar: Vec<ClinvarCell> = variant
            .clinvar
            .iter()
            .map(|record| ClinvarCell {
                code: record.code,
                significance: self.text(&record.significance),
                accession: self.optional(record.accession.as_ref()),
                review_status: self.optional(record.review_status.as_ref()),
                trusted: record.trusted,
            })
            .collect();
        self.columns.clinvar.push(clinvar);
        let callers: Vec<(Text, Text)> =
            variant.callers.iter().map(|caller| (self.text(&caller.name), self.text(&caller.status))).collect();
        self.columns.callers.push(callers);
        let filters: Vec<Text> = variant.filters.iter().map(|filter| self.text(filter)).collect();
        self.columns.filters.push(filters);
        let dbsnp: Vec<Text> = variant.dbsnp.iter().map(|id| self.text(id)).collect();
        self.columns.dbsnp.push(dbsnp);
        let compounds: Vec<CompoundCell> = variant
            .compounds
            .iter()
            .map(|compound| CompoundCell {
                row: u32::MAX,
                name: self.text(&compound.name),
                score: compound.score.unwrap_or(f64::NAN),
            })
            .collect();
        self.columns.compounds.push(compounds);
    }

    fn gene(&mut self, gene: &GeneAnnotation) -> GeneCell {
        let shown = gene.representative.and_then(|at| gene.transcripts.get(at));
        let unknown_term = gene.consequence.as_deref().is_some_and(|term| consequence::rank(term).is_none());
        GeneCell {
            hgnc_id: gene.hgnc_id.unwrap_or(0),
            symbol: self.optional(gene.symbol.as_ref()),
            consequence: self.optional(gene.consequence.as_ref()),
            unknown_term,
            region: self.optional(gene.region.as_ref()),
            hgvs_c: self.optional(shown.and_then(|transcript| transcript.hgvs_c.as_ref())),
            hgvs_p: self.optional(shown.and_then(|transcript| transcript.hgvs_p.as_ref())),
            // A report names the RefSeq twin where there is one.
            transcript: self
                .optional(shown.map(|transcript| transcript.mane_select.as_ref().unwrap_or(&transcript.id))),
            exon: self.optional(shown.and_then(|transcript| transcript.exon.as_ref())),
            sift: self.optional(gene.sift.as_ref()),
            polyphen: self.optional(gene.polyphen.as_ref()),
            inheritance: self.text(&gene.inheritance.join(",")),
            disease_rna: gene.disease_rna,
            mane: shown.is_some_and(|transcript| transcript.mane_select.is_some()),
        }
    }

    fn add_calls(&mut self, variant: &Variant) {
        let genotypes: Vec<Text> = (0..self.columns.individuals.len())
            .map(|at| {
                let id = self.columns.individuals[at].id.clone();
                let genotype = call_of(variant, &id).and_then(|call| call.genotype.clone()).unwrap_or_default();
                self.text(&genotype)
            })
            .collect();
        let build = self.columns.build.unwrap_or(variant.build);
        for (individual, genotype) in self.columns.individuals.iter_mut().zip(genotypes) {
            let none = Call::default();
            let call = call_of(variant, &individual.id).unwrap_or(&none);
            individual.genotypes.push(genotype);
            individual.zygosity.push(call.zygosity);
            individual.ref_depth.push(call.ref_depth.unwrap_or(u32::MAX));
            individual.alt_depth.push(call.alt_depth.unwrap_or(u32::MAX));
            individual.depth.push(call.depth.unwrap_or(u32::MAX));
            individual.quality.push(call.genotype_quality.unwrap_or(f64::NAN));
            individual.fraction.push(call.alt_fraction.unwrap_or(f64::NAN));
            individual.kinds.push(kinds(call, individual.sex, build, &variant.chromosome, variant.position));
        }
    }

    /// Sorts by rank, links compound partners, and gives the columns.
    #[must_use]
    pub fn finish(self) -> Columns {
        let mut columns = self.columns;
        let order = rank_order(&columns);
        reorder(&mut columns, &order);
        link_compounds(&mut columns);
        columns
    }
}

fn call_of<'a>(variant: &'a Variant, id: &str) -> Option<&'a Call> {
    variant.samples.iter().find(|sample| sample.individual_id == id).map(|sample| &sample.call)
}

/// Filter bits of one call; see the `genotype` and `affected_only` parameters.
fn kinds(call: &Call, sex: Sex, build: GenomeBuild, chromosome: &Chromosome, position: u32) -> u8 {
    let mut bits = 0;
    let single_copy =
        sex == Sex::Male && chromosome.is_sex_chromosome() && !is_pseudo_autosomal(build, chromosome, position);
    let mitochondrial = chromosome.is_mitochondrial();
    match call.zygosity {
        Zygosity::Heterozygous => bits |= GenotypeKind::Het.bit(),
        Zygosity::Homozygous if !mitochondrial => bits |= GenotypeKind::Hom.bit(),
        Zygosity::Haploid if !mitochondrial => bits |= GenotypeKind::Hemi.bit(),
        _ => {}
    }
    if single_copy && call.zygosity.carries() {
        bits |= GenotypeKind::Hemi.bit();
    }
    if bits == 0 && !matches!(call.zygosity, Zygosity::Reference | Zygosity::NoCall) {
        bits |= GenotypeKind::Other.bit();
    }
    if is_low_fraction(call) {
        bits |= LOW_FRACTION;
    }
    bits
}

/// Whether this is a reference call, but with reads that show the allele.
pub(crate) fn is_low_fraction(call: &Call) -> bool {
    call.zygosity == Zygosity::Reference
        && call.alt_depth.is_some_and(|reads| reads >= LOW_FRACTION_READS)
        && share(call).is_some_and(|share| share >= LOW_FRACTION_SHARE)
}

fn share(call: &Call) -> Option<f64> {
    call.alt_fraction.or_else(|| {
        let (alt, all) = (call.alt_depth?, call.depth?);
        (all > 0).then(|| f64::from(alt) / f64::from(all))
    })
}

/// Score descending, missing last; then contig, position, id.
fn rank_order(columns: &Columns) -> Vec<u32> {
    let chromosomes: Vec<Chromosome> =
        columns.chromosomes.iter().map(|name| Chromosome::parse(columns.text(*name))).collect();
    let score = |row: usize| {
        let score = columns.numbers.rank_score[row];
        if score.is_nan() { f64::NEG_INFINITY } else { score }
    };
    let mut order: Vec<u32> = (0..u32::try_from(columns.len()).expect("a list has fewer than 2^32 variants")).collect();
    order.sort_by(|a, b| {
        let (a, b) = (*a as usize, *b as usize);
        score(b)
            .total_cmp(&score(a))
            .then_with(|| chromosomes[a].cmp(&chromosomes[b]))
            .then_with(|| columns.positions[a].cmp(&columns.positions[b]))
            .then_with(|| columns.ids[a].cmp(&columns.ids[b]))
    });
    order
}

/// Puts these rows in place of all, in this order.
pub(super) fn reorder(columns: &mut Columns, order: &[u32]) {
    fn permute<T: Copy>(values: &mut Vec<T>, order: &[u32]) {
        *values = order.iter().map(|row| values[*row as usize]).collect();
    }
    permute(&mut columns.ids, order);
    permute(&mut columns.chromosomes, order);
    permute(&mut columns.positions, order);
    permute(&mut columns.ends, order);
    permute(&mut columns.references, order);
    permute(&mut columns.alternatives, order);
    permute(&mut columns.sub_categories, order);
    permute(&mut columns.lengths, order);
    let numbers = &mut columns.numbers;
    for values in [
        &mut numbers.rank_score,
        &mut numbers.gnomad,
        &mut numbers.gnomad_popmax,
        &mut numbers.exac,
        &mut numbers.thousand_genomes,
        &mut numbers.swegen,
        &mut numbers.local_obs,
        &mut numbers.local_hom,
        &mut numbers.cadd,
        &mut numbers.revel,
        &mut numbers.spliceai,
        &mut numbers.spidex,
    ] {
        permute(values, order);
    }
    columns.genes = columns.genes.reordered(order);
    columns.models = columns.models.reordered(order);
    columns.clinvar = columns.clinvar.reordered(order);
    columns.callers = columns.callers.reordered(order);
    columns.filters = columns.filters.reordered(order);
    columns.dbsnp = columns.dbsnp.reordered(order);
    columns.compounds = columns.compounds.reordered(order);
    for individual in &mut columns.individuals {
        permute(&mut individual.genotypes, order);
        permute(&mut individual.zygosity, order);
        permute(&mut individual.ref_depth, order);
        permute(&mut individual.alt_depth, order);
        permute(&mut individual.depth, order);
        permute(&mut individual.quality, order);
        permute(&mut individual.fraction, order);
        permute(&mut individual.kinds, order);
    }
}

fn link_compounds(columns: &mut Columns) {
    let rows: HashMap<String, u32> = (0..columns.len())
        .map(|at| {
            let row = columns.row(at);
            (row.simple_id(), u32::try_from(at).unwrap_or(u32::MAX))
        })
        .collect();
    for at in 0..columns.len() {
        let partners: Vec<u32> = columns
            .compounds
            .of(at)
            .iter()
            .map(|compound| rows.get(&canonical_name(columns.text(compound.name))).copied().unwrap_or(u32::MAX))
            .collect();
        for (compound, partner) in columns.compounds.of_mut(at).iter_mut().zip(partners) {
            compound.row = partner;
        }
    }
}

/// A compound's name with the contig in canonical spelling.
fn canonical_name(name: &str) -> String {
    let mut parts = name.splitn(4, '_');
    match (parts.next(), parts.next().and_then(|position| position.parse().ok()), parts.next(), parts.next()) {
        (Some(contig), Some(position), Some(reference), Some(alternative)) => {
            simple_id(&Chromosome::parse(contig), position, reference, alternative)
        }
        _ => name.to_owned(),
    }
}
