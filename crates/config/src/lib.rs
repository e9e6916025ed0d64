//! The typed configuration: every key, its default, its range.
//!
//! What comes in: built-in defaults, `/etc/ostiary/ostiary.toml`, `/etc/ostiary/conf.d/*.toml`, `OSTIARY_*`
//! in the environment, flags, in that order ([`Layers`]). What goes out: one [`Config`], checked as a whole,
//! that knows where every value came from ([`Loaded`]); or all that is wrong at once ([`ConfigError`]).

mod conflicts;
mod error;
mod hours;
mod key;
mod layers;
mod load;
mod loaded;
mod origin;
mod public_key;
mod sections;

pub use error::{ConfigError, Problem};
pub use hours::{Hours, HoursError};
pub use key::nearest;
pub use layers::Layers;
pub use load::{examine, load};
pub use loaded::{Loaded, Setting};
pub use origin::Origin;
pub use public_key::is_public_key;
pub use sections::*;
