//! What makes and measures the models that the door runs, but for what needs libtorch, which `ostiary-trainer-torch` has: a
//! module for each command of the program `ostiary-trainer`, and what they share.

pub mod aligner;
mod augment;
pub mod describe;
pub mod evaluate;
pub mod export;
pub mod faceset;
mod far_table;
pub mod figure;
mod golden;
pub mod import;
pub mod jpeg;
pub mod keys;
pub mod lfw;
pub mod measure_door;
pub mod net;
mod onnx;
pub mod pairs;
mod pickle_depth;
mod pool;
pub mod prepare;
mod prepared;
pub mod publish;
pub mod quantize;
pub mod recordio;
#[cfg(test)]
#[allow(dead_code)] // The tests of `ostiary-trainer-torch` need the rest of it.
mod reference;
mod scores;
pub mod storage;
pub mod tensors;
pub mod verification;

// `reference.rs` is compiled into the tests of `ostiary-trainer-torch` too, and names this crate as seen from there.
#[cfg(test)]
extern crate self as ostiary_trainer;
