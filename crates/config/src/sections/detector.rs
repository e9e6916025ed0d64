//! `[detector]`

use crate::rule::{integer, thresholds};

section! {
    /// How faces are detected (MTCNN) and tracked.
    [detector] Detector {
        /// The smallest face that is detected, pixels. Half the size costs four times the work.
        min_face: u32 = 40 => integer(20, 4096).settable();
        /// The probability that a face needs to pass each of the three networks (P-Net, R-Net, O-Net).
        thresholds: [f32; 3] = [0.6, 0.5, 0.7] => thresholds();
        /// Detect new faces in every Nth frame; in the frames between, faces are tracked.
        every: u32 = 10 => integer(1, 1000);
    }
}
