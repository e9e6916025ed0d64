//! A TLS connection to a camera for a program that cannot check certificates: ffmpeg does not for RTSP. The program connects to
//! a port of this host, and what it sends goes encrypted to the camera.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream, ToSocketAddrs};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ostiary_core::HostPort;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error as TlsError,
    RootCertStore, SignatureScheme,
};

/// The ports of this host; the first that is free is used. The service may use only these.
const PORTS: RangeInclusive<u16> = 18_554..=18_569;
/// The time limit of connecting to the camera, and of the TLS handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The time between two looks for the program's connection.
const ACCEPT_INTERVAL: Duration = Duration::from_millis(10);
/// Size of the buffers in both directions, bytes.
const BUFFER_SIZE: usize = 1 << 14;

/// Why no tunnel can be opened.
#[derive(Debug, thiserror::Error)]
pub enum TunnelError {
    /// The host in the address is no name for a certificate.
    #[error("the host cannot have a certificate ({0})")]
    Host(#[from] InvalidDnsNameError),
    /// The file with the authority cannot be used.
    #[error("{}: {why}; it must have a certificate in PEM that you can read", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The system has no authorities.
    #[error(
        "this system trusts no certificate authority; install the package ca-certificates or set camera.ca_file"
    )]
    NoAuthority,
    /// The library for TLS refused the settings.
    #[error("TLS cannot be used ({0})")]
    Tls(String),
    /// All ports of this host are in use, or the service may not use them.
    #[error("no port from {} to {} of this host can be used for the connection ({why})", PORTS.start(), PORTS.end())]
    NoPort {
        /// The error of the last port.
        why: io::Error,
    },
}

impl TunnelError {
    /// The key of the configuration that it is about.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Authority { .. } | Self::NoAuthority => "camera.ca_file",
            Self::Host(_) | Self::Tls(_) | Self::NoPort { .. } => "camera.source",
        }
    }
}

/// A port of this host that is connected to a camera by TLS. It is closed when the tunnel is dropped.
pub struct TlsTunnel {
    port: u16,
    shared: Arc<Shared>,
}

/// What the thread of the tunnel shares.
#[derive(Default)]
struct Shared {
    is_closed: AtomicBool,
    failure: Mutex<Option<String>>,
}

impl Shared {
    fn failure(&self) -> MutexGuard<'_, Option<String>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TlsTunnel {
    /// Opens a port of this host. `host` is that of the camera's address; without a port it has `default_port`. `ca_file` has the
    /// authority or the camera's own certificate; without it, the authorities of the system are trusted. The first program that
    /// connects is connected to the camera.
    ///
    /// # Errors
    /// The authority cannot be read, or there is no free port. That the camera cannot be reached or trusted is its
    /// [`failure`](Self::failure) later.
    pub fn open(host: &HostPort, default_port: u16, ca_file: Option<&Path>) -> Result<Self, TunnelError> {
        let (name, remote_port) = (host.name().to_owned(), host.port().unwrap_or(default_port));
        let server_name = ServerName::try_from(name.clone())?;
        let config = client_config(ca_file)?;
        let listener = free_port()?;
        let port = listener.local_addr().map_err(|why| TunnelError::NoPort { why })?.port();
        let shared = Arc::new(Shared::default());
        let thread_shared = shared.clone();
        let serve = move || {
            if let Err(why) = serve(&listener, &thread_shared, (&name, remote_port), server_name, config) {
                *thread_shared.failure() = Some(why);
            }
        };
        std::thread::Builder::new()
            .name("tls-tunnel".into())
            .spawn(serve)
            .map_err(|error| TunnelError::Tls(error.to_string()))?;
        Ok(Self { port, shared })
    }

    /// Where the program connects to: `127.0.0.1:18554`.
    pub fn address(&self) -> String {
        format!("{}:{}", Ipv4Addr::LOCALHOST, self.port)
    }

    /// Why the camera could not be reached or trusted, with how to fix it; `None` if it could.
    pub fn failure(&self) -> Option<String> {
        self.shared.failure().clone()
    }
}

impl Drop for TlsTunnel {
    fn drop(&mut self) {
        self.shared.is_closed.store(true, Ordering::Relaxed);
    }
}

