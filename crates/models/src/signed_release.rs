//! A release with its signature, and the trusted keys.

use minisign_verify::{PublicKey, Signature};
use ostiary_core::{is_sha256, sha256};

use super::{ModelStoreError, Release};

/// Limit of the size of a signature file, bytes.
pub(super) const MAX_SIGNATURE: u64 = 4 << 10;
/// Prefix of the trusted comment; the SHA-256 of the signed text follows.
const COMMENT_PREFIX: &str = "release ";

/// The minisign public keys of the trusted publishers.
#[derive(Clone)]
pub struct TrustedKeys(Vec<PublicKey>);

impl TrustedKeys {
    /// Parses keys as minisign prints them: 56 characters of base64 each.
    ///
    /// # Errors
    /// [`ModelStoreError::BadKey`] if one of them is not a public key.
    pub fn parse(keys: &[String]) -> Result<Self, ModelStoreError> {
        let key = |text: &String| {
            PublicKey::from_base64(text).map_err(|_| ModelStoreError::BadKey { key: text.clone() })
        };
        Ok(Self(keys.iter().map(key).collect::<Result<_, _>>()?))
    }
}

/// A release whose signature was verified with a trusted key.
#[derive(Debug, Clone)]
pub struct SignedRelease {
    /// The parsed description.
    pub release: Release,
    /// The signed bytes: the description as JSON.
    pub text: Vec<u8>,
    /// The signature file of minisign (four lines).
    pub signature: String,
}

impl SignedRelease {
    /// The trusted comment that a publisher signs with a release. It names the file of the release in the repository.
    pub fn trusted_comment(text: &[u8]) -> String {
        format!("{COMMENT_PREFIX}{}", sha256(text))
    }

    /// The SHA-256 of the release that a signature names in its trusted comment. The signature is not verified here.
    pub(super) fn release_hash(signature: &str, place: &str) -> Result<String, ModelStoreError> {
        let invalid = || ModelStoreError::NotARelease {
            place: place.to_owned(),
            why: "it is not the signature of a release".into(),
        };
        let signature = Signature::decode(signature).map_err(|_| invalid())?;
        let hash = signature.trusted_comment().strip_prefix(COMMENT_PREFIX).filter(|hash| is_sha256(hash));
        hash.map(str::to_owned).ok_or_else(invalid)
    }

    /// Verifies the signature, and only then parses the signed text. Errors name `place`, the file or address of the
    /// signature.
    ///
    /// # Errors
    /// No trusted key has made the signature, or the text is not a release.
    pub fn verify(
        text: Vec<u8>,
        signature: String,
        keys: &TrustedKeys,
        place: &str,
    ) -> Result<Self, ModelStoreError> {
        let invalid = |why: String| ModelStoreError::NotARelease { place: place.to_owned(), why };
        let signed = Signature::decode(&signature).map_err(|error| invalid(error.to_string()))?;
        // `false`: legacy signatures, which are not prehashed, are refused.
        let verifies = |key: &PublicKey| key.verify(&text, &signed, false).is_ok();
        if !keys.0.iter().any(verifies) {
            return Err(ModelStoreError::Untrusted { place: place.to_owned() });
        }
        let release = Release::parse(&text).map_err(|error| invalid(error.to_string()))?;
        Ok(Self { release, text, signature })
    }
}
