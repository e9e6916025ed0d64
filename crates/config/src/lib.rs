//! The typed configuration: every key, its default, its range.
//!
//! What comes in: built-in defaults, `/etc/ostiary/ostiary.toml`, `/etc/ostiary/conf.d/*.toml`,
//! `/var/lib/ostiary/settings.toml`, `OSTIARY_*` in the environment, flags, in that order ([`Layers`]). What goes out: one [`Config`], checked as a whole, with
//! the origin of every value and the keys of older versions that are ignored ([`Loaded`]); or all errors at once
//! ([`ConfigError`]).
//!
//! A key is declared once, in a file of `sections/`. [`SECTIONS`] has the declarations at run time, for the commented
//! file ([`commented_file()`]) and the manual page.

#![warn(missing_docs)]

#[macro_use]
mod declare;

mod check;
mod commented_file;
mod conflicts;
mod control_socket;
mod error;
mod input;
mod key;
mod layers;
mod load;
mod loaded;
mod lookup;
mod named_door;
mod origin;
mod prompt_output;
mod public_key;
mod retired;
mod rule;
mod schedule;
mod sections;
mod settings_file;
mod source_kind;

pub use commented_file::commented_file;
pub use error::{ConfigError, Problem};
pub use input::Input;
pub use key::{Key, Section};
pub use layers::{Layers, SETTINGS};
pub use load::{examine, load, with_changes};
pub use loaded::{LeftOut, Loaded, Setting};
pub use lookup::nearest;
pub use named_door::{DoorNameError, NamedDoor};
pub use origin::Origin;
pub use public_key::is_public_key;
pub use retired::IgnoredKey;
pub use schedule::{Hours, HoursError, Schedule, TimeError};
pub use sections::*;
pub use settings_file::{KeyChange, SetError, change_key};
pub use source_kind::{SourceError, SourceKind};
