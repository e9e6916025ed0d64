//! A visit that needs no camera: portraits that come with the program walk up to the door.
//!
//! What comes in: the [`Portrait`]s of who comes, one after another ([`DEMO_VISITORS`] is the bundled play), and at what
//! [`Pace`]. What goes out: frames, since [`SyntheticSource`] is a [`FrameSource`](ostiary_capture::FrameSource) like any
//! camera. [`enrollment`] says who is to be enrolled beforehand. Everything after the frames is the real thing.

mod scene;
mod synthetic_source;
mod trajectory;

pub use ostiary_self_test::{DEMO_VISITORS, Enrollment, Portrait, enrollment};
pub use synthetic_source::{Pace, SyntheticSource};
