//! `[events]`

use std::path::PathBuf;

use crate::rule::{flag, integer, text};

section! {
    /// The event store: the record of what happened at the door.
    [events] Events {
        /// The file.
        path: PathBuf = "/var/lib/ostiary/events.sqlite".into() => text().restart();
        /// How many events other than grants are kept; the oldest are removed first.
        keep: u32 = 10_000 => integer(100, 10_000_000).restart();
        /// For how many days grants are kept, at most 100000 of them. Denials never replace grants.
        keep_grants_days: u32 = 90 => integer(1, 3650).restart();
        /// Whether the door stays closed if the event store cannot be opened. Otherwise it opens for enrolled people
        /// without a record, reports that, and records again as soon as it can.
        required: bool = false => flag().restart();
    }
}
