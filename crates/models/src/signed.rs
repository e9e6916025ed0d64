//! A release with its signature, and the keys that are trusted.

use minisign_verify::{PublicKey, Signature};
use ostiary_core::sha256;

use super::release::is_hash;
use super::{Release, ReleaseError};

/// The longest signature that is read, bytes.
pub(super) const MAX_SIGNATURE: u64 = 4 << 10;
/// What the signed comment of a signature begins with; the hash of what is signed follows.
const COMMENT: &str = "release ";

/// The publishers who are trusted: minisign's public keys.
#[derive(Clone)]
pub struct TrustedKeys(Vec<PublicKey>);

impl TrustedKeys {
    /// Keys as minisign prints them, 56 characters of base64 each.
    pub fn parse(keys: &[String]) -> Result<Self, ReleaseError> {
        let key = |text: &String| {
            PublicKey::from_base64(text).map_err(|_| ReleaseError::BadKey { key: text.clone() })
        };
        Ok(Self(keys.iter().map(key).collect::<Result<_, _>>()?))
    }
}

/// A release whose signature is one of a trusted key.
#[derive(Debug, Clone)]
pub struct SignedRelease {
    pub release: Release,
    /// What was signed, to the byte.
    pub text: Vec<u8>,
    /// minisign's four lines.
    pub signature: String,
}

impl SignedRelease {
    /// The comment that a publisher has signed with the release: it says where the release is found.
    pub fn comment(text: &[u8]) -> String {
        format!("{COMMENT}{}", sha256(text))
    }

    /// The hash of what is signed, as the signature's comment says; nothing is verified yet.
    pub(super) fn named_in(signature: &str, place: &str) -> Result<String, ReleaseError> {
        let no_signature =
            || ReleaseError::NotARelease { place: place.to_owned(), why: "no signature of a release".into() };
        let signature = Signature::decode(signature).map_err(|_| no_signature())?;
        let hash = signature.trusted_comment().strip_prefix(COMMENT).filter(|hash| is_hash(hash));
        hash.map(str::to_owned).ok_or_else(no_signature)
    }

    /// Verifies the signature, and only then reads what was signed. `place` is where it came from.
    pub fn verify(
        text: Vec<u8>,
        signature: String,
        keys: &TrustedKeys,
        place: &str,
    ) -> Result<Self, ReleaseError> {
        let not = |why: String| ReleaseError::NotARelease { place: place.to_owned(), why };
        let signed = Signature::decode(&signature).map_err(|error| not(error.to_string()))?;
        // Not the old kind of signature, which is made without hashing first.
        let is_good = |key: &PublicKey| key.verify(&text, &signed, false).is_ok();
        if !keys.0.iter().any(is_good) {
            return Err(ReleaseError::Untrusted { place: place.to_owned() });
        }
        let release = Release::parse(&text).map_err(not)?;
        Ok(Self { release, text, signature })
    }
}
