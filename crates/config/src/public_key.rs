//! Public keys of those who sign models.

use minisign_verify::PublicKey;

/// Whether a text is a public key.
pub fn is_public_key(text: &str) -> bool {
    PublicKey::from_base64(text).is_ok()
}
