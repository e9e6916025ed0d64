//! A copy of an open SQLite file.

use std::path::Path;

use rusqlite::Connection;

/// Writes a consistent copy to a new file, also while other processes write. What was removed is not in it. The connection may
/// be one that must not write (`query_only`).
///
/// # Errors
/// The file cannot be read, the new one exists or cannot be written, or its path is not UTF-8.
pub fn copy_into(connection: &Connection, to: &Path) -> rusqlite::Result<()> {
    let path = to.to_str().ok_or_else(|| rusqlite::Error::InvalidPath(to.to_owned()))?;
    let is_read_only: bool = connection.pragma_query_value(None, "query_only", |row| row.get(0))?;
    // The copy is a write, too.
    connection.pragma_update(None, "query_only", false)?;
    let copied = connection.execute("VACUUM INTO ?1", [path]);
    connection.pragma_update(None, "query_only", is_read_only)?;
    copied.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_everything_but_what_was_removed() {
        let folder = tempfile::tempdir().unwrap();
        let connection = Connection::open(folder.path().join("a.sqlite")).unwrap();
        connection
            .execute_batch(
                "PRAGMA user_version = 7; PRAGMA application_id = 9;
                 CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT) STRICT;
                 INSERT INTO a (name) VALUES ('one'), ('two'), ('secret name');
                 DELETE FROM a WHERE id = 3; PRAGMA query_only = ON;",
            )
            .unwrap();
        let to = folder.path().join("b.sqlite");
        copy_into(&connection, &to).unwrap();
        assert!(connection.execute("DELETE FROM a", []).is_err(), "it is still one that only reads");
        assert!(copy_into(&connection, &to).is_err(), "nothing is overwritten");
        assert!(!std::fs::read(&to).unwrap().windows(6).any(|bytes| bytes == b"secret"));
        let copy = Connection::open(&to).unwrap();
        let values: (i64, i64, i64) = copy
            .query_row(
                "SELECT (SELECT count(*) FROM a), (SELECT seq FROM sqlite_sequence), user_version FROM pragma_user_version",
                [],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .unwrap();
        assert_eq!(values, (2, 3, 7), "ids of removed people are not used again");
    }
}
