//! One-time codes that wait for a browser.

use rusqlite::Row;

use super::{Store, StoreError};

/// How long a code is valid, seconds.
pub const CODE_TIME: i64 = 600;
/// The wrong tries that end all codes that wait.
const MAX_TRIES: i64 = 5;

/// A code that waits for a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pairing {
    /// Its number.
    pub id: i64,
    /// The name of the account that it makes.
    pub name: String,
    /// The role of the token.
    pub role: String,
    /// The token, sealed by the code.
    pub sealed: Vec<u8>,
    /// When it was made, seconds since 1970.
    pub created: i64,
    /// The wrong tries.
    tries: i64,
}

impl Pairing {
    /// Whether the code can be used at this time. Not before it was made: the clock was set back, and nobody knows how long ago.
    pub fn is_valid(&self, now: i64) -> bool {
        (self.created..self.created.saturating_add(CODE_TIME)).contains(&now) && self.tries < MAX_TRIES
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get("id")?,
            name: row.get("name")?,
            role: row.get("role")?,
            sealed: row.get("sealed")?,
            created: row.get("created")?,
            tries: row.get("tries")?,
        })
    }
}

impl Store {
    /// Adds a code for an account of this name.
    ///
    /// # Errors
    /// The file cannot be written, or a code for this name waits.
    pub fn add_pairing(
        &self,
        (name, folded): (&str, &str),
        role: &str,
        sealed: &[u8],
        now: i64,
    ) -> Result<(), StoreError> {
        self.change(|connection| {
            let insert =
                "INSERT INTO pairings (name, folded, role, sealed, created) VALUES (?1, ?2, ?3, ?4, ?5)";
            connection.execute(insert, (name, folded, role, sealed, now)).map(drop)
        })
    }

    /// All codes, also those that are not valid any longer.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn pairings(&self) -> Result<Vec<Pairing>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare("SELECT * FROM pairings ORDER BY id")?;
            statement.query_map([], Pairing::read)?.collect()
        })
    }

    /// Counts a wrong try, which may have been meant for any of the codes.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn count_wrong_code(&self) -> Result<(), StoreError> {
        self.change(|connection| connection.execute("UPDATE pairings SET tries = tries + 1", []).map(drop))
    }

    /// Removes a code.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn remove_pairing(&self, id: i64) -> Result<(), StoreError> {
        self.change(|connection| connection.execute("DELETE FROM pairings WHERE id = ?1", [id]).map(drop))
    }
}
