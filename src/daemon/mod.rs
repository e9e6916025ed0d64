//! The threads and the bounded queues between them; the only module that knows all crates.
//!
//! What comes in: a [`Setup`]: the configuration, the relay (taken already, and at rest), and who is told. What
//! goes out: nothing but what the relay and the outputs do; [`keep`] returns when the door is no longer kept.
//!
//! `camera` captures, `watch` looks (through an [`Eye`](ostiary_pipeline::Eye)) and decides, `ear` listens to the button and the
//! contact, `doorman` opens, `recorder` stores and tells;
//! `probation` watches over models that are new, `clock_watch` over the wall clock;
//! `keeper` is the main thread, `crew` what it knows of the others. They share `shared` and nothing else.

mod camera;
mod clock_watch;
mod crew;
mod doorman;
mod ear;
mod error;
mod keeper;
mod mortality;
mod probation;
mod progress;
mod queue;
mod recorder;
mod shared;
mod watch;

pub use error::DaemonError;
pub use keeper::{Setup, keep};
pub use mortality::be_mortal;
pub use watch::{Onlooker, Sighting};
