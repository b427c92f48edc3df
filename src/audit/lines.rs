//! The trail as lines of JSON: what `audit export --ndjson` writes and any verifier reads.

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::seal::Sealed;

/// One line. Names and forms are read by verifiers other than ours too.
#[derive(Debug, Serialize, Deserialize)]
struct Line<'a> {
    /// The public part, in the very text that was hashed.
    #[serde(borrow)]
    public: &'a RawValue,
    /// The payload, likewise; null once erased.
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
    /// Hexadecimal; null once erased.
    salt: Option<&'a str>,
    /// Hexadecimal.
    payload_hash: &'a str,
    /// Hexadecimal.
    chain: &'a str,
}

/// The last line: how much there was, and the signed notes at the time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trailer {
    /// Entries before it.
    pub rows: u64,
    /// SHA-256 of all bytes before it, in hexadecimal.
    pub sha256: String,
    /// Whether all entries of the trail are there, so that the chain can be verified.
    pub whole: bool,
    /// Signed checkpoints.
    pub notes: Vec<String>,
}

/// What a line holds.
#[derive(Debug)]
pub enum Read {
    /// An entry.
    Entry(Sealed),
    /// The end.
    Trailer(Trailer),
}

/// The line of an entry, with its end.
pub fn write(sealed: &Sealed) -> serde_json::Result<String> {
    let raw = |text: &str| RawValue::from_string(text.to_owned());
    let (public, payload) = (raw(&sealed.public)?, sealed.payload.as_deref().map(raw).transpose()?);
    let salt = sealed.salt.map(|salt| HEXLOWER.encode(&salt));
    let mut text = serde_json::to_string(&Line {
        public: &public,
        payload: payload.as_deref(),
        salt: salt.as_deref(),
        payload_hash: &HEXLOWER.encode(&sealed.payload_hash),
        chain: &HEXLOWER.encode(&sealed.chain),
    })?;
    text.push('\n');
    Ok(text)
}

/// The last line.
pub fn write_trailer(trailer: &Trailer) -> serde_json::Result<String> {
    Ok(format!("{}\n", serde_json::json!({ "trailer": trailer })))
}

#[derive(Deserialize)]
struct TrailerLine {
    trailer: Trailer,
}

/// Reads one line.
///
/// # Errors
/// When it is neither an entry nor the trailer.
pub fn read(line: &str) -> anyhow::Result<Read> {
    if line.starts_with("{\"trailer\"") {
        return Ok(Read::Trailer(serde_json::from_str::<TrailerLine>(line)?.trailer));
    }
    let line: Line<'_> = serde_json::from_str(line)?;
    let bytes = |text: &str| HEXLOWER.decode(text.as_bytes());
    let hash = |text: &str| anyhow::Ok(super::chain::Hash::try_from(bytes(text)?.as_slice())?);
    let salt = line.salt.map(|salt| anyhow::Ok(<[u8; 16]>::try_from(bytes(salt)?.as_slice())?)).transpose()?;
    anyhow::ensure!(salt.is_some() == line.payload.is_some(), "payload and salt are erased together");
    Ok(Read::Entry(Sealed {
        public: line.public.get().to_owned(),
        payload: line.payload.map(|payload| payload.get().to_owned()),
        salt,
        payload_hash: hash(line.payload_hash)?,
        chain: hash(line.chain)?,
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_are_read_back() {
        for payload in [Some("{\"subjects\":[]}".to_owned()), None] {
            let salt = payload.as_ref().map(|_| [9; 16]);
            let sealed = Sealed { public: "{\"seq\":1}".into(), payload, salt, payload_hash: [1; 32], chain: [2; 32] };
            let line = write(&sealed).unwrap();
            assert!(matches!(read(line.trim_end()).unwrap(), Read::Entry(found) if found == sealed));
        }
        let trailer = Trailer { rows: 2, sha256: "ab".into(), whole: true, notes: vec!["n\n".into()] };
        let line = write_trailer(&trailer).unwrap();
        assert!(matches!(read(line.trim_end()).unwrap(), Read::Trailer(found) if found == trailer));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
            let _ = read(&text);
        }
    }
}
