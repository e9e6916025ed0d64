//! What all sources of photos share: the facebank, the encoder, and the checks of photos and templates.

use std::borrow::Cow;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

use ostiary_config::Config;
use ostiary_core::{Crop, Embedding, Frame, PersonId, Quality, QualityFault, Score};
use ostiary_facebank::{Facebank, Gallery, PhotoHash, Template};
use ostiary_pictures::{PictureError, decode_picture, read_picture_bytes};
use ostiary_pipeline::{
    EncodedFace, FaceEncoder, PhotoCheck, Thresholds, aligned_crop, check_photo, outliers,
};
use ostiary_vision::cover;
use serde::{Deserialize, Serialize};

use super::advice::advice;
use super::photo_error::PhotoError;
use super::{EnrollOptions, Enrolled, Enrollment, Say};
use crate::people_check::PeopleProblem;

/// Checks photos and enrolls people in a facebank.
pub struct Enroller {
    pub config: Config,
    pub options: EnrollOptions,
    pub facebank: Facebank,
    pub encoder: FaceEncoder,
    /// All enrolled people, to find those that a new face is similar to.
    pub gallery: Gallery,
    /// What two faces must reach to be one person's.
    pub thresholds: Thresholds,
}

/// A photo as a file, or as the bytes of one.
pub struct PhotoFile {
    /// The path, or the name that the sender gives it.
    pub path: PathBuf,
    /// The content; `None` to read the file.
    pub bytes: Option<Vec<u8>>,
}

/// A photo that is not enrolled, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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

impl Enroller {
    /// Opens the facebank and loads the models. If these do not support `door.fpir`, the strictest thresholds are used, with a warning.
    pub fn open(
        config: Config,
        options: EnrollOptions,
        facebank: &Path,
        say: &mut Say<'_>,
    ) -> anyhow::Result<Self> {
        let facebank = Facebank::open(facebank)?;
        let encoder = FaceEncoder::load(&config)?;
        let (thresholds, error) = encoder.thresholds(config.door.fpir);
        if let Some(error) = error {
            say(&format!("warning: {error}; until then the strictest thresholds are used"));
        }
        let gallery = thresholds.load_gallery(&facebank, encoder.model())?;
        Ok(Self { config, options, facebank, encoder, gallery, thresholds })
    }

    /// Enrolls a person, if all photos are good.
    pub fn enroll(
        &mut self,
        name: &str,
        photos: &[PhotoFile],
        say: &mut Say<'_>,
    ) -> anyhow::Result<Enrollment> {
        let batch = self.read(name, photos, || ())?;
        self.store(name, batch, say)
    }

    /// Stores a person's templates, if no photo has a problem.
    pub fn store(&mut self, name: &str, batch: Batch, say: &mut Say<'_>) -> anyhow::Result<Enrollment> {
        for photo in &batch.duplicates {
            say(&format!("{}: this photo is enrolled already, skipped", photo.display()));
        }
        if !batch.problems.is_empty() {
            return Ok(Enrollment::refused(name, batch.problems, say));
        }
        let known = batch.duplicates.len();
        let model = self.encoder.model().clone();
        let (qualities, aspect) = (batch.qualities(), batch.frontal_aspect);
        let enrolled = self.facebank.enroll_from_camera(name, &model, &batch.into_templates(), aspect)?;
        let person = self.facebank.show(name)?;
        if enrolled.added > 0 {
            self.update_gallery()?;
        }
        let advice = advice(person.templates, &qualities);
        let name = person.person.name;
        for problem in self.problems().iter().filter(|problem| problem.concerns(&name)) {
            say(&format!("warning: {problem}; {}", problem.fix()));
        }
        for advice in &advice {
            say(&advice.to_string());
        }
        Ok(Enrollment::Enrolled(Enrolled {
            person: name,
            enrolled: true,
            id: enrolled.person.0,
            new: enrolled.new,
            added: enrolled.added,
            known: enrolled.known + known,
            templates: person.templates,
            frontal_aspect: person.frontal_aspect,
            alike: self.gallery.alike(enrolled.person).map(|other| other.name.clone()),
            advice: advice.iter().map(ToString::to_string).collect(),
        }))
    }

    /// Reads and checks a person's photos. Nothing is stored. A photo that is refused becomes a problem of the batch.
    /// `tick` is called after each photo.
    pub fn read(
        &mut self,
        name: &str,
        photos: &[PhotoFile],
        mut tick: impl FnMut(),
    ) -> anyhow::Result<Batch> {
        let mut batch = Batch::default();
        let mut hashes = HashSet::new();
        for PhotoFile { path, bytes } in photos {
            let bytes = match bytes {
                Some(bytes) => Ok(Cow::Borrowed(&**bytes)),
                None => read_picture_bytes(path).map(Cow::Owned),
            };
            let bytes = match bytes {
                Ok(bytes) => bytes,
                Err(error) => {
                    batch.add_problem(path, &error.into());
                    tick();
                    continue;
                }
            };
            let photo = PhotoHash::of(&bytes);
            if !hashes.insert(photo) || self.facebank.has_photo(name, &photo, self.encoder.model())? {
                batch.duplicates.push(path.clone());
            } else {
                match self.read_photo(path, &bytes, photo) {
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
    fn read_photo(&mut self, path: &Path, bytes: &[u8], photo: PhotoHash) -> Result<GoodPhoto, PhotoError> {
        let frame = decode_picture(path, bytes)?;
        if self.options.aligned {
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
            Some(fault) if !self.options.force => Err(PhotoError::LowQuality(fault)),
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
        if !self.options.allow_similar {
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
        if !self.options.allow_unlike {
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

impl Problem {
    /// A photo that cannot be read.
    pub fn unreadable(photo: &Path, error: PictureError) -> Self {
        Self { photo: photo.to_owned(), problem: PhotoError::from(error).to_string() }
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
