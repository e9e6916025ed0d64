//! The open facebank: queries and changes of people and templates.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use ostiary_core::{Embedding, ModelId, Person, PersonId, PersonName, fold_group, fold_name, group_name};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, named_params};

use super::look_alike::LookAlikes;
use super::person::{is_frontal_aspect, nearest};
use super::prepared_models::{require_prepared, unprepared_model, wrong_model};
use super::schema::{self, Mode};
use super::template::{from_blob, to_blob};
use super::{FacebankError, Gallery, PersonSummary, PhotoHash, Template};

/// The columns that [`read_person`] reads.
const PERSON_COLUMNS: &str = "people.id, name, enabled, grouped, people.created";

/// An open facebank. Each change is one transaction, which is on the disk before the call returns.
pub struct Facebank {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
    mode: Mode,
    /// SQLite's `data_version` at the last check, which changes with the transactions of other processes.
    data_version: i64,
    /// Device and inode of the file, to detect that another file replaced it.
    file: (u64, u64),
}

/// The result of [`Facebank::enroll`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enrolled {
    /// The person.
    pub person: PersonId,
    /// Whether the person is new.
    pub new: bool,
    /// Number of stored templates.
    pub added: usize,
    /// Number of templates that were skipped, because the person has one of the same photo.
    pub known: usize,
}

/// The result of [`Facebank::rename`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renamed {
    /// The name as it was stored before.
    pub from: String,
    /// The name as it is stored now.
    pub to: String,
}

impl Facebank {
    /// Opens a facebank to read and change it. Creates an empty file with mode 0600 if there is none.
    ///
    /// # Errors
    /// The file is no facebank, or cannot be opened, created or written.
    pub fn open(path: &Path) -> Result<Self, FacebankError> {
        Self::open_for(path, Mode::ReadWrite)
    }

    /// Opens a facebank to read it.
    ///
    /// # Errors
    /// The file does not exist, is no facebank, or cannot be opened.
    pub fn open_read_only(path: &Path) -> Result<Self, FacebankError> {
        Self::open_for(path, Mode::ReadOnly)
    }

    fn open_for(path: &Path, mode: Mode) -> Result<Self, FacebankError> {
        let connection = schema::open(path, mode)?;
        let file = schema::identity(path)?;
        let mut facebank = Self { connection, path: path.to_owned(), mode, data_version: 0, file };
        facebank.data_version = facebank.read_data_version()?;
        Ok(facebank)
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Sets the wait for the write of another process, before [`FacebankError::Busy`]; 5 s by default.
    ///
    /// # Errors
    /// That of SQLite.
    pub fn set_busy_timeout(&mut self, timeout: Duration) -> Result<(), FacebankError> {
        self.connection.busy_timeout(timeout).map_err(|e| self.sql(e))
    }

    /// Whether another process changed the facebank, or replaced its file, since it was opened or since the last call. Takes
    /// microseconds, so that a daemon can call it often. While another process commits, it waits up to the busy timeout, as
    /// every call does. A change is reported once: a caller that then fails to load the [`Gallery`] must try again without
    /// another report.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn has_changed(&mut self) -> Result<bool, FacebankError> {
        if schema::identity(&self.path)? != self.file {
            *self = Self::open_for(&self.path, self.mode)?;
            return Ok(true);
        }
        let data_version = self.read_data_version()?;
        let changed = data_version != self.data_version;
        self.data_version = data_version;
        Ok(changed)
    }

    /// Reads all pages and indexes of the file.
    ///
    /// # Errors
    /// [`FacebankError::Corrupt`] with the first damage; an error of the file.
    pub fn check(&self) -> Result<(), FacebankError> {
        let result: String = self
            .connection
            .pragma_query_value(None, "integrity_check", |row| row.get(0))
            .map_err(|e| self.sql(e))?;
        if result != "ok" {
            return Err(FacebankError::Corrupt { path: self.path.clone(), why: result });
        }
        Ok(())
    }

    /// Writes a consistent copy to a new file, also while other processes change the facebank.
    ///
    /// # Errors
    /// The facebank cannot be read, or the copy cannot be written.
    pub fn copy_to(&self, file: &Path) -> Result<(), FacebankError> {
        ostiary_sqlite::copy_into(&self.connection, file).map_err(|e| self.sql(e))
    }

