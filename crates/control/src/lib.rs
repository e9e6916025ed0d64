//! The control API of a running door: one Unix socket, through which commands and other programs ask and change the door.
//!
//! The protocol is Varlink: JSON objects that end with a zero byte, described by an interface file that the door itself hands
//! out, so that `varlinkctl` can call the door from a shell. `io.ostiary.Door.varlink` is that file, and the types here are
//! generated from it ([`interface`]). What comes in: connections of local users, whose user and group ids the kernel states
//! ([`Peer`]), and from these their [`Role`]; a call can also come with a token, whose role it has then ([`Tokens`]). What goes out: calls of one trait, which the daemon implements. This crate knows
//! nothing of doors: [`Server`] refuses calls that the role does not allow, and limits the connections, the length and the rate of requests, and the time that a client that
//! does not read may take.

#![warn(missing_docs)]

mod client;
mod error;
pub mod interface;
mod limited_reader;
#[expect(unsafe_code, reason = "getsockopt for the credentials of the peer")]
mod peer;
mod role;
mod role_guard;
mod server;
mod session;
mod tokens;

/// The description of the control API, in the language of Varlink.
pub const DESCRIPTION: &str = include_str!("io.ostiary.Door.varlink");

pub use client::{CallError, Client, Closer, Door};
pub use error::ControlError;
pub use peer::Peer;
pub use role::{Role, RoleGroups};
pub use server::{MAX_CONNECTIONS, MAX_CONNECTIONS_OF_USER, Server, Service, ServiceOf};
pub use session::Session;
pub use tokens::{
    Bearer, MAX_TOKENS, StoredToken, TokenError, TokenFileError, TokenRefusal, Tokens, WallTime,
};
