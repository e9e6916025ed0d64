//! `[events]`

use std::path::PathBuf;

use crate::rule::{integer, text};

section! {
    /// The event store: the record of what happened at the door.
    [events] Events {
        /// The file.
        path: PathBuf = "/var/lib/ostiary/events.sqlite".into() => text().restart();
        /// How many events are kept; the oldest are removed first.
        keep: u32 = 10_000 => integer(100, 10_000_000).restart();
    }
}
