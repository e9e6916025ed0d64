//! The web console of a door: a process of its own, which shows pages over HTTPS and asks the door through its control API.
//!
//! What comes in: requests of browsers, and the configuration. What goes out: pages, and calls of the door, each with the token of the
//! person who asks, so that the door decides what the person may do. It opens none of the door's files. `cli` has the commands, `server`
//! the connections, `routes` the table of all routes, `pages` their handlers.

mod api;
mod app;
mod assets;
mod camera_enrollment;
mod certificate;
mod cli;
mod clock;
mod code;
mod configuration;
mod door;
mod enrollment;
mod flash;
#[doc(hidden)]
pub mod fuzzed;
mod language;
mod live;
mod local_name;
mod local_time;
#[expect(unsafe_code, reason = "mallopt of glibc")]
mod memory;
mod navigation;
mod new_events;
mod origin;
mod page_error;
mod pages;
mod rate_limit;
mod reason;
mod routes;
mod sealing;
mod server;
mod session;
mod store;
mod stream_body;
mod texts;
mod token_name;
mod undo;
mod visit;
mod work;

pub use cli::Cli;
