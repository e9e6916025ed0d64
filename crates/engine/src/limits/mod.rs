//! Limits of memory and time for a model file, checked before the file can use them.
//!
//! A file whose hash is in a signed manifest can still be crafted to exhaust memory or time. There are three checks, each
//! before the work that it limits: [`wire`] walks over the bytes of the file before they are decoded, [`tensors`] compares
//! the shape of each tensor with its data, and [`shapes`] computes the shape of every value for one input before an engine
//! loads the graph. Only sizes are checked here. The engines check whether the shapes are consistent.

mod fact;
mod shape_inference;
mod shapes;
mod tensors;
#[cfg(test)]
mod tests;
mod wire;

pub use shapes::check as check_shapes;
pub use tensors::check as check_tensors;
pub use wire::check as check_bytes;

/// Maximum number of nodes of a graph.
const MAX_NODES: usize = 10_000;
/// Maximum number of dimensions of a tensor.
const MAX_RANK: usize = 8;
/// Maximum number of elements of a tensor in the file.
const MAX_CONSTANT: u64 = 1 << 28;

/// The limit that a file exceeds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {why}")]
pub struct LimitError {
    /// The node, tensor or part of the file.
    place: String,
    /// The reason.
    why: Refusal,
}

impl LimitError {
    fn new(place: impl Into<String>, why: impl Into<Refusal>) -> Self {
        Self { place: place.into(), why: why.into() }
    }
}

/// Why a node or a tensor is refused; [`LimitError`] adds its name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
struct Refusal(String);

impl From<String> for Refusal {
    fn from(why: String) -> Self {
        Self(why)
    }
}

impl From<&str> for Refusal {
    fn from(why: &str) -> Self {
        Self(why.to_owned())
    }
}

/// Number of elements of a tensor of this shape; `u64::MAX` if it is larger.
fn elements(shape: &[u64]) -> u64 {
    shape.iter().fold(1, |product, dim| product.saturating_mul(*dim))
}
