//! What all sources of photos share: the facebank, the encoder, and the checks of photos and templates.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use ostiary_config::Config;
use ostiary_core::{Crop, Embedding, Frame, PersonId, Quality, QualityFault, Score};
use ostiary_events::Action;
use ostiary_facebank::{Facebank, Gallery, PhotoHash, Template};
use ostiary_pictures::{decode_picture, read_picture_bytes};
use ostiary_pipeline::{
    EncodedFace, FaceEncoder, PhotoCheck, Thresholds, aligned_crop, check_photo, outliers,
};
use ostiary_vision::cover;
use serde::Serialize;

use super::Args;
use super::photo_error::PhotoError;
use crate::cli::Globals;
use crate::cli::administration::record;
use crate::cli::thresholds::thresholds;
use crate::people_check::PeopleProblem;

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

/// A good photo.
pub struct GoodPhoto {
    /// The path, or the number of a camera's picture.
    pub path: PathBuf,
    pub template: Template,
    /// `None` for an aligned crop, whose pose was not measured.
    pub quality: Option<Quality>,
}

/// One person's photos, read and checked.
#[derive(Default)]
pub struct Batch {
    pub photos: Vec<GoodPhoto>,
    /// Photos that are enrolled already, by their content.
    pub duplicates: Vec<PathBuf>,
    pub problems: Vec<Problem>,
    /// How many of the problems are [`PhotoError::Similar`].
    pub similar: usize,
    /// The frontal aspect of the person, if the door's camera measured it.
    pub frontal_aspect: Option<f32>,
}

impl<'a> Enroller<'a> {
    pub fn open(globals: &Globals, args: &'a Args) -> anyhow::Result<Self> {
        let config = globals.config()?;
        let facebank = Facebank::open(args.facebank.as_ref().unwrap_or(&config.facebank.path))?;
        let encoder = FaceEncoder::load(&config)?;
        let thresholds = thresholds(&encoder, &config);
        let gallery = thresholds.load_gallery(&facebank, encoder.model())?;
        Ok(Self { config, args, json: globals.json, facebank, encoder, gallery, thresholds })
    }

    /// Records that photos of a person were added to the door's facebank.
    pub fn record(&self, name: &str, added: usize) {
        let photos = format!("{added} photo{}", if added == 1 { "" } else { "s" });
        record(&self.config, self.facebank.path(), Action::Enrolled, Some(name), Some(photos));
    }

    /// Reads and checks a person's photos. Nothing is stored. A photo that is refused becomes a problem of the batch.
    /// `tick` is called after each photo.
    pub fn read(&mut self, name: &str, photos: &[PathBuf], mut tick: impl FnMut()) -> anyhow::Result<Batch> {
        let mut batch = Batch::default();
        let mut hashes = HashSet::new();
        for path in photos {
            let content = match read_picture_bytes(path) {
                Ok(content) => content,
                Err(error) => {
                    batch.add_problem(path, &error.into());
                    tick();
                    continue;
                }
            };
            let photo = PhotoHash::of(&content);
            if !hashes.insert(photo) || self.facebank.has_photo(name, &photo, self.encoder.model())? {
                batch.duplicates.push(path.clone());
            } else {
                match self.read_photo(path, &content, photo) {
                    Ok(good) => batch.photos.push(good),
                    Err(error) => batch.add_problem(path, &error),
                }
            }
            tick();
        }
        self.check(name, &mut batch)?;
        Ok(batch)
    }

    /// Reads a photo: an aligned crop, or one with one face.
    fn read_photo(&mut self, path: &Path, content: &[u8], photo: PhotoHash) -> Result<GoodPhoto, PhotoError> {
        let frame = decode_picture(path, content)?;
        if self.args.aligned {
            let not_aligned = PhotoError::NotAligned { width: frame.width(), height: frame.height() };
            let crop = aligned_crop(&frame).ok_or(not_aligned)?;
            if !self.encoder.is_face(&crop)? {
                return Err(PhotoError::NoFaceInCrop);
            }
            let embedding = self.encoder.embed(&crop)?;
            self.accept(self.encoder.not_upright(&embedding).or_else(|| cover(&crop)))?;
            let template = Template { embedding, photo, weight: 1.0, crop: self.kept(crop) };
            return Ok(GoodPhoto { path: path.to_owned(), template, quality: None });
        }
        let face = self.check_face(&frame)?;
        Ok(self.good_photo(path.to_owned(), photo, face))
    }

