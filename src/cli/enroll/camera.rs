//! `enroll NAME --camera`: asks for one pose after the other, takes a picture of each, and prints advice meanwhile.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::bail;
use ostiary_capture as capture;
use ostiary_capture::Next;
use ostiary_core::clock::{Clock, MonotonicClock};
use ostiary_core::{BBox, Embedding, Frame, redact_address};
use ostiary_facebank::PhotoHash;
use ostiary_pipeline::{
    Advice, AspectMeter, EncodedFace, EnrollmentPoses, EnrollmentSession, PhotoCheck, Pose, Step, check_photo,
};

use super::enroller::{Batch, Enroller};
use super::photos::store;

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

pub fn enroll(enroller: &mut Enroller<'_>, name: &str) -> anyhow::Result<ExitCode> {
    let Ok(timeout) = Duration::try_from_secs_f64(enroller.args.timeout) else {
        bail!("--timeout {} is not a valid time: give seconds, for example 60", enroller.args.timeout);
    };
    let clock: Arc<dyn Clock> = Arc::new(MonotonicClock::default());
    let mut camera = enroller.config.camera.clone();
    if let Some(source) = &enroller.args.source {
        // The user and the password are those of the door's camera, and not for another one.
        (camera.user, camera.password_file) = (None, None);
        camera.source.clone_from(source);
    }
    let mut source = capture::open(&camera, clock.clone())?;
    eprintln!("taking pictures of {name} from {}", source.describe());

    let mut frame = Frame::default();
    let mut session = EnrollmentSession::default();
    let mut pictures = Pictures::new(name, enroller.args.any_pose);
    let mut is_lost = false;
    while !pictures.is_complete() {
        if clock.now() > timeout {
            if pictures.is_enough() {
                break;
            }
            bail!(
                "too few good pictures of {name} within {} s ({}): nothing was stored",
                enroller.args.timeout,
                pictures.progress()
            );
        }
        match source.next(&mut frame) {
            Ok(Next::Frame) => is_lost = false,
            Ok(Next::End) if pictures.is_enough() => break,
            Ok(Next::End) => bail!(
                "{} ended before there were enough good pictures of {name} ({}): nothing was stored",
                redact_address(&camera.source),
                pictures.progress()
            ),
            Err(error) if error.is_transient() => {
                if !is_lost {
                    eprintln!("{error}");
                }
                is_lost = true;
                thread::sleep(RETRY_INTERVAL);
                continue;
            }
            Err(error) => return Err(error.into()),
        }
        pictures.ask(frame.time);
        let (checked, face) = pictures.check_frame(enroller, &frame)?;
        pictures.measure_aspect(face.as_ref());
        match session.observe(frame.time, checked) {
            Step::Wait => {}
            Step::Advise(advice) => eprintln!("{advice}"),
            Step::Capture => pictures.add(enroller, &frame, face),
        }
    }
    let mut batch = Batch { frontal_aspect: frontal_aspect(enroller, &pictures), ..Batch::default() };
    for (number, (photo, face)) in (1..).zip(pictures.taken) {
        batch.photos.push(enroller.good_photo(PathBuf::from(format!("picture {number}")), photo, face));
    }
    enroller.check(name, &mut batch)?;
    store(enroller, name, batch)
}

/// The aspect of the person's face; `None`, with a warning, if it is not known how wide the face is to the door's camera. Another camera
/// takes it from another distance, with another perspective.
fn frontal_aspect(enroller: &Enroller<'_>, pictures: &Pictures<'_>) -> Option<f32> {
    let source = enroller.args.source.as_ref();
    let why = if source.is_some_and(|source| *source != enroller.config.camera.source) {
        "--source is not the door's camera (camera.source)".to_owned()
    } else if let Some(aspect) = pictures.aspect.median() {
        return Some(aspect);
    } else {
        format!("the pictures do not show {} straight from the front", pictures.name)
    };
    eprintln!("warning: the aspect of the face was not measured, because {why}");
    None
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
    fn ask(&mut self, time: Duration) {
        let Some(poses) = &mut self.poses else { return };
        poses.advance(time);
        let pose = poses.pose();
        if self.asked != pose {
            self.asked = pose;
            if let Some(pose) = pose {
                eprintln!("picture {} of {}: {pose}", self.taken.len() + 1, Pose::ALL.len());
            }
        }
    }

    /// The box of the good face in a frame that has the pose, or advice for the person; and the face.
    fn check_frame(
        &self,
        enroller: &mut Enroller<'_>,
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
    fn add(&mut self, enroller: &Enroller<'_>, frame: &Frame, face: Option<EncodedFace>) {
        let Some(face) = face else { return };
        let before = Embedding::mean(self.taken.iter().map(|(_, before)| (&before.embedding, 1.0)));
        let is_same_person =
            |before: Embedding| enroller.thresholds.compare(&before, &face.embedding).is_match();
        if !enroller.args.allow_unlike && before.is_some_and(|before| !is_same_person(before)) {
            eprintln!("this face does not match the pictures before: starting again");
            *self = Self::new(self.name, self.poses.is_none());
            return;
        }
        if let Some(poses) = &mut self.poses {
            poses.taken(frame.time, &face.face.quality);
        }
        self.aspect.keep();
        self.taken.push((PhotoHash::of(frame.rgb()), face));
        let wanted = if self.poses.is_some() { Pose::ALL.len() } else { PICTURES_IN_ANY_POSE };
        eprintln!("picture {} of {wanted} taken of {}", self.taken.len(), self.name);
    }
}
