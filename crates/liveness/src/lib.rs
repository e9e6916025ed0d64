//! Tells a head that turns from a picture that is turned (presentation attack detection), without I/O.
//!
//! What comes in: frames with the landmarks of a face. What goes out: how far the head turned, and whether it did. [`LandmarkTracker`] follows the
//! landmarks by optical flow ([`track_points`]); [`TurnMeter`] compares them with those of the frontal face and gives
//! the [`Turn`]. [`Challenge`] asks for turns, and passes if they were made; [`ChallengeRun`] is all of this on the frames of a camera.

mod challenge;
mod challenge_run;
mod gray_pyramid;
mod landmark_tracker;
mod optical_flow;
mod steps;
mod turn;

pub use challenge::{
    Challenge, ChallengeRecord, MatchedPerson, ObservedFace, Status, StepRecord, TIME_LIMIT, Tracking, View,
};
pub use challenge_run::{ChallengeRun, FaceInView};
pub use gray_pyramid::GrayPyramid;
pub use landmark_tracker::LandmarkTracker;
pub use optical_flow::{MAX_POINTS, TrackedPoint, track_points};
pub use steps::{DEFAULT_STEPS, MAX_STEPS, Steps, StepsError};
pub use turn::{
    AxisTurn, MAX_ASPECT, MAX_FRONTAL_SKEW, MAX_SKEW_CHANGE, MIN_ASPECT, MIN_FORESHORTENING, MIN_OWN_ASPECT,
    MIN_SHIFT, MIN_SHIFT_RATIO, Turn, TurnMeter, frontal_aspect, is_own_aspect, is_possible_aspect,
};
