//! What can go wrong between the door and the broker, each with its mend.

use std::io;
use std::path::PathBuf;

use rumqttc::tokio_rustls::rustls::{self, AlertDescription, CertificateError};
use rumqttc::{ClientBuildError, ConnectReturnCode, ConnectionError, TlsError};

/// Why MQTT does not work.
#[derive(Debug, thiserror::Error)]
pub enum MqttError {
    #[error("mqtt {broker}: not reachable ({reason}); check mqtt.host, mqtt.port and that the broker runs")]
    Unreachable { broker: String, reason: String },
    #[error("mqtt {broker}: the broker refused the credentials; check mqtt.username and the password")]
    Credentials { broker: String },
    #[error("mqtt {broker}: the broker refused the connection ({reason}); its log says why")]
    Refused { broker: String, reason: String },
    #[error("mqtt {broker}: TLS failed ({reason}); {mend}")]
    Tls { broker: String, reason: String, mend: &'static str },
    #[error("mqtt {broker}: the connection broke ({reason}); if the port speaks TLS, set mqtt.tls = true")]
    Broken { broker: String, reason: String },
    #[error("mqtt: {key} {}: {why}; check the path and who may read it", path.display())]
    File { key: &'static str, path: PathBuf, why: io::Error },
    #[error("mqtt: {key} {}: {reason}; it must be a PEM file", path.display())]
    Pem { key: &'static str, path: PathBuf, reason: String },
    #[error("mqtt: others may read the password in {path} (mode {mode:o}); run `chmod 600 {path}`", path = path.display())]
    PasswordMode { path: PathBuf, mode: u32 },
    #[error("mqtt: {0}")]
    Config(&'static str),
    #[error("mqtt: the thread could not be started: {0}; check the limits on processes and memory")]
    Thread(io::Error),
    #[error("mqtt: the client could not be started: {0}; check the limits on open files and memory")]
    Client(#[from] ClientBuildError),
}

/// What a failed connection means for the person who has to mend it.
pub(super) fn classify(broker: &str, error: &ConnectionError) -> MqttError {
    let broker = broker.to_owned();
    if let Some(fault) = tls_fault(error) {
        return MqttError::Tls { broker, reason: fault.to_string(), mend: tls_mend(fault) };
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
            mend: "set mqtt.host to the broker's name",
        },
        ConnectionError::Tls(_) => MqttError::Tls { broker, reason, mend: OTHER_MEND },
        ConnectionError::NetworkTimeout => {
            MqttError::Unreachable { broker, reason: "no answer in time".to_owned() }
        }
        ConnectionError::Io(fault) if !is_break(fault.kind()) => {
            MqttError::Unreachable { broker, reason: fault.to_string() }
        }
        _ => MqttError::Broken { broker, reason },
    }
}

/// Ends of a connection that had been made.
fn is_break(kind: io::ErrorKind) -> bool {
    use io::ErrorKind as K;
    matches!(kind, K::ConnectionAborted | K::ConnectionReset | K::BrokenPipe | K::UnexpectedEof)
}

const OTHER_MEND: &str = "check that mqtt.port is the broker's TLS port";

fn tls_mend(fault: &rustls::Error) -> &'static str {
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
        _ => OTHER_MEND,
    }
}

/// The TLS library's own error, from however deep.
fn tls_fault(error: &ConnectionError) -> Option<&rustls::Error> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(fault) = error.downcast_ref::<rustls::Error>() {
            return Some(fault);
        }
        // An I/O error made from another shows that one here, and only that one's source as its own.
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner as &(dyn std::error::Error + 'static)),
            None => error.source(),
        };
    }
    None
}
