//! The web client: HTTP and HTTPS with the system's certificates, and an end to everything that could take for ever.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use ostiary_core::redact;
use rustls::crypto::ring;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Error};

use super::ReleaseError;

const CONNECT: Duration = Duration::from_secs(15);
/// For the first words of an answer, and for each piece after them.
const ANSWER: Duration = Duration::from_secs(30);
/// For one file as a whole.
const FILE: Duration = Duration::from_secs(900);
const REDIRECTS: u32 = 5;

/// A folder behind a web server.
pub struct Web {
    agent: Agent,
    /// Ends without a slash.
    address: String,
}

impl Web {
    /// Nothing is asked of the server yet.
    pub fn new(address: &str) -> Result<Self, ReleaseError> {
        let address = address.trim_end_matches('/').to_owned();
        let is_safe = address.starts_with("https://");
        let mut config = Agent::config_builder()
            .user_agent(concat!("ostiary/", env!("CARGO_PKG_VERSION")))
            // What is asked for safely is not answered unsafely.
            .https_only(is_safe)
            .max_redirects(REDIRECTS)
            .timeout_resolve(Some(CONNECT))
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(ANSWER))
            .timeout_per_read(Some(ANSWER))
            .timeout_recv_body(Some(FILE));
        // The signature is what is trusted, so that a source without TLS needs no certificates.
        if is_safe {
            let found = rustls_native_certs::load_native_certs().certs;
            if found.is_empty() {
                return Err(ReleaseError::Fetch {
                    place: redact(&address),
                    why: "this system trusts no certificate authority (install the package ca-certificates)"
                        .into(),
                    again: false,
                });
            }
            let roots: Vec<_> = found.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
            let tls = TlsConfig::builder()
                .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
                .root_certs(RootCerts::new_with_certs(&roots));
            config = config.tls_config(tls.build());
        }
        Ok(Self { agent: config.build().new_agent(), address })
    }

    /// The address of a file.
    pub fn url(&self, file: &str) -> String {
        format!("{}/{file}", self.address)
    }

    /// Asks for a file; the reader fails where the connection breaks before its end.
    pub fn get(&self, file: &str) -> Result<Box<dyn Read>, ReleaseError> {
        let url = self.url(file);
        match self.agent.get(&url).call() {
            Ok(answer) => Ok(Box::new(answer.into_body().into_reader())),
            Err(error) => {
                // That a file is not there, or a name is wrong, does not change within seconds.
                let again = match &error {
                    Error::StatusCode(code) => *code >= 500 || *code == 429,
                    Error::Io(_) | Error::Timeout(_) | Error::ConnectionFailed | Error::Protocol(_) => true,
                    _ => false,
                };
                Err(ReleaseError::Fetch { place: redact(&url), why: redact(&error.to_string()), again })
            }
        }
    }
}
