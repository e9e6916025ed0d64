//! Quantized networks on the kernels of this project: ONNX files with QuantizeLinear and DequantizeLinear (QDQ).
//!
//! What comes in: a parsed file ([`QuantizedNetwork::new`]). [`qdq_import`] recognizes its graph as layers between 8-bit
//! values ([`layer`]), with the help of [`gate_import`]. [`execution_plan`] binds them to an instruction set ([`step`]) and to memory ([`memory_layout`]).
//! What goes out: a [`Network`](super::Network) that does not allocate while it runs.

#![expect(
    clippy::indexing_slicing,
    reason = "value ids and slots are indices that these modules have created; constants are checked against their shape"
)]

mod execution_plan;
mod gate_import;
mod graph;
mod import_error;
mod layer;
mod memory_layout;
mod network;
mod qdq_import;
mod step;
#[cfg(test)]
mod tests;

pub use network::QuantizedNetwork;
pub use step::LayerInfo;