    /// All people, sorted by name.
    ///
    /// # Errors
    /// The facebank cannot be read.
    pub fn people(&self) -> Result<Vec<PersonSummary>, FacebankError> {
        self.summaries("", [])
    }

    /// The person with this name, in any case and encoding.
    ///
    /// # Errors
    /// [`FacebankError::NoSuchPerson`], or the facebank cannot be read.
    pub fn show(&self, name: &str) -> Result<PersonSummary, FacebankError> {
        let found = match self.id(name)? {
            Some(person) => self.summaries("WHERE people.id = ?1", [person.0])?,
            None => Vec::new(),
        };
        found.into_iter().next().map_or_else(|| Err(self.no_such_person(name)?), Ok)
    }

    fn summaries(
        &self,
        filter: &str,
        values: impl rusqlite::Params,
    ) -> Result<Vec<PersonSummary>, FacebankError> {
        let query = format!(
            "SELECT {PERSON_COLUMNS}, count(photos.id), count(crop),
                 (SELECT json_group_array(DISTINCT model ORDER BY model)
                  FROM photos JOIN templates ON photo = photos.id WHERE person = people.id),
                 frontal_aspect
             FROM people LEFT JOIN photos ON person = people.id {filter}
             GROUP BY people.id ORDER BY folded"
        );
        let read = |row: &Row<'_>| {
            let count = |column| row.get::<_, i64>(column).map(|n| n.max(0) as usize);
            let (templates, crops) = (count(5)?, count(6)?);
            let models = serde_json::from_str(&row.get::<_, String>(7)?).map_err(|error| {
                rusqlite::Error::FromSqlConversionFailure(7, rusqlite::types::Type::Text, error.into())
            })?;
            let (person, frontal_aspect) = (read_person(row)?, read_aspect(row, 8)?);
            Ok(PersonSummary { person, templates, crops, models, frontal_aspect })
        };
        let mut statement = self.connection.prepare(&query).map_err(|e| self.sql(e))?;
        let rows = statement.query_map(values, read).map_err(|e| self.sql(e))?;
        let summaries = rows.collect::<Result<Vec<PersonSummary>, _>>().map_err(|e| self.sql(e))?;
        summaries.iter().try_for_each(|listed| self.check_aspect(&listed.person, listed.frontal_aspect))?;
        Ok(summaries)
    }

    /// Refuses a damaged frontal aspect: a person is not let in by another one's, nor by the limits for people without one.
    fn check_aspect(&self, person: &Person, aspect: Option<f32>) -> Result<(), FacebankError> {
        match aspect {
            Some(aspect) if !is_frontal_aspect(aspect) => {
                Err(self.corrupt(format!("the frontal aspect of {} is {aspect}", person.name)))
            }
            _ => Ok(()),
        }
    }

    /// Adds templates to the person with this name. Adds the person if there is none. Skips a template of a photo that the
    /// person already has. The person's frontal aspect stays.
    ///
    /// # Errors
    /// The name is not allowed, a new person has no template, the facebank is not prepared for the model, or cannot be
    /// written. The facebank is then unchanged.
    pub fn enroll(
        &mut self,
        name: &str,
        model: &ModelId,
        templates: &[Template],
    ) -> Result<Enrolled, FacebankError> {
        self.enroll_from_camera(name, model, templates, None)
    }

    /// Adds templates as [`Facebank::enroll`] does, and with them the person's frontal aspect, measured by the door's camera. It replaces
    /// that of earlier pictures, which another camera may have taken from another distance. `None` keeps that one.
    ///
    /// # Errors
    /// As [`Facebank::enroll`], or the aspect is not that of a face ([`is_frontal_aspect`]).
    pub fn enroll_from_camera(
        &mut self,
        name: &str,
        model: &ModelId,
        templates: &[Template],
        frontal_aspect: Option<f32>,
    ) -> Result<Enrolled, FacebankError> {
        let name = PersonName::new(name)?;
        if let Some(aspect) = frontal_aspect.filter(|aspect| !is_frontal_aspect(*aspect)) {
            return Err(FacebankError::BadAspect { name: name.to_string(), aspect });
        }
        let path = self.path.clone();
        self.change(|transaction| {
            let sql = |e| FacebankError::sql(&path, e);
            require_prepared(transaction, &path, model)?;
            let found = find_person(transaction, name.as_str()).map_err(sql)?;
            let person = match found {
                Some(person) => person,
                None if templates.is_empty() => {
                    return Err(FacebankError::NoTemplate { name: name.to_string() });
                }
                None => {
                    LookAlikes::load(transaction).map_err(sql)?.add(&name)?;
                    insert_person(transaction, &name, true, None, Timestamp::now()).map_err(sql)?
                }
            };
            let mut enrolled = Enrolled { person, new: found.is_none(), added: 0, known: 0 };
            for template in templates {
                if insert_template(transaction, person, model, template).map_err(sql)? {
                    enrolled.added += 1;
                } else {
                    enrolled.known += 1;
                }
            }
            if let Some(aspect) = frontal_aspect {
                set_aspect(transaction, person, aspect).map_err(sql)?;
            }
            Ok(enrolled)
        })
    }

    /// Renames a person.
    ///
    /// # Errors
    /// There is no such person, the new name is not allowed or taken, or the facebank cannot be written.
    pub fn rename(&mut self, old: &str, new: &str) -> Result<Renamed, FacebankError> {
        let new = PersonName::new(new)?;
        let path = self.path.clone();
        let renamed = self.change(|transaction| {
            let sql = |e| FacebankError::sql(&path, e);
            let Some((person, name)) = find_stored(transaction, old).map_err(sql)? else { return Ok(None) };
            if find_person(transaction, new.as_str()).map_err(sql)?.is_some_and(|other| other != person) {
                return Err(FacebankError::NameTaken { name: new.to_string() });
            }
            LookAlikes::load_others(transaction, person).map_err(sql)?.add(&new)?;
            transaction
                .execute(
                    "UPDATE people SET name = :name, folded = :folded WHERE id = :id",
                    named_params! { ":name": new.as_str(), ":folded": fold_name(new.as_str()), ":id": person.0 },
                )
                .map_err(sql)?;
            Ok(Some(Renamed { from: name, to: new.to_string() }))
        })?;
        renamed.map_or_else(|| Err(self.no_such_person(old)?), Ok)
    }

    /// Removes a person and all their templates. Their bytes in the file are overwritten with zeros. Returns the name as it was
    /// stored.
    ///
    /// # Errors
    /// There is no such person, or the facebank cannot be written.
    pub fn remove(&mut self, name: &str) -> Result<String, FacebankError> {
        self.update(name, "DELETE FROM people WHERE id = :id AND :value IS NULL", None::<String>)
    }

    /// Enables or disables a person. Returns the name as it is stored.
    ///
    /// # Errors
    /// There is no such person, or the facebank cannot be written.
    pub fn set_enabled(&mut self, name: &str, enabled: bool) -> Result<String, FacebankError> {
        self.update(name, "UPDATE people SET enabled = :value WHERE id = :id", enabled)
    }

    /// Sets the group of a person; `None` for no group. Upper and lower case are the same group. Returns the name as it is stored.
    ///
    /// # Errors
    /// There is no such person, the name of the group is not allowed, or the facebank cannot be written.
    pub fn set_group(&mut self, name: &str, group: Option<&str>) -> Result<String, FacebankError> {
        let group = group.map(group_name).transpose()?;
        self.update(name, "UPDATE people SET grouped = :value WHERE id = :id", group)
    }

    /// Changes the person with a name. The person is found in the transaction of the change: another process may have removed the
    /// person, and given the id to somebody else.
    fn update(
        &mut self,
        name: &str,
        statement: &str,
        value: impl rusqlite::ToSql,
    ) -> Result<String, FacebankError> {
        let path = self.path.clone();
        let changed = self.change(|transaction| {
            let sql = |e| FacebankError::sql(&path, e);
            let Some((person, stored)) = find_stored(transaction, name).map_err(sql)? else {
                return Ok(None);
            };
            transaction
                .execute(statement, named_params! { ":id": person.0, ":value": value })
                .map_err(sql)?;
            Ok(Some(stored))
        })?;
        changed.map_or_else(|| Err(self.no_such_person(name)?), Ok)
    }

    /// Checks whether a person of this name can be enrolled: the name is allowed, and belongs to a person already or looks like
    /// nobody's.
    ///
    /// # Errors
    /// [`FacebankError::BadName`] or [`FacebankError::LooksAlike`]; the facebank cannot be read.
    pub fn check_name(&self, name: &str) -> Result<PersonName, FacebankError> {
        let name = PersonName::new(name)?;
        if self.id(name.as_str())?.is_none() {
            LookAlikes::load(&self.connection).map_err(|e| self.sql(e))?.add(&name)?;
        }
        Ok(name)
    }

    /// The id of the person with this name, in any case and encoding.
    ///
    /// # Errors
    /// The facebank cannot be read.
    pub fn id(&self, name: &str) -> Result<Option<PersonId>, FacebankError> {
        find_person(&self.connection, name).map_err(|e| self.sql(e))
    }

    /// Whether the person has a template of this photo and this model.
    ///
    /// # Errors
    /// The facebank cannot be read.
    pub fn has_photo(&self, name: &str, photo: &PhotoHash, model: &ModelId) -> Result<bool, FacebankError> {
        let Some(person) = self.id(name)? else { return Ok(false) };
        self.connection
            .query_row(
                "SELECT EXISTS (SELECT 1 FROM photos JOIN templates ON photo = photos.id
                 WHERE person = ?1 AND hash = ?2 AND model = ?3)",
                (person.0, photo, &model.0),
                |row| row.get(0),
            )
            .map_err(|e| self.sql(e))
    }

    /// The embeddings of a person by this model, oldest first; empty if there is no such person.
    ///
    /// # Errors
    /// The facebank cannot be read, or a template is damaged.
    pub fn embeddings(&self, name: &str, model: &ModelId) -> Result<Vec<Embedding>, FacebankError> {
        let sql = |e| self.sql(e);
        let Some(person) = self.id(name)? else { return Ok(Vec::new()) };
        let mut statement = self
            .connection
            .prepare(
                "SELECT embedding FROM photos JOIN templates ON photo = photos.id
                 WHERE person = ?1 AND model = ?2 ORDER BY photos.id",
            )
            .map_err(sql)?;
        let rows = statement.query_map((person.0, &model.0), |row| row.get::<_, Vec<u8>>(0)).map_err(sql)?;
        rows.map(|blob| from_blob(&blob.map_err(sql)?).ok_or_else(|| self.bad_template(name))).collect()
    }

    /// The gallery of this model: all people who have templates of it.
    ///
    /// # Errors
    /// [`FacebankError::OtherModel`] if the facebank has templates and is not prepared for this model; a template is damaged;
    /// the facebank cannot be read.
    pub fn gallery(&self, model: &ModelId) -> Result<Gallery, FacebankError> {
        let sql = |e| self.sql(e);
        if let Some(other) = unprepared_model(&self.connection, model).map_err(sql)? {
            return Err(wrong_model(&self.path, other, model));
        }
        let query = format!(
            "SELECT {PERSON_COLUMNS}, embedding, weight, frontal_aspect FROM people JOIN photos ON person = people.id
                 JOIN templates ON photo = photos.id
             WHERE model = ?1 ORDER BY people.id, photos.id"
        );
        let mut statement = self.connection.prepare(&query).map_err(sql)?;
        let mut rows = statement.query([&model.0]).map_err(sql)?;
        let mut gallery = Gallery::default();
        type Listed = (Person, Option<f32>);
        let push =
            |gallery: &mut Gallery, (person, aspect): Listed, photos: &[_]| -> Result<(), FacebankError> {
                self.check_aspect(&person, aspect)?;
                let id = person.id;
                gallery.push(person, photos).map_err(|error| self.corrupt(error.to_string()))?;
                gallery.set_frontal_aspect(id, aspect);
                Ok(())
            };
        let mut current: Option<(Person, Option<f32>)> = None;
        let mut photos = Vec::new();
        while let Some(row) = rows.next().map_err(sql)? {
            let person = read_person(row).map_err(sql)?;
            if current.as_ref().is_some_and(|(current, _)| current.id != person.id)
                && let Some(previous) = current.take()
            {
                push(&mut gallery, previous, &photos)?;
                photos.clear();
            }
            let blob: Vec<u8> = row.get(5).map_err(sql)?;
            let embedding = from_blob(&blob).ok_or_else(|| self.bad_template(&person.name))?;
            photos.push((embedding, row.get::<_, f64>(6).map_err(sql)? as f32));
            current = Some((person, read_aspect(row, 7).map_err(sql)?));
        }
        if let Some(last) = current {
            push(&mut gallery, last, &photos)?;
        }
        Ok(gallery)
    }

    /// Runs a change as one transaction, which is committed if the change succeeds.
    pub(super) fn change<T>(
        &mut self,
        change: impl FnOnce(&Transaction<'_>) -> Result<T, FacebankError>,
    ) -> Result<T, FacebankError> {
        if self.mode == Mode::ReadOnly {
            return Err(FacebankError::ReadOnly { path: self.path.clone() });
        }
        let sql = |e| FacebankError::sql(&self.path, e);
        // Immediate: the second of two writers waits here, before it has read the data that it changes.
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql)?;
        let done = change(&transaction)?;
        transaction.commit().map_err(sql)?;
        Ok(done)
    }

    pub(super) fn sql(&self, error: rusqlite::Error) -> FacebankError {
        FacebankError::sql(&self.path, error)
    }

    pub(super) fn bad_template(&self, name: &str) -> FacebankError {
        self.corrupt(format!("a template of {name} is not an embedding"))
    }

    fn corrupt(&self, why: impl Into<String>) -> FacebankError {
        FacebankError::Corrupt { path: self.path.clone(), why: why.into() }
    }

    fn no_such_person(&self, name: &str) -> Result<FacebankError, FacebankError> {
        let people = self.people()?;
        let nearest = nearest(name, people.iter().map(|summary| summary.person.name.as_str()));
        Ok(FacebankError::NoSuchPerson { name: name.to_owned(), nearest })
    }

    fn read_data_version(&self) -> Result<i64, FacebankError> {
        self.connection.pragma_query_value(None, "data_version", |row| row.get(0)).map_err(|e| self.sql(e))
    }
}

