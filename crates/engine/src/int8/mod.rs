//! Quantized networks on kernels of our own: from the QuantizeLinear and DequantizeLinear of an ONNX file to a
//! program of layers that stay in bytes from one to the next.
//!
//! What comes in: a parsed file ([`QuantizedNetwork::new`]). The graph is recognized ([`recognize`]) as layers on
//! grids ([`layer`]), and those are bound to an instruction set and to memory ([`program`]). What goes out: a
//! [`Network`](super::Network) that allocates nothing while it runs.

mod execution_plan;
mod graph;
mod layer;
mod network;
mod qdq_import;
#[cfg(test)]
mod tests;

pub use execution_plan::LayerInfo;
pub use network::QuantizedNetwork;
