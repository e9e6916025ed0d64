//! The record of a visit: what a decision about a face rests on, as the event store keeps it. It never leaves the device: it is no
//! part of the event's JSON.

use ostiary_access::VisitRecord;
use serde::{Deserialize, Serialize};

/// What a decision rests on, and what its thresholds follow from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Visit {
    /// The moments and the rules.
    pub record: VisitRecord,
    /// Number of people who were enrolled.
    pub people: u32,
    /// The rate that the thresholds keep (`door.fpir`); `None` if the calibration of the model does not
    /// support `door.fpir`, or is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fpir: Option<f64>,
}
