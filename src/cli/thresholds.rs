//! The thresholds of the commands that compare faces: the same as those of a running door.

use ostiary_config::Config;
use ostiary_pipeline::{FaceEncoder, Thresholds};

/// The thresholds for `door.fpir`. If the models do not support the rate, they are the strictest, with a warning on standard
/// error.
pub fn thresholds(encoder: &FaceEncoder, config: &Config) -> Thresholds {
    let (thresholds, error) = encoder.thresholds(config.door.fpir);
    if let Some(error) = error {
        eprintln!("warning: {error}; until then the strictest thresholds are used");
    }
    thresholds
}
