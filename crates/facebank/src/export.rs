//! Export and import of a facebank as JSON lines: one object for each person, with their embeddings.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use ostiary_core::{Crop, ModelId, NameError, PersonId, PersonName, group_name};
use rusqlite::Row;
use serde::{Deserialize, Serialize};

use super::look_alike::LookAlikes;
use super::person::is_frontal_aspect;
use super::prepared_models::{has_templates, mark_prepared, require_prepared};
use super::store::{find_person, insert_person, insert_template, set_aspect};
use super::template::{from_blob, from_unit, is_weight};
use super::{Facebank, FacebankError, PhotoHash, Template};

/// The version of the format. Version 1, without weights, and version 2, without frontal aspects, are read too.
const FORMAT_VERSION: u32 = 3;

/// One line of an export.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonRecord {
    /// The version of the format, 1 to [`FORMAT_VERSION`].
    format: u32,
    name: String,
    enabled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    created: Timestamp,
    /// The frontal aspect of the person, 0.5 to 2; absent if it was not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    frontal_aspect: Option<f32>,
    templates: Vec<TemplateRecord>,
}

/// One template in a line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TemplateRecord {
    model: String,
    /// SHA-256 of the photo, hexadecimal.
    photo: String,
    embedding: Vec<f32>,
    /// The weight of the photo in the template of the person, above 0, at most 1.
    #[serde(default = "full_weight")]
    weight: f32,
    /// 112x112 packed RGB, base64; absent if the crop is not stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crop: Option<String>,
}

/// The weight of a photo in an export of version 1.
fn full_weight() -> f32 {
    1.0
}

/// Why a line of an export is invalid.
#[derive(Debug, thiserror::Error)]
enum RecordError {
    #[error("format {0}, this program reads 1 to {FORMAT_VERSION}")]
    Format(u32),
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("{0:?} has no template")]
    NoTemplate(String),
    #[error("an embedding does not have length 1")]
    Embedding,
    #[error("the weight {0} is not above 0 and at most 1")]
    Weight(f32),
    #[error("the frontal aspect {0} is not from 0.5 to 2")]
    Aspect(f32),
    #[error("a photo is not 64 hexadecimal digits")]
    Photo,
    #[error("a crop is not 112x112 RGB in base64")]
    Crop,
    #[error("a template names no model")]
    NoModel,
}

impl Facebank {
    /// Writes all people with their embeddings and stored crops. Returns the number of people. `path` is the name of the
    /// output in errors.
    ///
    /// # Errors
    /// The facebank cannot be read, or the output cannot be written.
    pub fn export(&self, to: &mut impl Write, path: &Path) -> Result<usize, FacebankError> {
        let io = |why| FacebankError::Io { path: path.to_owned(), why };
        // One read transaction, so that all lines have the same state of the facebank.
        let snapshot = self.connection.unchecked_transaction().map_err(|e| self.sql(e))?;
        let people = self.people()?;
        for summary in &people {
            let person = &summary.person;
            let record = PersonRecord {
                format: FORMAT_VERSION,
                name: person.name.clone(),
                enabled: person.enabled,
                group: person.group.clone(),
                created: person.created,
                frontal_aspect: summary.frontal_aspect,
                templates: self.template_records(person.id, &person.name)?,
            };
            serde_json::to_writer(&mut *to, &record).map_err(|e| io(e.into()))?;
            to.write_all(b"\n").map_err(io)?;
        }
        to.flush().map_err(io)?;
        drop(snapshot);
        Ok(people.len())
    }

    /// Exports into a new file with mode 0600, and syncs it before the call returns. Returns the number of people.
    ///
    /// # Errors
    /// As [`Facebank::export`], or the file exists already.
    pub fn export_file(&self, path: &Path) -> Result<usize, FacebankError> {
        let io = |why| FacebankError::Io { path: path.to_owned(), why };
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(io)?;
        let mut writer = BufWriter::new(file);
        let exported = self
            .export(&mut writer, path)
            .and_then(|people| writer.get_ref().sync_all().map(|()| people).map_err(io));
        if exported.is_err() {
            // An incomplete export looks like a complete one. The error is returned in any case.
            let _ = fs::remove_file(path);
        }
        exported
    }

