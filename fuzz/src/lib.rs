//! Fuzzing of everything that reads bytes from outside: files, devices, sockets.
//!
//! A [`Target`](targets::Target) is a function that passes bytes to the product's code, with seed inputs. Mutations of these
//! ([`inputs`]) are run in a separate process ([`worker`]). So a campaign ([`campaign`]) detects panics, and also aborts, stack
//! overflows, hangs and excessive memory ([`failure`]). `docs/design/fuzzing.md` lists the defects that were found.

pub mod campaign;
pub mod failure;
pub mod inputs;
mod mutate;
pub mod targets;
pub mod worker;
