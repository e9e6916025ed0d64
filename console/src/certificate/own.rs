//! The certificate that the console makes for itself.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use ostiary_core::{MAX_CERTIFICATES, RegularFileError, durable, read_regular_file};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, PKCS_ECDSA_P256_SHA256,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;

use super::{CertificateError, Validity};

/// How long it is valid, seconds: two years. Devices of Apple refuse more than 825 days, also where the person trusts it.
const LIFETIME: i64 = 730 * DAY;
/// It is renewed this long before it expires, seconds.
const RENEWAL: i64 = 30 * DAY;
const DAY: i64 = 24 * 3600;

/// The files of the certificate, and the names that it should have.
pub(super) struct OwnCertificate {
    pub certificate: PathBuf,
    pub key: PathBuf,
    names: Vec<String>,
}

impl OwnCertificate {
    pub fn new(folder: &Path, names: Vec<String>) -> Self {
        Self { certificate: folder.join("certificate.pem"), key: folder.join("key.pem"), names }
    }

    /// Makes it, if there is none, or if it expires soon, is not valid yet, or has not the name of the door.
    pub fn renew(&self, now: i64) -> Result<(), CertificateError> {
        if self.is_good(now)? { Ok(()) } else { self.make(now) }
    }

    fn is_good(&self, now: i64) -> Result<bool, CertificateError> {
        let missing = |path: &Path| match read_regular_file(path, MAX_CERTIFICATES) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(RegularFileError::Io(error)) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(why) => Err(CertificateError::File { path: path.to_owned(), why: why.into() }),
        };
        let (Some(certificate), Some(_)) = (missing(&self.certificate)?, missing(&self.key)?) else {
            return Ok(false);
        };
        // A file that a power cut has damaged is replaced.
        let Ok(certificate) = CertificateDer::from_pem_slice(&certificate) else { return Ok(false) };
        let is_valid = Validity::of(&certificate)
            .is_some_and(|validity| (validity.from..validity.until - RENEWAL).contains(&now));
        let Ok(parsed) = ParsedCertificate::try_from(&certificate) else { return Ok(false) };
        // The other names depend on the machine and may change.
        let has_name = |name: &String| {
            ServerName::try_from(name.as_str())
                .is_ok_and(|name| rustls::client::verify_server_name(&parsed, &name).is_ok())
        };
        Ok(is_valid && self.names.first().is_none_or(has_name))
    }

    fn make(&self, now: i64) -> Result<(), CertificateError> {
        let mut parameters = CertificateParams::new(self.names.clone())?;
        let mut name = DistinguishedName::new();
        let door = self.names.first().map_or("Ostiary", String::as_str);
        // The name of a subject has at most 64 characters.
        name.push(DnType::CommonName, door.chars().take(64).collect::<String>());
        name.push(DnType::OrganizationName, "Ostiary");
        parameters.distinguished_name = name;
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        // The clock of the phone may be late.
        let from = now.saturating_sub(DAY);
        parameters.not_before = time(from);
        parameters.not_after = time(from.saturating_add(LIFETIME));
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let certificate = parameters.self_signed(&key)?;
        let write = |path: &Path, text: String, mode| {
            durable::write(path, text.as_bytes(), mode)
                .map_err(|why| CertificateError::File { path: path.to_owned(), why })
        };
        write(&self.key, key.serialize_pem(), 0o600)?;
        write(&self.certificate, certificate.pem(), 0o644)
    }
}

fn time(seconds: i64) -> time::OffsetDateTime {
    // Only a year after 9999 fails.
    time::OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(time::OffsetDateTime::UNIX_EPOCH)
}
