//! The relay's line in a process of its own, which puts it to rest when the daemon no longer can.
//!
//! The daemon starts a [`Guard`] and asks it for "on, for so long at the most" and for "off"; the other process
//! stands [`post`](stand) with the line. `docs/design/relay.md` says why.

mod hired;
mod message;
mod post;

pub use hired::{Failure, Guard};
pub use message::{REQUEST, Request, answer, read_answer};
pub use post::{keep, stand};
