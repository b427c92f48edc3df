//! The trail's keys: one signs checkpoints, one seals free text. Both are files outside the database.

use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use aes_gcm_siv::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use anyhow::{Context as _, bail, ensure};
use data_encoding::{BASE64, HEXLOWER};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use sha2::{Digest as _, Sha256};

use crate::clock::random_bytes;

/// Name in signatures and verifier keys.
const KEY_NAME: &str = "lodestone-audit";
const SIGNING_KEY: &str = "audit-signing.key";
const SEALING_KEY: &str = "audit-sealing.key";
/// Verifier keys of this folder's signing keys, one a line, newest last.
const VERIFIER_KEYS: &str = "audit-verifier.pub";
/// Signature type of Ed25519 in the signed-note format.
const ED25519_TYPE: u8 = 1;

/// Signs checkpoints.
pub struct Signer {
    pair: Ed25519KeyPair,
    verifier: VerifierKey,
}

/// The public half: anybody may have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: [u8; 4],
    public: [u8; 32],
}

/// Seals free text so that it is read by two auditors together, or not at all.
#[derive(Clone)]
pub struct Sealer(Aes256GcmSiv);

/// The keys of one data folder.
pub struct AuditKeys {
    /// Signs checkpoints.
    pub signer: Signer,
    /// Seals free text.
    pub sealer: Sealer,
}

impl AuditKeys {
    /// Reads the keys of a folder; makes them where there are none.
    ///
    /// # Errors
    /// When a file cannot be read or written, is readable by others, or holds no key.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("making the folder for keys, {}", folder.display()))?;
        let signer = Signer::new(&secret(&folder.join(SIGNING_KEY))?)?;
        remember(&folder.join(VERIFIER_KEYS), &signer.verifier)?;
        Ok(Self { signer, sealer: Sealer::new(&secret(&folder.join(SEALING_KEY))?) })
    }
}

/// The verifier keys known in a folder of keys.
///
/// # Errors
/// When the file cannot be read or holds something else.
pub fn verifier_keys(folder: &Path) -> anyhow::Result<Vec<VerifierKey>> {
    read_verifier_keys(&folder.join(VERIFIER_KEYS))
}

/// Verifier keys of a file, one a line.
///
/// # Errors
/// When the file cannot be read or holds something else.
pub fn read_verifier_keys(path: &Path) -> anyhow::Result<Vec<VerifierKey>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("reading verifier keys from {}; `lodestone audit key` prints them", path.display()))?;
    let mut keys = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        keys.push(line.parse().with_context(|| format!("{} line {}", path.display(), number + 1))?);
    }
    Ok(keys)
}

/// 32 secret bytes of a file that only its owner may read; made when absent.
fn secret(path: &Path) -> anyhow::Result<[u8; 32]> {
    if !path.exists() {
        make_secret(path).with_context(|| format!("writing a new key to {}", path.display()))?;
    }
    let text = std::fs::read_to_string(path).with_context(|| format!("reading the key {}", path.display()))?;
    let mode = std::fs::metadata(path)?.permissions().mode();
    let others = mode & 0o077;
    ensure!(others == 0, "{} can be read by others (mode {:o}); run: chmod 600 {0}", path.display(), mode & 0o777);
    BASE64
        .decode(text.trim().as_bytes())
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .with_context(|| format!("{} holds no key of 32 bytes in base64", path.display()))
}

/// Written whole under another name first: of two processes that start together, one wins and both read the same key.
fn make_secret(path: &Path) -> std::io::Result<()> {
    let draft = PathBuf::from(format!("{}.{}", path.display(), crate::ids::base32(&random_bytes::<5>())));
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(format!("{}\n", BASE64.encode(&random_bytes::<32>())).as_bytes())?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn remember(path: &Path, key: &VerifierKey) -> anyhow::Result<()> {
    let known = if path.exists() { read_verifier_keys(path)? } else { Vec::new() };
    if !known.contains(key) {
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path)?;
        file.write_all(format!("{key}\n").as_bytes()).with_context(|| format!("writing to {}", path.display()))?;
        file.sync_all()?;
    }
    Ok(())
}

impl Signer {
    fn new(seed: &[u8; 32]) -> anyhow::Result<Self> {
        let Ok(pair) = Ed25519KeyPair::from_seed_unchecked(seed) else { bail!("the signing key cannot be used") };
        let public = pair.public_key().as_ref().try_into().context("an Ed25519 public key has 32 bytes")?;
        Ok(Self { pair, verifier: VerifierKey::new(KEY_NAME, public) })
    }

    /// The public half.
    #[must_use]
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// A signature line over the text of a note.
    #[must_use]
    pub fn sign(&self, text: &str) -> String {
        let mut bytes = self.verifier.id.to_vec();
        bytes.extend_from_slice(self.pair.sign(text.as_bytes()).as_ref());
        format!("— {} {}\n", self.verifier.name, BASE64.encode(&bytes))
    }
}

impl VerifierKey {
    fn new(name: &str, public: [u8; 32]) -> Self {
        let mut hash = Sha256::new().chain_update(name).chain_update([b'\n', ED25519_TYPE]);
        hash.update(public);
        let hash = hash.finalize();
        Self { name: name.to_owned(), id: [hash[0], hash[1], hash[2], hash[3]], public }
    }

