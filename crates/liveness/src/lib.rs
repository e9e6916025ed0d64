//! Tells a head that turns from a picture that is turned (presentation attack detection), without I/O.
//!
//! What comes in: frames with the landmarks of a face. What goes out: how far the head turned, and whether it did. [`LandmarkTracker`] follows the
//! landmarks by optical flow ([`track_points`]); [`TurnMeter`] compares them with those of the frontal face and gives
//! the [`Turn`].

mod gray_pyramid;
mod landmark_tracker;
mod optical_flow;
mod turn;

pub use gray_pyramid::GrayPyramid;
pub use landmark_tracker::LandmarkTracker;
pub use optical_flow::{MAX_POINTS, TrackedPoint, track_points};
pub use turn::{
    Direction, MIN_DEPTH, MIN_FORESHORTENING, MIN_OWN_ASPECT, MIN_SHIFT, NosePosition, Turn, TurnMeter,
    aspect, is_own_aspect,
};
