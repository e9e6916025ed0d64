//! A facebank as text: one JSON object a line for each person, with their embeddings.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use ostiary_core::{Crop, ModelId, PersonId};
use rusqlite::Row;
use serde::{Deserialize, Serialize};

use super::person::check_name;
use super::readiness::{allow_model, has_templates, make_ready};
use super::store::{find, insert_person, insert_template};
use super::template::{from_blob, from_unit};
use super::{Facebank, FacebankError, PhotoHash, Template};

/// The version of the lines.
const FORMAT: u32 = 1;

/// One line of an export.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonRecord {
    /// Version of this layout, 1.
    format: u32,
    name: String,
    enabled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    created: Timestamp,
    templates: Vec<TemplateRecord>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TemplateRecord {
    model: String,
    /// SHA-256 of the photo, hexadecimal.
    photo: String,
    embedding: Vec<f32>,
    /// 112x112 packed RGB, base64; only where crops were kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crop: Option<String>,
}

impl Facebank {
    /// Writes everyone with their embeddings, and crops where they were kept; returns how many people.
    pub fn export(&self, to: &mut impl Write, path: &Path) -> Result<usize, FacebankError> {
        let io = |why| FacebankError::Io { path: path.to_owned(), why };
        // One read transaction, so that all lines are of one moment.
        let snapshot = self.connection.unchecked_transaction().map_err(|e| self.sql(e))?;
        let people = self.people()?;
        for listed in &people {
            let person = &listed.person;
            let record = PersonRecord {
                format: FORMAT,
                name: person.name.clone(),
                enabled: person.enabled,
                group: person.group.clone(),
                created: person.created,
                templates: self.template_records(person.id, &person.name)?,
            };
            serde_json::to_writer(&mut *to, &record).map_err(|e| io(e.into()))?;
            to.write_all(b"\n").map_err(io)?;
        }
        to.flush().map_err(io)?;
        drop(snapshot);
        Ok(people.len())
    }

    /// Exports into a new file that only its owner may read, on the disk before the call returns. An
    /// existing file is not overwritten.
    pub fn export_file(&self, path: &Path) -> Result<usize, FacebankError> {
        let io = |why| FacebankError::Io { path: path.to_owned(), why };
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(io)?;
        let mut writer = BufWriter::new(file);
        let exported = self
            .export(&mut writer, path)
            .and_then(|people| writer.get_ref().sync_all().map(|()| people).map_err(io));
        if exported.is_err() {
            // Half an export would pass for a whole one; that it failed is told either way.
            let _ = fs::remove_file(path);
        }
        exported
    }

    fn template_records(&self, person: PersonId, name: &str) -> Result<Vec<TemplateRecord>, FacebankError> {
        let sql = |e| self.sql(e);
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT model, hash, embedding, crop FROM photos JOIN templates ON photo = photos.id
                 WHERE person = ?1 ORDER BY photos.id, model",
            )
            .map_err(sql)?;
        let read = |row: &Row<'_>| {
            let (model, photo): (String, PhotoHash) = (row.get(0)?, row.get(1)?);
            let (embedding, crop): (Vec<u8>, Option<Vec<u8>>) = (row.get(2)?, row.get(3)?);
            Ok((model, photo, embedding, crop))
        };
        let rows = statement.query_map([person.0], read).map_err(sql)?;
        rows.map(|row| {
            let (model, photo, embedding, crop) = row.map_err(sql)?;
            let embedding = from_blob(&embedding).ok_or_else(|| self.bad_template(name))?;
            Ok(TemplateRecord {
                model,
                photo: photo.to_string(),
                embedding: embedding.values().to_vec(),
                crop: crop.map(|rgb| BASE64_STANDARD.encode(rgb)),
            })
        })
        .collect()
    }

    /// Adds everyone of an export; returns how many people. All or nothing: a bad line or a name that is
    /// taken leaves the facebank as it was.
    pub fn import(&mut self, from: impl BufRead) -> Result<usize, FacebankError> {
        let path = self.path.clone();
        self.change(|transaction| {
            let sql = |e| FacebankError::sql(&path, e);
            let mut people = 0;
            // An empty facebank takes the templates of whatever models the export has.
            let takes_any = !has_templates(transaction).map_err(sql)?;
            for (index, line) in from.lines().enumerate() {
                let bad = |why: String| FacebankError::BadExport { line: index + 1, why };
                let line = line.map_err(|e| bad(e.to_string()))?;
                if line.trim().is_empty() {
                    continue;
                }
                let record: PersonRecord = serde_json::from_str(&line).map_err(|e| bad(e.to_string()))?;
                let templates = record.check().map_err(bad)?;
                if find(transaction, &record.name).map_err(sql)?.is_some() {
                    return Err(FacebankError::NameTaken { name: record.name });
                }
                let person = insert_person(
                    transaction,
                    &record.name,
                    record.enabled,
                    record.group.as_deref(),
                    record.created,
                )
                .map_err(sql)?;
                for (model, template) in &templates {
                    match takes_any {
                        true => make_ready(transaction, model).map_err(sql)?,
                        false => allow_model(transaction, &path, model)?,
                    }
                    insert_template(transaction, person, model, template).map_err(sql)?;
                }
                people += 1;
            }
            Ok(people)
        })
    }
}

impl PersonRecord {
    /// The templates of the line, or what is wrong with it.
    fn check(&self) -> Result<Vec<(ModelId, Template)>, String> {
        if self.format != FORMAT {
            return Err(format!("format {}, this program reads {FORMAT}", self.format));
        }
        check_name(&self.name).map_err(|e| e.to_string())?;
        self.group.as_deref().map_or(Ok(()), check_name).map_err(|e| e.to_string())?;
        if self.templates.is_empty() {
            return Err(format!("{:?} has no template", self.name));
        }
        self.templates.iter().map(TemplateRecord::check).collect()
    }
}

impl TemplateRecord {
    fn check(&self) -> Result<(ModelId, Template), String> {
        let embedding = from_unit(&self.embedding).ok_or("an embedding is not of unit length")?;
        let photo = PhotoHash::from_hex(&self.photo).ok_or("a photo is not 64 hexadecimal digits")?;
        let crop = |text: &String| BASE64_STANDARD.decode(text).ok().and_then(|rgb| Crop::from_rgb(&rgb));
        let crop = match &self.crop {
            Some(text) => Some(crop(text).ok_or("a crop is not 112x112 RGB in base64")?),
            None => None,
        };
        if self.model.is_empty() {
            return Err("a template names no model".into());
        }
        Ok((ModelId(self.model.clone()), Template { embedding, photo, crop }))
    }
}