    /// Whether `line` is this key's signature over `text`.
    #[must_use]
    pub fn verifies(&self, text: &str, line: &str) -> bool {
        let Some((name, signature)) = line.strip_prefix("— ").and_then(|rest| rest.split_once(' ')) else {
            return false;
        };
        let Ok(bytes) = BASE64.decode(signature.as_bytes()) else { return false };
        name == self.name
            && bytes.len() == 68
            && bytes[..4] == self.id
            && UnparsedPublicKey::new(&ED25519, self.public).verify(text.as_bytes(), &bytes[4..]).is_ok()
    }
}

/// `name+id+key`, the verifier key text of the signed-note format.
impl std::fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut key = vec![ED25519_TYPE];
        key.extend_from_slice(&self.public);
        write!(f, "{}+{}+{}", self.name, HEXLOWER.encode(&self.id), BASE64.encode(&key))
    }
}

impl std::str::FromStr for VerifierKey {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            bail!("a verifier key has the form name+id+key");
        };
        let bytes = BASE64.decode(key.as_bytes()).context("the key is not base64")?;
        ensure!(bytes.len() == 33 && bytes[0] == ED25519_TYPE, "not an Ed25519 key");
        let key = Self::new(name, bytes[1..].try_into().context("an Ed25519 public key has 32 bytes")?);
        ensure!(HEXLOWER.encode(&key.id) == id, "the key's id does not belong to it");
        Ok(key)
    }
}

/// What sealed text begins with.
const SEALED: &str = "sealed:1:";

impl Sealer {
    fn new(key: &[u8; 32]) -> Self {
        Self(Aes256GcmSiv::new(key.into()))
    }

    /// Seals `text` for the request it came with: AES-256-GCM-SIV (RFC 8452) with a random nonce, bound to the request's id.
    #[must_use]
    pub fn seal(&self, text: &str, request_id: &str) -> String {
        let nonce = random_bytes::<12>();
        let payload = Payload { msg: text.as_bytes(), aad: request_id.as_bytes() };
        let sealed =
            self.0.encrypt(&Nonce::from(nonce), payload).expect("texts are far shorter than the cipher's limit");
        let mut bytes = nonce.to_vec();
        bytes.extend_from_slice(&sealed);
        format!("{SEALED}{}", BASE64.encode(&bytes))
    }

    /// The text, when it was sealed by this key for this request.
    #[must_use]
    pub fn open(&self, sealed: &str, request_id: &str) -> Option<String> {
        let bytes = BASE64.decode(sealed.strip_prefix(SEALED)?.as_bytes()).ok()?;
        let (nonce, message) = bytes.split_first_chunk::<12>()?;
        let payload = Payload { msg: message, aad: request_id.as_bytes() };
        String::from_utf8(self.0.decrypt(&Nonce::from(*nonce), payload).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_once_and_kept_to_their_owner() {
        let folder = tempfile::tempdir().unwrap();
        let first = AuditKeys::open(folder.path()).unwrap();
        let again = AuditKeys::open(folder.path()).unwrap();
        assert_eq!(first.signer.verifier(), again.signer.verifier());
        assert_eq!(verifier_keys(folder.path()).unwrap(), [first.signer.verifier().clone()]);
        let path = folder.path().join(SIGNING_KEY);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let refused = AuditKeys::open(folder.path()).err().unwrap().to_string();
        assert!(refused.contains("can be read by others"), "{refused}");
    }

    #[test]
    fn a_signature_holds_for_its_text_and_key_only() {
        let signer = Signer::new(&[7; 32]).unwrap();
        let line = signer.sign("some text\n");
        let line = line.trim_end();
        assert!(signer.verifier().verifies("some text\n", line));
        assert!(!signer.verifier().verifies("some text", line));
        assert!(!Signer::new(&[8; 32]).unwrap().verifier().verifies("some text\n", line));
        let key: VerifierKey = signer.verifier().to_string().parse().unwrap();
        assert_eq!(key, *signer.verifier());
        assert!(key.to_string().replace('+', "-").parse::<VerifierKey>().is_err());
    }

    /// The example key of the signed-note specification (C2SP): its name and bytes give its id.
    #[test]
    fn ids_of_keys_are_those_of_the_specification() {
        let text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        assert_eq!(text.parse::<VerifierKey>().unwrap().to_string(), text);
    }

    #[test]
    fn sealed_text_is_opened_by_its_key_for_its_request() {
        let sealer = Sealer::new(&[1; 32]);
        let sealed = sealer.seal("/own/fam?q=free text", "r1");
        assert!(!sealed.contains("free"));
        assert_eq!(sealer.open(&sealed, "r1").as_deref(), Some("/own/fam?q=free text"));
        assert_eq!(sealer.open(&sealed, "r2"), None);
        assert_eq!(Sealer::new(&[2; 32]).open(&sealed, "r1"), None);
        assert_eq!(sealer.open("sealed:1:AA==", "r1"), None);
    }
}
