//! What is wrong with the picture of a face, before it is embedded.

use ostiary_config::QualityLimits;
use ostiary_core::{Crop, Quality, QualityFault};
use ostiary_vision::{cover, is_cut_off};

/// The first fault of a face; `None` if it is good enough to be embedded. `share_outside` is the share of the aligned crop that lies
/// outside the frame ([`ostiary_vision::align()`]). Whether the head is upright is judged by the embedding
/// ([`ModelEntry::is_upright`](ostiary_models::ModelEntry::is_upright)).
pub fn face_fault(
    limits: &QualityLimits,
    quality: &Quality,
    share_outside: f32,
    crop: &Crop,
) -> Option<QualityFault> {
    // The landmarks of a face that is cut off are guesses, and so is its pose.
    if is_cut_off(share_outside) {
        return Some(QualityFault::CutOff);
    }
    limits.fault(quality).or_else(|| cover(crop))
}