/// Reads the columns [`PERSON_COLUMNS`].
pub(super) fn read_person(row: &Row<'_>) -> rusqlite::Result<Person> {
    Ok(Person {
        id: PersonId(row.get(0)?),
        name: row.get(1)?,
        enabled: row.get(2)?,
        // Earlier programs stored the group without folding its case.
        group: row.get::<_, Option<String>>(3)?.as_deref().map(fold_group),
        created: row.get::<_, String>(4)?.parse().map_err(|error: jiff::Error| {
            rusqlite::Error::FromSqlConversionFailure(4, rusqlite::types::Type::Text, error.into())
        })?,
    })
}

/// Reads a column with a frontal aspect.
fn read_aspect(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<f32>> {
    Ok(row.get::<_, Option<f64>>(column)?.map(|aspect| aspect as f32))
}

/// Sets the frontal aspect of a person.
pub(super) fn set_aspect(connection: &Connection, person: PersonId, aspect: f32) -> rusqlite::Result<()> {
    connection
        .execute("UPDATE people SET frontal_aspect = ?2 WHERE id = ?1", (person.0, f64::from(aspect)))?;
    Ok(())
}

/// The id of the person with this name, in any case and encoding. An earlier program could store one name in two encodings: the
/// second one is found by exactly this name ([`stored_name`](super::stored_name)).
pub(super) fn find_person(connection: &Connection, name: &str) -> rusqlite::Result<Option<PersonId>> {
    connection
        .query_row(
            "SELECT id FROM people WHERE folded = ?2 OR (folded < char(2) AND name = ?1) ORDER BY folded LIMIT 1",
            (name, fold_name(name)),
            |row| row.get(0).map(PersonId),
        )
        .optional()
}

/// The person with a name, and the name as it is stored.
fn find_stored(connection: &Connection, name: &str) -> rusqlite::Result<Option<(PersonId, String)>> {
    let Some(person) = find_person(connection, name)? else { return Ok(None) };
    let stored =
        connection.query_row("SELECT name FROM people WHERE id = ?1", [person.0], |row| row.get(0))?;
    Ok(Some((person, stored)))
}

pub(super) fn insert_person(
    connection: &Connection,
    name: &PersonName,
    enabled: bool,
    group: Option<&str>,
    created: Timestamp,
) -> rusqlite::Result<PersonId> {
    connection.execute(
        "INSERT INTO people (name, folded, enabled, grouped, created)
         VALUES (:name, :folded, :enabled, :grouped, :created)",
        named_params! {
            ":name": name.as_str(), ":folded": fold_name(name.as_str()), ":enabled": enabled,
            ":grouped": group.map(fold_group),
            ":created": created.to_string(),
        },
    )?;
    Ok(PersonId(connection.last_insert_rowid()))
}

/// Stores a template. Returns `false` if the person has one of the same photo and model.
pub(super) fn insert_template(
    connection: &Connection,
    person: PersonId,
    model: &ModelId,
    template: &Template,
) -> rusqlite::Result<bool> {
    let photo = connection.query_row(
        "INSERT INTO photos (person, hash, crop, created, weight)
         VALUES (:person, :hash, :crop, :created, :weight)
         ON CONFLICT (person, hash) DO UPDATE SET crop = ifnull(crop, excluded.crop) RETURNING id",
        named_params! {
            ":person": person.0, ":hash": template.photo,
            ":crop": template.crop.as_ref().map(|crop| crop.rgb().as_slice()),
            ":created": Timestamp::now().to_string(),
            ":weight": f64::from(template.weight),
        },
        |row| row.get(0),
    )?;
    insert_embedding(connection, photo, model, &template.embedding)
}

/// Stores the embedding of a photo by a model. Returns `false` if there is one already.
pub(super) fn insert_embedding(
    connection: &Connection,
    photo: i64,
    model: &ModelId,
    embedding: &Embedding,
) -> rusqlite::Result<bool> {
    let stored = connection.execute(
        "INSERT INTO templates (photo, model, embedding) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        (photo, &model.0, to_blob(embedding)),
    )?;
    Ok(stored > 0)
}

#[cfg(test)]
mod tests {
    use ostiary_core::Crop;

    use super::*;

    fn template(seed: u8) -> Template {
        let values: Vec<f32> = (0..128u8).map(|i| f32::from(i.wrapping_mul(seed) % 31) - 15.0).collect();
        Template {
            embedding: Embedding::normalized(&values).unwrap(),
            photo: PhotoHash::of(&[seed]),
            weight: 1.0,
            crop: Some(Crop::default()),
        }
    }

    #[test]
    fn a_full_disk_leaves_the_old_state() {
        let folder = tempfile::tempdir().unwrap();
        let model = ModelId("model".into());
        let mut facebank = Facebank::open(&folder.path().join("people.sqlite")).unwrap();
        facebank.enroll("Ann", &model, &[template(1)]).unwrap();
        let before = facebank.people().unwrap();
        // SQLite reports a full disk when `max_page_count` is reached; two pages are left.
        let pages: i64 = facebank.connection.pragma_query_value(None, "page_count", |r| r.get(0)).unwrap();
        facebank.connection.pragma_update(None, "max_page_count", pages + 2).unwrap();
        let error = facebank.enroll("Bob", &model, &[template(2), template(3)]).unwrap_err();
        assert!(matches!(error, FacebankError::DiskFull { .. }), "{error}");
        assert_eq!(facebank.people().unwrap(), before);
        facebank.check().unwrap();
        facebank.connection.pragma_update(None, "max_page_count", pages + 1000).unwrap();
        facebank.enroll("Bob", &model, &[template(2), template(3)]).unwrap();
    }

    #[test]
    fn a_removed_person_is_not_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("people.sqlite");
        let mut facebank = Facebank::open(&path).unwrap();
        let removed = template(1);
        facebank.enroll("Annabel", &ModelId("model".into()), std::slice::from_ref(&removed)).unwrap();
        let blob = to_blob(&removed.embedding);
        let contains = |needle: &[u8]| {
            std::fs::read(&path).unwrap().windows(needle.len()).any(|window| window == needle)
        };
        assert!(contains(&blob) && contains(b"Annabel"));
        facebank.remove("annabel").unwrap();
        assert!(!contains(&blob) && !contains(b"Annabel"));
    }
}
