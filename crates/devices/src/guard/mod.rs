//! The relay's line in a process of its own, which puts it to rest when the daemon no longer can.
//!
//! The daemon starts a [`GuardClient`] and asks it for "on, for so long at the most" and for "off"; the other process
//! stands [`post`](stand) with the line. `docs/design/relay.md` says why.

mod client;
mod protocol;
mod server;

pub use client::{GuardClient, GuardFailure};
pub use protocol::{REQUEST, Request, answer, read_answer};
pub use server::{keep, serve_guard};
