//! Enrolls a person before a camera: asks for one pose after the other, takes a picture of each, and gives advice meanwhile.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;
use ostiary_capture::{FrameSource, Next};
use ostiary_core::{BBox, Embedding, Frame};
use ostiary_facebank::PhotoHash;
use ostiary_pipeline::{
    Advice, AspectMeter, EncodedFace, EnrollmentPoses, EnrollmentSession, PhotoCheck, Pose, Step, check_photo,
};

use super::enroller::{Batch, Enroller};
use super::{Enrollment, Say};

/// Pictures in any pose that are needed with `--any-pose`.
const PICTURES_IN_ANY_POSE: usize = 3;
/// The time between two attempts to read a camera that is unplugged or busy.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);

/// The pictures of one person.
struct Pictures<'a> {
    name: &'a str,
    taken: Vec<(PhotoHash, EncodedFace)>,
    aspect: AspectMeter,
    /// `None` with `--any-pose`.
    poses: Option<EnrollmentPoses>,
    /// The pose that was asked for last.
    asked: Option<Pose>,
}

/// The camera did not give enough good pictures of a person. It is a refusal, as that of photos.
#[derive(Debug, thiserror::Error)]
#[error("{0}: nothing was stored")]
pub struct TooFewPictures(String);

/// How a person is enrolled before a camera.
#[derive(Debug, Clone, Copy)]
pub struct CameraEnrollment {
    /// Three pictures in any pose, for somebody who cannot turn the head.
    pub any_pose: bool,
    /// The time after which the enrollment ends without enough good pictures.
    pub timeout: Duration,
    /// Whether the source is the door's camera, so that the width of the face in its perspective is measured.
    pub is_door_camera: bool,
}

impl CameraEnrollment {
    /// Enrolls a person, from a source of frames. `go_on` is asked from time to time, and ends the enrollment without storing
    /// anything.
    ///
    /// # Errors
    /// There were too few good pictures in the time, or the source failed.
    pub fn run(
        self,
        enroller: &mut Enroller,
        name: &str,
        source: &mut dyn FrameSource,
        go_on: &dyn Fn() -> bool,
        say: &mut Say<'_>,
    ) -> anyhow::Result<Enrollment> {
        let start = Instant::now();
        say(&format!("taking pictures of {name} from {}", source.describe()));
        let mut frame = Frame::default();
        let mut session = EnrollmentSession::default();
        let mut pictures = Pictures::new(name, self.any_pose);
        let mut is_lost = false;
        while !pictures.is_complete() {
            if !go_on() {
                bail!("the enrollment of {name} was ended: nothing was stored");
            }
            if start.elapsed() > self.timeout {
                if pictures.is_enough() {
                    break;
                }
                let seconds = self.timeout.as_secs_f64();
                return Err(TooFewPictures(format!(
                    "too few good pictures of {name} within {seconds} s ({})",
                    pictures.progress()
                ))
                .into());
            }
            match source.next(&mut frame) {
                Ok(Next::Frame) => is_lost = false,
                Ok(Next::End) if pictures.is_enough() => break,
                Ok(Next::End) => {
                    return Err(TooFewPictures(format!(
                        "{} ended before there were enough good pictures of {name} ({})",
                        source.describe(),
                        pictures.progress()
                    ))
                    .into());
                }
                Err(error) if error.is_transient() => {
                    if !is_lost {
                        say(&error.to_string());
                    }
                    is_lost = true;
                    thread::sleep(RETRY_INTERVAL);
                    continue;
                }
                Err(error) => return Err(error.into()),
            }
            pictures.ask(frame.time, say);
            let (checked, face) = pictures.check_frame(enroller, &frame)?;
            pictures.measure_aspect(face.as_ref());
            match session.observe(frame.time, checked) {
                Step::Wait => {}
                Step::Advise(advice) => say(&advice.to_string()),
                Step::Capture => pictures.add(enroller, &frame, face, say),
            }
        }
        let frontal_aspect = self.frontal_aspect(&pictures, say);
        let mut batch = Batch { frontal_aspect, ..Batch::default() };
        for (number, (photo, face)) in (1..).zip(pictures.taken) {
            batch.photos.push(enroller.good_photo(PathBuf::from(format!("picture {number}")), photo, face));
        }
        enroller.check(name, &mut batch)?;
        enroller.store(name, batch, say)
    }

