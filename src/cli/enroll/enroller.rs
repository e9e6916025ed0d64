//! What all sources of photos share: the facebank, the encoder, and the checks of photos and templates.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use ostiary_config::Config;
use ostiary_core::{Candidate, Embedding, Frame, PersonId};
use ostiary_facebank::{Facebank, Gallery, PhotoHash, Template};
use ostiary_pictures::read_picture;
use ostiary_pipeline::{FaceEncoder, PhotoCheck, Thresholds, aligned_crop, check_photo, outliers};
use serde::Serialize;

use super::Args;
use super::photo_error::PhotoError;
use crate::cli::Globals;
use crate::cli::thresholds::thresholds;

/// Checks photos and enrolls people in a facebank.
pub struct Enroller<'a> {
    pub config: Config,
    pub args: &'a Args,
    pub json: bool,
    pub facebank: Facebank,
    pub encoder: FaceEncoder,
    /// All enrolled people, to find those that a new face is similar to.
    pub gallery: Gallery,
    /// What two faces must reach to be one person's.
    pub thresholds: Thresholds,
}

/// A photo that is not enrolled, and why.
#[derive(Debug, Clone, Serialize)]
pub struct Problem {
    pub photo: PathBuf,
    pub problem: String,
}

/// One person's photos, read and checked.
#[derive(Default)]
pub struct Batch {
    /// The templates of the good photos, each with the path of its photo.
    pub templates: Vec<(PathBuf, Template)>,
    /// Photos that are enrolled already, by their content.
    pub duplicates: Vec<PathBuf>,
    pub problems: Vec<Problem>,
    /// How many of the problems are [`PhotoError::Similar`].
    pub similar: usize,
}

impl<'a> Enroller<'a> {
    pub fn open(globals: &Globals, args: &'a Args) -> anyhow::Result<Self> {
        let config = globals.config()?;
        let facebank = Facebank::open(args.facebank.as_ref().unwrap_or(&config.facebank.path))?;
        let encoder = FaceEncoder::load(&config)?;
        let thresholds = thresholds(&encoder, &config);
        let mut gallery = facebank.gallery(encoder.model())?;
        thresholds.apply(&mut gallery);
        Ok(Self { config, args, json: globals.json, facebank, encoder, gallery, thresholds })
    }

    /// Reads and checks a person's photos. Nothing is stored. A photo that is refused becomes a problem of the batch.
    /// `tick` is called after each photo.
    pub fn read(&mut self, name: &str, photos: &[PathBuf], mut tick: impl FnMut()) -> anyhow::Result<Batch> {
        let mut batch = Batch::default();
        let mut hashes = HashSet::new();
        for path in photos {
            let photo = match fs::read(path) {
                Ok(content) => PhotoHash::of(&content),
                Err(error) => {
                    batch.add_problem(path, &PhotoError::Read(error));
                    tick();
                    continue;
                }
            };
            if !hashes.insert(photo) || self.facebank.has_photo(name, &photo, self.encoder.model())? {
                batch.duplicates.push(path.clone());
            } else {
                match self.template(path, photo) {
                    Ok(template) => batch.templates.push((path.clone(), template)),
                    Err(error) => batch.add_problem(path, &error),
                }
            }
            tick();
        }
        self.check(name, &mut batch)?;
        Ok(batch)
    }

    /// Makes the template of a photo: of an aligned crop, or of the one face that is detected.
    fn template(&mut self, path: &Path, photo: PhotoHash) -> Result<Template, PhotoError> {
        let frame = read_picture(path)?;
        if self.args.aligned {
            let not_aligned = PhotoError::NotAligned { width: frame.width(), height: frame.height() };
            let crop = aligned_crop(&frame).ok_or(not_aligned)?;
            if !self.encoder.is_face(&crop)? {
                return Err(PhotoError::NoFaceInCrop);
            }
            let embedding = self.encoder.embed(&crop)?;
            return Ok(self.make_template(embedding, photo, crop));
        }
        self.template_of_face(&frame, photo)
    }

    fn template_of_face(&mut self, frame: &Frame, photo: PhotoHash) -> Result<Template, PhotoError> {
        match check_photo(&mut self.encoder, &self.config.quality, frame)? {
            PhotoCheck::Refused(refusal) => Err(refusal.into()),
            PhotoCheck::Poor(_, fault) if !self.args.force => Err(PhotoError::LowQuality(fault)),
            PhotoCheck::Poor(face, _) | PhotoCheck::Good(face) => {
                Ok(self.make_template(face.embedding, photo, face.crop))
            }
        }
    }

    /// Makes a template. The crop is kept only with `facebank.keep_crops`.
    pub fn make_template(
        &self,
        embedding: Embedding,
        photo: PhotoHash,
        crop: ostiary_core::Crop,
    ) -> Template {
        Template { embedding, photo, crop: self.config.facebank.keep_crops.then_some(crop) }
    }

    /// Moves the templates that are similar to another enrolled person, or not similar to the person's other templates,
    /// to the problems.
    pub fn check(&self, name: &str, batch: &mut Batch) -> anyhow::Result<()> {
        let own = self.facebank.id(name)?;
        if !self.args.allow_similar {
            let (similar, rest) = std::mem::take(&mut batch.templates)
                .into_iter()
                .map(|(path, template)| (self.similar_person(&template.embedding, own), path, template))
                .partition::<Vec<_>, _>(|(other, ..)| other.is_some());
            batch.templates = rest.into_iter().map(|(_, path, template)| (path, template)).collect();
            batch.similar = similar.len();
            for (other, path, _) in similar {
                let other = other.unwrap_or_default();
                batch.add_problem(&path, &PhotoError::Similar { other });
            }
        }
        if !self.args.allow_unlike {
            let new: Vec<Embedding> = batch.templates.iter().map(|(_, t)| t.embedding.clone()).collect();
            let known = self.facebank.embeddings(name, self.encoder.model())?;
            // From the end, so that the indices of the others stay valid.
            for index in outliers(&new, &known, &self.thresholds).into_iter().rev() {
                let (path, _) = batch.templates.remove(index);
                batch.add_problem(&path, &PhotoError::Unlike { name: name.to_owned() });
            }
        }
        Ok(())
    }

    /// The name of the enrolled person, other than `own`, that the face matches.
    fn similar_person(&self, embedding: &Embedding, own: Option<PersonId>) -> Option<String> {
        let Candidate { person, similarity, second, .. } = self.gallery.best(embedding)?;
        let (other, similarity) = if Some(person) == own { second? } else { (person, similarity) };
        let name = || self.gallery.person(other).map(|person| person.name.clone());
        similarity.reaches(self.gallery.threshold(other)?).then(name)?
    }
}

impl Batch {
    fn add_problem(&mut self, photo: &Path, error: &PhotoError) {
        self.problems.push(Problem { photo: photo.to_owned(), problem: error.to_string() });
    }

    pub fn into_templates(self) -> Vec<Template> {
        self.templates.into_iter().map(|(_, template)| template).collect()
    }
}
