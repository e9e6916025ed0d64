//! Asks the running door for its state, for a limited time: a door that hangs must not hang the checks.

use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use ostiary_config::Config;
use ostiary_control::interface::{State, VarlinkClientInterface};
use ostiary_control::{CallError, Client};

/// How long a door is waited for. One that works answers within milliseconds.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// What a door answered.
pub enum DoorAnswer {
    /// No door listens on the socket.
    NoDoor,
    State(Box<State>),
    Error(CallError),
    /// There was no answer in time.
    None,
}

impl DoorAnswer {
    /// Asks the door that listens on the socket of a configuration.
    pub fn of(config: &Config) -> Self {
        Self::within(ANSWER_TIMEOUT, config.control_socket())
    }

    fn within(timeout: Duration, socket: PathBuf) -> Self {
        let ask = move || match Client::connect(&socket) {
            Ok(Some(mut client)) => match client.door().get_state().call() {
                Ok(reply) => Self::State(Box::new(reply.state)),
                Err(error) => Self::Error(error.into()),
            },
            Ok(None) => Self::NoDoor,
            Err(error) => Self::Error(error),
        };
        let (sender, answer) = sync_channel(1);
        // A thread that waits for a door that hangs ends with the program.
        thread::spawn(move || drop(sender.send(ask())));
        match answer.recv_timeout(timeout) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Self::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_door_that_hangs_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("control");
        let answer = || DoorAnswer::within(Duration::from_millis(50), socket.clone());
        assert!(matches!(answer(), DoorAnswer::NoDoor));
        // The kernel accepts connections for it.
        let _door = UnixListener::bind(&socket).unwrap();
        assert!(matches!(answer(), DoorAnswer::None));
    }
}
