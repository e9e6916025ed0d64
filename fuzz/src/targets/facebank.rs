//! An SQLite file of arbitrary content, opened as a facebank.

use std::path::Path;

use anyhow::Result;
use ostiary_core::{Embedding, ModelId};
use ostiary_facebank::{Facebank, PhotoHash, Template};
use rusqlite::Connection;

use super::Target;
use super::files::folder_with;

pub const TARGET: Target = Target {
    name: "facebank",
    about: "an SQLite file opened as a facebank",
    run,
    seeds,
    dictionary: SQLITE_DICTIONARY,
    max_len: 96 << 10,
};

/// Tokens of SQLite files and of the schemas.
pub const SQLITE_DICTIONARY: &[&[u8]] = &[
    b"SQLite format 3\0",
    b"\x0d\0\0\0\x01",
    b"\x05\0\0\0\x01",
    b"\x0a\0\0\0\x01",
    b"\x02\0\0\0\x01",
    b"OSTY",
    b"OSTE",
    b"\x01\x01",
    b"\x02\x02",
    b"\0\0\x10\0",
    b"table",
    b"view\0",
    b"index",
    b"CREATE VIEW ",
    b" STRICT",
    b"WITHOUT ROWID",
    b"people",
    b"photos",
    b"templates",
    b"events",
    b"counters",
    b"NULL",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x81\x80\0",
];

const FILE: &str = "facebank.sqlite";

fn model() -> ModelId {
    ModelId("0123456789abcdef".into())
}

fn embedding(first: f32) -> Option<Embedding> {
    Embedding::normalized(&[first, 1.0, 0.5, -0.25])
}

fn run(data: &[u8]) {
    let folder = folder_with(&[(FILE, data)]);
    let path = folder.path().join(FILE);
    if let Ok(facebank) = Facebank::open_read_only(&path) {
        read_all(&facebank);
    }
    let Ok(mut facebank) = Facebank::open(&path) else { return };
    read_all(&facebank);
    let template = embedding(2.0).map(|embedding| Template {
        embedding,
        photo: PhotoHash([7; 32]),
        weight: 1.0,
        crop: None,
    });
    let templates: Vec<Template> = template.into_iter().collect();
    if let Ok(enrolled) = facebank.enroll("Somebody New", &model(), &templates) {
        assert_eq!(enrolled.added + enrolled.known, templates.len());
        assert!(facebank.has_photo("somebody new", &PhotoHash([7; 32]), &model()).unwrap_or(true));
    }
    let _ = facebank.rename("ann", "Anna");
    let _ = facebank.set_group("bob", Some("staff"));
    let _ = facebank.remove("Somebody New");
    read_all(&facebank);
}

/// Calls each function that reads the facebank.
fn read_all(facebank: &Facebank) {
    let _ = facebank.check();
    let _ = facebank.show("nobody at all");
    for listed in facebank.people().unwrap_or_default() {
        let _ = facebank.embeddings(&listed.person.name, &model());
    }
    let _ = facebank.people_without_templates(&model());
    let _ = facebank.export(&mut std::io::sink(), Path::new("export"));
    let (Ok(gallery), Some(probe)) = (facebank.gallery(&model()), embedding(1.0)) else { return };
    if let Some(best) = gallery.best(&probe) {
        let similarity = best.similarity.0;
        assert!((-1.01..=1.01).contains(&similarity), "a similarity of {similarity}");
        assert!(best.second.is_none_or(|second| second.similarity.0 <= similarity));
        assert!(gallery.person(best.person).is_some());
    }
}

fn seeds() -> Result<Vec<Vec<u8>>> {
    Ok(vec![enrolled()?, version_1()?, endless_view()?])
}

/// A facebank with two people.
fn enrolled() -> Result<Vec<u8>> {
    let folder = folder_with(&[]);
    let path = folder.path().join(FILE);
    let mut facebank = Facebank::open(&path)?;
    for (name, first) in [("Ann", 1.0), ("Bob", -1.0)] {
        let template = |(number, embedding)| Template {
            embedding,
            photo: PhotoHash([number; 32]),
            weight: 0.5,
            crop: None,
        };
        let embeddings = [first, first * 0.9].into_iter().filter_map(embedding);
        let templates: Vec<Template> = (1..).zip(embeddings).map(template).collect();
        facebank.enroll_from_camera(name, &model(), &templates, Some(0.9))?;
    }
    facebank.set_group("Bob", Some("staff"))?;
    drop(facebank);
    Ok(std::fs::read(path)?)
}

/// An SQLite file that these statements create.
pub fn database_from(statements: &str) -> Result<Vec<u8>> {
    let folder = folder_with(&[]);
    let path = folder.path().join(FILE);
    Connection::open(&path)?.execute_batch(statements)?;
    Ok(std::fs::read(path)?)
}

/// A facebank in the format of schema version 1.
fn version_1() -> Result<Vec<u8>> {
    database_from(
        "CREATE TABLE people ( id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, folded TEXT NOT NULL UNIQUE,
             enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)), grouped TEXT, created TEXT NOT NULL ) STRICT;
         CREATE TABLE templates ( id INTEGER PRIMARY KEY, person INTEGER NOT NULL REFERENCES people (id) ON DELETE CASCADE,
             embedding BLOB NOT NULL, model TEXT NOT NULL, photo BLOB NOT NULL CHECK (length(photo) = 32), crop BLOB,
             created TEXT NOT NULL, UNIQUE (person, photo) ) STRICT;
         INSERT INTO people VALUES (1, 'Ann', 'ann', 1, NULL, '2026-01-01T00:00:00Z');
         INSERT INTO templates VALUES (1, 1, x'0000803f000000000000000000000000', '0123456789abcdef', zeroblob(32), NULL,
             '2026-01-01T00:00:00Z');
         PRAGMA application_id = 0x4f535459; PRAGMA user_version = 1;",
    )
}

/// A file with an infinite view in place of the table `people`.
fn endless_view() -> Result<Vec<u8>> {
    database_from(
        "CREATE VIEW people AS WITH RECURSIVE all_people(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM all_people)
             SELECT id, 'person ' || id AS name, 'person ' || id AS folded, 1 AS enabled, NULL AS grouped,
                 '2026-01-01T00:00:00Z' AS created FROM all_people;
         CREATE TABLE models (id TEXT NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID;
         CREATE TABLE photos (id INTEGER PRIMARY KEY, person INTEGER NOT NULL, hash BLOB NOT NULL, crop BLOB,
             created TEXT NOT NULL) STRICT;
         CREATE TABLE templates (photo INTEGER NOT NULL, model TEXT NOT NULL, embedding BLOB NOT NULL,
             PRIMARY KEY (photo, model)) STRICT, WITHOUT ROWID;
         PRAGMA application_id = 0x4f535459; PRAGMA user_version = 2;",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_seeds_are_facebanks() {
        for (seed, people) in [(enrolled().unwrap(), 2), (version_1().unwrap(), 1)] {
            let folder = folder_with(&[(FILE, &seed)]);
            let facebank = Facebank::open(&folder.path().join(FILE)).unwrap();
            assert_eq!(facebank.people().unwrap().len(), people);
            assert_eq!(facebank.gallery(&model()).unwrap().len(), people);
        }
    }
}
