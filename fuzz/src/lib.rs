//! Fuzzing of everything that reads bytes from outside: files, devices, sockets.
//!
//! A [`Target`](targets::Target) is a plain function over the product's own code, with inputs to begin from. Those are mutated
//! ([`inputs`]) and given to the target in a process of its own ([`worker`]), so that an abort, an overflow of the stack, a
//! hang and too much memory are found as well as a panic ([`campaign`]). `docs/design/fuzzing.md` says what was found.

pub mod campaign;
pub mod finding;
pub mod inputs;
mod mutate;
pub mod targets;
pub mod worker;
