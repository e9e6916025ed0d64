//! Where the door listens for its control API.

use std::path::PathBuf;

use ostiary_core::durable;

use crate::sections::{Config, Facebank};

/// The socket of the door that the package installs. The folder is the service's.
const SOCKET: &str = "/run/ostiary/control";

impl Config {
    /// The socket of the control API: `control.socket`, or else one for each facebank, so that two doors on a machine do not
    /// meet.
    pub fn control_socket(&self) -> PathBuf {
        match &self.control.socket {
            Some(socket) => socket.clone(),
            None if self.facebank.path == Facebank::default().path => SOCKET.into(),
            None => durable::with_suffix(&self.facebank.path, ".control"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_facebank_has_a_socket_of_its_own() {
        let mut config = Config::default();
        assert_eq!(config.control_socket(), PathBuf::from("/run/ostiary/control"));
        config.facebank.path = "/srv/back/people.sqlite".into();
        assert_eq!(config.control_socket(), PathBuf::from("/srv/back/people.sqlite.control"));
        config.control.socket = Some("/run/back/control".into());
        assert_eq!(config.control_socket(), PathBuf::from("/run/back/control"));
    }
}
