//! Seals what sign-in must be able to read back, the secrets of authenticators, with keys that lie outside the database.
//!
//! AES-256-GCM-SIV (RFC 8452) with a random nonce, bound to whom and what the secret is for, so that one copied to another
//! person's document does not open. The keys are lines of a file, the newest last; `lodestone keys rotate` adds one, has
//! everything sealed anew and drops the others.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use aes_gcm_siv::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use anyhow::{Context as _, ensure};
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::clock::random_bytes;
use crate::ids::{UserId, base32};

const FILE: &str = "sign-in.keys";
/// Held shared while something is sealed and stored, and alone while the keys change.
const LOCK: &str = "sign-in.keys.lock";
/// Version of the sealed form; part of what is authenticated.
const VERSION: &str = "1";

/// What a secret is for; one sealed for one purpose does not open for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The secret of an authenticator in use.
    Totp,
    /// The secret of an authenticator that is being set up.
    TotpPending,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::TotpPending => "totp pending",
        }
    }
}

/// A sealed secret: `1:<key id>:<base64 of nonce and ciphertext>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sealed(String);

impl Sealed {
    /// The sealed text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parts(&self) -> Option<(&str, &str)> {
        self.0.strip_prefix(VERSION)?.strip_prefix(':')?.split_once(':')
    }

    /// The key it was sealed with.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.parts().map(|(id, _)| id)
    }
}

#[derive(Clone)]
struct Key {
    id: String,
    bytes: Zeroizing<[u8; 32]>,
}

impl Key {
    fn fresh() -> Self {
        Self { id: base32(&random_bytes::<5>()), bytes: Zeroizing::new(random_bytes()) }
    }

    fn cipher(&self) -> Aes256GcmSiv {
        Aes256GcmSiv::new((&*self.bytes).into())
    }
}

/// The keys of a folder. Cheap to clone.
#[derive(Clone)]
pub struct Keyring {
    folder: Arc<PathBuf>,
    known: Arc<RwLock<Vec<Key>>>,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyring").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// As long as it lives no key is added or dropped; sealing needs it, and it must live until the seal is stored.
pub struct Held<'a> {
    ring: &'a Keyring,
    _lock: File,
}

