//! ONNX files: graphs are written node by node ([`graph`]), and read in fewer words than exporters write ([`tidy()`]).

pub mod graph;
mod read;
mod tidy;

pub use read::{Constant, attribute, constant, input_shape, named};
pub use tidy::tidy;
