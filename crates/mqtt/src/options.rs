//! From the `[mqtt]` section to a connection: names, password, certificates.

use std::env;
use std::net::Ipv6Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ostiary_config as config;
use ostiary_core::{
    MAX_CERTIFICATES, PasswordFileError, read_password_file, read_regular_file, read_service_password,
};
use rumqttc::tokio_rustls::rustls::pki_types::pem::PemObject;
use rumqttc::tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rumqttc::tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};
use rumqttc::{Broker, MqttOptions, TlsConfiguration, Transport};

use super::MqttError;

/// The password of `mqtt.username`, if the configuration names no other file. systemd reads it for the service.
pub const DEFAULT_PASSWORD_FILE: &str = "/etc/ostiary/mqtt-password";
/// The name of the service's credential.
const CREDENTIAL: &str = "mqtt-password";
/// Seconds. A broker that is silent for one and a half times this long counts as lost.
const KEEP_ALIVE: u16 = 15;
/// The most bytes of one packet, in either direction.
pub(super) const MAX_PACKET: usize = 64 * 1024;

/// All options but the last will. Reads the password and the certificates again, so that renewed ones are used.
pub(super) fn options(config: &config::Mqtt, client_id: &str) -> Result<MqttOptions, MqttError> {
    let host = match config.host.parse::<Ipv6Addr>() {
        Ok(address) => format!("[{address}]"),
        Err(_) => config.host.clone(),
    };
    let mut options = MqttOptions::new(client_id, Broker::tcp(host, config.port));
    options.set_keep_alive(KEEP_ALIVE).set_max_packet_size(MAX_PACKET, MAX_PACKET);
    let credentials = env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let password = password(config, credentials.as_deref(), Path::new(DEFAULT_PASSWORD_FILE))?;
    if let Some(username) = &config.username {
        options.set_credentials(username, password.unwrap_or_default());
    }
    if config.tls {
        let tls = TlsConfiguration::Rustls(Arc::new(tls(config)?));
        options.set_transport(Transport::tls_with_config(tls));
    } else if config.ca_file.is_some() || config.cert_file.is_some() || config.key_file.is_some() {
        // With a certificate set, the owner expects TLS; without TLS the password would be sent in plain text.
        return Err(MqttError::Config(
            "certificates are set, but TLS is off; set mqtt.tls = true or remove them",
        ));
    }
    Ok(options)
}

/// The password: from `password_file`, else from the service's credential, else from the file from which systemd reads it, if there is
/// a user.
fn password(
    config: &config::Mqtt,
    credentials: Option<&Path>,
    default: &Path,
) -> Result<Option<String>, MqttError> {
    let failed = |key| {
        move |error| match error {
            PasswordFileError::Unreadable { path, why } => MqttError::File { key, path, why },
            PasswordFileError::Mode { path, mode } => MqttError::PasswordMode { path, mode },
            error @ PasswordFileError::NotPassed { .. } => MqttError::NotPassed(error),
        }
    };
    match &config.password_file {
        Some(_) if config.username.is_none() => {
            Err(MqttError::Config("there is a password but no user; set mqtt.username"))
        }
        Some(path) => read_password_file(path).map(Some).map_err(failed("password_file")),
        None if config.username.is_none() => Ok(None),
        None => read_service_password(CREDENTIAL, credentials, default)
            .map(|read| read.map(|(_, password)| password))
            .map_err(failed("password_file")),
    }
}

fn tls(config: &config::Mqtt) -> Result<ClientConfig, MqttError> {
    let mut roots = RootCertStore::empty();
    match &config.ca_file {
        Some(path) => {
            roots.add_parsable_certificates(certificates("ca_file", path)?);
            if roots.is_empty() {
                return Err(pem_error("ca_file", path, "no certificate in it can be read"));
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                return Err(MqttError::Config(
                    "this system trusts no certificate authority; \
                     install the package ca-certificates or set mqtt.ca_file",
                ));
            }
        }
    }
    let provider = Arc::new(crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| MqttError::Config("no version of TLS is built in; build with rustls' defaults"))?
        .with_root_certificates(roots);
    match (&config.cert_file, &config.key_file) {
        (None, None) => Ok(builder.with_no_client_auth()),
        (Some(cert), Some(key)) => {
            let chain = certificates("cert_file", cert)?;
            let private = PrivateKeyDer::from_pem_slice(&read("key_file", key)?)
                .map_err(|error| pem_error("key_file", key, error))?;
            builder.with_client_auth_cert(chain, private).map_err(|error| pem_error("key_file", key, error))
        }
        _ => Err(MqttError::Config(
            "a client certificate needs its key; set both mqtt.cert_file and mqtt.key_file",
        )),
    }
}

