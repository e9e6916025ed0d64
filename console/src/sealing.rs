//! Tokens are stored only sealed: by a one-time code, by a password, or by the cookie of a session. None of these is stored, so that
//! the file alone gives no token (docs/design/console.md).

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use ring::aead::{self, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::digest::{SHA256, digest};
use ring::hkdf::{HKDF_SHA256, Salt};
use ring::rand::{SecureRandom, SystemRandom};
use unicode_normalization::UnicodeNormalization;

/// The bytes of a salt.
pub const SALT: usize = 16;
/// The bytes of a cookie's secret.
const SECRET: usize = 32;
/// The memory of one derivation, KiB. The console may use 25 MB as a whole, and one derivation runs at a time.
const MEMORY_KIB: u32 = 12 * 1024;
/// The passes over that memory. With 12 MiB, three are one of the sets that OWASP's cheat sheet on password storage names as equally
/// strong. A Raspberry Pi 4 takes about 0.2 s.
const PASSES: u32 = 3;

/// What a token is sealed for. One that was sealed for something else, or for another name, does not open.
#[derive(Debug, Clone, Copy)]
pub enum Purpose {
    /// A one-time code.
    Code,
    /// The password of an account.
    Password,
    /// The cookie of a session.
    Session,
}

/// Something failed that does not fail in a working system.
#[derive(Debug, thiserror::Error)]
#[error("a token cannot be sealed: {0}")]
pub struct SealingError(&'static str);

/// A key that seals tokens.
pub struct Key(LessSafeKey);

/// The secret of a session, which only the cookie has.
pub struct Secret([u8; SECRET]);

/// Random bytes.
///
/// # Errors
/// The system gives none.
pub fn random<const N: usize>() -> Result<[u8; N], SealingError> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| SealingError("the system gives no random numbers"))?;
    Ok(bytes)
}

impl Key {
    /// The key of a password or a code. Takes [`MEMORY_KIB`] and a fraction of a second.
    ///
    /// # Errors
    /// There is no memory.
    pub fn of_password(password: &str, salt: &[u8; SALT]) -> Result<Self, SealingError> {
        // One visible password has several encodings, which depend on the keyboard.
        let password: String = password.nfkc().collect();
        let wrong = |_| SealingError("argon2 refuses its parameters");
        let parameters = Params::new(MEMORY_KIB, PASSES, 1, Some(32)).map_err(wrong)?;
        let mut key = [0; 32];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
            .hash_password_into(password.as_bytes(), salt, &mut key)
            .map_err(wrong)?;
        Self::new(&key)
    }

    fn new(bytes: &[u8; 32]) -> Result<Self, SealingError> {
        let key =
            UnboundKey::new(&CHACHA20_POLY1305, bytes).map_err(|_| SealingError("the key is refused"))?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// Seals a token of the account of this name. The nonce is random and comes first.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn seal(&self, text: &str, purpose: Purpose, name: &str) -> Result<Vec<u8>, SealingError> {
        let nonce: [u8; aead::NONCE_LEN] = random()?;
        let mut sealed = text.as_bytes().to_vec();
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), bound(purpose, name), &mut sealed)
            .map_err(|_| SealingError("the text is refused"))?;
        let mut all = nonce.to_vec();
        all.append(&mut sealed);
        Ok(all)
    }

    /// The token; `None` with another key, purpose or name, or if it was changed.
    pub fn open(&self, sealed: &[u8], purpose: Purpose, name: &str) -> Option<String> {
        let (nonce, sealed) = sealed.split_first_chunk::<{ aead::NONCE_LEN }>()?;
        let mut text = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self.0.open_in_place(nonce, bound(purpose, name), &mut text).ok()?;
        String::from_utf8(opened.to_vec()).ok()
    }
}

fn bound(purpose: Purpose, name: &str) -> Aad<String> {
    Aad::from(format!("{purpose:?} {name}"))
}

impl Secret {
    /// A new one.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn new() -> Result<Self, SealingError> {
        Ok(Self(random()?))
    }

    /// The one of these bytes, if there are as many as it has.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(bytes.try_into().ok()?))
    }

    /// What the cookie has.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// What the store has: SHA-256. So many random bits cannot be guessed, and need neither a slow hash nor a salt.
    pub fn id(&self) -> Vec<u8> {
        digest(&SHA256, &self.0).as_ref().to_vec()
    }

    /// The key that seals the token of the session. It does not follow from [`Secret::id`].
    ///
    /// # Errors
    /// Never in a working program.
    pub fn key(&self) -> Result<Key, SealingError> {
        let extracted = Salt::new(HKDF_SHA256, b"ostiary-console").extract(&self.0);
        let key = extracted.expand(&[b"token of a session"], &CHACHA20_POLY1305).map(UnboundKey::from);
        let key = key.map_err(|_| SealingError("the key cannot be derived"))?;
        Ok(Key(LessSafeKey::new(key)))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_opens_what_it_sealed() {
        let salt = random().unwrap();
        let key = Key::of_password("corr\u{e9}ct horse", &salt).unwrap();
        let sealed = key.seal("token", Purpose::Session, "Ada").unwrap();
        assert_ne!(sealed, key.seal("token", Purpose::Session, "Ada").unwrap());
        let same = Key::of_password("corre\u{301}ct horse", &salt).unwrap();
        assert_eq!(same.open(&sealed, Purpose::Session, "Ada").as_deref(), Some("token"));
        assert_eq!(same.open(&sealed, Purpose::Session, "Ben"), None);
        assert_eq!(
            Key::of_password("correct horse", &salt).unwrap().open(&sealed, Purpose::Session, "Ada"),
            None
        );
        assert_eq!(
            Key::of_password("corr\u{e9}ct horse", &random().unwrap()).unwrap().open(
                &sealed,
                Purpose::Session,
                "Ada"
            ),
            None
        );
        assert_eq!(same.open(&sealed, Purpose::Code, "Ada"), None);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(key.open(&changed, Purpose::Session, "Ada"), None);
        }
        assert_eq!(key.open(&sealed[..5], Purpose::Session, "Ada"), None);
    }

    #[test]
    fn the_stored_id_of_a_session_is_not_its_key() {
        let secret = Secret::new().unwrap();
        let sealed = secret.key().unwrap().seal("token", Purpose::Session, "Ada").unwrap();
        let again = Secret::from_bytes(secret.bytes()).unwrap();
        assert_eq!(
            (again.id(), again.key().unwrap().open(&sealed, Purpose::Session, "Ada").as_deref()),
            (secret.id(), Some("token"))
        );
        let id = Secret::from_bytes(&secret.id()).unwrap();
        assert_eq!(id.key().unwrap().open(&sealed, Purpose::Session, "Ada"), None);
        assert_eq!(format!("{secret:?}"), "Secret(..)");
    }
}
