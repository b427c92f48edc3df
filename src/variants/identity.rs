//! Which variant is which: public ids, document ids, names for people.

use bson::Binary;
use bson::spec::BinarySubtype;

use crate::genome::{Chromosome, GenomeBuild};
use crate::ids::{CaseId, VariantId};

/// The fields that make a variant of a case this variant and no other.
#[derive(Debug, Clone)]
pub struct Identity<'a> {
    /// Case.
    pub case: &'a CaseId,
    /// `clinical` or `research`.
    pub list: &'a str,
    /// `snv`, …: part of the identity, so that the same alleles called as SNV and SV do not collide.
    pub category: &'a str,
    /// Assembly.
    pub build: GenomeBuild,
    /// Contig.
    pub chromosome: &'a Chromosome,
    /// 1-based.
    pub position: u32,
    /// 1-based inclusive.
    pub end: u32,
    /// As written.
    pub reference: &'a str,
    /// As written.
    pub alternative: &'a str,
    /// SV type, empty for small variants.
    pub sv_type: &'a str,
}

impl Identity<'_> {
    /// BLAKE3-128 over the fields, each with its length in front, so that no two different lists of fields read alike.
    #[must_use]
    pub fn id(&self) -> VariantId {
        let mut hasher = blake3::Hasher::new();
        let mut field = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        field(self.case.as_str().as_bytes());
        field(self.list.as_bytes());
        field(self.category.as_bytes());
        field(self.build.as_str().as_bytes());
        field(self.chromosome.as_str().as_bytes());
        field(&self.position.to_le_bytes());
        field(&self.end.to_le_bytes());
        field(self.reference.as_bytes());
        field(self.alternative.as_bytes());
        field(self.sv_type.as_bytes());
        let mut hash = [0; 16];
        hash.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        VariantId::from_hash(&hash)
    }
}

/// The `_id` of a document: the id's hash, then the list revision, so that revisions lie beside each other.
#[must_use]
pub fn document_id(id: &VariantId, revision: u32) -> Binary {
    let mut bytes = id.to_hash().to_vec();
    bytes.extend(revision.to_be_bytes());
    Binary { subtype: BinarySubtype::Generic, bytes }
}

/// `7_124491972_C_A`: how laboratories name a variant; contig without `chr`.
#[must_use]
pub fn simple_id(chromosome: &Chromosome, position: u32, reference: &str, alternative: &str) -> String {
    format!("{chromosome}_{position}_{reference}_{alternative}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity<'a>(case: &'a CaseId, chromosome: &'a Chromosome) -> Identity<'a> {
        Identity {
            case,
            list: "clinical",
            category: "snv",
            build: GenomeBuild::Grch37,
            chromosome,
            position: 100,
            end: 100,
            reference: "A",
            alternative: "C",
            sv_type: "",
        }
    }

    #[test]
    fn each_field_counts() {
        let (case, one, two) = (CaseId::random(), Chromosome::parse("1"), Chromosome::parse("2"));
        let base = identity(&case, &one);
        let other_case = CaseId::random();
        let variations = [
            Identity { case: &other_case, ..base.clone() },
            Identity { list: "research", ..base.clone() },
            Identity { category: "sv", ..base.clone() },
            Identity { build: GenomeBuild::Grch38, ..base.clone() },
            Identity { chromosome: &two, ..base.clone() },
            Identity { position: 101, ..base.clone() },
            Identity { end: 101, ..base.clone() },
            Identity { reference: "AC", alternative: "", ..base.clone() },
            Identity { alternative: "G", ..base.clone() },
            Identity { sv_type: "del", ..base.clone() },
        ];
        let mut ids: Vec<_> = variations.iter().map(Identity::id).collect();
        ids.push(base.id());
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 11);
        assert_eq!(base.id(), identity(&case, &one).id());
    }

    #[test]
    fn a_document_id_carries_its_revision() {
        let (case, one) = (CaseId::random(), Chromosome::parse("1"));
        let id = identity(&case, &one).id();
        assert_ne!(document_id(&id, 1), document_id(&id, 2));
        assert_eq!(document_id(&id, 1).bytes.len(), 20);
    }
}
