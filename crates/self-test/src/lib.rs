//! Whether models can be trusted on this machine: a test in a separate process, with limits.
//!
//! What comes in: a bundle and the configuration. What goes out: nothing, or an error that says which network failed and
//! how. Each network runs, the embedder gives its golden embedding, and the portraits that are built into the program are
//! found and matched. A network that panics, needs too much memory or never ends takes the test's process with it
//! ([`SelfTest`]), and nothing else.

mod error;
mod match_portraits;
mod order;
mod perform;
mod portraits;
mod run;

pub use error::SelfTestError;
pub use match_portraits::match_portraits;
pub use order::Order;
pub use perform::perform;
pub use portraits::{Enrollment, Portrait, SCRIPT, enrollment};
pub use run::{Limits, SelfTest};