    fn check_face(&mut self, frame: &Frame) -> Result<EncodedFace, PhotoError> {
        match check_photo(&mut self.encoder, &self.config.quality, frame)? {
            PhotoCheck::Refused(refusal) => Err(refusal.into()),
            PhotoCheck::Poor(face, fault) => self.accept(Some(fault)).map(|()| face),
            PhotoCheck::Good(face) => Ok(face),
        }
    }

    /// Accepts a face with this fault, if it has one, or says why not. The embedding of a head that is not upright says nothing about the
    /// person, so that `--force` does not accept it.
    pub fn accept(&self, fault: Option<QualityFault>) -> Result<(), PhotoError> {
        match fault {
            Some(QualityFault::NotUpright) => Err(PhotoError::NotUpright),
            Some(fault) if !self.args.force => Err(PhotoError::LowQuality(fault)),
            _ => Ok(()),
        }
    }

    /// The template of a face, with the weight of its quality.
    pub fn good_photo(&self, path: PathBuf, photo: PhotoHash, face: EncodedFace) -> GoodPhoto {
        let quality = face.face.quality;
        let (embedding, weight, crop) = (face.embedding, quality.weight(), self.kept(face.crop));
        GoodPhoto { path, template: Template { embedding, photo, weight, crop }, quality: Some(quality) }
    }

    /// The crop that is stored: none without `facebank.keep_crops`.
    fn kept(&self, crop: Crop) -> Option<Crop> {
        self.config.facebank.keep_crops.then_some(crop)
    }

    /// Moves the templates that are similar to another enrolled person, or not similar to the person's other templates,
    /// to the problems.
    pub fn check(&self, name: &str, batch: &mut Batch) -> anyhow::Result<()> {
        let own = self.facebank.id(name)?;
        if !self.args.allow_similar {
            for photo in std::mem::take(&mut batch.photos) {
                match self.similar_person(&photo.template.embedding, own) {
                    None => batch.photos.push(photo),
                    Some(other) => {
                        batch.similar += 1;
                        batch.add_problem(&photo.path, &PhotoError::Similar { other });
                    }
                }
            }
        }
        if !self.args.allow_unlike {
            let new: Vec<Embedding> =
                batch.photos.iter().map(|photo| photo.template.embedding.clone()).collect();
            let known = self.facebank.embeddings(name, self.encoder.model())?;
            // From the end, so that the indices of the others stay valid.
            for index in outliers(&new, &known, &self.thresholds).into_iter().rev() {
                let photo = batch.photos.remove(index);
                batch.add_problem(&photo.path, &PhotoError::Unlike { name: name.to_owned() });
            }
        }
        Ok(())
    }

    /// Loads the gallery again after a change, with thresholds for its new size.
    pub fn update_gallery(&mut self) -> anyhow::Result<()> {
        self.gallery = self.thresholds.load_gallery(&self.facebank, self.encoder.model())?;
        Ok(())
    }

    /// The problems that the people of the gallery have, for warnings.
    pub fn problems(&self) -> Vec<PeopleProblem> {
        PeopleProblem::find(&self.gallery, self.config.door.alike)
    }

    /// The name of the enrolled person, other than `own`, that the face matches; of several, the most similar one. Each person has a
    /// threshold of their own, so that the most similar person may not be matched although another is.
    fn similar_person(&self, embedding: &Embedding, own: Option<PersonId>) -> Option<String> {
        let is_other = |score: &Score| Some(score.person) != own && score.similarity.reaches(score.threshold);
        let matching = self.gallery.scores(embedding).filter(is_other);
        let other = matching.max_by(|a, b| a.similarity.0.total_cmp(&b.similarity.0))?;
        self.gallery.person(other.person).map(|person| person.name.clone())
    }
}

impl Batch {
    fn add_problem(&mut self, photo: &Path, error: &PhotoError) {
        self.problems.push(Problem { photo: photo.to_owned(), problem: error.to_string() });
    }

    /// The quality of each photo whose pose was measured.
    pub fn qualities(&self) -> Vec<Quality> {
        self.photos.iter().filter_map(|photo| photo.quality).collect()
    }

    pub fn into_templates(self) -> Vec<Template> {
        self.photos.into_iter().map(|photo| photo.template).collect()
    }
}
