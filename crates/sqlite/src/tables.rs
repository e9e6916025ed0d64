//! Whether an SQLite file has the tables that its program made.
//!
//! A file can have a view under a table's name, whose rows have no end, or columns that are computed when they are read.
//! It is not asked anything before its tables are known to be plain ones.

use rusqlite::Connection;

/// A table or an index: its kind, its name, and the statement that made it; none for what SQLite makes by itself.
type Object = (String, String, Option<String>);

/// Whether the file has what these statements make, and nothing else. What SQLite itself adds to a file does not count.
///
/// # Errors
/// The file cannot be read, or the statements are none.
pub fn are_made_by(schema: &str, connection: &Connection) -> rusqlite::Result<bool> {
    let model = Connection::open_in_memory()?;
    model.execute_batch(schema)?;
    Ok(objects(connection)? == objects(&model)?)
}

fn objects(connection: &Connection) -> rusqlite::Result<Vec<Object>> {
    let mut statement = connection.prepare(
        "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
         ORDER BY name, type",
    )?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    rows.map(|row| {
        let (kind, name, sql): Object = row?;
        // Spaces are as they were in the source of the program that made the file.
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

    fn has_them(statements: &str) -> bool {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(statements).unwrap();
        are_made_by(SCHEMA, &connection).unwrap()
    }

    #[test]
    fn the_same_tables_are_known_and_others_are_not() {
        assert!(has_them(SCHEMA));
        assert!(has_them(&SCHEMA.split_whitespace().collect::<Vec<_>>().join(" ")));
        assert!(has_them(&format!("{SCHEMA} INSERT INTO a (name) VALUES ('x'); ANALYZE;")));
        assert!(!has_them(""));
        for other in [
            "CREATE VIEW c AS SELECT 1",
            "CREATE TABLE c (id)",
            "CREATE INDEX c ON a (upper(name))",
            "CREATE TRIGGER c AFTER INSERT ON a BEGIN DELETE FROM b; END",
            "DROP TABLE b",
            "DROP TABLE b; CREATE VIEW b AS SELECT 1 AS id",
            "ALTER TABLE b ADD COLUMN c TEXT AS (hex(zeroblob(1000)))",
        ] {
            assert!(!has_them(&format!("{SCHEMA} {other}")), "{other}");
        }
    }
}
