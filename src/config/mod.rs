//! The typed configuration: every key, its default, its range.
//!
//! What comes in: built-in defaults, `/etc/ostiary/ostiary.toml`, `/etc/ostiary/conf.d/*.toml`, `OSTIARY_*`
//! in the environment, flags, in that order. What goes out: one [`Config`], checked as a whole.

mod sections;

pub use sections::*;
