//! The key that signs heads: Ed25519, in the text format of signed notes (C2SP).

use std::path::{Path, PathBuf};
use std::{fs, io};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ostiary_core::durable;
use ostiary_core::hex;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use sha2::{Digest, Sha256};

/// The number of the algorithm Ed25519 in signed notes.
const ALGORITHM: u8 = 1;
/// The start of the text of a secret key.
const SECRET: &str = "PRIVATE+KEY+";

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or created.
    #[error("key of the event trail {}: {why}; check who may read the file", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        why: io::Error,
    },
    /// The file is not a key.
    #[error("key of the event trail {}: not a key; restore it, or remove it for a new one", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers for the event trail")]
    Random,
}

/// A key that signs heads.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

/// A key that checks signatures, with its name: the origin of the heads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    name: String,
    bytes: [u8; 32],
}

impl SigningKey {
    /// Reads the key, or creates it in a file that only its owner can read. Returns whether it is new.
    ///
    /// # Errors
    /// If the file cannot be read or created, or is not a key.
    pub fn load_or_create(path: &Path) -> Result<(Self, bool), KeyError> {
        match Self::load(path) {
            Err(KeyError::File { why, .. }) if why.kind() == io::ErrorKind::NotFound => {
                let mut seed = [0; 32];
                SystemRandom::new().fill(&mut seed).map_err(|_| KeyError::Random)?;
                let key = Self::from_seed(&seed, None).ok_or(KeyError::Random)?;
                durable::write(path, key.text(&seed).as_bytes(), 0o600)
                    .map_err(|why| KeyError::File { path: path.into(), why })?;
                Ok((key, true))
            }
            loaded => loaded.map(|key| (key, false)),
        }
    }

    /// Reads the key.
    ///
    /// # Errors
    /// If the file cannot be read, or is not a key.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let text = fs::read_to_string(path).map_err(|why| KeyError::File { path: path.into(), why })?;
        Self::parse(text.trim_end()).ok_or_else(|| KeyError::Damaged { path: path.into() })
    }

    fn parse(text: &str) -> Option<Self> {
        let (name, rest) = text.strip_prefix(SECRET)?.split_once('+')?;
        let (_, data) = rest.split_once('+')?;
        let data = BASE64_STANDARD.decode(data).ok()?;
        let (&ALGORITHM, seed) = data.split_first()? else { return None };
        let key = Self::from_seed(seed.try_into().ok()?, Some(name))?;
        // The middle part, a hash of name and public key, shows a damaged file.
        (key.text(seed.try_into().ok()?).trim_end() == text).then_some(key)
    }

    /// The key of a seed. Without a name, it is named after the public key: a door may be renamed, its trail continues.
    fn from_seed(seed: &[u8; 32], name: Option<&str>) -> Option<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
        let bytes: [u8; 32] = pair.public_key().as_ref().try_into().ok()?;
        let own = || format!("ostiary/{}", hex(Sha256::digest(bytes).get(..4).unwrap_or_default()));
        let name = name.map_or_else(own, str::to_owned);
        Some(Self { pair, public: PublicKey { name, bytes } })
    }

    fn text(&self, seed: &[u8; 32]) -> String {
        let data: Vec<u8> = [ALGORITHM].into_iter().chain(*seed).collect();
        let id = hex(&self.public.id());
        format!("{SECRET}{}+{id}+{}\n", self.public.name, BASE64_STANDARD.encode(data))
    }

    /// The public key.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The signature of a message, 64 bytes.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}

impl PublicKey {
    /// The name of the key: the origin of its heads.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key's id in signatures: a hash of its name and bytes.
    pub fn id(&self) -> [u8; 4] {
        let mut hash = Sha256::new();
        hash.update(&self.name);
        hash.update([b'\n', ALGORITHM]);
        hash.update(self.bytes);
        let hash: [u8; 32] = hash.finalize().into();
        let [a, b, c, d, ..] = hash;
        [a, b, c, d]
    }

    /// Whether this key signed the message.
    pub fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.bytes).verify(message, signature).is_ok()
    }

    /// The text of the key, with which other programs verify heads (`vkey` of signed notes).
    pub fn text(&self) -> String {
        let data: Vec<u8> = [ALGORITHM].into_iter().chain(self.bytes).collect();
        format!("{}+{}+{}", self.name, hex(&self.id()), BASE64_STANDARD.encode(data))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_created_once_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.sqlite.key");
        let (key, is_new) = SigningKey::load_or_create(&path).unwrap();
        assert!(is_new);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let (again, is_new) = SigningKey::load_or_create(&path).unwrap();
        assert!(!is_new);
        assert_eq!(again.public(), key.public());
        let signature = key.sign(b"message");
        assert!(again.public().has_signed(b"message", &signature));
        assert!(!again.public().has_signed(b"massage", &signature));
    }

    #[test]
    fn a_file_that_is_no_key_stays_and_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.sqlite.key");
        SigningKey::load_or_create(&path).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        for damaged in
            [text.replace("ostiary/", "ostiary-"), text.replace("PRIVATE", "PUBLIC"), String::new()]
        {
            fs::write(&path, &damaged).unwrap();
            let error = SigningKey::load_or_create(&path).err().unwrap();
            assert!(matches!(error, KeyError::Damaged { .. }), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), damaged);
        }
    }

    #[test]
    fn the_format_is_that_of_signed_notes() {
        // The example key of the Go package golang.org/x/mod/sumdb/note.
        let text = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
        let key = SigningKey::parse(text).unwrap();
        assert_eq!(key.public().text(), "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
    }
}
