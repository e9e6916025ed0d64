//! The relay guard: a separate process that has the relay's line, and puts it to rest if the daemon does not.
//!
//! The daemon starts a [`GuardClient`] and sends the requests "on, for at most this time" and "off"; the other process runs
//! [`serve_guard`]. `docs/design/relay.md` gives the reasons.

mod client;
mod protocol;
mod server;

pub use client::{GuardClient, GuardFailure};
pub use protocol::{REQUEST_SIZE, Refusal, Request, read_answer, write_answer};
pub use server::{serve, serve_guard};
