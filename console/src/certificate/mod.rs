//! The certificate of the console: the owner's, or one that the console makes for itself.

mod fingerprint;
mod own;
mod validity;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ostiary_config::Config;
use ostiary_core::{MAX_CERTIFICATES, read_regular_file};
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

pub use self::fingerprint::Fingerprint;
use self::own::OwnCertificate;
pub use self::validity::Validity;

/// The certificate with its key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read or written.
    #[error("{}: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: std::io::Error,
    },
    /// A file has no certificate, or no key.
    #[error("{}: {why}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is missing.
        why: String,
    },
    /// The key is not that of the certificate, or of a kind that is not known.
    #[error("{} is not the key of the certificate {}: {why}", key.display(), certificate.display())]
    Key {
        /// The certificate.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
        /// Why not.
        why: rustls::Error,
    },
    /// None can be made.
    #[error("a certificate cannot be made: {0}")]
    Make(#[from] rcgen::Error),
}

/// A certificate with its key, which can be used.
#[derive(Clone)]
pub struct Certificate {
    /// What rustls takes.
    pub key: Arc<CertifiedKey>,
    /// From when to when it is valid; `None` if it cannot be read.
    pub validity: Option<Validity>,
    /// The file.
    pub path: PathBuf,
    /// Whether the console makes it itself.
    pub is_own: bool,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("path", &self.path).field("validity", &self.validity).finish()
    }
}

impl Certificate {
    /// Reads the owner's certificate, or the console's own in this folder, which is made if there is none, or renewed if it expires
    /// soon. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// It cannot be read or made.
    pub fn load(config: &Config, folder: &Path, now: i64) -> Result<Self, CertificateError> {
        match (&config.console.certificate, &config.console.key) {
            (Some(certificate), Some(key)) => Self::read(certificate, key, false),
            _ => {
                let own = OwnCertificate::new(folder, own_names(config));
                own.renew(now)?;
                Self::read(&own.certificate, &own.key, true)
            }
        }
    }

    fn read(certificate: &Path, key: &Path, is_own: bool) -> Result<Self, CertificateError> {
        let text = read_file(certificate)?;
        let pem = |path: &Path, why: &dyn fmt::Display| CertificateError::Pem {
            path: path.to_owned(),
            why: why.to_string(),
        };
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&text)
            .collect::<Result<_, _>>()
            .map_err(|why| pem(certificate, &why))?;
        let first = chain.first().ok_or_else(|| pem(certificate, &"there is no certificate in it"))?;
        let validity = Validity::of(first);
        let private = PrivateKeyDer::from_pem_slice(&read_file(key)?).map_err(|why| pem(key, &why))?;
        let wrong =
            |why| CertificateError::Key { certificate: certificate.to_owned(), key: key.to_owned(), why };
        let signing = any_supported_type(&private).map_err(wrong)?;
        let certified = CertifiedKey::new(chain, signing);
        certified.keys_match().map_err(wrong)?;
        Ok(Self { key: Arc::new(certified), validity, path: certificate.to_owned(), is_own })
    }

    /// SHA-256 of the certificate, as browsers show it.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.key.cert.first().map_or(&[], |certificate| certificate.as_ref()))
    }

    /// What is wrong with the time of the certificate, and what to do; `None` if it is valid for two weeks at least.
    pub fn warning(&self, now: i64) -> Option<String> {
        const SOON: i64 = 14 * 24 * 3600;
        let Validity { from, until } = self.validity?;
        let (path, until_text) = (self.path.display(), shown(until));
        if now < from {
            return Some(format!(
                "the certificate {path} is not valid before {}: browsers refuse it; check the clock of the board",
                shown(from)
            ));
        }
        let remedy = "renew it, or unset console.certificate and console.key, and the console makes its own";
        if now > until {
            return Some(format!(
                "the certificate {path} expired at {until_text}: browsers refuse it; {remedy}"
            ));
        }
        (now > until.saturating_sub(SOON))
            .then(|| format!("the certificate {path} expires at {until_text}: {remedy}"))
    }
}

fn shown(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |time| time.to_string())
}

fn read_file(path: &Path) -> Result<Vec<u8>, CertificateError> {
    read_regular_file(path, MAX_CERTIFICATES)
        .map_err(|why| CertificateError::File { path: path.to_owned(), why: why.into() })
}

/// The names in the console's own certificate.
fn own_names(config: &Config) -> Vec<String> {
    let mut names = vec![config.local_name()];
    let address = config.console_address();
    let host = address.trim_start_matches("https://");
    let host = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next(),
        None => host.split(':').next(),
    };
    let listen = config.console.listen.map(|listen| listen.ip()).filter(|ip| !ip.is_unspecified());
    let machine = std::fs::read_to_string("/etc/hostname").unwrap_or_default().trim().to_lowercase();
    let machine = [machine.clone(), format!("{machine}.local")];
    let others = host.map(str::to_owned).into_iter().chain(listen.map(|ip| ip.to_string()));
    for name in others.chain(machine).chain(["localhost".to_owned(), "127.0.0.1".to_owned()]) {
        // A name that no certificate can have is left out.
        if !names.contains(&name) && rustls::pki_types::ServerName::try_from(name.as_str()).is_ok() {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests;
