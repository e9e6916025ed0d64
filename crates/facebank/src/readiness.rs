//! Which models a facebank was made ready for.

use std::path::Path;

use ostiary_core::ModelId;
use rusqlite::{Connection, OptionalExtension};

use super::FacebankError;

/// Makes sure that the facebank was made ready for a model, as an empty one is for any.
pub(super) fn allow_model(
    connection: &Connection,
    path: &Path,
    model: &ModelId,
) -> Result<(), FacebankError> {
    let sql = |e| FacebankError::sql(path, e);
    match other_model(connection, model).map_err(sql)? {
        Some(other) => Err(wrong_model(path, other, model)),
        None => make_ready(connection, model).map_err(sql),
    }
}

/// Notes that templates may be of this model.
pub(super) fn make_ready(connection: &Connection, model: &ModelId) -> rusqlite::Result<()> {
    // Of models that have no templates nothing follows, where there is none at all.
    connection.execute("DELETE FROM models WHERE NOT EXISTS (SELECT 1 FROM templates)", [])?;
    connection.execute("INSERT INTO models VALUES (?1) ON CONFLICT DO NOTHING", [&model.0])?;
    Ok(())
}

/// Whether anybody has a template, of whatever model.
pub(super) fn has_templates(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT EXISTS (SELECT 1 FROM templates)", [], |row| row.get(0))
}

/// A model that the facebank has templates of, where it was not made ready for `model`.
pub(super) fn other_model(connection: &Connection, model: &ModelId) -> rusqlite::Result<Option<String>> {
    connection
        .query_row(
            "SELECT model FROM templates WHERE ?1 NOT IN (SELECT id FROM models) LIMIT 1",
            [&model.0],
            |row| row.get(0),
        )
        .optional()
}

pub(super) fn wrong_model(path: &Path, facebank: String, program: &ModelId) -> FacebankError {
    FacebankError::OtherModel { path: path.to_owned(), facebank: ModelId(facebank), program: program.clone() }
}
