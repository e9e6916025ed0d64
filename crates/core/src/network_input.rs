//! How pixels are given to a network.

use serde::{Deserialize, Serialize};

/// The largest file that a bundle may have, bytes.
pub const MAX_FILE: u64 = 256 << 20;

/// The network's input. A pixel `p` (0 to 255) becomes `(p - mean) / divisor`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    pub name: String,
    /// Batch, channels, height, width; 0 where any size goes.
    pub shape: [usize; 4],
    /// `RGB` or `BGR`.
    pub channels: String,
    pub mean: f32,
    pub divisor: f32,
}
