//! Enrolling before the camera: when to take a picture, and what to tell the person meanwhile.

use std::time::Duration;

use ostiary_core::{BBox, QualityFault};

use super::Refusal;

/// Good frames in a row before a picture is taken: a face that is only passing is not enrolled.
const STEADY_FRAMES: u32 = 3;
/// How much the face's boxes of two frames must overlap for the face to be the same and at rest.
const STEADY_IOU: f32 = 0.6;
/// The least time between two pictures, so that they differ a little.
const INTERVAL: Duration = Duration::from_millis(500);

/// What to tell the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    Refusal(Refusal),
    Fault(QualityFault),
    /// All is well: stay so.
    HoldStill,
}

impl std::fmt::Display for Advice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refusal(refusal) => refusal.fmt(f),
            Self::Fault(fault) => f.write_str(fault.advice()),
            Self::HoldStill => f.write_str("good: hold still"),
        }
    }
}

/// What to do after a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Wait,
    /// Tell the person; said once, until the advice changes.
    Say(Advice),
    /// Keep this frame's face.
    Take,
}

/// One person's sitting: a pure state machine over what each frame shows.
#[derive(Debug, Default)]
pub struct EnrollmentSession {
    said: Option<Advice>,
    last: Option<BBox>,
    steady: u32,
    taken: Option<Duration>,
}

impl EnrollmentSession {
    /// A frame taken at `time` shows one good face in this box, or what is wrong.
    pub fn see(&mut self, time: Duration, seen: Result<BBox, Advice>) -> Step {
        let bbox = match seen {
            Ok(bbox) => bbox,
            Err(advice) => {
                self.last = None;
                self.steady = 0;
                return self.say(advice);
            }
        };
        let same = self.last.is_some_and(|last| last.iou(&bbox) >= STEADY_IOU);
        self.steady = if same { self.steady.saturating_add(1) } else { 1 };
        self.last = Some(bbox);
        let rested = self.taken.is_none_or(|taken| time.saturating_sub(taken) >= INTERVAL);
        if self.steady >= STEADY_FRAMES && rested {
            self.taken = Some(time);
            return Step::Take;
        }
        self.say(Advice::HoldStill)
    }

    fn say(&mut self, advice: Advice) -> Step {
        match self.said.replace(advice) {
            Some(said) if said == advice => Step::Wait,
            _ => Step::Say(advice),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: f32) -> BBox {
        BBox { x, y: 0.0, width: 100.0, height: 100.0 }
    }

    fn ms(time: u64) -> Duration {
        Duration::from_millis(time)
    }

    #[test]
    fn a_steady_face_is_taken_every_half_second() {
        let mut session = EnrollmentSession::default();
        let taken: Vec<u64> =
            (0..20).map(|i| i * 100).filter(|t| session.see(ms(*t), Ok(at(0.0))) == Step::Take).collect();
        assert_eq!(taken, [200, 700, 1200, 1700]);
    }

    #[test]
    fn a_moving_face_is_never_taken() {
        let mut session = EnrollmentSession::default();
        for i in 0..50 {
            assert_ne!(session.see(ms(i * 100), Ok(at(i as f32 * 60.0))), Step::Take);
        }
    }

    #[test]
    fn a_bad_frame_begins_anew() {
        let mut session = EnrollmentSession::default();
        let blurred = Err(Advice::Fault(QualityFault::Blurred));
        for i in 0..50 {
            let seen = if i % 3 == 2 { blurred } else { Ok(at(0.0)) };
            assert_ne!(session.see(ms(i * 100), seen), Step::Take);
        }
    }

    #[test]
    fn advice_is_given_only_when_it_changes() {
        let mut session = EnrollmentSession::default();
        let (none, many) = (Advice::Refusal(Refusal::NoFace), Advice::Refusal(Refusal::SeveralFaces));
        let steps: Vec<Step> =
            [none, none, many, many, none].into_iter().map(|a| session.see(ms(0), Err(a))).collect();
        assert_eq!(steps, [Step::Say(none), Step::Wait, Step::Say(many), Step::Wait, Step::Say(none)]);
    }
}
