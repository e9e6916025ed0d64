//! The models that a facebank is prepared for: those whose templates it may contain.

use std::path::Path;

use ostiary_core::ModelId;
use rusqlite::{Connection, OptionalExtension};

use super::FacebankError;

/// Checks that the facebank is prepared for a model. An empty facebank becomes prepared for it.
pub(super) fn require_prepared(
    connection: &Connection,
    path: &Path,
    model: &ModelId,
) -> Result<(), FacebankError> {
    let sql = |e| FacebankError::sql(path, e);
    match unprepared_model(connection, model).map_err(sql)? {
        Some(other) => Err(wrong_model(path, other, model)),
        None => mark_prepared(connection, model).map_err(sql),
    }
}

/// Records that the facebank may contain templates of this model.
pub(super) fn mark_prepared(connection: &Connection, model: &ModelId) -> rusqlite::Result<()> {
    // In a facebank without templates the earlier models have no meaning.
    connection.execute("DELETE FROM models WHERE NOT EXISTS (SELECT 1 FROM templates)", [])?;
    connection.execute("INSERT INTO models VALUES (?1) ON CONFLICT DO NOTHING", [&model.0])?;
    Ok(())
}

/// Whether the facebank has any template.
pub(super) fn has_templates(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT EXISTS (SELECT 1 FROM templates)", [], |row| row.get(0))
}

/// If the facebank has templates and is not prepared for `model`: a model that it has templates of.
pub(super) fn unprepared_model(connection: &Connection, model: &ModelId) -> rusqlite::Result<Option<String>> {
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
