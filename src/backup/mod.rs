//! A door's people, events, configuration and models in one archive, and back.
//!
//! [`create()`] writes the archive, also while the door runs. [`Unpacked::open`] reads one, which may come from anywhere: every
//! file is listed in the manifest at its begin with size and hash, has a name that this program gives, and is checked as what it
//! is before [`restore()`] or [`merge()`] changes anything. [`restore()`] is only for the door that was saved. Passwords are not
//! in it; faces are, and it is not encrypted.

mod create;
mod manifest;
mod replacement;
mod restore;
mod same_door;
mod unpacked;

pub use create::create;
pub use restore::{Restored, count, merge, restore};
pub use unpacked::{BadBackup, Unpacked};

/// The names of files in the archive.
mod names {
    /// What the archive has. The first file.
    pub const MANIFEST: &str = "manifest.json";
    /// The enrolled people.
    pub const FACEBANK: &str = "facebank.sqlite";
    /// The record.
    pub const EVENTS: &str = "events.sqlite";
    /// The key of the record's trail.
    pub const EVENTS_KEY: &str = "events.sqlite.key";
    /// The keys that `ostiary config set` changed.
    pub const SETTINGS: &str = "settings.toml";
    /// The owner's configuration.
    pub const CONFIGURATION: &str = "etc/ostiary.toml";
    /// The folder of the owner's further files.
    pub const CONF_D: &str = "etc/conf.d";
    /// The folder of the active bundle of models.
    pub const MODELS: &str = "models";
}
