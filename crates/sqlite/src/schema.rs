//! Compares the schema of an SQLite file with the expected one.
//!
//! A crafted file can have a view with the name of a table whose rows never end, or columns that are computed when they
//! are read. So no table is queried before the schema is known to be the expected one.

use rusqlite::Connection;

/// A table, index, view or trigger: its type, its name and its SQL. Objects without SQL, which SQLite creates by itself, are
/// left out.
type SchemaObject = (String, String, Option<String>);

/// Whether the file has exactly the objects that the statements of `schema` create. Internal objects of SQLite
/// (`sqlite_...`) do not count, and white space in the statements does not matter.
///
/// # Errors
/// The file cannot be read, or `schema` is not valid SQL.
pub fn schema_matches(schema: &str, connection: &Connection) -> rusqlite::Result<bool> {
    let expected = Connection::open_in_memory()?;
    expected.execute_batch(schema)?;
    Ok(schema_objects(connection)? == schema_objects(&expected)?)
}

fn schema_objects(connection: &Connection) -> rusqlite::Result<Vec<SchemaObject>> {
    let mut statement = connection.prepare(
        "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
         ORDER BY name, type",
    )?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    rows.map(|row| {
        let (kind, name, sql): SchemaObject = row?;
        // SQLite stores a statement as it was written, with its white space.
        let sql = sql.map(|sql| sql.split_whitespace().collect::<Vec<_>>().join(" "));
        Ok((kind, name, sql))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = "CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE) STRICT;
                          CREATE TABLE b (id INTEGER PRIMARY KEY) STRICT;";

    fn matches(statements: &str) -> bool {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(statements).unwrap();
        schema_matches(SCHEMA, &connection).unwrap()
    }

    #[test]
    fn only_the_same_schema_matches() {
        assert!(matches(SCHEMA));
        assert!(matches(&SCHEMA.split_whitespace().collect::<Vec<_>>().join(" ")));
        assert!(matches(&format!("{SCHEMA} INSERT INTO a (name) VALUES ('x'); ANALYZE;")));
        assert!(!matches(""));
        for other in [
            "CREATE VIEW c AS SELECT 1",
            "CREATE TABLE c (id)",
            "CREATE INDEX c ON a (upper(name))",
            "CREATE TRIGGER c AFTER INSERT ON a BEGIN DELETE FROM b; END",
            "DROP TABLE b",
            "DROP TABLE b; CREATE VIEW b AS SELECT 1 AS id",
            "ALTER TABLE b ADD COLUMN c TEXT AS (hex(zeroblob(1000)))",
        ] {
            assert!(!matches(&format!("{SCHEMA} {other}")), "{other}");
        }
    }
}
