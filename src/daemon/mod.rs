//! The threads and the bounded queues between them; the only module that knows all crates.
//!
//! What comes in: a [`Setup`]: the configuration, the relay (taken already, and at rest), and who is told. What
//! goes out: nothing but what the relay and the outputs do; [`run`] returns when the door is no longer kept.
//!
//! `camera` captures, `watch` looks (through an [`RecognitionPipeline`](ostiary_pipeline::Eye)) and decides, `input_worker` listens to the button and the
//! contact, `door_worker` opens, `store_worker` stores and tells;
//! `probation` watches over models that are new, `clock_monitor` over the wall clock;
//! `supervisor` is the main thread, `workers` what it knows of the others. They share `shared` and nothing else.

mod capture_worker;
mod clock_monitor;
mod door_worker;
mod error;
mod input_worker;
mod oom_score;
mod probation;
mod progress;
mod queue;
mod reload;
mod shared;
mod store_worker;
mod supervisor;
mod vision_worker;
mod workers;

pub use error::DaemonError;
pub use oom_score::allow_oom_kill;
pub use supervisor::{Setup, run};
pub use vision_worker::{FrameObserver, FrameResult};