    /// The aspect of the person's face; `None`, with a warning, if it is not known how wide the face is to the door's camera. Another
    /// camera takes it from another distance, with another perspective.
    fn frontal_aspect(&self, pictures: &Pictures<'_>, say: &mut Say<'_>) -> Option<f32> {
        let why = if !self.is_door_camera {
            "--source is not the door's camera (camera.source)".to_owned()
        } else if let Some(aspect) = pictures.aspect.median() {
            return Some(aspect);
        } else {
            format!("the pictures do not show {} straight from the front", pictures.name)
        };
        say(&format!("warning: the aspect of the face was not measured, because {why}"));
        None
    }
}

impl<'a> Pictures<'a> {
    fn new(name: &'a str, any_pose: bool) -> Self {
        let poses = (!any_pose).then(EnrollmentPoses::default);
        Self { name, taken: Vec::new(), aspect: AspectMeter::default(), poses, asked: None }
    }

    /// Whether all pictures are taken, or left out.
    fn is_complete(&self) -> bool {
        match &self.poses {
            Some(poses) => poses.pose().is_none(),
            None => self.taken.len() >= PICTURES_IN_ANY_POSE,
        }
    }

    /// Whether only pictures are missing that may be left out.
    fn is_enough(&self) -> bool {
        match &self.poses {
            Some(poses) => poses.missing().next().is_none(),
            None => self.is_complete(),
        }
    }

    /// What was taken, and what is missing.
    fn progress(&self) -> String {
        let taken = self.taken.len();
        match &self.poses {
            Some(poses) => {
                let missing: Vec<_> = poses.missing().map(Pose::name).collect();
                format!(
                    "{taken} taken; missing: {}; with --any-pose the head need not be turned",
                    missing.join(", ")
                )
            }
            None => format!("{taken} of {PICTURES_IN_ANY_POSE}"),
        }
    }

    /// Prints the instruction for the next picture, once.
    fn ask(&mut self, time: Duration, say: &mut Say<'_>) {
        let Some(poses) = &mut self.poses else { return };
        poses.advance(time);
        let pose = poses.pose();
        if self.asked != pose {
            self.asked = pose;
            if let Some(pose) = pose {
                say(&format!("picture {} of {}: {pose}", self.taken.len() + 1, Pose::ALL.len()));
            }
        }
    }

    /// The box of the good face in a frame that has the pose, or advice for the person; and the face.
    fn check_frame(
        &self,
        enroller: &mut Enroller,
        frame: &Frame,
    ) -> anyhow::Result<(Result<BBox, Advice>, Option<EncodedFace>)> {
        let face = match check_photo(&mut enroller.encoder, &enroller.config.quality, frame)? {
            PhotoCheck::Refused(refusal) => return Ok((Err(Advice::FaceCount(refusal)), None)),
            PhotoCheck::Poor(_, fault) if enroller.accept(Some(fault)).is_err() => {
                let explained = self.poses.as_ref().and_then(|poses| poses.explain(fault));
                return Ok((Err(explained.map_or(Advice::Fault(fault), Advice::PoseFault)), None));
            }
            PhotoCheck::Poor(face, _) | PhotoCheck::Good(face) => face,
        };
        let fault = self.poses.as_ref().and_then(|poses| poses.check(frame.time, &face.face.quality).err());
        Ok(match fault {
            Some(fault) => (Err(Advice::PoseFault(fault)), None),
            None => (Ok(face.face.detection.bbox), Some(face)),
        })
    }

    /// Measures the aspect of the face in a frame that is fit for a picture; `None` for one that is not.
    fn measure_aspect(&mut self, face: Option<&EncodedFace>) {
        let is_frontal = self.poses.as_ref().is_none_or(|poses| poses.pose().is_some_and(Pose::is_frontal));
        self.aspect.observe(face.map(|face| &face.face).filter(|_| is_frontal));
    }

    /// Adds a picture. If it shows another person than the pictures before, all are dropped.
    fn add(&mut self, enroller: &Enroller, frame: &Frame, face: Option<EncodedFace>, say: &mut Say<'_>) {
        let Some(face) = face else { return };
        let before = Embedding::mean(self.taken.iter().map(|(_, before)| (&before.embedding, 1.0)));
        let is_same_person =
            |before: Embedding| enroller.thresholds.compare(&before, &face.embedding).is_match();
        if !enroller.options.allow_unlike && before.is_some_and(|before| !is_same_person(before)) {
            say("this face does not match the pictures before: starting again");
            *self = Self::new(self.name, self.poses.is_none());
            return;
        }
        if let Some(poses) = &mut self.poses {
            poses.taken(frame.time, &face.face.quality);
        }
        self.aspect.keep();
        self.taken.push((PhotoHash::of(frame.rgb()), face));
        let wanted = if self.poses.is_some() { Pose::ALL.len() } else { PICTURES_IN_ANY_POSE };
        say(&format!("picture {} of {wanted} taken of {}", self.taken.len(), self.name));
    }
}
