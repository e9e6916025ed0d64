//! Checks that an SQLite file has exactly the tables of an expected schema. The facebank and the event store check a file
//! before they use it. And copies a file while others use it.

mod copy;
mod schema;

pub use copy::copy_into;
pub use schema::schema_matches;
