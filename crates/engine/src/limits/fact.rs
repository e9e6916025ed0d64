//! What the checks know about a value of the graph.

/// The knowledge about a value before the network runs.
#[derive(Debug, Clone, Default)]
pub struct Fact {
    /// The shape.
    pub shape: Vec<u64>,
    /// The elements, if they are few and do not depend on the pixels: shapes, axes, scales.
    pub known: Option<Vec<f64>>,
    /// Whether the value does not depend on the pixels. Engines compute such a value when they load the network, and keep
    /// it.
    pub constant: bool,
}
