//! The play: who comes when, frame by frame.

use std::time::{Duration, Instant};

use ostiary_capture::{CaptureError, FrameSource, Next};
use ostiary_core::Frame;

use super::Portrait;
use super::scene::{HEIGHT, Scene, Visitor, WIDTH};
use super::trajectory::{VISIT, place};

/// Frames a second.
const FPS: u32 = 15;
/// Nobody is there before the first visit, between two, and after the last.
const BEFORE: Duration = Duration::from_millis(600);
const PAUSE: Duration = Duration::from_millis(1000);

/// How fast the play is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As fast as the frames are taken.
    Unpaced,
    /// Each frame at its time, for somebody who watches.
    RealTime,
}

/// Visitors who come to the door one after another: 640x480 pixels, 15 frames a second.
///
/// A recorded source: it waits for whoever looks, and frames carry their time in the play.
pub struct SyntheticSource {
    visitors: Vec<Visitor>,
    scene: Scene,
    pace: Pace,
    sequence: u64,
    started: Option<Instant>,
}

impl SyntheticSource {
    /// Prepares a play in which these people come, in this order.
    pub fn new(visitors: &[Portrait], pace: Pace) -> Result<Self, CaptureError> {
        Ok(Self {
            visitors: visitors.iter().map(Visitor::new).collect::<Result<_, _>>()?,
            scene: Scene::new(),
            pace,
            sequence: 0,
            started: None,
        })
    }

    /// How long it lasts.
    pub fn duration(&self) -> Duration {
        BEFORE + (VISIT + PAUSE) * self.visitors.len() as u32
    }
}

/// The number of the visitor who is before the camera at this time of the play, and since when; `None` while
/// nobody is.
fn visit(time: Duration) -> Option<(usize, Duration)> {
    let since = time.checked_sub(BEFORE)?;
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
        if let Some((number, since)) = visit(time)
            && let Some(visitor) = self.visitors.get(number)
        {
            self.scene.show(visitor, place(since), frame)?;
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

    fn describe(&self) -> String {
        format!("bundled play, {WIDTH}x{HEIGHT} at {FPS}/s, {} visitors", self.visitors.len())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use ostiary_config::Config;
    use ostiary_core::Embedding;
    use ostiary_pipeline::Recognizer;

    use super::*;
    use crate::demo::{DEMO_VISITORS, enrollment};

    fn play() -> SyntheticSource {
        SyntheticSource::new(&DEMO_VISITORS, Pace::Unpaced).unwrap()
    }

    /// The frames at these times of the play.
    fn frames_at(times: impl IntoIterator<Item = Duration>) -> Vec<Frame> {
        let mut play = play();
        let mut wanted = times.into_iter().peekable();
        let (mut frame, mut frames) = (Frame::default(), Vec::new());
        while play.next(&mut frame).unwrap() == Next::Frame {
            if wanted.next_if(|wanted| frame.time >= *wanted).is_some() {
                frames.push(frame.clone());
            }
        }
        assert!(wanted.next().is_none(), "the play ended early");
        frames
    }

    fn recognizer() -> Recognizer {
        let mut config = Config::default();
        config.models.dir = Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("models"));
        Recognizer::load(&config).unwrap()
    }

    fn enrolled(recognizer: &mut Recognizer) -> Vec<Embedding> {
        let embed = |portrait: &Portrait| {
            recognizer.most_probable(&portrait.picture().unwrap()).unwrap().unwrap().embedding
        };
        enrollment().portraits.iter().map(embed).collect()
    }

    #[test]
    fn it_lasts_as_long_as_it_says_and_ends() {
        let mut play = play();
        assert!(!play.is_live());
        assert_eq!(play.describe(), "bundled play, 640x480 at 15/s, 2 visitors");
        assert_eq!(play.duration(), Duration::from_millis(10_400));
        let mut frame = Frame::default();
        for number in 0..156u64 {
            assert_eq!(play.next(&mut frame).unwrap(), Next::Frame);
            assert_eq!((frame.width(), frame.height()), (640, 480));
            assert_eq!((frame.sequence, frame.time), (number, Duration::from_secs(number) / 15));
        }
        for _ in 0..2 {
            assert_eq!(play.next(&mut frame).unwrap(), Next::End);
        }
    }

    #[test]
    fn nobody_is_there_before_between_and_after_the_visits() {
        let (mut play, mut hall) = (play(), Frame::default());
        Scene::new().clear(&mut hall);
        let mut frame = Frame::default();
        let (mut empty, mut visits, mut occupied) = (0, 0, false);
        while play.next(&mut frame).unwrap() == Next::Frame {
            let somebody = frame.rgb() != hall.rgb();
            visits += usize::from(somebody && !occupied);
            empty += usize::from(!somebody);
            occupied = somebody;
        }
        assert_eq!(visits, 2);
        assert!(!occupied && (35..50).contains(&empty), "{empty} empty frames");
        // A recognizer sees nobody there either.
        assert!(recognizer().faces(&hall).unwrap().is_empty());
    }

    #[test]
    fn a_buffer_is_reused_and_what_was_in_it_does_not_matter() {
        let [clean] = frames_at([Duration::from_secs(2)]).try_into().unwrap();
        let mut play = play();
        let mut frame = Frame::from_rgb(WIDTH, HEIGHT, vec![7; clean.rgb().len()]).unwrap();
        let address = frame.rgb().as_ptr();
        while frame.time < Duration::from_secs(2) {
            assert_eq!(play.next(&mut frame).unwrap(), Next::Frame);
        }
        assert!(frame == clean);
        assert_eq!(frame.rgb().as_ptr(), address);
    }

    #[test]
    fn each_visitor_is_found_and_the_right_one_is_known() {
        let mut recognizer = recognizer();
        let enrolled = enrolled(&mut recognizer);
        let mut similarity = |frame: &Frame, width: f32| {
            let faces = recognizer.faces(frame).unwrap();
            assert_eq!(faces.len(), 1, "at {:?}: {faces:?}", frame.time);
            let found = faces[0].detection.bbox.width;
            assert!((found / width - 1.0).abs() < 0.25, "{found} pixels wide, drawn {width}");
            let embedding = recognizer.recognize(frame, &faces[0].detection).unwrap().embedding;
            enrolled.iter().map(|e| e.similarity(&embedding).0).fold(f32::MIN, f32::max)
        };
        // From the middle of the approach until the visitor leaves.
        let since: Vec<Duration> = (0..5).map(|i| Duration::from_millis(1100 + 400 * i)).collect();
        for (number, (stranger, known)) in (0..).zip([(true, false), (false, true)]) {
            let begin = BEFORE + (VISIT + PAUSE) * number;
            for frame in frames_at(since.iter().map(|since| begin + *since)) {
                let place = place(frame.time - begin);
                let alike = similarity(&frame, place.width);
                println!("{:?}: face {:.0} pixels wide, similarity {alike:.3}", frame.time, place.width);
                assert!(!known || alike > 0.6, "{alike} at {:?}", frame.time);
                assert!(!stranger || alike < 0.2, "{alike} at {:?}", frame.time);
            }
        }
    }

    #[test]
    fn in_real_time_no_frame_comes_early() {
        let started = Instant::now();
        let mut play = SyntheticSource::new(&DEMO_VISITORS, Pace::RealTime).unwrap();
        let mut frame = Frame::default();
        for _ in 0..4 {
            play.next(&mut frame).unwrap();
        }
        assert!(started.elapsed() >= frame.time);
    }
}
