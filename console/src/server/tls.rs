//! TLS with a certificate that can be replaced while the console runs.

use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::certificate::Certificate;

/// The certificate in use.
#[derive(Debug)]
pub struct Tls {
    certificate: RwLock<Arc<CertifiedKey>>,
}

impl Tls {
    /// With this certificate.
    pub fn new(certificate: &Certificate) -> Arc<Self> {
        Arc::new(Self { certificate: RwLock::new(certificate.key.clone()) })
    }

    /// Replaces the certificate for connections from now on. Returns whether it is another one.
    pub fn replace(&self, certificate: &Certificate) -> bool {
        let mut used = self.certificate.write().unwrap_or_else(PoisonError::into_inner);
        let is_new = used.cert != certificate.key.cert;
        *used = certificate.key.clone();
        is_new
    }

    /// What connections use: TLS 1.2 and 1.3, HTTP/1.1.
    pub(super) fn config(self: Arc<Self>) -> Arc<ServerConfig> {
        let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
        // The provider has both versions.
        let builder =
            builder.with_safe_default_protocol_versions().unwrap_or_else(|_| ServerConfig::builder());
        let mut config = builder.with_no_client_auth().with_cert_resolver(self);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Arc::new(config)
    }
}

impl ResolvesServerCert for Tls {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.certificate.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}
