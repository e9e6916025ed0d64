//! The program: its commands, the daemon's threads, the demo, and drawing on frames.
//!
//! What comes in: the command line, the configuration and the machine's devices. What goes out: what a command prints, or
//! a door that is opened for the people who are enrolled, and the reason for every decision. The work itself is done by
//! the crates in `crates/`, in the order `capture`, `vision` and `pipeline`, `facebank`, `access`, `devices` and `events`;
//! `ARCHITECTURE.md` lists them. [`daemon`] connects them with threads and queues.

pub mod annotate;
pub mod cli;
pub mod daemon;
pub mod demo;
pub mod wall_clock;
