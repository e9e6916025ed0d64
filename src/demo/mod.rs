//! A visit that needs no camera: portraits that come with the program walk up to the door.
//!
//! What comes in: the [`Portrait`]s of who comes, one after another ([`SCRIPT`] is the bundled play), and at what
//! [`Pace`]. What goes out: frames, since [`Play`] is a [`FrameSource`](ostiary_capture::FrameSource) like any
//! camera. [`enrolment`] says who is to be enrolled beforehand. Everything after the frames is the real thing.

mod play;
mod stage;
mod walk;

pub use ostiary_self_test::{Enrolment, Portrait, SCRIPT, enrolment};
pub use play::{Pace, Play};
