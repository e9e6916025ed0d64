//! Enrollment with the camera: when to capture a picture, and which advice to show to the person.

use std::time::Duration;

use ostiary_core::{BBox, QualityFault};

use super::{FaceCountError, PoseFault};

/// Number of consecutive good frames before a picture is captured: a person who only passes by is not enrolled.
const STEADY_FRAMES: u32 = 3;
/// Smallest overlap (IoU) of the boxes of two consecutive frames of a steady face.
const MIN_STEADY_IOU: f32 = 0.6;
/// Minimum time between two pictures, so that they differ a little.
const CAPTURE_INTERVAL: Duration = Duration::from_millis(500);

/// Advice to the person in front of the camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// There is not exactly one face.
    FaceCount(FaceCountError),
    /// The face does not meet a quality limit.
    Fault(QualityFault),
    /// The face does not have the pose of the next picture.
    PoseFault(PoseFault),
    /// The face is good: hold still.
    HoldStill,
}

impl std::fmt::Display for Advice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::FaceCount(refusal) => refusal.fmt(f),
            Self::Fault(fault) => f.write_str(fault.advice()),
            Self::PoseFault(fault) => fault.fmt(f),
            Self::HoldStill => f.write_str("good: hold still"),
        }
    }
}

/// What to do after a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Wait,
    /// Show this advice. It is returned once, until the advice changes.
    Advise(Advice),
    /// Store the face of this frame.
    Capture,
}

/// The enrollment of one person: a state machine without I/O that receives the result of each frame.
#[derive(Debug, Default)]
pub struct EnrollmentSession {
    /// The advice that was returned last.
    advice: Option<Advice>,
    /// The face of the previous frame.
    previous: Option<BBox>,
    /// Number of consecutive steady frames.
    steady_frames: u32,
    /// Time of the last captured picture.
    captured_at: Option<Duration>,
}

impl EnrollmentSession {
    /// Processes a frame that was taken at `time`: the box of its one good face, or the advice for a frame without one.
    pub fn observe(&mut self, time: Duration, face: Result<BBox, Advice>) -> Step {
        let bbox = match face {
            Ok(bbox) => bbox,
            Err(advice) => {
                self.previous = None;
                self.steady_frames = 0;
                return self.advise(advice);
            }
        };
        let is_steady = self.previous.is_some_and(|previous| previous.iou(&bbox) >= MIN_STEADY_IOU);
        self.steady_frames = if is_steady { self.steady_frames.saturating_add(1) } else { 1 };
        self.previous = Some(bbox);
        let is_due =
            self.captured_at.is_none_or(|captured| time.saturating_sub(captured) >= CAPTURE_INTERVAL);
        if self.steady_frames >= STEADY_FRAMES && is_due {
            self.captured_at = Some(time);
            return Step::Capture;
        }
        self.advise(Advice::HoldStill)
    }

    fn advise(&mut self, advice: Advice) -> Step {
        match self.advice.replace(advice) {
            Some(previous) if previous == advice => Step::Wait,
            _ => Step::Advise(advice),
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
    fn a_steady_face_is_captured_every_half_second() {
        let mut session = EnrollmentSession::default();
        let captured: Vec<u64> = (0..20)
            .map(|i| i * 100)
            .filter(|t| session.observe(ms(*t), Ok(at(0.0))) == Step::Capture)
            .collect();
        assert_eq!(captured, [200, 700, 1200, 1700]);
    }

    #[test]
    fn a_moving_face_is_not_captured() {
        let mut session = EnrollmentSession::default();
        for i in 0..50 {
            assert_ne!(session.observe(ms(i * 100), Ok(at(i as f32 * 60.0))), Step::Capture);
        }
    }

    #[test]
    fn a_bad_frame_restarts_the_count_of_steady_frames() {
        let mut session = EnrollmentSession::default();
        let blurred = Err(Advice::Fault(QualityFault::Blurred));
        for i in 0..50 {
            let face = if i % 3 == 2 { blurred } else { Ok(at(0.0)) };
            assert_ne!(session.observe(ms(i * 100), face), Step::Capture);
        }
    }

    #[test]
    fn advice_is_returned_only_when_it_changes() {
        let mut session = EnrollmentSession::default();
        let (none, many) =
            (Advice::FaceCount(FaceCountError::NoFace), Advice::FaceCount(FaceCountError::SeveralFaces));
        let steps: Vec<Step> =
            [none, none, many, many, none].into_iter().map(|a| session.observe(ms(0), Err(a))).collect();
        assert_eq!(
            steps,
            [Step::Advise(none), Step::Wait, Step::Advise(many), Step::Wait, Step::Advise(none)]
        );
    }
}