    fn template_records(&self, person: PersonId, name: &str) -> Result<Vec<TemplateRecord>, FacebankError> {
        let sql = |e| self.sql(e);
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT model, hash, embedding, crop, weight FROM photos JOIN templates ON photo = photos.id
                 WHERE person = ?1 ORDER BY photos.id, model",
            )
            .map_err(sql)?;
        let read = |row: &Row<'_>| {
            let (model, photo): (String, PhotoHash) = (row.get(0)?, row.get(1)?);
            let (embedding, crop): (Vec<u8>, Option<Vec<u8>>) = (row.get(2)?, row.get(3)?);
            Ok((model, photo, embedding, crop, row.get::<_, f64>(4)? as f32))
        };
        let rows = statement.query_map([person.0], read).map_err(sql)?;
        rows.map(|row| {
            let (model, photo, embedding, crop, weight) = row.map_err(sql)?;
            let embedding = from_blob(&embedding).ok_or_else(|| self.bad_template(name))?;
            Ok(TemplateRecord {
                model,
                photo: photo.to_string(),
                embedding: embedding.values().to_vec(),
                weight,
                crop: crop.map(|rgb| BASE64_STANDARD.encode(rgb)),
            })
        })
        .collect()
    }

    /// Adds all people of an export. Returns the number of people.
    ///
    /// # Errors
    /// A line is invalid, a name is taken, a model is not the prepared one, or the facebank cannot be written. The facebank
    /// is then unchanged.
    pub fn import(&mut self, from: impl BufRead) -> Result<usize, FacebankError> {
        let path = self.path.clone();
        self.change(|transaction| {
            let sql = |e| FacebankError::sql(&path, e);
            let mut people = 0;
            // An empty facebank accepts the templates of all models in the export.
            let accepts_any = !has_templates(transaction).map_err(sql)?;
            let mut look_alikes = LookAlikes::load(transaction).map_err(sql)?;
            for (index, line) in from.lines().enumerate() {
                let bad = |why: String| FacebankError::BadExport { line: index + 1, why };
                let line = line.map_err(|e| bad(e.to_string()))?;
                if line.trim().is_empty() {
                    continue;
                }
                let record: PersonRecord = serde_json::from_str(&line).map_err(|e| bad(e.to_string()))?;
                let CheckedRecord { name, group, templates } =
                    record.check().map_err(|e| bad(e.to_string()))?;
                if find_person(transaction, name.as_str()).map_err(sql)?.is_some() {
                    return Err(FacebankError::NameTaken { name: name.to_string() });
                }
                look_alikes.add(&name)?;
                let person =
                    insert_person(transaction, &name, record.enabled, group.as_deref(), record.created)
                        .map_err(sql)?;
                if let Some(aspect) = record.frontal_aspect {
                    set_aspect(transaction, person, aspect).map_err(sql)?;
                }
                for (model, template) in &templates {
                    if accepts_any {
                        mark_prepared(transaction, model).map_err(sql)?;
                    } else {
                        require_prepared(transaction, &path, model)?;
                    }
                    insert_template(transaction, person, model, template).map_err(sql)?;
                }
                people += 1;
            }
            Ok(people)
        })
    }
}

/// What a line has, after all checks.
struct CheckedRecord {
    name: PersonName,
    /// The folded name of the group.
    group: Option<String>,
    templates: Vec<(ModelId, Template)>,
}

impl PersonRecord {
    fn check(&self) -> Result<CheckedRecord, RecordError> {
        if !(1..=FORMAT_VERSION).contains(&self.format) {
            return Err(RecordError::Format(self.format));
        }
        let name = PersonName::new(&self.name)?;
        let group = self.group.as_deref().map(group_name).transpose()?;
        if let Some(aspect) = self.frontal_aspect.filter(|aspect| !is_frontal_aspect(*aspect)) {
            return Err(RecordError::Aspect(aspect));
        }
        if self.templates.is_empty() {
            return Err(RecordError::NoTemplate(self.name.clone()));
        }
        let templates = self.templates.iter().map(TemplateRecord::check).collect::<Result<_, _>>()?;
        Ok(CheckedRecord { name, group, templates })
    }
}

impl TemplateRecord {
    fn check(&self) -> Result<(ModelId, Template), RecordError> {
        let embedding = from_unit(&self.embedding).ok_or(RecordError::Embedding)?;
        if !is_weight(self.weight) {
            return Err(RecordError::Weight(self.weight));
        }
        let photo = PhotoHash::from_hex(&self.photo).ok_or(RecordError::Photo)?;
        let crop = |text: &String| BASE64_STANDARD.decode(text).ok().and_then(|rgb| Crop::from_rgb(&rgb));
        let crop = match &self.crop {
            Some(text) => Some(crop(text).ok_or(RecordError::Crop)?),
            None => None,
        };
        if self.model.is_empty() {
            return Err(RecordError::NoModel);
        }
        Ok((ModelId(self.model.clone()), Template { embedding, photo, weight: self.weight, crop }))
    }
}
