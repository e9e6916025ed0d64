//! The errors between the door and the broker, each with how to fix it.

use std::io;
use std::path::PathBuf;

use ostiary_core::PasswordFileError;
use rumqttc::tokio_rustls::rustls::{self, AlertDescription, CertificateError};
use rumqttc::{ClientBuildError, ConnectReturnCode, ConnectionError, TlsError};

/// Why MQTT does not work.
#[derive(Debug, thiserror::Error)]
pub enum MqttError {
    /// The broker does not answer.
    #[error("mqtt {broker}: not reachable ({reason}); check mqtt.host, mqtt.port and that the broker runs")]
    Unreachable {
        /// Host and port.
        broker: String,
        /// What happened.
        reason: String,
    },
    /// The broker refused the user or the password.
    #[error("mqtt {broker}: the broker refused the credentials; check mqtt.username and the password")]
    Credentials {
        /// Host and port.
        broker: String,
    },
    /// The broker refused the connection for another reason.
    #[error("mqtt {broker}: the broker refused the connection ({reason}); its log says why")]
    Refused {
        /// Host and port.
        broker: String,
        /// What happened.
        reason: String,
    },
    /// The TLS handshake failed.
    #[error("mqtt {broker}: TLS failed ({reason}); {fix}")]
    Tls {
        /// Host and port.
        broker: String,
        /// What happened.
        reason: String,
        /// How to fix it.
        fix: &'static str,
    },
    /// An established connection ended.
    #[error("mqtt {broker}: the connection broke ({reason}); if the port speaks TLS, set mqtt.tls = true")]
    Broken {
        /// Host and port.
        broker: String,
        /// What happened.
        reason: String,
    },
    /// A file of the configuration cannot be read.
    #[error("mqtt: {key} {}: {why}; check the path and who may read it", path.display())]
    File {
        /// The key in the configuration that names the file.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's error.
        why: io::Error,
    },
    /// A file of the configuration is not the PEM file that it must be.
    #[error("mqtt: {key} {}: {reason}; it must be a PEM file", path.display())]
    Pem {
        /// The key in the configuration that names the file.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What happened.
        reason: String,
    },
    /// The password file can be read by others.
    #[error("mqtt: others may read the password in {path} (mode {mode:o}); run `chmod 600 {path}`", path = path.display())]
    PasswordMode {
        /// The file.
        path: PathBuf,
        /// The file's mode bits.
        mode: u32,
    },
    /// The password of the service cannot be read, and systemd does not pass it.
    #[error("mqtt: {0}")]
    NotPassed(PasswordFileError),
    /// A setting cannot work.
    #[error("mqtt: {0}")]
    Config(&'static str),
    /// The thread cannot be started.
    #[error("mqtt: the thread could not be started: {0}; check the limits on processes and memory")]
    Thread(io::Error),
    /// The MQTT client cannot be made.
    #[error("mqtt: the client could not be started: {0}; check the limits on open files and memory")]
    Client(#[from] ClientBuildError),
}

/// The error of a failed connection, with how to fix it.
pub(super) fn classify(broker: &str, error: &ConnectionError) -> MqttError {
    let broker = broker.to_owned();
    if let Some(fault) = tls_fault(error) {
        return MqttError::Tls { broker, reason: fault.to_string(), fix: tls_fix(fault) };
    }
    let reason = error.to_string();
    match error {
        ConnectionError::ConnectionRefused(
            ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized,
        ) => MqttError::Credentials { broker },
        ConnectionError::ConnectionRefused(code) => {
            MqttError::Refused { broker, reason: format!("{code:?}") }
        }
        ConnectionError::Tls(TlsError::DNSName(_)) => MqttError::Tls {
            broker,
            reason: "the host is not a name that a certificate can hold".to_owned(),
            fix: "set mqtt.host to the broker's name",
        },
        ConnectionError::Tls(_) => MqttError::Tls { broker, reason, fix: OTHER_FIX },
        ConnectionError::NetworkTimeout => {
            MqttError::Unreachable { broker, reason: "no answer in time".to_owned() }
        }
        ConnectionError::Io(fault) if !is_break(fault.kind()) => {
            MqttError::Unreachable { broker, reason: fault.to_string() }
        }
        _ => MqttError::Broken { broker, reason },
    }
}

/// Whether an established connection ended.
fn is_break(kind: io::ErrorKind) -> bool {
    use io::ErrorKind as K;
    matches!(kind, K::ConnectionAborted | K::ConnectionReset | K::BrokenPipe | K::UnexpectedEof)
}

const OTHER_FIX: &str = "check that mqtt.port is the broker's TLS port";

fn tls_fix(fault: &rustls::Error) -> &'static str {
    use rustls::Error as E;
    match fault {
        E::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => {
            "set mqtt.ca_file to the certificate authority that signed the broker's certificate"
        }
        E::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "set mqtt.host to a name that is in the broker's certificate",
        E::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        ) => "renew the broker's certificate, or set this machine's clock",
        E::InvalidCertificate(_) => "give the broker a certificate that is valid for a server",
        E::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::HandshakeFailure
            | AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::CertificateUnknown,
        ) => "set mqtt.cert_file and mqtt.key_file to a client certificate that the broker trusts",
        _ => OTHER_FIX,
    }
}

/// The TLS library's error, at any depth of the sources.
fn tls_fault(error: &ConnectionError) -> Option<&rustls::Error> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(fault) = error.downcast_ref::<rustls::Error>() {
            return Some(fault);
        }
        // An I/O error that wraps an error returns it here; its `source` is already the wrapped error's source.
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner as &(dyn std::error::Error + 'static)),
            None => error.source(),
        };
    }
    None
}