impl Keyring {
    /// Reads the keys of a folder; makes one where there is none.
    ///
    /// # Errors
    /// When the file cannot be read or written, can be read by others, or holds no key.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("making the folder for keys, {}", folder.display()))?;
        let ring = Self { folder: Arc::new(folder.to_owned()), known: Arc::default() };
        if !ring.path().exists() {
            let lock = ring.lock_file()?;
            lock.lock().context("waiting for the keys of sign-in")?;
            if !ring.path().exists() {
                ring.write(&[Key::fresh()])?;
            }
        }
        ring.read()?;
        Ok(ring)
    }

    fn path(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    fn lock_file(&self) -> anyhow::Result<File> {
        let path = self.folder.join(LOCK);
        let open = std::fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        open.with_context(|| format!("opening {}", path.display()))
    }

    /// Reads the file again; another process may have changed it.
    fn read(&self) -> anyhow::Result<()> {
        let path = self.path();
        let text = Zeroizing::new(
            std::fs::read_to_string(&path).with_context(|| format!("reading the keys {}", path.display()))?,
        );
        let mode = std::fs::metadata(&path)?.permissions().mode();
        let others = mode & 0o077;
        ensure!(others == 0, "{} can be read by others (mode {:o}); run: chmod 600 {0}", path.display(), mode & 0o777);
        let mut keys = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let key = line.split_once(' ').and_then(|(id, key)| {
                let bytes = Zeroizing::new(BASE64.decode(key.trim().as_bytes()).ok()?);
                Some(Key { id: id.to_owned(), bytes: Zeroizing::new(bytes.as_slice().try_into().ok()?) })
            });
            keys.push(key.with_context(|| format!("{} line {} holds no key", path.display(), number + 1))?);
        }
        ensure!(!keys.is_empty(), "{} holds no key; put the file back from its copy", path.display());
        *self.known.write().unwrap_or_else(std::sync::PoisonError::into_inner) = keys;
        Ok(())
    }

    /// Written whole under another name first, so that nobody ever reads half a file.
    fn write(&self, keys: &[Key]) -> anyhow::Result<()> {
        let draft = self.folder.join(format!("{FILE}.{}", base32(&random_bytes::<5>())));
        let written = (|| {
            let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
            for key in keys {
                let encoded = Zeroizing::new(BASE64.encode(&*key.bytes));
                file.write_all(format!("{} {}\n", key.id, encoded.as_str()).as_bytes())?;
            }
            file.sync_all()?;
            std::fs::rename(&draft, self.path())
        })();
        written.with_context(|| format!("writing the keys {}", self.path().display()))
    }

    fn key(&self, id: &str) -> Option<Key> {
        let known = self.known.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        known.iter().find(|key| key.id == id).cloned()
    }

    fn ids(&self) -> Vec<String> {
        let known = self.known.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        known.iter().map(|key| key.id.clone()).collect()
    }

    /// The right to seal: waits while keys are being changed, a matter of milliseconds.
    ///
    /// # Errors
    /// When the folder of keys cannot be used.
    pub async fn hold(&self) -> anyhow::Result<Held<'_>> {
        let lock = self.lock(false).await?;
        self.read()?;
        Ok(Held { ring: self, _lock: lock })
    }

    /// Waits on a thread of its own: who holds the lock may need this one to go on.
    async fn lock(&self, alone: bool) -> anyhow::Result<File> {
        let file = self.lock_file()?;
        let locked =
            tokio::task::spawn_blocking(move || if alone { file.lock() } else { file.lock_shared() }.map(|()| file));
        locked.await?.context("waiting for the keys of sign-in")
    }

    /// The secret, when it was sealed for this person and purpose.
    ///
    /// # Errors
    /// When its key is not in the file, or it was sealed for something else.
    pub fn unseal(&self, sealed: &Sealed, user: &UserId, purpose: Purpose) -> anyhow::Result<Zeroizing<Vec<u8>>> {
        let (id, body) = sealed.parts().context("a sealed secret of sign-in has an unknown form")?;
        if self.key(id).is_none() {
            self.read()?;
        }
        let key = self.key(id).with_context(|| {
            format!("key {id} of sign-in is not in {}; put the file back from its copy", self.path().display())
        })?;
        let bytes = BASE64.decode(body.as_bytes()).context("a sealed secret of sign-in is damaged")?;
        let (nonce, message) = bytes.split_first_chunk::<12>().context("a sealed secret of sign-in is cut off")?;
        let aad = bound_to(&key.id, user, purpose);
        key.cipher()
            .decrypt(&Nonce::from(*nonce), Payload { msg: message, aad: &aad })
            .map(Zeroizing::new)
            .map_err(|_| anyhow::anyhow!("a sealed secret of sign-in is not this person's, or was changed"))
    }

    /// Adds a key, which everything is sealed with from now on. The answer is its id.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn add(&self) -> anyhow::Result<String> {
        let _alone = self.lock(true).await?;
        self.read()?;
        let mut keys = self.known.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let fresh = Key::fresh();
        let id = fresh.id.clone();
        keys.push(fresh);
        self.write(&keys)?;
        self.read()?;
        Ok(id)
    }

    /// Drops all keys but one, once nothing is sealed with them any more. The answer is the ids of those dropped.
    ///
    /// # Errors
    /// When the key is not there or the file cannot be written.
    pub async fn keep_only(&self, id: &str) -> anyhow::Result<Vec<String>> {
        let _alone = self.lock(true).await?;
        self.read()?;
        let kept = self.key(id).with_context(|| format!("key {id} is not there any more; nothing was dropped"))?;
        let dropped = self.ids().into_iter().filter(|known| known != id).collect();
        self.write(&[kept])?;
        self.read()?;
        Ok(dropped)
    }
}

impl Held<'_> {
    /// Seals a secret with the newest key.
    ///
    /// # Errors
    /// When there is no key.
    pub fn seal(&self, secret: &[u8], user: &UserId, purpose: Purpose) -> anyhow::Result<Sealed> {
        let known = self.ring.known.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let key = known.last().context("there is no key to seal with")?;
        let nonce = random_bytes::<12>();
        let aad = bound_to(&key.id, user, purpose);
        let sealed = key
            .cipher()
            .encrypt(&Nonce::from(nonce), Payload { msg: secret, aad: &aad })
            .map_err(|_| anyhow::anyhow!("a secret is too long to be sealed"))?;
        let mut bytes = nonce.to_vec();
        bytes.extend_from_slice(&sealed);
        Ok(Sealed(format!("{VERSION}:{}:{}", key.id, BASE64.encode(&bytes))))
    }
}