fn free_port() -> Result<TcpListener, TunnelError> {
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for port in PORTS {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(TunnelError::NoPort { why: last })
}

/// Waits for the program, connects to the camera, and passes on what both send until one of them ends.
fn serve(
    listener: &TcpListener,
    shared: &Shared,
    (host, port): (&str, u16),
    name: ServerName<'static>,
    config: Arc<ClientConfig>,
) -> Result<(), String> {
    let text = |error: io::Error| error.to_string();
    let Some(local) = accept(listener, shared).map_err(text)? else { return Ok(()) };
    let mut remote = connect(host, port).map_err(text)?;
    let mut tls = ClientConnection::new(config, name).map_err(|error| error.to_string())?;
    remote.set_read_timeout(Some(CONNECT_TIMEOUT)).map_err(text)?;
    while tls.is_handshaking() {
        tls.complete_io(&mut remote).map_err(|error| handshake_failure(&error))?;
    }
    remote.set_read_timeout(None).map_err(text)?;
    let tls = Mutex::new(tls);
    std::thread::scope(|scope| {
        // A connection that ends is reported by the program. The end of one direction ends the other.
        scope.spawn(|| {
            let _ = send(&local, &remote, &tls);
            let _ = remote.shutdown(Shutdown::Both);
        });
        let _ = receive(&remote, &local, &tls);
        let _ = local.shutdown(Shutdown::Both);
    });
    Ok(())
}

/// The program's connection; `None` if the tunnel was closed before.
fn accept(listener: &TcpListener, shared: &Shared) -> io::Result<Option<TcpStream>> {
    listener.set_nonblocking(true)?;
    while !shared.is_closed.load(Ordering::Relaxed) {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                stream.set_nodelay(true)?;
                return Ok(Some(stream));
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(ACCEPT_INTERVAL),
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// The reason of a failed handshake, in words that say what to do.
fn handshake_failure(error: &io::Error) -> String {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<TlsError>());
    match cause {
        Some(TlsError::InvalidCertificate(problem)) => {
            let why = match problem {
                // The library's other error is that of a certificate that signs itself.
                CertificateError::UnknownIssuer | CertificateError::Other(_) => {
                    "it is signed by itself or by an unknown authority".to_owned()
                }
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                    "it has expired".to_owned()
                }
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                    "it is for another host".to_owned()
                }
                other => other.to_string(),
            };
            format!(
                "the camera's certificate is not trusted: {why}; set camera.ca_file to its authority or to the camera's own \
                 certificate"
            )
        }
        Some(other) => format!("TLS failed ({other}); check that the camera's port is that of rtsps"),
        None => format!("TLS failed ({error}); check that the camera's port is that of rtsps"),
    }
}

/// Passes on what the program sends.
fn send(mut local: &TcpStream, mut remote: &TcpStream, tls: &Mutex<ClientConnection>) -> io::Result<()> {
    let mut buffer = [0; BUFFER_SIZE];
    loop {
        let count = local.read(&mut buffer)?;
        let mut tls = tls.lock().unwrap_or_else(PoisonError::into_inner);
        if count == 0 {
            tls.send_close_notify();
        }
        tls.writer().write_all(buffer.get(..count).unwrap_or_default())?;
        while tls.wants_write() {
            tls.write_tls(&mut remote)?;
        }
        if count == 0 {
            return Ok(());
        }
    }
}

/// Passes on what the camera sends.
fn receive(mut remote: &TcpStream, mut local: &TcpStream, tls: &Mutex<ClientConnection>) -> io::Result<()> {
    let (mut sealed, mut open) = ([0; BUFFER_SIZE], [0; BUFFER_SIZE]);
    loop {
        let count = remote.read(&mut sealed)?;
        let mut rest = sealed.get(..count).unwrap_or_default();
        if rest.is_empty() {
            return Ok(());
        }
        while !rest.is_empty() {
            let mut tls = tls.lock().unwrap_or_else(PoisonError::into_inner);
            tls.read_tls(&mut rest)?;
            tls.process_new_packets().map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            while tls.wants_write() {
                tls.write_tls(&mut remote)?;
            }
            loop {
                let count = match tls.reader().read(&mut open) {
                    Ok(0) => return Ok(()),
                    Ok(count) => count,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error),
                };
                local.write_all(open.get(..count).unwrap_or_default())?;
            }
        }
    }
}

fn client_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, TunnelError> {
    let own = ca_file.map(certificates).transpose()?.unwrap_or_default();
    let mut roots = RootCertStore::empty();
    if own.is_empty() {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    } else {
        roots.add_parsable_certificates(own.iter().cloned());
    }
    if roots.is_empty() {
        return Err(TunnelError::NoAuthority);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = |error: &dyn fmt::Display| TunnelError::Tls(error.to_string());
    let authority = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(|error| tls(&error))?;
    let verifier = Verifier { own, authority, provider: provider.clone() };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| tls(&error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TunnelError> {
    let failed = |why: String| TunnelError::Authority { path: path.to_owned(), why };
    let bytes = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    let found = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| failed(error.to_string()))?;
    if found.is_empty() { Err(failed("there is no certificate in it".into())) } else { Ok(found) }
}

/// Trusts exactly the certificates in `camera.ca_file`, and those that its authorities signed for the host. Cameras mostly sign
/// their certificate themselves and without the name of the host, so that no authority can stand for it.
#[derive(Debug)]
struct Verifier {
    own: Vec<CertificateDer<'static>>,
    authority: Arc<WebPkiServerVerifier>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        if self.own.iter().any(|own| own.as_ref() == end_entity.as_ref()) {
            return Ok(ServerCertVerified::assertion());
        }
        self.authority.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        rustls::crypto::verify_tls12_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        rustls::crypto::verify_tls13_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_that_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let error = |path: &Path| TlsTunnel::open(&HostPort::parse("cam").unwrap(), 322, Some(path)).err().unwrap();
        assert!(error(&path).to_string().contains("ca.pem"));
        std::fs::write(&path, "nothing").unwrap();
        assert!(error(&path).to_string().contains("no certificate"));
        assert_eq!(error(&path).key(), "camera.ca_file");
    }
}
