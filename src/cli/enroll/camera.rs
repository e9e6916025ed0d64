//! `enroll NAME --camera`: look until there are enough good pictures, and say what is wrong meanwhile.

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
use ostiary_pipeline::{Advice, EnrollmentSession, PhotoCheck, RecognizedFace, Step, check_photo};

use super::enroller::{Batch, Enroller};
use super::photos::store;

/// Pictures taken in a sitting.
const PICTURES: usize = 3;
/// Between two attempts at a camera that is unplugged or busy.
const BACK_OFF: Duration = Duration::from_millis(500);

pub fn enroll(enroller: &mut Enroller<'_>, name: &str) -> anyhow::Result<ExitCode> {
    let Ok(timeout) = Duration::try_from_secs_f64(enroller.args.timeout) else {
        bail!("--timeout {} is no length of time: give seconds, such as 60", enroller.args.timeout);
    };
    let clock: Arc<dyn Clock> = Arc::new(MonotonicClock::default());
    let mut camera = enroller.config.camera.clone();
    if let Some(source) = &enroller.args.source {
        camera.source.clone_from(source);
    }
    let mut source = capture::open(&camera, clock.clone())?;
    eprintln!("looking through {} for {name}", source.describe());

    let mut frame = Frame::default();
    let mut session = EnrollmentSession::default();
    let mut taken = Vec::new();
    let mut lost = false;
    while taken.len() < PICTURES {
        if clock.now() > timeout {
            bail!(
                "no good pictures of {name} within {} s ({} of {PICTURES}): nothing was stored",
                enroller.args.timeout,
                taken.len()
            );
        }
        match source.next(&mut frame) {
            Ok(Next::Frame) => lost = false,
            Ok(Next::End) => bail!(
                "{} ended with {} of {PICTURES} good pictures of {name}: nothing was stored",
                redact(&camera.source),
                taken.len()
            ),
            Err(error) if error.is_transient() => {
                if !lost {
                    eprintln!("{error}");
                }
                lost = true;
                thread::sleep(BACK_OFF);
                continue;
            }
            Err(error) => return Err(error.into()),
        }
        let (seen, face) = see(enroller, &frame)?;
        match session.observe(frame.time, seen) {
            Step::Wait => {}
            Step::Advise(advice) => eprintln!("{advice}"),
            Step::Capture => take(enroller, &mut taken, &frame, face),
        }
    }
    let mut batch = Batch::default();
    for (number, (photo, face)) in (1..).zip(taken) {
        let template = enroller.keep(face.embedding, photo, face.crop);
        batch.templates.push((PathBuf::from(format!("picture {number}")), template));
    }
    enroller.check(name, &mut batch)?;
    store(enroller, name, batch)
}

/// What a frame shows: the good face's box, or what to say.
fn see(
    enroller: &mut Enroller<'_>,
    frame: &Frame,
) -> anyhow::Result<(Result<ostiary_core::BBox, Advice>, Option<RecognizedFace>)> {
    Ok(match check_photo(&mut enroller.recognizer, &enroller.config.quality, frame)? {
        PhotoCheck::Refused(refusal) => (Err(Advice::Refusal(refusal)), None),
        PhotoCheck::Poor(_, fault) if !enroller.args.force => (Err(Advice::Fault(fault)), None),
        PhotoCheck::Poor(face, _) | PhotoCheck::Good(face) => (Ok(face.face.detection.bbox), Some(face)),
    })
}

/// Keeps a picture; begins anew where another person has come before the camera.
fn take(
    enroller: &Enroller<'_>,
    taken: &mut Vec<(PhotoHash, RecognizedFace)>,
    frame: &Frame,
    face: Option<RecognizedFace>,
) {
    let Some(face) = face else { return };
    let same = |(_, first): &(PhotoHash, RecognizedFace)| {
        first.embedding.similarity(&face.embedding) >= enroller.threshold
    };
    if !enroller.args.allow_unlike && taken.first().is_some_and(|first| !same(first)) {
        eprintln!("this face is not the one before: beginning anew");
        taken.clear();
    }
    taken.push((PhotoHash::of(frame.rgb()), face));
    eprintln!("picture {} of {PICTURES} taken", taken.len());
}
