//! Pictures of the door's camera for those who watch.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ostiary_control::Session;
use ostiary_control::interface::{Call_WatchLive, LiveFace, LivePicture, LivePrompt, Person};
use ostiary_core::{BBox, Frame, TrackId};
use ostiary_pipeline::TrackedFace;

use super::ControlApi;
use crate::daemon::active_prompt::ActivePrompt;
use crate::daemon::jpeg::jpeg;
use crate::daemon::live_view::LiveFrame;

/// JPEG quality, 0 to 100: enough to aim a camera and to judge the light.
const JPEG_QUALITY: u8 = 75;

impl ControlApi {
    /// Sends pictures until the client or the server ends.
    pub(super) fn watch_live(
        &self,
        max_per_s: f64,
        session: &Session,
        call: &mut dyn Call_WatchLive,
    ) -> Result<varlink::Result<()>> {
        ensure!((0.1..=10.0).contains(&max_per_s), "max_per_s must be 0.1 to 10");
        let interval = Duration::from_secs_f64(1.0 / max_per_s);
        let mut watcher = self.shared.live_view.watch();
        let mut newest = LiveFrame::default();
        call.set_continues(true);
        while session.is_open() {
            let start = Instant::now();
            if !watcher.next(&mut newest) {
                continue;
            }
            let people = self.list_people()?;
            let picture = LivePicture {
                number: i64::try_from(newest.number).unwrap_or(i64::MAX),
                time_s: newest.frame.time.as_secs_f64(),
                width: newest.frame.width().into(),
                height: newest.frame.height().into(),
                jpeg: live_jpeg(&newest.frame)?,
                faces: newest.faces.iter().map(|face| live_face(face, &people)).collect(),
                prompt: self.shared.active_prompt().map(|active| self.live_prompt(active, newest.frame.time)),
            };
            if let Err(error) = call.reply(picture) {
                return Ok(Err(error));
            }
            thread::sleep(interval.saturating_sub(start.elapsed()));
        }
        Ok(Ok(()))
    }

    /// A prompt beside a picture with this frame time.
    fn live_prompt(&self, active: ActivePrompt, time: Duration) -> LivePrompt {
        let ActivePrompt { prompt, track, until } = active;
        LivePrompt {
            prompt: prompt.name().to_owned(),
            text: self.shared.prompt_text(prompt),
            track: track_number(track),
            ends_s: until.map(|until| until.saturating_sub(time).as_secs_f64()),
        }
    }
}

/// A frame as JPEG, in base64.
///
/// # Errors
/// The frame cannot be a JPEG.
pub fn live_jpeg(frame: &Frame) -> Result<String> {
    Ok(BASE64_STANDARD.encode(jpeg(frame, JPEG_QUALITY)?))
}

fn live_face(face: &TrackedFace, people: &[Person]) -> LiveFace {
    let BBox { x, y, width, height } = face.detection.bbox;
    let matched = face.candidate.filter(|candidate| candidate.similarity.reaches(candidate.threshold));
    let looks_like =
        matched.and_then(|candidate| people.iter().find(|person| person.id == candidate.person.0));
    LiveFace {
        track: track_number(face.track),
        x: x.into(),
        y: y.into(),
        width: width.into(),
        height: height.into(),
        looks_like: looks_like.map(|person| person.name.clone()),
        advice: face.fault.map(|fault| fault.advice().to_owned()),
    }
}

fn track_number(track: TrackId) -> i64 {
    i64::try_from(track.0).unwrap_or(i64::MAX)
}
