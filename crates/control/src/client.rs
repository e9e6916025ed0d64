//! The client: connects to the socket of a running door.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use varlink::{Connection, ErrorKind as Wire};

use crate::interface::{self, VarlinkClient};

/// The calls of a running door, as the interface describes them.
pub type Door = VarlinkClient;

/// A connection to a running door.
pub struct Client {
    door: Door,
}

/// Why a call did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The user may not connect to the socket, or it is no socket.
    #[error("{}: the running door cannot be asked: {why}", socket.display())]
    Unreachable {
        /// The socket.
        socket: PathBuf,
        /// The error of the system.
        why: io::Error,
    },
    /// The user has no role that may do this.
    #[error("{message}")]
    NotAllowed {
        /// Who may, and how to become one of them.
        message: String,
    },
    /// The request is not carried out, and nothing has changed, unless the message says otherwise.
    #[error("{message}")]
    Refused {
        /// Why, and what to do.
        message: String,
    },
    /// The program of the door does not know the call, or answers something else than this program expects.
    #[error(
        "the running door has another version of the program than this command ({detail}): restart it, with `systemctl \
         restart ostiary`, or use the command of its version"
    )]
    OtherVersion {
        /// What the door said.
        detail: String,
    },
    /// The door has ended, or does not answer.
    #[error("the running door does not answer ({detail}); see `systemctl status ostiary`")]
    Disconnected {
        /// What happened.
        detail: String,
    },
}

impl Client {
    /// Connects to the door that listens on this socket; `None` if none does.
    ///
    /// # Errors
    /// [`CallError::Unreachable`] if there is a socket that this user cannot connect to.
    pub fn connect(socket: &Path) -> Result<Option<Self>, CallError> {
        let unreachable = |why| Err(CallError::Unreachable { socket: socket.to_owned(), why });
        // Varlink's addresses have parameters after a semicolon.
        let Some(path) = socket.to_str().filter(|path| !path.contains(';')) else {
            return unreachable(io::Error::other("its path has characters that are not possible"));
        };
        match Connection::with_address(&format!("unix:{path}")) {
            Ok(connection) => Ok(Some(Self { door: Door::new(connection) })),
            Err(error) => match error.kind() {
                Wire::Io(ErrorKind::NotFound | ErrorKind::ConnectionRefused) => Ok(None),
                Wire::Io(kind) => unreachable((*kind).into()),
                kind => unreachable(io::Error::other(kind.to_string())),
            },
        }
    }

    /// The calls of the door.
    pub fn door(&mut self) -> &mut Door {
        &mut self.door
    }
}

/// The errors that the interface declares, and those of the connection.
impl From<interface::Error> for CallError {
    fn from(error: interface::Error) -> Self {
        use interface::ErrorKind as Kind;

        let none = || "it gives no reason".to_owned();
        match error.kind() {
            Kind::NotAllowed(reason) => {
                let message = reason.as_ref().map_or_else(none, |reason| reason.message.clone());
                return Self::NotAllowed { message };
            }
            Kind::Refused(reason) => {
                let message = reason.as_ref().map_or_else(none, |reason| reason.message.clone());
                return Self::Refused { message };
            }
            Kind::Varlink_Error | Kind::VarlinkReply_Error => {}
        }
        match error.source_varlink_kind() {
            Some(
                kind @ (Wire::MethodNotFound(_)
                | Wire::MethodNotImplemented(_)
                | Wire::InterfaceNotFound(_)
                | Wire::InvalidParameter(_)
                | Wire::SerdeJsonDe(_)
                | Wire::VarlinkErrorReply(_)),
            ) => Self::OtherVersion { detail: kind.to_string() },
            Some(kind) => Self::Disconnected { detail: kind.to_string() },
            None => Self::Disconnected { detail: error.to_string() },
        }
    }
}
