//! What the checks know of a value.

/// What is known of a value before the network runs.
#[derive(Debug, Clone, Default)]
pub struct Fact {
    pub shape: Vec<u64>,
    /// Its numbers, where they are few and do not depend on the pixels: shapes, axes, scales.
    pub known: Option<Vec<f64>>,
    /// Whether it depends on no pixel, so that engines compute it as they load the network, and keep it.
    pub constant: bool,
}
