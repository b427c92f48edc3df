use std::collections::BTreeMap;

use super::family::{Family, Sample};
use super::genotypes::{Call, Locus};
use super::teaching::Sex;

/// The models of inheritance that a variant follows in the family, named and decided as genmod does with full
/// penetrance: every affected person fits, no healthy person contradicts, a call that was not made contradicts nothing.
///
/// A second sample of a person is not asked. Compounds are found by [`compounds`]; the mitochondrion and Y have no model.
pub(super) fn models(locus: Locus, family: &Family, calls: &[Call]) -> Vec<&'static str> {
    let mut models = Vec::new();
    if !family.people().any(|at| family.samples[at].affected && calls[at].carries()) {
        return models;
    }
    let everyone = || family.people().map(|at| (&family.samples[at], &calls[at]));
    let fits = |affected: &dyn Fn(&Sample, &Call) -> bool, healthy: &dyn Fn(&Sample, &Call) -> bool| {
        everyone().all(|(sample, call)| {
            !call.is_called() || if sample.affected { affected(sample, call) } else { healthy(sample, call) }
        })
    };
    match locus {
        Locus::Autosomal => {
            if fits(&|_, call| call.is_het(), &|_, call| !call.carries()) {
                models.push(if is_new(family, calls, |_| true) { "AD_dn" } else { "AD" });
            }
            if fits(&|_, call| call.is_hom_alt(), &|_, call| !call.is_hom_alt()) {
                models.push(if parent_without(family, calls, |_| true) { "AR_hom_dn" } else { "AR_hom" });
            }
        }
        Locus::X => {
            let male = |sample: &Sample| sample.sex == Sex::Male;
            let healthy =
                |sample: &Sample, call: &Call| if male(sample) { !call.carries() } else { !call.is_hom_alt() };
            if fits(&|sample, call| if male(sample) { call.carries() } else { call.is_hom_alt() }, &healthy) {
                models.push(if parent_without(family, calls, |sex| sex == Sex::Female) { "XR_dn" } else { "XR" });
            }
            if fits(&|sample, call| if male(sample) { call.carries() } else { call.is_het() }, &healthy) {
                let giver = |proband: &Sample, parent: Sex| proband.sex == Sex::Female || parent == Sex::Female;
                let new = first_child(family).is_some_and(|child| is_new(family, calls, |sex| giver(child, sex)));
                models.push(if new { "XD_dn" } else { "XD" });
            }
        }
        Locus::Y | Locus::Mitochondrial => {}
    }
    models
}

fn first_child<'f, 'a>(family: &'f Family<'a>) -> Option<&'f Sample<'a>> {
    family.people().map(|at| &family.samples[at]).find(|sample| sample.affected && sample.father.is_some())
}

fn parents<'c>(family: &Family, calls: &'c [Call], asked: impl Fn(Sex) -> bool) -> Vec<&'c Call> {
    let Some(child) = first_child(family) else { return Vec::new() };
    [child.father, child.mother]
        .into_iter()
        .flatten()
        .filter(|&at| asked(family.samples[at].sex))
        .map(|at| &calls[at])
        .collect()
}

/// All asked parents were called and none carries the allele.
fn is_new(family: &Family, calls: &[Call], asked: impl Fn(Sex) -> bool) -> bool {
    let parents = parents(family, calls, asked);
    !parents.is_empty() && parents.iter().all(|call| call.is_called() && !call.carries())
}

fn parent_without(family: &Family, calls: &[Call], asked: impl Fn(Sex) -> bool) -> bool {
    parents(family, calls, asked).iter().any(|call| call.is_called() && !call.carries())
}

/// A variant that may be half of a compound pair.
pub(super) struct Candidate<'a> {
    pub gene: &'a str,
    pub calls: &'a [Call],
}

/// Partners of each candidate within its gene: index of the partner, and whether one of the two is new in the child.
///
/// Both are heterozygous in every affected person and no healthy person carries both.
pub(super) fn compounds(family: &Family, candidates: &[Option<Candidate>]) -> Vec<Vec<(usize, bool)>> {
    let mut by_gene: BTreeMap<&str, Vec<(usize, &Candidate)>> = BTreeMap::new();
    for (at, candidate) in candidates.iter().enumerate() {
        if let Some(candidate) = candidate
            && family.people().filter(|&at| family.samples[at].affected).all(|at| candidate.calls[at].is_het())
        {
            by_gene.entry(candidate.gene).or_default().push((at, candidate));
        }
    }
    let mut partners = vec![Vec::new(); candidates.len()];
    for members in by_gene.values() {
        for (nth, (first, one)) in members.iter().enumerate() {
            for (second, other) in &members[nth + 1..] {
                let clash = family
                    .people()
                    .filter(|&at| !family.samples[at].affected)
                    .any(|at| one.calls[at].carries() && other.calls[at].carries());
                if !clash {
                    let new = is_new(family, one.calls, |_| true) || is_new(family, other.calls, |_| true);
                    partners[*first].push((*second, new));
                    partners[*second].push((*first, new));
                }
            }
        }
    }
    partners
}
