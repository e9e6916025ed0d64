//! The frame source of the demo: visitors one after another.

use std::time::{Duration, Instant};

use super::scene::{HEIGHT, Scene, Visitor, WIDTH};
use super::trajectory::{VISIT, face_position};
use super::visit::DemoVisit;
use ostiary_capture::{CaptureError, FrameSource, Next};
use ostiary_core::Frame;

/// Frames per second.
const FPS: u32 = 15;
/// The time before the first visit.
const BEFORE_FIRST_VISIT: Duration = Duration::from_millis(600);
/// The time after each visit.
const PAUSE: Duration = Duration::from_millis(1000);

/// The speed of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As fast as the caller takes frames.
    Unpaced,
    /// Each frame at its time.
    RealTime,
}

/// Visitors who approach the door one after another: 640x480 pixels, 15 frames per second.
///
/// It is a recorded source: it waits for its reader, and the time of a frame is its position in the sequence.
pub struct SyntheticSource {
    visitors: Vec<Visitor>,
    scene: Scene,
    pace: Pace,
    sequence: u64,
    started: Option<Instant>,
}

impl SyntheticSource {
    /// A source with these visits, in this order.
    ///
    /// # Errors
    /// A portrait cannot be decoded.
    pub fn new(visits: &[DemoVisit], pace: Pace) -> Result<Self, CaptureError> {
        Ok(Self {
            visitors: visits.iter().map(Visitor::new).collect::<Result<_, _>>()?,
            scene: Scene::new(),
            pace,
            sequence: 0,
            started: None,
        })
    }

    /// The length of the sequence.
    pub fn duration(&self) -> Duration {
        BEFORE_FIRST_VISIT + (VISIT + PAUSE) * self.visitors.len() as u32
    }
}

/// The index of the visitor in front of the camera at this time, and the time since the begin of the visit; `None` without a
/// visitor.
fn visit_at(time: Duration) -> Option<(usize, Duration)> {
    let since = time.checked_sub(BEFORE_FIRST_VISIT)?;
    let number = since.div_duration_f64(VISIT + PAUSE) as u32;
    let since = since.saturating_sub((VISIT + PAUSE) * number);
    (since < VISIT).then_some((number as usize, since))
}

impl FrameSource for SyntheticSource {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, CaptureError> {
        let time = Duration::from_secs(self.sequence) / FPS;
        if time >= self.duration() {
            return Ok(Next::End);
        }
        self.scene.clear(frame);
        if let Some((number, since)) = visit_at(time)
            && let Some(visitor) = self.visitors.get(number)
        {
            self.scene.draw_visitor(visitor, face_position(since), frame)?;
        }
        (frame.time, frame.sequence) = (time, self.sequence);
        self.sequence += 1;
        if self.pace == Pace::RealTime {
            let started = *self.started.get_or_insert_with(Instant::now);
            std::thread::sleep(time.saturating_sub(started.elapsed()));
        }
        Ok(Next::Frame)
    }

    fn is_live(&self) -> bool {
        false
    }

    fn frozen_after(&self) -> Option<Duration> {
        None
    }

    fn describe(&self) -> String {
        format!("bundled demo, {WIDTH}x{HEIGHT} at {FPS}/s, {} visitors", self.visitors.len())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use ostiary_config::Config;
    use ostiary_core::Embedding;
    use ostiary_pipeline::FaceEncoder;
    use ostiary_self_test::{Portrait, enrollment};

    use super::*;

    fn source() -> SyntheticSource {
        SyntheticSource::new(&DemoVisit::ALL, Pace::Unpaced).unwrap()
    }

    /// The frames at these times.
    fn frames_at(times: impl IntoIterator<Item = Duration>) -> Vec<Frame> {
        let mut source = source();
        let mut wanted = times.into_iter().peekable();
        let (mut frame, mut frames) = (Frame::default(), Vec::new());
        while source.next(&mut frame).unwrap() == Next::Frame {
            if wanted.next_if(|wanted| frame.time >= *wanted).is_some() {
                frames.push(frame.clone());
            }
        }
        assert!(wanted.next().is_none(), "the source ended early");
        frames
    }

    fn encoder() -> FaceEncoder {
        let mut config = Config::default();
        config.models.dir = Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("models"));
        FaceEncoder::load(&config).unwrap()
    }

