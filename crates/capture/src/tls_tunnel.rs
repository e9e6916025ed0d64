//! A TLS connection to a camera for a program that cannot check certificates: ffmpeg does not for RTSP. The program connects to
//! a port of this host, and what it sends goes encrypted to the camera. Programs of other users of this host are refused there.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream, ToSocketAddrs};
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ostiary_core::{HostPort, MAX_CERTIFICATES, read_regular_file};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error as TlsError,
    RootCertStore, SignatureScheme,
};

use super::local_peer;

/// The ports of this host; the first that is free is used. The service may use only these.
const PORTS: RangeInclusive<u16> = 18_554..=18_569;
/// The time limits of a tunnel.
const LIMITS: Limits = Limits { connect: Duration::from_secs(10), write: Duration::from_secs(10) };
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
    /// The file with the authority cannot be used, for this reason.
    #[error("{0}; it must be a file with a certificate in PEM that you can read")]
    Authority(String),
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

/// How long a tunnel waits.
#[derive(Clone, Copy)]
struct Limits {
    /// For the camera, until it is connected and the TLS handshake is done.
    connect: Duration,
    /// For the camera or the program to take what is sent.
    write: Duration,
}

/// A port of this host that is connected to a camera by TLS. It is closed when the tunnel is dropped, and so are its
/// connections.
pub struct TlsTunnel {
    port: u16,
    shared: Arc<Shared>,
    /// Open for as long as the program may connect, so that no program of another user can take the port.
    _listener: TcpListener,
}

/// What the thread of the tunnel shares.
#[derive(Default)]
struct Shared {
    is_closed: AtomicBool,
    failure: Mutex<Option<String>>,
    /// The connections of the program and of the camera.
    sockets: Mutex<Vec<TcpStream>>,
}

impl Shared {
    fn failure(&self) -> MutexGuard<'_, Option<String>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sockets(&self) -> MutexGuard<'_, Vec<TcpStream>> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets [`close`](Self::close) end this connection.
    ///
    /// # Errors
    /// The tunnel is closed.
    fn keep(&self, socket: &TcpStream) -> io::Result<()> {
        let mut sockets = self.sockets();
        if self.is_closed.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        sockets.push(socket.try_clone()?);
        Ok(())
    }

