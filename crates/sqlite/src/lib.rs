//! Whether an SQLite file has exactly the tables that this program made. The facebank and the event store ask before they
//! use a file.

mod tables;

pub use tables::are_made_by;
