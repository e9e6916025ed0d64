//! The HTTP client: HTTP and HTTPS with the certificates of the system, and a timeout for each phase of a request.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use ostiary_core::redact;
use rustls::crypto::ring;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Error};

use super::ModelStoreError;

/// Timeout of name resolution, and of connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Timeout of the header of a response, and of each read of its body.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Timeout of the transfer of a whole file.
const TRANSFER_TIMEOUT: Duration = Duration::from_secs(900);
const MAX_REDIRECTS: u32 = 5;

/// A folder on a web server.
pub struct HttpClient {
    agent: Agent,
    /// URL of the folder, without a slash at the end.
    address: String,
}

impl HttpClient {
    /// Prepares a client for the folder at this URL; sends no request.
    ///
    /// # Errors
    /// The URL is HTTPS, and the system trusts no certificate authority.
    pub fn new(address: &str) -> Result<Self, ModelStoreError> {
        let address = address.trim_end_matches('/').to_owned();
        let is_https = address.starts_with("https://");
        let mut config = Agent::config_builder()
            .user_agent(concat!("ostiary/", env!("CARGO_PKG_VERSION")))
            // A redirect from HTTPS to HTTP is refused.
            .https_only(is_https)
            .max_redirects(MAX_REDIRECTS)
            .timeout_resolve(Some(CONNECT_TIMEOUT))
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_recv_response(Some(READ_TIMEOUT))
            .timeout_per_read(Some(READ_TIMEOUT))
            .timeout_recv_body(Some(TRANSFER_TIMEOUT));
        // The signature makes a bundle trustworthy, not TLS: HTTP is allowed, and needs no certificates.
        if is_https {
            let certificates = rustls_native_certs::load_native_certs().certs;
            if certificates.is_empty() {
                return Err(ModelStoreError::Fetch {
                    place: redact(&address),
                    why: "this system trusts no certificate authority (install the package ca-certificates)"
                        .into(),
                    retryable: false,
                });
            }
            let roots: Vec<_> =
                certificates.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
            let tls = TlsConfig::builder()
                .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
                .root_certs(RootCerts::new_with_certs(&roots));
            config = config.tls_config(tls.build());
        }
        Ok(Self { agent: config.build().new_agent(), address })
    }

    /// The URL of a file.
    pub fn url(&self, file: &str) -> String {
        format!("{}/{file}", self.address)
    }

    /// Requests a file and returns a reader of its content. The reader fails if the connection breaks before the end.
    ///
    /// # Errors
    /// [`ModelStoreError::Fetch`] if the server cannot be reached or does not deliver the file.
    pub fn get(&self, file: &str) -> Result<Box<dyn Read>, ModelStoreError> {
        let url = self.url(file);
        match self.agent.get(&url).call() {
            Ok(response) => Ok(Box::new(response.into_body().into_reader())),
            Err(error) => {
                // A missing file or a wrong name is not worth another attempt a few seconds later.
                let retryable = match &error {
                    // Server errors, and 429 Too Many Requests.
                    Error::StatusCode(code) => *code >= 500 || *code == 429,
                    Error::Io(_) | Error::Timeout(_) | Error::ConnectionFailed | Error::Protocol(_) => true,
                    _ => false,
                };
                Err(ModelStoreError::Fetch {
                    place: redact(&url),
                    why: redact(&error.to_string()),
                    retryable,
                })
            }
        }
    }
}
