//! Finds the enrolled person whose name looks like a new one.

use std::collections::HashMap;

use ostiary_core::{LookAlikeKeys, PersonId, PersonName};
use rusqlite::Connection;

use super::FacebankError;

/// The names of a facebank by what people see of them.
#[derive(Default)]
pub(super) struct LookAlikes {
    written: HashMap<String, String>,
    folded: HashMap<String, String>,
}

impl LookAlikes {
    /// The names of all people.
    pub fn load(connection: &Connection) -> rusqlite::Result<Self> {
        // No person has this id: SQLite counts from 1.
        Self::load_others(connection, PersonId(0))
    }

    /// The names of all people but one.
    pub fn load_others(connection: &Connection, person: PersonId) -> rusqlite::Result<Self> {
        let mut names = Self::default();
        let mut statement = connection.prepare("SELECT name FROM people WHERE id <> ?1")?;
        for name in statement.query_map([person.0], |row| row.get::<_, String>(0))? {
            names.insert(name?);
        }
        Ok(names)
    }

    /// Adds a new name.
    ///
    /// # Errors
    /// [`FacebankError::LooksAlike`] if another name looks like it.
    pub fn add(&mut self, name: &PersonName) -> Result<(), FacebankError> {
        let LookAlikeKeys { written, folded } = LookAlikeKeys::of(name.as_str());
        match self.written.get(&written).or_else(|| self.folded.get(&folded)) {
            Some(other) => Err(FacebankError::LooksAlike { name: name.to_string(), other: other.clone() }),
            None => {
                self.insert(name.to_string());
                Ok(())
            }
        }
    }

    fn insert(&mut self, name: String) {
        let LookAlikeKeys { written, folded } = LookAlikeKeys::of(&name);
        self.written.insert(written, name.clone());
        self.folded.insert(folded, name);
    }
}
