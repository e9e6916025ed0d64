//! The demo without a camera: synthetic frames in which bundled portraits approach the door.
//!
//! Input: the [`Portrait`](ostiary_self_test::Portrait)s of the visitors, in order
//! ([`DEMO_VISITORS`](ostiary_self_test::DEMO_VISITORS) is the bundled sequence), and the [`Pace`]. Output: frames.
//! [`SyntheticSource`] is a [`FrameSource`](ostiary_capture::FrameSource) like a camera.
//! [`enrollment`](ostiary_self_test::enrollment) has the person to enroll before. All steps after the frames are those of a
//! real door.

mod scene;
mod synthetic_source;
mod trajectory;

pub use synthetic_source::{Pace, SyntheticSource};
