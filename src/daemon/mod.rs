//! The threads and the bounded queues between them; the only room that knows all others.

mod eye;
mod progress;
mod queue;

pub use eye::{Eye, Seen};
