//! `[control]`

use std::path::PathBuf;

use crate::rule::text;

section! {
    /// The control API: the socket through which commands and other programs ask and change the running door.
    [control] Control {
        /// The Unix socket. Not set: `/run/ostiary/control`; if `facebank.path` is not the default, a socket beside that file, with
        /// `.control` after its name.
        socket: Option<PathBuf> = None => text().example("/run/ostiary/control").restart();
    }
}
