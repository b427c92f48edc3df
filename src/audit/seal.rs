//! An entry as it is stored: its public part, its erasable payload, and the hashes that tie both to the chain.

use bson::spec::BinarySubtype;
use bson::{Binary, RawDocument, RawDocumentBuf, cstr};

use super::canonical::{NotCanonical, canonical};
use super::chain::{self, Hash};
use super::entry::{Entry, OUTSIDE_PUBLIC, SEAL, Seal};
use crate::db::{Documents, StoreError};

/// The `_id` of an entry.
#[must_use]
pub(super) fn entry_id(log_id: &str, seq: i64) -> String {
    format!("{log_id}-{seq:012}")
}

/// What the hashes of a stored entry are made over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Canonical text of the public part.
    pub public: String,
    /// Canonical text of the payload; none when there never was one (`{}`) is written as such, none when erased.
    pub payload: Option<String>,
    /// Salt of the payload; erased with it.
    pub salt: Option<[u8; 16]>,
    /// `H(salt || payload)`
    pub payload_hash: Hash,
    /// The chain after the entry.
    pub chain: Hash,
}

/// Why an entry cannot be sealed, or a stored one is none.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// It has no canonical text.
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
    /// It cannot be encoded.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It lacks its hashes.
    #[error("it has no well-formed seal")]
    NoSeal,
}

impl From<bson::error::Error> for SealError {
    fn from(error: bson::error::Error) -> Self {
        Self::NotCanonical(error.into())
    }
}

/// The document of an entry that follows `previous` in its log, and the chain after it.
pub fn seal(entry: &Entry, previous: &Hash) -> Result<(RawDocumentBuf, Hash), SealError> {
    let mut document = Documents::<Entry>::encode(entry)?;
    let salt = crate::clock::random_bytes::<16>();
    let payload_hash = chain::payload_hash(&salt, &payload_text(&document)?);
    let after = chain::link(previous, &chain::leaf(&payload_hash, &canonical(&document, &OUTSIDE_PUBLIC)?));
    let binary = |bytes: &[u8]| Binary { subtype: BinarySubtype::Generic, bytes: bytes.to_vec() };
    let seal = Seal { salt: Some(binary(&salt)), payload_hash: binary(&payload_hash), chain: binary(&after) };
    document.append(cstr!("seal"), bson::serialize_to_raw_document_buf(&seal)?);
    Ok((document, after))
}

/// What a stored entry's hashes are made over, read from the document itself: a field we do not know counts too.
pub fn unseal(document: &RawDocument) -> Result<Sealed, SealError> {
    let seal: Seal = document
        .get_document(SEAL)
        .ok()
        .and_then(|seal| bson::deserialize_from_slice(seal.as_bytes()).ok())
        .ok_or(SealError::NoSeal)?;
    let hash = |binary: &Binary| Hash::try_from(binary.bytes.as_slice()).map_err(|_| SealError::NoSeal);
    let salt = match &seal.salt {
        Some(salt) => Some(salt.bytes.as_slice().try_into().map_err(|_| SealError::NoSeal)?),
        None => None,
    };
    Ok(Sealed {
        public: canonical(document, &OUTSIDE_PUBLIC)?,
        payload: if salt.is_some() { Some(payload_text(document)?) } else { None },
        salt,
        payload_hash: hash(&seal.payload_hash)?,
        chain: hash(&seal.chain)?,
    })
}

/// An entry without payload has an empty one.
fn payload_text(document: &RawDocument) -> Result<String, SealError> {
    match document.get("payload")? {
        None => Ok("{}".to_owned()),
        Some(payload) => match payload.as_document() {
            Some(payload) => Ok(canonical(payload, &[])?),
            None => Err(SealError::NoSeal),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::entry::Payload;

    #[test]
    fn what_was_sealed_fits_its_hashes() {
        let mut entry = Entry::new("2026-01-02T03:04:05.678Z".parse().unwrap(), "r1");
        entry.payload = Some(Payload { url: Some("x".into()), ..Payload::default() });
        let (document, after) = seal(&entry, &[3; 32]).unwrap();
        let sealed = unseal(&document).unwrap();
        assert_eq!(sealed.chain, after);
        assert_eq!(sealed.payload.as_deref(), Some(r#"{"url":"x"}"#));
        assert_eq!(sealed.payload_hash, chain::payload_hash(&sealed.salt.unwrap(), r#"{"url":"x"}"#));
        assert_eq!(after, chain::link(&[3; 32], &chain::leaf(&sealed.payload_hash, &sealed.public)));
        assert!(sealed.public.contains(r#""occurred_at":"2026-01-02T03:04:05.678Z""#), "{}", sealed.public);
    }
}
