//! The models that a facebank has templates of: the one in use, and the one that it is made ready for.

use ostiary_core::{Crop, Embedding, ModelId};
use rusqlite::Connection;

use super::person::fold;
use super::readiness::make_ready;
use super::store::insert_embedding;
use super::{EmbedError, Facebank, FacebankError};

impl Facebank {
    /// The names of those who have no template of this model, and are strangers to it.
    pub fn strangers(&self, model: &ModelId) -> Result<Vec<String>, FacebankError> {
        names(
            &self.connection,
            "SELECT name FROM people WHERE NOT EXISTS (
                 SELECT 1 FROM photos JOIN templates ON photo = photos.id
                 WHERE person = people.id AND model = ?1) ORDER BY folded",
            model,
        )
        .map_err(|e| self.sql(e))
    }

    /// Makes the facebank ready for a model: each photo whose crop was kept gets a template of it, beside those that it
    /// has of others; returns how many were made. Refused where somebody would be left without any and is not named in
    /// `without`; all or nothing.
    pub fn reembed(
        &mut self,
        model: &ModelId,
        without: &[String],
        mut embed: impl FnMut(&Crop) -> Result<Embedding, EmbedError>,
    ) -> Result<usize, FacebankError> {
        let path = self.path.clone();
        self.change(|transaction| {
            let sql = |e| FacebankError::sql(&path, e);
            let mut people = without_crops(transaction, model).map_err(sql)?;
            people.retain(|name| !without.iter().any(|named| fold(named) == fold(name)));
            if !people.is_empty() {
                return Err(FacebankError::NoCrops { path: path.clone(), people, model: model.clone() });
            }
            make_ready(transaction, model).map_err(sql)?;
            let mut photos = transaction
                .prepare(
                    "SELECT id FROM photos WHERE crop IS NOT NULL AND NOT EXISTS (
                         SELECT 1 FROM templates WHERE photo = photos.id AND model = ?1)",
                )
                .map_err(sql)?;
            let photos = photos.query_map([&model.0], |row| row.get(0)).map_err(sql)?;
            let photos: Vec<i64> = photos.collect::<Result<_, _>>().map_err(sql)?;
            for photo in &photos {
                let rgb: Vec<u8> = transaction
                    .query_row("SELECT crop FROM photos WHERE id = ?1", [photo], |row| row.get(0))
                    .map_err(sql)?;
                let crop = Crop::from_rgb(&rgb).ok_or_else(|| FacebankError::Corrupt {
                    path: path.clone(),
                    why: format!("the crop of photo {photo} has {} bytes", rgb.len()),
                })?;
                insert_embedding(transaction, *photo, model, &embed(&crop).map_err(FacebankError::Embed)?)
                    .map_err(sql)?;
            }
            Ok(photos.len())
        })
    }

    /// Forgets the templates of all models but these, and the photos of which nothing is left.
    pub fn forget_all_but(&mut self, models: &[ModelId]) -> Result<(), FacebankError> {
        let path = self.path.clone();
        let models: Vec<&str> = models.iter().map(|model| model.0.as_str()).collect();
        let models = serde_json::Value::from(models).to_string();
        self.change(|transaction| {
            for statement in [
                "DELETE FROM templates WHERE model NOT IN (SELECT value FROM json_each(?1))",
                "DELETE FROM models WHERE id NOT IN (SELECT value FROM json_each(?1))",
            ] {
                transaction.execute(statement, [&models]).map_err(|e| FacebankError::sql(&path, e))?;
            }
            transaction
                .execute(
                    "DELETE FROM photos WHERE crop IS NULL AND id NOT IN (SELECT photo FROM templates)",
                    [],
                )
                .map_err(|e| FacebankError::sql(&path, e))?;
            Ok(())
        })
    }
}

/// The names of those who have photos, and none that a template of this model was made of or can be.
fn without_crops(connection: &Connection, model: &ModelId) -> rusqlite::Result<Vec<String>> {
    names(
        connection,
        "SELECT name FROM people JOIN photos ON person = people.id
         GROUP BY people.id
         HAVING count(crop) = 0 AND NOT max(EXISTS (
             SELECT 1 FROM templates WHERE photo = photos.id AND model = ?1))
         ORDER BY folded",
        model,
    )
}

fn names(connection: &Connection, query: &str, model: &ModelId) -> rusqlite::Result<Vec<String>> {
    connection.prepare(query)?.query_map([&model.0], |row| row.get(0))?.collect()
}
