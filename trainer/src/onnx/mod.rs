//! ONNX files. Graphs are written node by node ([`graph`]), and simplified when they are read ([`simplify()`]).

pub mod graph;
mod read;
mod simplify;

pub use read::{Constant, attribute, constant, input, input_shape, node_label, output};
pub use simplify::simplify;
