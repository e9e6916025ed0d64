//! `enroll NAME --camera`: takes pictures until enough of them are good, and prints advice meanwhile.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::bail;
use ostiary_capture as capture;
use ostiary_capture::Next;
use ostiary_core::clock::{Clock, MonotonicClock};
use ostiary_core::{Frame, redact};
use ostiary_facebank::PhotoHash;
use ostiary_pipeline::{Advice, EncodedFace, EnrollmentSession, PhotoCheck, Step, check_photo};

use super::enroller::{Batch, Enroller};
use super::photos::store;

/// Good pictures that are needed.
const PICTURES: usize = 3;
/// The time between two attempts to read a camera that is unplugged or busy.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);

pub fn enroll(enroller: &mut Enroller<'_>, name: &str) -> anyhow::Result<ExitCode> {
    let Ok(timeout) = Duration::try_from_secs_f64(enroller.args.timeout) else {
        bail!("--timeout {} is not a valid time: give seconds, for example 60", enroller.args.timeout);
    };
    let clock: Arc<dyn Clock> = Arc::new(MonotonicClock::default());
    let mut camera = enroller.config.camera.clone();
    if let Some(source) = &enroller.args.source {
        camera.source.clone_from(source);
    }
    let mut source = capture::open(&camera, clock.clone())?;
    eprintln!("taking pictures of {name} from {}", source.describe());

    let mut frame = Frame::default();
    let mut session = EnrollmentSession::default();
    let mut taken = Vec::new();
    let mut is_lost = false;
    while taken.len() < PICTURES {
        if clock.now() > timeout {
            bail!(
                "too few good pictures of {name} within {} s ({} of {PICTURES}): nothing was stored",
                enroller.args.timeout,
                taken.len()
            );
        }
        match source.next(&mut frame) {
            Ok(Next::Frame) => is_lost = false,
            Ok(Next::End) => bail!(
                "{} ended with {} of {PICTURES} good pictures of {name}: nothing was stored",
                redact(&camera.source),
                taken.len()
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
        let (checked, face) = check_frame(enroller, &frame)?;
        match session.observe(frame.time, checked) {
            Step::Wait => {}
            Step::Advise(advice) => eprintln!("{advice}"),
            Step::Capture => add_picture(enroller, &mut taken, &frame, face),
        }
    }
    let mut batch = Batch::default();
    for (number, (photo, face)) in (1..).zip(taken) {
        let template = enroller.make_template(face.embedding, photo, face.crop);
        batch.templates.push((PathBuf::from(format!("picture {number}")), template));
    }
    enroller.check(name, &mut batch)?;
    store(enroller, name, batch)
}

/// The box of the good face in a frame, or advice for the person; and the face.
fn check_frame(
    enroller: &mut Enroller<'_>,
    frame: &Frame,
) -> anyhow::Result<(Result<ostiary_core::BBox, Advice>, Option<EncodedFace>)> {
    Ok(match check_photo(&mut enroller.encoder, &enroller.config.quality, frame)? {
        PhotoCheck::Refused(refusal) => (Err(Advice::FaceCount(refusal)), None),
        PhotoCheck::Poor(_, fault) if !enroller.args.force => (Err(Advice::Fault(fault)), None),
        PhotoCheck::Poor(face, _) | PhotoCheck::Good(face) => (Ok(face.face.detection.bbox), Some(face)),
    })
}

/// Adds a picture. If it shows another person than the pictures before, those are dropped.
fn add_picture(
    enroller: &Enroller<'_>,
    taken: &mut Vec<(PhotoHash, EncodedFace)>,
    frame: &Frame,
    face: Option<EncodedFace>,
) {
    let Some(face) = face else { return };
    let is_same_person = |(_, first): &(PhotoHash, EncodedFace)| {
        enroller.thresholds.compare(&first.embedding, &face.embedding).is_match()
    };
    if !enroller.args.allow_unlike && taken.first().is_some_and(|first| !is_same_person(first)) {
        eprintln!("this face does not match the pictures before: starting again");
        taken.clear();
    }
    taken.push((PhotoHash::of(frame.rgb()), face));
    eprintln!("picture {} of {PICTURES} taken", taken.len());
}
