//! The demo without a camera: synthetic frames in which bundled portraits approach the door.
//!
//! Input: the [`DemoVisit`]s in order, and the [`Pace`]. Output: frames.
//! [`SyntheticSource`] is a [`FrameSource`](ostiary_capture::FrameSource) like a camera.
//! [`enrollment`](ostiary_self_test::enrollment) has the person to enroll before. All steps after the frames are those of a
//! real door.

mod scene;
mod synthetic_source;
mod trajectory;
mod visit;

pub use synthetic_source::{Pace, SyntheticSource};
pub use visit::DemoVisit;
