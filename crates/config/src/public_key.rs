//! Public keys of publishers of models.

use minisign_verify::PublicKey;

/// Whether a text is a public key of minisign, as `ostiary-trainer keys` prints it.
pub fn is_public_key(text: &str) -> bool {
    PublicKey::from_base64(text).is_ok()
}
