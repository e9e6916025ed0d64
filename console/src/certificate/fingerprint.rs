//! SHA-256 of a certificate.

use std::fmt;

use ring::digest::{SHA256, digest};

/// SHA-256 of a certificate, by which a person recognizes it in the browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint(Vec<u8>);

impl Fingerprint {
    pub(super) fn of(certificate: &[u8]) -> Self {
        Self(digest(&SHA256, certificate).as_ref().to_vec())
    }
}

/// `AB:CD:...`, as browsers show it.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            let colon = if at == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}
