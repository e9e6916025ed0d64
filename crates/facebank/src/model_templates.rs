//! Templates of several models: embeds kept crops again for a new model, and removes the templates of old models.

use ostiary_core::{Crop, Embedding, ModelId, fold_name};
use rusqlite::Connection;

use super::prepared_models::{mark_prepared, unprepared_model};
use super::store::insert_embedding;
use super::{EmbedError, Facebank, FacebankError};

/// The photos with a crop and without a template of a model.
const CROPS_TO_EMBED: &str = "SELECT id FROM photos WHERE crop IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM templates WHERE photo = photos.id AND model = ?1)";

/// Gives photos without a crop the templates of compatible models (a JSON array of ids, best first) as those of a model.
const ADOPT_TEMPLATES: &str = "INSERT INTO templates (photo, model, embedding)
    SELECT photo, ?1, embedding FROM templates
    JOIN json_each(?2) AS compatible ON model = compatible.value
    JOIN photos ON photo = photos.id
    WHERE crop IS NULL ORDER BY photo, compatible.key
    ON CONFLICT DO NOTHING";

impl Facebank {
    /// Whether the facebank may contain templates of a model: it was prepared for it, or has no templates.
    ///
    /// # Errors
    /// The facebank cannot be read.
    pub fn is_prepared(&self, model: &ModelId) -> Result<bool, FacebankError> {
        Ok(unprepared_model(&self.connection, model).map_err(|e| self.sql(e))?.is_none())
    }

    /// The names of the people who have no template of this model. With this model they are not identified.
    ///
    /// # Errors
    /// The facebank cannot be read.
    pub fn people_without_templates(&self, model: &ModelId) -> Result<Vec<String>, FacebankError> {
        names(
            &self.connection,
            "SELECT name FROM people WHERE NOT EXISTS (
                 SELECT 1 FROM photos JOIN templates ON photo = photos.id
                 WHERE person = people.id AND model = ?1) ORDER BY folded",
            model,
        )
        .map_err(|e| self.sql(e))
    }

    /// The number of photos for which [`Facebank::reembed`] makes a template of a model.
    ///
    /// # Errors
    /// The facebank cannot be read.
    pub fn crops_to_embed(&self, model: &ModelId) -> Result<usize, FacebankError> {
        let count = format!("SELECT COUNT(*) FROM ({CROPS_TO_EMBED})");
        let photos = self.connection.query_row(&count, [&model.0], |row| row.get::<_, u32>(0));
        photos.map(|photos| photos as usize).map_err(|e| self.sql(e))
    }

    /// Prepares the facebank for a model: makes a template of this model for each photo with a stored crop. A photo without one
    /// keeps its template of a model in `compatible` (best first) as one of this model. Templates of other models stay. Returns the
    /// number of new templates.
    ///
    /// # Errors
    /// [`FacebankError::NoCrops`] if a person would have no template of the model and is not in `without`; an error of
    /// `embed` or of the facebank. The facebank is then unchanged.
    pub fn reembed(
        &mut self,
        model: &ModelId,
        compatible: &[ModelId],
        without: &[String],
        mut embed: impl FnMut(&Crop) -> Result<Embedding, EmbedError>,
    ) -> Result<usize, FacebankError> {
        let path = self.path.clone();
        self.change(|transaction| {
            let sql = |e| FacebankError::sql(&path, e);
            mark_prepared(transaction, model).map_err(sql)?;
            let adopted =
                transaction.execute(ADOPT_TEMPLATES, (&model.0, json_array(compatible))).map_err(sql)?;
            let mut people = people_without_crops(transaction, model).map_err(sql)?;
            people.retain(|name| !without.iter().any(|excluded| fold_name(excluded) == fold_name(name)));
            if !people.is_empty() {
                return Err(FacebankError::NoCrops { path: path.clone(), people, model: model.clone() });
            }
            let mut photos = transaction.prepare(CROPS_TO_EMBED).map_err(sql)?;
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
            Ok(adopted + photos.len())
        })
    }

    /// Removes the templates of all other models, and the photos that then have neither a template nor a crop.
    ///
    /// # Errors
    /// The facebank cannot be written; it is then unchanged.
    pub fn retain_models(&mut self, models: &[ModelId]) -> Result<(), FacebankError> {
        let path = self.path.clone();
        let models = json_array(models);
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

/// The ids as a JSON array, which SQL takes as one parameter.
fn json_array(models: &[ModelId]) -> String {
    let models: Vec<&str> = models.iter().map(|model| model.0.as_str()).collect();
    serde_json::Value::from(models).to_string()
}

/// The names of the people who have photos, but no photo with a crop or with a template of this model.
fn people_without_crops(connection: &Connection, model: &ModelId) -> rusqlite::Result<Vec<String>> {
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
