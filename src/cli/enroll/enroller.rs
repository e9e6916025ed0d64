//! What every way of enrolling shares: the facebank, the recognizer and the checks.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use ostiary_config::Config;
use ostiary_core::{Candidate, Embedding, Frame, PersonId, Similarity};
use ostiary_facebank::{Facebank, Gallery, PhotoHash, Template};
use ostiary_pictures::{PictureError, read_picture};
use ostiary_pipeline::{PhotoCheck, Recognizer, aligned_crop, check_photo, outliers};
use serde::Serialize;

use super::Args;
use crate::cli::Globals;

/// Where people are enrolled.
pub struct Enroller<'a> {
    pub config: Config,
    pub args: &'a Args,
    pub json: bool,
    pub facebank: Facebank,
    pub recognizer: Recognizer,
    /// Everyone enrolled, to see whether a new face looks like one of them.
    pub gallery: Gallery,
    /// From here on two faces are the same person's.
    pub threshold: Similarity,
}

/// What is wrong with a photo, or worth knowing of it.
#[derive(Debug, Clone, Serialize)]
pub struct Problem {
    pub photo: PathBuf,
    pub problem: String,
}

/// One person's photos, read and looked at.
#[derive(Default)]
pub struct Batch {
    /// With the photo of each.
    pub templates: Vec<(PathBuf, Template)>,
    /// Photos that are known already, by their content.
    pub known: Vec<PathBuf>,
    pub problems: Vec<Problem>,
    /// How many of the problems are a likeness to another enrolled person.
    pub similar: usize,
}

impl<'a> Enroller<'a> {
    pub fn open(globals: &Globals, args: &'a Args) -> anyhow::Result<Self> {
        let config = globals.config()?;
        let facebank = Facebank::open(args.facebank.as_ref().unwrap_or(&config.facebank.path))?;
        let recognizer = Recognizer::load(&config)?;
        let threshold = recognizer.threshold(config.door.far)?;
        let gallery = facebank.gallery(recognizer.model())?;
        Ok(Self { config, args, json: globals.json, facebank, recognizer, gallery, threshold })
    }

    /// Reads a person's photos. Nothing is stored; whatever is wrong with a photo becomes a problem.
    pub fn read(&mut self, name: &str, photos: &[PathBuf], mut tick: impl FnMut()) -> anyhow::Result<Batch> {
        let mut batch = Batch::default();
        let mut seen = HashSet::new();
        for path in photos {
            let photo = match fs::read(path) {
                Ok(content) => PhotoHash::of(&content),
                Err(error) => {
                    batch.problem(path, format!("cannot be read: {error}"));
                    tick();
                    continue;
                }
            };
            if !seen.insert(photo) || self.facebank.has_photo(name, &photo, self.recognizer.model())? {
                batch.known.push(path.clone());
            } else {
                match self.template(path, photo) {
                    Ok(template) => batch.templates.push((path.clone(), template)),
                    Err(problem) => batch.problem(path, problem),
                }
            }
            tick();
        }
        self.check(name, &mut batch)?;
        Ok(batch)
    }

    /// The template of a photo, or what is wrong with it.
    fn template(&mut self, path: &Path, photo: PhotoHash) -> Result<Template, String> {
        let frame = read_picture(path).map_err(|error| match error {
            // The error names the file, and so does the problem that this becomes.
            PictureError::Unreadable { why, .. } => format!("cannot be read as a picture: {why}"),
            other => other.to_string(),
        })?;
        if let Some(crop) = aligned_crop(&frame) {
            let embedding = self.recognizer.embed(&crop).map_err(|e| e.to_string())?;
            return Ok(self.keep(embedding, photo, crop));
        }
        if self.args.aligned {
            return Err(format!(
                "is {}x{} pixels, and an aligned face is 112x112",
                frame.width(),
                frame.height()
            ));
        }
        self.template_of(&frame, photo)
    }

    fn template_of(&mut self, frame: &Frame, photo: PhotoHash) -> Result<Template, String> {
        match check_photo(&mut self.recognizer, &self.config.quality, frame).map_err(|e| e.to_string())? {
            PhotoCheck::Refused(refusal) => Err(refusal.to_string()),
            PhotoCheck::Poor(_, fault) if !self.args.force => {
                Err(format!("{} (--force takes it nevertheless)", fault.advice()))
            }
            PhotoCheck::Poor(face, _) | PhotoCheck::Good(face) => {
                Ok(self.keep(face.embedding, photo, face.crop))
            }
        }
    }

    /// A template, with its crop only where crops are kept.
    pub fn keep(&self, embedding: Embedding, photo: PhotoHash, crop: ostiary_core::Crop) -> Template {
        Template { embedding, photo, crop: self.config.facebank.keep_crops.then_some(crop) }
    }

    /// Moves the templates that look like another enrolled person, or unlike the person's others, to the
    /// problems.
    pub fn check(&self, name: &str, batch: &mut Batch) -> anyhow::Result<()> {
        let own = self.facebank.id(name)?;
        if !self.args.allow_similar {
            let (similar, rest) = std::mem::take(&mut batch.templates)
                .into_iter()
                .map(|(path, template)| (self.resembles(&template.embedding, own), path, template))
                .partition::<Vec<_>, _>(|(other, ..)| other.is_some());
            batch.templates = rest.into_iter().map(|(_, path, template)| (path, template)).collect();
            batch.similar = similar.len();
            for (other, path, _) in similar {
                let other = other.unwrap_or_default();
                batch.problem(
                    &path,
                    format!("looks like {other}, who is enrolled (--allow-similar takes it nevertheless)"),
                );
            }
        }
        if !self.args.allow_unlike {
            let new: Vec<Embedding> = batch.templates.iter().map(|(_, t)| t.embedding.clone()).collect();
            let known = self.facebank.embeddings(name, self.recognizer.model())?;
            // From the back, so that the numbers before stay right.
            for index in outliers(&new, &known, self.threshold).into_iter().rev() {
                let (path, _) = batch.templates.remove(index);
                batch.problem(
                    &path,
                    format!(
                        "does not look like the other photos of {name} (--allow-unlike takes it nevertheless)"
                    ),
                );
            }
        }
        Ok(())
    }

    /// The enrolled person, other than `own`, whom a face would be taken for.
    fn resembles(&self, embedding: &Embedding, own: Option<PersonId>) -> Option<String> {
        let Candidate { person, similarity, second } = self.gallery.best(embedding)?;
        let (other, similarity) = if Some(person) == own { second? } else { (person, similarity) };
        let name = || self.gallery.person(other).map(|person| person.name.clone());
        (similarity >= self.threshold).then(name)?
    }
}

impl Batch {
    pub fn problem(&mut self, photo: &Path, problem: String) {
        self.problems.push(Problem { photo: photo.to_owned(), problem });
    }

    pub fn into_templates(self) -> Vec<Template> {
        self.templates.into_iter().map(|(_, template)| template).collect()
    }
}
