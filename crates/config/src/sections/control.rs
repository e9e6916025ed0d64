//! `[control]`

use std::path::PathBuf;

use crate::rule::text;

section! {
    /// The control API: the socket through which commands and other programs ask and change the running door.
    [control] Control {
        /// The Unix socket. Not set: `/run/ostiary/control`, or for a facebank elsewhere a file beside it. Each door on a
        /// machine needs its own.
        socket: Option<PathBuf> = None => text().example("/run/ostiary/control").restart();
    }
}