    fn enrolled(encoder: &mut FaceEncoder) -> Vec<Embedding> {
        let embed = |portrait: &Portrait| {
            encoder.most_probable(&portrait.picture().unwrap()).unwrap().unwrap().embedding
        };
        enrollment().portraits.iter().map(embed).collect()
    }

    #[test]
    fn the_source_has_its_stated_length_and_ends() {
        let mut source = source();
        assert!(!source.is_live());
        assert_eq!(source.describe(), "bundled demo, 640x480 at 15/s, 3 visitors");
        assert_eq!(source.duration(), Duration::from_millis(15_300));
        let mut frame = Frame::default();
        for number in 0..230u64 {
            assert_eq!(source.next(&mut frame).unwrap(), Next::Frame);
            assert_eq!((frame.width(), frame.height()), (640, 480));
            assert_eq!((frame.sequence, frame.time), (number, Duration::from_secs(number) / 15));
        }
        for _ in 0..2 {
            assert_eq!(source.next(&mut frame).unwrap(), Next::End);
        }
    }

    #[test]
    fn the_hall_is_empty_before_between_and_after_the_visits() {
        let (mut source, mut hall) = (source(), Frame::default());
        Scene::new().clear(&mut hall);
        let mut frame = Frame::default();
        let (mut empty, mut visits, mut has_visitor) = (0, 0, false);
        while source.next(&mut frame).unwrap() == Next::Frame {
            let is_visit = frame.rgb() != hall.rgb();
            visits += usize::from(is_visit && !has_visitor);
            empty += usize::from(!is_visit);
            has_visitor = is_visit;
        }
        assert_eq!(visits, 3);
        assert!(!has_visitor && (50..70).contains(&empty), "{empty} empty frames");
        // The detector finds no face in the empty hall.
        assert!(encoder().faces(&hall).unwrap().is_empty());
    }

    #[test]
    fn a_buffer_is_reused_and_its_old_content_is_overwritten() {
        let [clean] = frames_at([Duration::from_secs(2)]).try_into().unwrap();
        let mut source = source();
        let mut frame = Frame::from_rgb(WIDTH, HEIGHT, vec![7; clean.rgb().len()]).unwrap();
        let address = frame.rgb().as_ptr();
        while frame.time < Duration::from_secs(2) {
            assert_eq!(source.next(&mut frame).unwrap(), Next::Frame);
        }
        assert!(frame == clean);
        assert_eq!(frame.rgb().as_ptr(), address);
    }

    #[test]
    fn each_visitor_is_detected_and_only_the_enrolled_one_matches() {
        let mut encoder = encoder();
        let enrolled = enrolled(&mut encoder);
        let mut similarity = |frame: &Frame, width: f32| {
            let faces = encoder.faces(frame).unwrap();
            assert_eq!(faces.len(), 1, "at {:?}: {faces:?}", frame.time);
            let found = faces[0].face.detection.bbox.width;
            assert!((found / width - 1.0).abs() < 0.25, "{found} pixels wide, drawn {width}");
            let embedding = encoder.encode(frame, &faces[0].face.detection).unwrap().embedding;
            enrolled.iter().map(|e| e.similarity(&embedding).0).fold(f32::MIN, f32::max)
        };
        // From the middle of the approach until the visitor leaves.
        let since: Vec<Duration> = (0..5).map(|i| Duration::from_millis(1100 + 400 * i)).collect();
        for (number, known) in (0..).zip([false, true, true]) {
            let begin = BEFORE_FIRST_VISIT + (VISIT + PAUSE) * number;
            for frame in frames_at(since.iter().map(|since| begin + *since)) {
                let position = face_position(frame.time - begin);
                let similarity = similarity(&frame, position.width);
                println!(
                    "{:?}: face {:.0} pixels wide, similarity {similarity:.3}",
                    frame.time, position.width
                );
                assert!(!known || similarity > 0.6, "{similarity} at {:?}", frame.time);
                assert!(known || similarity < 0.2, "{similarity} at {:?}", frame.time);
            }
        }
    }

    #[test]
    fn in_real_time_no_frame_is_early() {
        let started = Instant::now();
        let mut source = SyntheticSource::new(&DemoVisit::ALL, Pace::RealTime).unwrap();
        let mut frame = Frame::default();
        for _ in 0..4 {
            source.next(&mut frame).unwrap();
        }
        assert!(started.elapsed() >= frame.time);
    }
}
