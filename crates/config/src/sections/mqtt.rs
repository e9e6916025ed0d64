//! `[mqtt]`

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::rule::{flag, host, integer, list_of, text, topic, topic_or_empty};

section! {
    /// Events and state over MQTT. The door never waits for the broker.
    [mqtt] Mqtt {
        /// Whether the door connects to the broker.
        enabled: bool = false => flag().restart();
        /// The broker's name or address, without `mqtt://` and without the port.
        host: String = "localhost".into() => host("mqtt.port").restart();
        /// The broker's port. Brokers listen for TLS on 8883.
        port: u16 = 1883 => integer(1, 65_535).restart();
        /// The user name for the broker.
        username: Option<String> = None => text().example("ostiary").restart();
        /// A file with the password, which only its owner can read; or use the systemd credential mqtt-password.
        password_file: Option<PathBuf> = None => text().example("/etc/ostiary/mqtt-password").restart();
        /// Topics begin with prefix/door.name/.
        prefix: String = "ostiary".into() => topic().restart();
        /// Home Assistant discovers the door under this prefix; `""` turns discovery off.
        discovery_prefix: String = "homeassistant".into() => topic_or_empty().restart();
        /// Whether events have the similarities of a face and the threshold. They help a person who tries to come closer to
        /// a match; the event store has them in any case.
        scores: bool = false => flag().restart();
        /// Which commands the door takes from the broker: `"open"` opens it, holds it open for up to an hour and ends that,
        /// `"lockdown"` begins and ends a lockdown, `"people"` enables and disables people, and publishes their names. Every
        /// client that may publish to the topic prefix/door.name/command may give commands: restrict that at the broker.
        commands: Vec<MqttCommands> = Vec::new() => list_of::<MqttCommands>().restart();
        /// Whether the connection is encrypted.
        tls: bool = false => flag().restart();
        /// The certificate authority to trust, PEM. Not set: those of the system.
        ca_file: Option<PathBuf> = None => text().example("/etc/ostiary/ca.pem").restart();
        /// This door's own certificate, PEM, if the broker requires one.
        cert_file: Option<PathBuf> = None => text().example("/etc/ostiary/door.pem").restart();
        /// The key of this certificate, PEM.
        key_file: Option<PathBuf> = None => text().example("/etc/ostiary/door.key").restart();
    }
}

/// Commands that the door takes from the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MqttCommands {
    /// Open the door, hold it open, and end that.
    Open,
    /// Begin and end a lockdown.
    Lockdown,
    /// Let people in, or stop to.
    People,
}

impl MqttCommands {
    /// The name in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Lockdown => "lockdown",
            Self::People => "people",
        }
    }
}
