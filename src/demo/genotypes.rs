use std::collections::BTreeMap;
use std::fmt;

use rand::RngExt;

use super::family::Family;
use super::site::{Kind, Site};
use super::teaching::{AnalysisType, Sex, TeachingCase};
use super::{DemoError, DemoRng};
use crate::genome::{Chromosome, GenomeBuild, is_pseudo_autosomal};

/// Below this frequency a variant of the background is carried on a single haplotype of one founder.
const RARE: f64 = 0.005;
/// Frequency assumed when the source gives none and the variant is known from healthy people.
const ASSUMED_FREQUENCY: f64 = 0.06;
/// Share of reads that show the other base by mistake at a homozygous call.
const READ_ERROR: f64 = 0.001;

/// How many copies people have of a place in the genome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Locus {
    /// Two copies: autosomes and the pseudo-autosomal regions.
    Autosomal,
    X,
    Y,
    Mitochondrial,
}

impl Locus {
    /// `position` is 1-based on `build`.
    pub fn of(build: GenomeBuild, chromosome: &str, position: u32) -> Self {
        let chromosome = Chromosome::parse(chromosome);
        match chromosome.as_str() {
            "MT" => Self::Mitochondrial,
            _ if is_pseudo_autosomal(build, &chromosome, position) => Self::Autosomal,
            "X" => Self::X,
            "Y" => Self::Y,
            _ => Self::Autosomal,
        }
    }
}

/// What the caller says of one sample at one variant.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// Copies as written: 0 reference, 1 alternative, `None` not called.
    alleles: Vec<Option<u8>>,
    phased: bool,
    pub ref_depth: u32,
    pub alt_depth: u32,
    pub quality: u32,
}

impl Call {
    pub fn is_called(&self) -> bool {
        self.alleles.iter().any(Option::is_some)
    }

    pub fn carries(&self) -> bool {
        self.alleles.contains(&Some(1))
    }

    pub fn is_het(&self) -> bool {
        self.carries() && self.alleles.contains(&Some(0))
    }

    pub fn is_hom_alt(&self) -> bool {
        !self.alleles.is_empty() && self.alleles.iter().all(|allele| *allele == Some(1))
    }

    pub fn depth(&self) -> u32 {
        self.ref_depth + self.alt_depth
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, allele) in self.alleles.iter().enumerate() {
            if nth > 0 {
                f.write_str(if self.phased { "|" } else { "/" })?;
            }
            match allele {
                Some(allele) => write!(f, "{allele}")?,
                None => f.write_str(".")?,
            }
        }
        Ok(())
    }
}

/// Draws the genotypes of a family: founders' haplotypes by frequency, children's by Mendel's rules.
///
/// What a parent hands on is drawn once per gene, so that variants of one gene stay on their haplotype.
pub(super) struct Genotyper<'a> {
    case: &'a TeachingCase,
    family: &'a Family<'a>,
    autozygous: Vec<(Chromosome, u32, u32)>,
    /// By gene: for each sample, which of the father's and which of the mother's haplotypes it has; and if phase is written.
    transmissions: BTreeMap<String, Transmission>,
}

#[derive(Debug, Clone)]
struct Transmission {
    from: Vec<(usize, usize)>,
    phased: bool,
}