fn certificates(key: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, MqttError> {
    let found = CertificateDer::pem_slice_iter(&read(key, path)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| pem_error(key, path, error))?;
    if found.is_empty() { Err(pem_error(key, path, "no certificate in it")) } else { Ok(found) }
}

fn read(key: &'static str, path: &Path) -> Result<Vec<u8>, MqttError> {
    read_regular_file(path, MAX_CERTIFICATES).map_err(|error| MqttError::File {
        key,
        path: path.into(),
        why: error.into(),
    })
}

fn pem_error(key: &'static str, path: &Path, reason: impl ToString) -> MqttError {
    MqttError::Pem { key, path: path.into(), reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn write(folder: &Path, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn a_password_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = write(folder.path(), "password", "secret\n", 0o640);
        let config = config::Mqtt {
            username: Some("door".into()),
            password_file: Some(path.clone()),
            ..config::Mqtt::default()
        };
        let none = Path::new("/nowhere");
        let message = password(&config, None, none).unwrap_err().to_string();
        assert!(message.contains("640") && message.contains("chmod 600"), "{message}");
        assert!(!message.contains("secret"), "{message}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(password(&config, None, none).unwrap().as_deref(), Some("secret"));
        let nobody = config::Mqtt { username: None, ..config };
        assert!(password(&nobody, None, none).unwrap_err().to_string().contains("mqtt.username"));
    }

    #[test]
    fn the_credential_and_the_file_that_it_is_made_from_replace_the_key() {
        let folder = tempfile::tempdir().unwrap();
        let config = config::Mqtt { username: Some("door".into()), ..config::Mqtt::default() };
        let default = folder.path().join("default");
        let read = |config: &config::Mqtt| password(config, Some(folder.path()), &default).unwrap();
        assert_eq!(read(&config), None);
        write(folder.path(), "default", "from /etc\n", 0o600);
        assert_eq!(read(&config).as_deref(), Some("from /etc"));
        assert_eq!(read(&config::Mqtt::default()), None, "there is no user");
        write(folder.path(), "mqtt-password", "from systemd", 0o440);
        assert_eq!(read(&config).as_deref(), Some("from systemd"));
    }

    #[test]
    fn bad_certificates_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let noise = write(folder.path(), "noise.pem", "no certificate", 0o600);
        let missing = folder.path().join("missing.pem");
        let with = |set: fn(&mut config::Mqtt, PathBuf), path: &Path| {
            let mut config = config::Mqtt { tls: true, ..config::Mqtt::default() };
            set(&mut config, path.into());
            options(&config, "door").err().unwrap().to_string()
        };
        let message = with(|config, path| config.ca_file = Some(path), &noise);
        assert!(message.contains("ca_file") && message.contains("no certificate"), "{message}");
        let message = with(|config, path| config.ca_file = Some(path), &missing);
        assert!(message.contains("missing.pem"), "{message}");
        let large = write(folder.path(), "large.pem", &"x".repeat(1 + (1 << 20)), 0o600);
        for (path, why) in
            [(large.as_path(), "larger than 1 MiB"), (Path::new("/dev/zero"), "not a regular file")]
        {
            let message = with(|config, path| config.ca_file = Some(path), path);
            assert!(message.contains(why), "{message}");
        }
        let config = config::Mqtt { ca_file: Some(noise), ..config::Mqtt::default() };
        let message = options(&config, "door").err().unwrap().to_string();
        assert!(message.contains("mqtt.tls = true"), "{message}");
    }
}
