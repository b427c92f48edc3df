//! The keys under which variants are compared across cases, with or without a reference sequence.
//!
//! Without one, alleles are trimmed; with one, also left-aligned. Both give the same key for everything that a pipeline
//! normalised before (`bcftools norm`), so what is configured later changes the keys of other indels only. Each list
//! remembers how its keys were made. Counting looks under every key that a variant may have been stored under, so that
//! lists keyed in the one way and in the other still match; see [`possible_keys`].

use serde::{Deserialize, Serialize};

use super::model::Variant;
use crate::genome::{Aligned, Chromosome, NormKey, ReferenceError, ReferenceSequence, is_symbolic, left_align};

/// How the keys of a list were made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyForm {
    /// From the alleles alone.
    #[default]
    Trimmed,
    /// With the reference sequence.
    LeftAligned,
}

/// Makes keys, and looks whether records agree with the reference sequence.
pub struct KeyMaker {
    reference: Option<ReferenceSequence>,
}

/// A key, and whether the record's REF is what the reference has there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keyed {
    /// The key.
    pub key: NormKey,
    /// Whether REF differs from the reference sequence; such a record is keyed as written.
    pub differs: bool,
}

impl KeyMaker {
    /// With the reference sequence of the variants' build, or without one.
    #[must_use]
    pub fn new(reference: Option<ReferenceSequence>) -> Self {
        Self { reference }
    }

    /// How keys come out.
    #[must_use]
    pub fn form(&self) -> KeyForm {
        if self.reference.is_some() { KeyForm::LeftAligned } else { KeyForm::Trimmed }
    }

    /// Gives a variant that was just read its key; whether its REF differs from the reference sequence.
    pub fn put(&mut self, variant: &mut Variant) -> Result<bool, ReferenceError> {
        if self.reference.is_none() {
            return Ok(false); // it has the trimmed key already
        }
        let keyed = self.key(variant)?;
        variant.norm_key = keyed.key;
        Ok(keyed.differs)
    }

    /// The key of a variant.
    pub(super) fn key(&mut self, variant: &Variant) -> Result<Keyed, ReferenceError> {
        let as_written = Keyed { key: trimmed_key(variant), differs: false };
        let Some(reference) = &mut self.reference else { return Ok(as_written) };
        if !reference.has(&variant.chromosome) {
            return Ok(as_written);
        }
        if differs(reference, &variant.chromosome, variant.position, &variant.reference)? {
            return Ok(Keyed { differs: true, ..as_written });
        }
        if !may_move(variant) {
            return Ok(as_written);
        }
        let aligned = left_align(variant.position, &variant.reference, &variant.alternative, |position| {
            reference.base(&variant.chromosome, position)
        })?;
        Ok(Keyed { key: key_of(variant, &aligned), differs: false })
    }
}

/// Whether a variant's key can depend on the reference sequence: insertions and deletions only.
#[must_use]
pub(super) fn may_move(variant: &Variant) -> bool {
    variant.reference.len() != variant.alternative.len() && !is_symbolic(&variant.alternative)
}

/// Every key under which this variant may have been counted: as its list keyed it, as it is written, and, where a
/// reference is at hand, left-aligned. A case counts a variant under one of them, so that their counts add up; only
/// a case loaded without a reference, whose files hold one variant twice in two spellings, counts twice.
pub(super) fn possible_keys(variant: &Variant, maker: &mut KeyMaker) -> Result<Vec<NormKey>, ReferenceError> {
    let mut keys = vec![variant.norm_key.clone(), trimmed_key(variant), maker.key(variant)?.key];
    keys.sort();
    keys.dedup();
    Ok(keys)
}

fn trimmed_key(variant: &Variant) -> NormKey {
    NormKey::new(
        variant.category.as_str(),
        variant.build,
        &variant.chromosome,
        variant.position,
        &variant.reference,
        &variant.alternative,
    )
}

fn key_of(variant: &Variant, aligned: &Aligned) -> NormKey {
    NormKey::new(
        variant.category.as_str(),
        variant.build,
        &variant.chromosome,
        aligned.position,
        &aligned.reference,
        &aligned.alternative,
    )
}

/// Whether REF has a base that the reference does not. An ambiguous base on either side agrees with all.
fn differs(
    reference: &mut ReferenceSequence,
    chromosome: &Chromosome,
    position: u32,
    allele: &str,
) -> Result<bool, ReferenceError> {
    let plain = |base: u8| matches!(base, b'A' | b'C' | b'G' | b'T');
    for (at, base) in (position..).zip(allele.bytes().map(|base| base.to_ascii_uppercase())) {
        match reference.base(chromosome, at)? {
            Some(there) if plain(there) && plain(base) && there != base => return Ok(true),
            Some(_) => {}
            None => return Ok(true), // beyond the contig's end
        }
    }
    Ok(false)
}
