//! People who sign in.

use rusqlite::{OptionalExtension, Row};

use super::{NewSession, Pairing, Store, StoreError};
use crate::sealing::SALT;

/// The most accounts: a door has room for as many tokens.
pub const MAX_ACCOUNTS: usize = 64;

/// Somebody who signs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its number, which is never used again.
    pub id: i64,
    /// The name.
    pub name: String,
    /// The role of the token. The door decides what it may do; pages hide the rest.
    pub role: String,
    /// The salt of the password.
    pub salt: [u8; SALT],
    /// The token, sealed by the password.
    pub sealed: Vec<u8>,
    /// The language that was chosen.
    pub language: Option<String>,
    /// When it was made, seconds since 1970.
    pub created: i64,
}

impl Account {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get("id")?,
            name: row.get("name")?,
            role: row.get("role")?,
            salt: row.get("salt")?,
            sealed: row.get("sealed")?,
            language: row.get("language")?,
            created: row.get("created")?,
        })
    }
}

impl Store {
    /// Makes an account of a code, which is used up, with its first session; `false` if the code was used meanwhile.
    ///
    /// # Errors
    /// The file cannot be written, or an account has this name.
    pub fn add_account(
        &self,
        pairing: &Pairing,
        salt: &[u8; SALT],
        sealed: &[u8],
        session: &NewSession,
    ) -> Result<bool, StoreError> {
        self.change(|connection| {
            let insert = "INSERT INTO accounts (name, folded, role, salt, sealed, created)
                          SELECT name, folded, role, ?2, ?3, ?4 FROM pairings WHERE id = ?1";
            if connection.execute(insert, (pairing.id, salt, sealed, session.now))? == 0 {
                return Ok(false);
            }
            let account = connection.last_insert_rowid();
            connection.execute("DELETE FROM pairings WHERE id = ?1", [pairing.id])?;
            session.insert(connection, account)?;
            Ok(true)
        })
    }

    /// All accounts, by name.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare("SELECT * FROM accounts ORDER BY folded")?;
            statement.query_map([], Account::read)?.collect()
        })
    }

    /// The account of a folded name.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn account(&self, folded: &str) -> Result<Option<Account>, StoreError> {
        self.read(|connection| {
            connection
                .query_row("SELECT * FROM accounts WHERE folded = ?1", [folded], Account::read)
                .optional()
        })
    }

    /// Removes an account with its sessions.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn remove_account(&self, id: i64) -> Result<(), StoreError> {
        self.change(|connection| connection.execute("DELETE FROM accounts WHERE id = ?1", [id]).map(drop))
    }

    /// Changes the password: the token sealed by it. All sessions end, and one begins.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn change_password(
        &self,
        id: i64,
        salt: &[u8; SALT],
        sealed: &[u8],
        session: &NewSession,
    ) -> Result<(), StoreError> {
        self.change(|connection| {
            connection
                .execute("UPDATE accounts SET salt = ?2, sealed = ?3 WHERE id = ?1", (id, salt, sealed))?;
            connection.execute("DELETE FROM sessions WHERE account = ?1", [id])?;
            session.insert(connection, id)
        })
    }

    /// Sets the language of an account; `None` for that of the browser.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn set_language(&self, id: i64, language: Option<&str>) -> Result<(), StoreError> {
        let update = "UPDATE accounts SET language = ?2 WHERE id = ?1";
        self.change(|connection| connection.execute(update, (id, language)).map(drop))
    }
}
