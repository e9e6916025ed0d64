//! Browsers that are signed in.

use rusqlite::{Connection, OptionalExtension};

use super::{Store, StoreError};

/// A session ends after this time without a request, seconds.
const IDLE_TIME: i64 = 30 * 24 * 3600;
/// How exactly the last use is stored, seconds: not every request writes to the card.
const USE_STEP: i64 = 3600;
/// The most sessions of an account; the one that was not used for the longest time ends.
const MAX_SESSIONS: i64 = 16;

/// A session that begins.
#[derive(Debug)]
pub struct NewSession {
    /// SHA-256 of the secret in the cookie.
    pub id: Vec<u8>,
    /// The token, sealed by the secret.
    pub sealed: Vec<u8>,
    /// The time, seconds since 1970.
    pub now: i64,
}

/// A session that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The number of the account.
    pub account: i64,
    /// The name of the account.
    pub name: String,
    /// The role of its token.
    pub role: String,
    /// The language that the person chose.
    pub language: Option<String>,
    /// The token, sealed by the secret in the cookie.
    pub sealed: Vec<u8>,
}

impl NewSession {
    pub(super) fn insert(&self, connection: &Connection, account: i64) -> rusqlite::Result<()> {
        let insert = "INSERT INTO sessions (id, account, sealed, created, used) VALUES (?1, ?2, ?3, ?4, ?4)";
        connection.execute(insert, (&self.id, account, &self.sealed, self.now))?;
        let remove = "DELETE FROM sessions WHERE account = ?1 AND (used < ?2 OR created > ?3 OR id NOT IN
                      (SELECT id FROM sessions WHERE account = ?1 ORDER BY used DESC, rowid DESC LIMIT ?4))";
        connection.execute(remove, (account, self.now.saturating_sub(IDLE_TIME), self.now, MAX_SESSIONS))?;
        Ok(())
    }
}

impl Store {
    /// Begins a session of an account, and removes those that have ended.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn add_session(&self, account: i64, session: &NewSession) -> Result<(), StoreError> {
        self.change(|connection| session.insert(connection, account))
    }

    /// The session with this id. There is none if it was not used for a month, or if the clock shows a time before it began.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn session(&self, id: &[u8], now: i64) -> Result<Option<Session>, StoreError> {
        let found = self.read(|connection| {
            let select = "SELECT account, name, role, language, sessions.sealed, used FROM sessions
                          JOIN accounts ON accounts.id = account
                          WHERE sessions.id = ?1 AND sessions.created <= ?2 AND used > ?3";
            connection
                .query_row(select, (id, now, now.saturating_sub(IDLE_TIME)), |row| {
                    let session = Session {
                        account: row.get(0)?,
                        name: row.get(1)?,
                        role: row.get(2)?,
                        language: row.get(3)?,
                        sealed: row.get(4)?,
                    };
                    Ok((session, row.get::<_, i64>(5)?))
                })
                .optional()
        })?;
        let Some((session, used)) = found else { return Ok(None) };
        if now >= used.saturating_add(USE_STEP) {
            let update = "UPDATE sessions SET used = ?2 WHERE id = ?1";
            self.change(|connection| connection.execute(update, (id, now)))?;
        }
        Ok(Some(session))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn remove_session(&self, id: &[u8]) -> Result<(), StoreError> {
        self.change(|connection| connection.execute("DELETE FROM sessions WHERE id = ?1", [id]).map(drop))
    }

    /// Ends all sessions of an account.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn remove_sessions(&self, account: i64) -> Result<(), StoreError> {
        self.change(|connection| {
            connection.execute("DELETE FROM sessions WHERE account = ?1", [account]).map(drop)
        })
    }

    /// When the sessions of an account began and were last used, seconds since 1970, the newest use first.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn sessions(&self, account: i64) -> Result<Vec<(i64, i64)>, StoreError> {
        self.read(|connection| {
            let mut statement = connection
                .prepare("SELECT created, used FROM sessions WHERE account = ?1 ORDER BY used DESC")?;
            statement.query_map([account], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
    }
}
