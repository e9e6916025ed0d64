//! What the facebank and the event store share: whether an SQLite file is the program's own.

mod tables;

pub use tables::are_made_by;
