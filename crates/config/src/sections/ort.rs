//! `[ort]`

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::rule::{one_of, options, text};

section! {
    /// onnxruntime, for `engine.backend = "ort"`.
    [ort] Ort {
        /// The file of onnxruntime's library, version 1.17 or later. Not set: libonnxruntime.so in the system's library
        /// path.
        library: Option<PathBuf> = None => text().example("/usr/local/lib/libonnxruntime.so").restart();
        /// What it computes on. A provider that is not available, or that cannot run the whole of a network, is an
        /// error: there is no silent fallback to the processor. `"cuda"` and `"tensorrt"` need
        /// `engine.precision = "fp32"`.
        provider: Provider = Provider::Cpu => one_of::<Provider>();
        /// The provider's options, as onnxruntime's manual names them: `["device_id=0", "trt_fp16_enable=1"]`
        options: Vec<String> = Vec::new() => options();
    }
}

/// What onnxruntime computes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// The processor.
    Cpu,
    /// An NVIDIA GPU.
    Cuda,
    /// An NVIDIA GPU, with kernels that TensorRT builds for the network.
    TensorRt,
}