impl<'a> Genotyper<'a> {
    pub fn new(case: &'a TeachingCase, family: &'a Family<'a>) -> Result<Self, DemoError> {
        let autozygous = case
            .autozygous
            .iter()
            .map(|region| {
                let text = if case.build == GenomeBuild::Grch38 { &region.grch38 } else { &region.grch37 };
                parse_region(text).ok_or_else(|| DemoError::Region { case: case.key.clone(), region: text.clone() })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { case, family, autozygous, transmissions: BTreeMap::new() })
    }

    /// Whether both parents handed on the same ancestral haplotype here.
    pub fn is_autozygous(&self, chromosome: &str, position: u32) -> bool {
        let chromosome = Chromosome::parse(chromosome);
        self.autozygous.iter().any(|(on, start, end)| *on == chromosome && (*start..=*end).contains(&position))
    }

    /// One call per sample, in the family's order.
    pub fn call(&mut self, site: &Site, rng: &mut DemoRng) -> Result<Vec<Call>, DemoError> {
        let locus = site.locus(self.case.build);
        match &site.kind {
            Kind::Stated(variant) => self.stated(variant, locus, rng),
            Kind::Artefact => Ok(self.artefact(locus, rng)),
            Kind::Background | Kind::Carrier => Ok(self.drawn(site, locus, rng)),
        }
    }

    fn stated(
        &self,
        variant: &super::teaching::TeachingVariant,
        locus: Locus,
        rng: &mut DemoRng,
    ) -> Result<Vec<Call>, DemoError> {
        let mut calls = Vec::new();
        for (at, sample) in self.family.samples.iter().enumerate() {
            let text = variant.genotypes.get(sample.member).ok_or_else(|| DemoError::UnknownMember {
                case: self.case.key.clone(),
                member: sample.member.to_owned(),
            })?;
            let alleles = text.split('/').map(|allele| allele.parse().ok()).collect();
            let fraction = variant.alt_fractions.get(sample.member).copied();
            let mut call = self.reads(alleles, false, fraction, locus, at, rng);
            call.quality = call.quality.max(60);
            calls.push(call);
        }
        Ok(calls)
    }

    /// A heteroplasmy of one or two percent in one sample: nuclear copies and read errors look like this.
    fn artefact(&self, locus: Locus, rng: &mut DemoRng) -> Vec<Call> {
        let shown = rng.random_range(0..self.family.samples.len());
        (0..self.family.samples.len())
            .map(|at| {
                let (second, fraction) = if at == shown { (1, rng.random_range(0.012..0.022)) } else { (0, 0.0) };
                let mut call = self.reads(vec![Some(0), Some(second)], false, Some(fraction), locus, at, rng);
                call.quality = call.quality.min(30);
                call
            })
            .collect()
    }

    fn drawn(&mut self, site: &Site, locus: Locus, rng: &mut DemoRng) -> Vec<Call> {
        let transmission = self.transmission(site.gene.symbol.as_str(), rng);
        let haplotypes = self.haplotypes(site, locus, &transmission, rng);
        let common = site.known_in_population && site.frequency.is_none_or(|frequency| frequency >= 0.01);
        haplotypes
            .into_iter()
            .enumerate()
            .map(|(at, haplotypes)| {
                let sample = &self.family.samples[at];
                let mut alleles: Vec<Option<u8>> = haplotypes.iter().map(|allele| Some(*allele)).collect();
                let mut fraction = None;
                let child = sample.father.is_some() && sample.mother.is_some();
                let mut phased = false;
                match (locus, sample.sex) {
                    (Locus::Y, Sex::Female) => alleles = vec![None; if self.case.haploid_calls { 1 } else { 2 }],
                    (Locus::X | Locus::Y, Sex::Male) if !self.case.haploid_calls => alleles.push(alleles[0]),
                    (Locus::Mitochondrial, _) => {
                        fraction = (alleles[0] == Some(1)).then(|| rng.random_range(0.985..1.0));
                        alleles.push(alleles[0]);
                    }
                    (Locus::Autosomal, _) if child && transmission.phased => phased = alleles[0] != alleles[1],
                    _ => {}
                }
                if !phased {
                    alleles.sort_unstable();
                }
                if common && rng.random_bool(0.012) {
                    alleles.fill(None);
                    phased = false;
                } else if common && alleles.len() == 2 && alleles[0] == Some(0) && rng.random_bool(0.002) {
                    alleles[1] = None;
                    phased = false;
                }
                self.reads(alleles, phased, fraction, locus, at, rng)
            })
            .collect()
    }

    fn transmission(&mut self, gene: &str, rng: &mut DemoRng) -> Transmission {
        let samples = self.family.samples.len();
        self.transmissions
            .entry(gene.to_owned())
            .or_insert_with(|| Transmission {
                from: (0..samples).map(|_| (rng.random_range(0..2), rng.random_range(0..2))).collect(),
                phased: rng.random_bool(0.3),
            })
            .clone()
    }

    /// Copies per sample, the father's first; empty for a sample that has no copy (a woman's Y).
    fn haplotypes(&self, site: &Site, locus: Locus, transmission: &Transmission, rng: &mut DemoRng) -> Vec<Vec<u8>> {
        let founders = self.family.founders();
        let places: Vec<(usize, usize)> = founders
            .iter()
            .flat_map(|&founder| (0..copies(locus, self.family.samples[founder].sex)).map(move |nth| (founder, nth)))
            .collect();
        let mut carriers: Vec<(usize, usize)> = Vec::new();
        let frequency = site.frequency.or(site.known_in_population.then_some(ASSUMED_FREQUENCY)).unwrap_or(0.0);
        if matches!(site.kind, Kind::Background) && frequency >= RARE {
            for _ in 0..12 {
                carriers = places.iter().copied().filter(|_| rng.random_bool(frequency.min(1.0))).collect();
                if !carriers.is_empty() {
                    break;
                }
            }
        }
        if carriers.is_empty() && !places.is_empty() {
            // A rare protein-altering allele on X is left to women: a healthy man with it would be a finding.
            let eligible: Vec<(usize, usize)> = places
                .iter()
                .copied()
                .filter(|&(at, _)| {
                    locus != Locus::X || !site.alters_protein() || self.family.samples[at].sex == Sex::Female
                })
                .collect();
            let from = if eligible.is_empty() { &places } else { &eligible };
            carriers.push(from[rng.random_range(0..from.len())]);
        }
        let mut haplotypes: Vec<Vec<u8>> = vec![Vec::new(); self.family.samples.len()];
        for &(founder, nth) in &places {
            haplotypes[founder].push(u8::from(carriers.contains(&(founder, nth))));
        }
        for (at, sample) in self.family.samples.iter().enumerate() {
            let (Some(father), Some(mother)) = (sample.father, sample.mother) else { continue };
            let (from_father, from_mother) = transmission.from[at];
            if locus == Locus::Autosomal && sample.affected && self.is_autozygous(site.chromosome, site.position) {
                haplotypes[mother][from_mother] = haplotypes[father][from_father];
            }
            haplotypes[at] = match (locus, sample.sex) {
                (Locus::Autosomal, _) => vec![haplotypes[father][from_father], haplotypes[mother][from_mother]],
                (Locus::X, Sex::Male) => vec![haplotypes[mother][from_mother]],
                (Locus::X, Sex::Female) => vec![haplotypes[father][0], haplotypes[mother][from_mother]],
                (Locus::Y, Sex::Male) => haplotypes[father].clone(),
                (Locus::Y, Sex::Female) => Vec::new(),
                (Locus::Mitochondrial, _) => haplotypes[mother].clone(),
            };
        }
        for (at, sample) in self.family.samples.iter().enumerate() {
            if let Some(same) = sample.same_as {
                let of_person = haplotypes[same].clone();
                haplotypes[at] = of_person;
            }
        }
        haplotypes
    }

    fn reads(
        &self,
        alleles: Vec<Option<u8>>,
        phased: bool,
        fraction: Option<f64>,
        locus: Locus,
        at: usize,
        rng: &mut DemoRng,
    ) -> Call {
        let call = Call { alleles, phased, ref_depth: 0, alt_depth: 0, quality: 0 };
        let sample = &self.family.samples[at];
        if !call.is_called() {
            return call;
        }
        let mut mean = match (self.case.analysis_type, locus) {
            (AnalysisType::Panel, _) => 560.0,
            (AnalysisType::Wes, Locus::Mitochondrial) => 240.0,
            (AnalysisType::Wes, _) => 72.0,
            (AnalysisType::Wgs, Locus::Mitochondrial) => 2400.0,
            (AnalysisType::Wgs, _) => 36.0,
        };
        if matches!(locus, Locus::X | Locus::Y) && sample.sex == Sex::Male {
            mean *= 0.5;
        }
        if fraction.is_none() && rng.random_bool(0.02) {
            mean *= 0.18;
        }
        let depth = whole(mean * (1.0 + 0.22 * bell(rng))).max(4);
        let expected = fraction.unwrap_or_else(|| {
            let called = call.alleles.iter().flatten().count();
            let alternative = call.alleles.iter().flatten().filter(|allele| **allele == 1).count();
            match alternative {
                0 => READ_ERROR,
                all if all == called && call.alleles.len() == called => 1.0 - READ_ERROR,
                _ => 0.485,
            }
        });
        // Stated fractions are met exactly (to the nearest read); others scatter as reads do.
        let alt_depth = if fraction.is_some() {
            whole(expected * f64::from(depth))
        } else {
            let spread = (expected * (1.0 - expected) * f64::from(depth)).sqrt();
            whole((expected * f64::from(depth) + spread * bell(rng)).clamp(0.0, f64::from(depth)))
        };
        let alt_depth = if call.carries() { alt_depth.clamp(1, depth) } else { alt_depth.min(depth) };
        let alt_depth = if call.is_het() { alt_depth.min(depth - 1).max(1) } else { alt_depth };
        let quality = (depth * 3).min(99).saturating_sub(rng.random_range(0..6));
        Call { ref_depth: depth - alt_depth, alt_depth, quality, ..call }
    }
}

fn copies(locus: Locus, sex: Sex) -> usize {
    match (locus, sex) {
        (Locus::Autosomal, _) | (Locus::X, Sex::Female) => 2,
        (Locus::X | Locus::Y, Sex::Male) | (Locus::Mitochondrial, _) => 1,
        (Locus::Y, Sex::Female) => 0,
    }
}

fn parse_region(text: &str) -> Option<(Chromosome, u32, u32)> {
    let (chromosome, span) = text.split_once(':')?;
    let (start, end) = span.split_once('-')?;
    Some((Chromosome::parse(chromosome), start.parse().ok()?, end.parse().ok()?))
}

/// Roughly normal, mean 0 and deviation 1, by adding up twelve even draws; no library function whose digits could differ.
pub(super) fn bell(rng: &mut DemoRng) -> f64 {
    (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounded and clamped to the range first")]
pub(super) fn whole(number: f64) -> u32 {
    number.round().clamp(0.0, f64::from(u32::MAX)) as u32
}