    /// Ends both connections, and so every wait for them.
    fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
        for socket in self.sockets().drain(..) {
            // It fails if the other side has ended the connection.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

impl TlsTunnel {
    /// Opens a port of this host. `host` is that of the camera's address; without a port it has `default_port`. `ca_file` has the
    /// authority or the camera's own certificate; without it, the authorities of the system are trusted. The first program of
    /// this process's user that connects is connected to the camera.
    ///
    /// # Errors
    /// The authority cannot be read, or there is no free port. That the camera cannot be reached or trusted is its
    /// [`failure`](Self::failure) later.
    pub fn open(host: &HostPort, default_port: u16, ca_file: Option<&Path>) -> Result<Self, TunnelError> {
        Self::open_for(rustix::process::geteuid().as_raw(), host, default_port, ca_file, LIMITS)
    }

    /// Opens a port for the programs of this user.
    fn open_for(
        uid: u32,
        host: &HostPort,
        default_port: u16,
        ca_file: Option<&Path>,
        limits: Limits,
    ) -> Result<Self, TunnelError> {
        let (name, remote_port) = (host.name().to_owned(), host.port().unwrap_or(default_port));
        let server_name = ServerName::try_from(name.clone())?;
        let config = client_config(ca_file)?;
        let listener = free_port()?;
        let no_port = |why| TunnelError::NoPort { why };
        let port = listener.local_addr().map_err(no_port)?.port();
        let accepting = listener.try_clone().map_err(no_port)?;
        let shared = Arc::new(Shared::default());
        let thread_shared = shared.clone();
        let serve = move || {
            let camera = (name.as_str(), remote_port);
            let served = accept(accepting, &thread_shared, uid, limits)
                .map_err(|error| error.to_string())
                .and_then(|local| match local {
                    Some(local) => serve(&local, &thread_shared, camera, server_name, config, limits),
                    None => Ok(()),
                });
            // The program ends with its connection, and then its failure is looked at.
            *thread_shared.failure() = served.err();
            thread_shared.close();
        };
        std::thread::Builder::new()
            .name("tls-tunnel".into())
            .spawn(serve)
            .map_err(|error| TunnelError::Tls(error.to_string()))?;
        Ok(Self { port, shared, _listener: listener })
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
        self.shared.close();
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

/// Connects to the camera, and passes on what the program and the camera send until one of them ends.
fn serve(
    local: &TcpStream,
    shared: &Shared,
    camera: (&str, u16),
    name: ServerName<'static>,
    config: Arc<ClientConfig>,
    limits: Limits,
) -> Result<(), String> {
    let text = |error: io::Error| error.to_string();
    let deadline = Instant::now() + limits.connect;
    let remote = connect(camera, deadline).map_err(text)?;
    shared.keep(&remote).map_err(text)?;
    let mut tls = ClientConnection::new(config, name).map_err(|error| error.to_string())?;
    let mut limited = Limited { socket: &remote, deadline };
    while tls.is_handshaking() {
        tls.complete_io(&mut limited).map_err(|error| handshake_failure(&error))?;
    }
    remote.set_read_timeout(None).map_err(text)?;
    remote.set_write_timeout(Some(limits.write)).map_err(text)?;
    let tls = Mutex::new(tls);
    std::thread::scope(|scope| {
        // A connection that ends is reported by the program. The end of one direction ends the other.
        scope.spawn(|| {
            let _ = send(local, &remote, &tls);
            let _ = remote.shutdown(Shutdown::Both);
        });
        let _ = receive(&remote, local, &tls);
        let _ = local.shutdown(Shutdown::Both);
    });
    Ok(())
}

/// The connection of a program of this user; `None` if the tunnel was closed before.
fn accept(listener: TcpListener, shared: &Shared, uid: u32, limits: Limits) -> io::Result<Option<TcpStream>> {
    listener.set_nonblocking(true)?;
    let mut has_refused = false;
    while !shared.is_closed.load(Ordering::Relaxed) {
        match listener.accept() {
            // It could read the camera's stream, or send commands to the camera.
            Ok((stream, _)) if local_peer::owner(&stream)? != Some(uid) => {
                if !has_refused {
                    log::warn!(
                        "a program of another user has connected to the camera's port of this host, and was refused"
                    );
                    has_refused = true;
                }
            }
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                stream.set_nodelay(true)?;
                stream.set_write_timeout(Some(limits.write))?;
                shared.keep(&stream)?;
                return Ok(Some(stream));
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(ACCEPT_INTERVAL),
            // The program has ended its connection before it was accepted.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

fn connect(camera: (&str, u16), deadline: Instant) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in camera.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, remaining(deadline)?) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// The time until the deadline.
///
/// # Errors
/// It has passed.
fn remaining(deadline: Instant) -> io::Result<Duration> {
    let rest = deadline.saturating_duration_since(Instant::now());
    if rest.is_zero() { Err(no_answer()) } else { Ok(rest) }
}

fn no_answer() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the camera did not answer in time")
}

/// A socket whose reads and writes all end at one deadline, however little the other side sends or takes at a time.
struct Limited<'a> {
    socket: &'a TcpStream,
    deadline: Instant,
}

impl Limited<'_> {
    /// The system reports a timeout as if the socket were one that does not wait.
    fn named(error: io::Error) -> io::Error {
        if error.kind() == io::ErrorKind::WouldBlock { no_answer() } else { error }
    }
}

impl Read for Limited<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(Some(remaining(self.deadline)?))?;
        self.socket.read(buffer).map_err(Self::named)
    }
}

impl Write for Limited<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(Some(remaining(self.deadline)?))?;
        self.socket.write(buffer).map_err(Self::named)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
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

/// Checks the certificates that a camera's is compared with.
///
/// # Errors
/// The file cannot be read or has none, or the system trusts none.
pub fn check_authorities(ca_file: Option<&Path>) -> Result<(), TunnelError> {
    client_config(ca_file).map(drop)
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
    let bytes = read_regular_file(path, MAX_CERTIFICATES)
        .map_err(|error| TunnelError::Authority(error.to_string()))?;
    let found = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| TunnelError::Authority(error.to_string()))?;
    if found.is_empty() {
        return Err(TunnelError::Authority("there is no certificate in it".into()));
    }
    Ok(found)
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
    use std::process::{Command, Stdio};
    use std::sync::Weak;

    use rustls::pki_types::PrivateKeyDer;
    use rustls::{ServerConfig, ServerConnection, StreamOwned};

    use super::*;

    /// Time limits that no test reaches.
    const LONG: Limits = Limits { connect: Duration::from_secs(600), write: Duration::from_secs(600) };
    /// A time that a test waits at most for what should come at once.
    const SOON: Duration = Duration::from_secs(20);

    fn own_uid() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    /// A tunnel to a camera at this port, and what is left of it as long as its thread runs.
    fn tunnel(uid: u32, port: u16, ca_file: Option<&Path>, limits: Limits) -> (TlsTunnel, Weak<Shared>) {
        let tunnel =
            TlsTunnel::open_for(uid, &HostPort::parse("127.0.0.1").unwrap(), port, ca_file, limits).unwrap();
        let shared = Arc::downgrade(&tunnel.shared);
        (tunnel, shared)
    }

