//! What a model file may ask for, checked before it gets any of it.
//!
//! A file whose hash is the manifest's can still be made to exhaust memory or time. Three checks, each before the work
//! that it is about: [`wire`] walks the file's bytes before they are decoded, [`tensors`] compares each tensor's shape
//! with its data, [`shapes`] computes the shape of every value for one input before an engine sees the graph. Only sizes
//! are checked here: whether shapes agree with each other is for the engines, which report that in their own words.

mod fact;
mod rules;
mod shapes;
mod tensors;
#[cfg(test)]
mod tests;
mod wire;

pub use shapes::check as check_shapes;
pub use tensors::check as check_tensors;
pub use wire::check as check_bytes;

/// The most nodes of a graph.
const MAX_NODES: usize = 10_000;
/// The most dimensions of a tensor.
const MAX_RANK: usize = 8;
/// The most numbers of a tensor in the file.
const MAX_CONSTANT: u64 = 1 << 28;

/// What a file asks for that it does not get.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {why}")]
pub struct LimitError {
    /// The node, tensor or part of the file.
    place: String,
    why: String,
}

impl LimitError {
    fn new(place: impl Into<String>, why: impl Into<String>) -> Self {
        Self { place: place.into(), why: why.into() }
    }
}

/// How many numbers a tensor of this shape has; more than there can be is as many as there can be.
fn elements(shape: &[u64]) -> u64 {
    shape.iter().fold(1, |product, dim| product.saturating_mul(*dim))
}
