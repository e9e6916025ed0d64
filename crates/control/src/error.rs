//! The errors of the server.

use std::io;
use std::path::PathBuf;

/// Why the socket of the control API cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Another process listens on the socket.
    #[error("{}: another door listens there; give each door its own control.socket", path.display())]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// There is something else at the path, which is not removed.
    #[error("{}: there is a file that is no socket; remove it, or choose another control.socket", path.display())]
    NoSocket {
        /// The path.
        path: PathBuf,
    },
    /// The path is longer than a socket's may be.
    #[error("{}: the path is longer than 107 bytes; choose a shorter control.socket", path.display())]
    TooLong {
        /// The path.
        path: PathBuf,
    },
    /// The socket cannot be made.
    #[error("{}: the control socket cannot be made: {why}", path.display())]
    Socket {
        /// The socket.
        path: PathBuf,
        /// The error of the system.
        why: io::Error,
    },
}
