//! What the event of a decision has besides the decision.

use ostiary_core::ModelId;

/// What is known of a decision about a face besides itself.
#[derive(Debug, Clone, PartialEq)]
pub struct DecisionDetails {
    /// The name of the person in the decision.
    pub person: Option<String>,
    /// More about the reason.
    pub detail: Option<String>,
    /// The embedding model.
    pub model: ModelId,
    /// Number of people who are enrolled.
    pub people: u32,
    /// The rate that the thresholds keep (`door.fpir`); `None` if the calibration of the model does not
    /// support `door.fpir`, or is missing.
    pub fpir: Option<f64>,
}
