//! Checks that an SQLite file has exactly the tables of an expected schema. The facebank and the event store check a file
//! before they use it.

mod schema;

pub use schema::schema_matches;