/// What a secret is bound to: version, key, purpose and person, each with its length before it.
fn bound_to(key: &str, user: &UserId, purpose: Purpose) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in [VERSION, key, purpose.as_str(), user.as_str()] {
        bytes.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn sealed(ring: &Keyring, user: &UserId) -> Sealed {
        ring.hold().await.unwrap().seal(b"a secret of twenty b", user, Purpose::Totp).unwrap()
    }

    /// T18: what is stored shows nothing, and opens for its person and purpose only.
    #[tokio::test]
    async fn t18_a_secret_opens_for_its_person_and_purpose_only() {
        let folder = tempfile::tempdir().unwrap();
        let ring = Keyring::open(folder.path()).unwrap();
        let (ann, ben) = (UserId::random(), UserId::random());
        let kept = sealed(&ring, &ann).await;
        assert!(!kept.as_str().contains(&BASE64.encode(b"a secret of twenty b")[..10]));
        assert_ne!(kept, sealed(&ring, &ann).await, "each seal has a nonce of its own");
        assert_eq!(ring.unseal(&kept, &ann, Purpose::Totp).unwrap().as_slice(), b"a secret of twenty b");
        assert!(ring.unseal(&kept, &ben, Purpose::Totp).is_err(), "copied to somebody else");
        assert!(ring.unseal(&kept, &ann, Purpose::TotpPending).is_err(), "for something else");
        for damaged in ["", "1:", "1:x:AA==", "2:x:AA==", &kept.as_str()[..40]] {
            assert!(ring.unseal(&Sealed(damaged.to_owned()), &ann, Purpose::Totp).is_err(), "{damaged}");
        }
        let elsewhere = tempfile::tempdir().unwrap();
        let other = Keyring::open(elsewhere.path()).unwrap();
        let refused = other.unseal(&kept, &ann, Purpose::Totp).unwrap_err().to_string();
        assert!(refused.contains("put the file back"), "{refused}");
    }

    /// T19: another process's rotation is followed, nothing fails meanwhile, and the old key is gone afterwards.
    #[tokio::test]
    async fn t19_a_rotation_is_followed_by_other_processes() {
        let folder = tempfile::tempdir().unwrap();
        let server = Keyring::open(folder.path()).unwrap();
        let command = Keyring::open(folder.path()).unwrap();
        let ann = UserId::random();
        let old = sealed(&server, &ann).await;
        let fresh = command.add().await.unwrap();
        assert!(server.unseal(&old, &ann, Purpose::Totp).is_ok(), "read until sealed anew");
        let new = sealed(&server, &ann).await;
        assert_eq!(new.key_id(), Some(fresh.as_str()));
        assert!(command.unseal(&new, &ann, Purpose::Totp).is_ok());
        let dropped = command.keep_only(&fresh).await.unwrap();
        assert_eq!(dropped, [old.key_id().unwrap()]);
        assert!(command.unseal(&old, &ann, Purpose::Totp).is_err());
        assert!(server.unseal(&new, &ann, Purpose::Totp).is_ok());
        assert!(Keyring::open(folder.path()).unwrap().unseal(&old, &ann, Purpose::Totp).is_err(), "gone from the file");
        assert!(command.keep_only("nothing").await.is_err());
    }

    #[tokio::test]
    async fn keys_change_only_when_nobody_is_sealing() {
        let folder = tempfile::tempdir().unwrap();
        let ring = Keyring::open(folder.path()).unwrap();
        let held = ring.hold().await.unwrap();
        let other = Keyring::open(folder.path()).unwrap();
        let adding = tokio::spawn(async move { other.add().await });
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
        assert!(!adding.is_finished());
        drop(held);
        assert!(adding.await.unwrap().is_ok());
    }

    #[test]
    fn the_file_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let first = Keyring::open(folder.path()).unwrap();
        assert_eq!(first.ids(), Keyring::open(folder.path()).unwrap().ids(), "made once");
        let path = folder.path().join(FILE);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let refused = Keyring::open(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("chmod 600"), "{refused}");
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(Keyring::open(folder.path()).unwrap_err().to_string().contains("holds no key"));
    }
}
