//! Tests whether models work on this host: in a separate process, with limits.
//!
//! What comes in: a bundle and the configuration. What goes out: nothing, or an error that names the network and what is
//! wrong with it. Each network runs once, the embedder reproduces its golden embedding, presentation attack detection its
//! golden outputs, and the faces of the portraits that are built into the program are found and matched. A network that panics, needs too much memory or never ends stops only
//! the process of the test ([`SelfTest`]).

mod child;
mod error;
mod golden_liveness;
mod match_portraits;
mod parent;
mod portraits;
mod request;

pub use child::perform;
pub use error::SelfTestError;
pub use golden_liveness::check_golden_liveness;
pub use match_portraits::match_portraits;
pub use parent::{Limits, SelfTest};
pub use portraits::{DEMO_VISITORS, Enrollment, PORTRAITS, Portrait, enrollment};
pub use request::SelfTestRequest;
