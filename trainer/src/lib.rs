//! Prepares training sets; imports, quantizes, evaluates, exports and publishes models. The library has one module for each
//! command of the program `ostiary-trainer`, and the modules that the commands share. Code that needs libtorch is in
//! `ostiary-trainer-torch`.

pub mod aligner;
mod augment;
pub mod calibrate;
mod compatible;
pub mod describe;
pub mod evaluate;
pub mod export;
pub mod faceset;
pub mod figure;
mod golden;
mod histogram;
pub mod import;
pub mod jpeg;
pub mod keys;
pub mod lfw;
pub mod measure_door;
pub mod measure_liveness;
mod name_hash;
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
#[allow(dead_code)] // The tests of `ostiary-trainer-torch` use the rest of it.
mod reference;
mod scores;
pub mod storage;
pub mod tensors;
pub mod verification;

// `reference.rs` is also compiled into the tests of `ostiary-trainer-torch`, so it uses the external name of this crate.
#[cfg(test)]
extern crate self as ostiary_trainer;