    /// The connection of a program.
    fn program(tunnel: &TlsTunnel) -> TcpStream {
        let program = TcpStream::connect(tunnel.address()).unwrap();
        program.set_read_timeout(Some(SOON)).unwrap();
        program
    }

    /// A camera that is connected to, and its port.
    fn camera() -> (TcpListener, u16) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        (listener, port)
    }

    fn assert_thread_ends(shared: &Weak<Shared>, others: usize) {
        let begin = Instant::now();
        while shared.strong_count() > others {
            assert!(begin.elapsed() < SOON, "the thread of the tunnel still runs");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn a_program_of_another_user_is_refused_and_reaches_no_camera() {
        let (listener, port) = camera();
        listener.set_nonblocking(true).unwrap();
        let (tunnel, _) = tunnel(own_uid() + 1, port, None, LONG);
        for _ in 0..3 {
            let mut program = program(&tunnel);
            assert!(matches!(program.read(&mut [0]), Ok(0) | Err(_)), "the connection was ended");
        }
        assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert_eq!(tunnel.failure(), None, "it waits for its own program");
    }

    #[test]
    fn the_port_is_held_until_the_tunnel_is_dropped() {
        let (listener, port) = camera();
        let (tunnel, shared) = tunnel(own_uid(), port, None, LONG);
        let _program = program(&tunnel);
        drop(listener.accept().unwrap());
        assert_thread_ends(&shared, 1);
        let address = tunnel.address();
        let error = TcpListener::bind(&address).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse, "another program could pose as the camera");
        drop(tunnel);
        TcpListener::bind(&address).unwrap();
    }

    #[test]
    fn a_camera_that_drips_its_handshake_has_one_deadline() {
        let (listener, port) = camera();
        let limits = Limits { connect: Duration::from_millis(300), ..LONG };
        let (tunnel, shared) = tunnel(own_uid(), port, None, limits);
        let mut program = program(&tunnel);
        let (mut camera, _) = listener.accept().unwrap();
        // The begin of a handshake that is never complete.
        camera.write_all(&[22, 3, 3, 0x3f, 0xff]).unwrap();
        let begin = Instant::now();
        while camera.write_all(&[0]).is_ok() {
            assert!(begin.elapsed() < SOON, "the camera is still waited for");
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(matches!(program.read(&mut [0]), Ok(0) | Err(_)));
        let failure = tunnel.failure().unwrap();
        assert!(failure.contains("did not answer in time"), "{failure}");
        assert_thread_ends(&shared, 1);
    }

    #[test]
    fn a_tunnel_that_is_dropped_waits_for_nobody() {
        let (listener, port) = camera();
        let (tunnel, shared) = tunnel(own_uid(), port, None, LONG);
        let _program = program(&tunnel);
        let _silent = listener.accept().unwrap();
        drop(tunnel);
        assert_thread_ends(&shared, 0);
    }

    #[test]
    fn a_program_that_takes_nothing_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let (key, certificate) = (folder.path().join("key.pem"), folder.path().join("own.pem"));
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
            .args(["-subj", "/CN=camera", "-keyout"])
            .arg(&key)
            .arg("-out")
            .arg(&certificate)
            .stderr(Stdio::null())
            .status();
        assert!(made.expect("this test needs openssl: run scripts/setup").success());
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                certificates(&certificate).unwrap(),
                PrivateKeyDer::from_pem_file(&key).unwrap(),
            )
            .unwrap();
        // It sends until its connection ends.
        let (listener, port) = camera();
        let camera = std::thread::spawn(move || {
            let (socket, _) = listener.accept().unwrap();
            let mut tls = StreamOwned::new(ServerConnection::new(Arc::new(config)).unwrap(), socket);
            while tls.write_all(&[0; BUFFER_SIZE]).is_ok() {}
        });
        let limits = Limits { write: Duration::from_millis(200), ..LONG };
        let (tunnel, shared) = tunnel(own_uid(), port, Some(&certificate), limits);
        let mut program = program(&tunnel);
        program.read_exact(&mut [0]).unwrap();
        assert_thread_ends(&shared, 1);
        assert_eq!(tunnel.failure(), None);
        camera.join().unwrap();
    }

    #[test]
    fn an_authority_that_cannot_be_read_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let cam = HostPort::parse("cam").unwrap();
        let error = |path: &Path| TlsTunnel::open(&cam, 322, Some(path)).err().unwrap();
        assert!(error(&path).to_string().contains("No such file"), "{}", error(&path));
        std::fs::write(&path, "nothing").unwrap();
        assert!(error(&path).to_string().contains("no certificate"));
        std::fs::write(&path, vec![b'x'; 1 + (1 << 20)]).unwrap();
        assert!(error(&path).to_string().contains("larger than 1 MiB"));
        assert!(error(Path::new("/dev/zero")).to_string().contains("not a regular file"));
    }
}
