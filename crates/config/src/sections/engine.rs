//! `[engine]`

use ostiary_core::Precision;
use serde::{Deserialize, Serialize};

use crate::rule::{integer, one_of};

section! {
    /// What runs the networks.
    [engine] Engine {
        /// `"tract"` runs on the processor, with Ostiary's own kernels for int8. `"ort"` runs onnxruntime, see `[ort]`;
        /// it needs a program built with the feature ort.
        backend: Backend = Backend::Tract => one_of::<Backend>();
        /// `"int8"` computes in 8 bits: five to ten times as fast, with almost the same accuracy. `"fp32"` computes in
        /// 32-bit floats. Templates are valid for one precision only: after a change, run `ostiary people reembed`.
        /// Where the kernels for int8 are plain ones (32-bit ARM, x86-64 without SSE4.1), fp32 is faster, and is chosen
        /// if this key is not set; a door whose people are enrolled with int8 stays with it.
        precision: Precision = Precision::Int8 => one_of::<Precision>();
        /// Threads for a network.
        threads: usize = 1 => integer(1, 64);
    }
}

/// What runs networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// Ostiary's own kernels, and tract.
    Tract,
    /// onnxruntime; for programs built with the feature `ort`.
    Ort,
}
