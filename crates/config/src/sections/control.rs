//! `[control]`

use std::path::PathBuf;

use crate::rule::text;

section! {
    /// The control API: the socket through which commands and other programs ask and change the running door.
    [control] Control {
        /// The Unix socket. Each door on a machine needs its own.
        socket: PathBuf = "/run/ostiary/control".into() => text().restart();
    }
}
