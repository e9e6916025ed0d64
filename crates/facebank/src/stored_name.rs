//! Brings the names that an earlier program stored into today's form.

use std::collections::HashSet;

use ostiary_core::{PersonName, fold_name};
use rusqlite::Connection;

/// Normalizes the names of all people, the oldest person first. A name that today's rule refuses, or that would then be the name
/// of two people, stays as it is: it is still found by exactly this name, and `ostiary doctor` reports it.
pub(super) fn normalize_all(connection: &Connection) -> rusqlite::Result<()> {
    let people: Vec<(i64, String)> = {
        let mut statement = connection.prepare("SELECT id, name FROM people ORDER BY id")?;
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?
    };
    // Folded names must differ at any time. No name begins with this character; those that keep it are found by `name`.
    connection.execute("UPDATE people SET folded = char(1) || id", [])?;
    let mut taken = HashSet::new();
    for (id, name) in people {
        let folded = fold_name(&name);
        if !taken.insert(folded.clone()) {
            continue;
        }
        let name = PersonName::new(&name).map_or(name, |normalized| normalized.to_string());
        connection.execute("UPDATE people SET name = ?2, folded = ?3 WHERE id = ?1", (id, name, folded))?;
    }
    Ok(())
}
