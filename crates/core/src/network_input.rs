//! How pixels are given to a network.

use serde::{Deserialize, Serialize};

/// The largest file that a bundle may have, bytes.
pub const MAX_FILE: u64 = 256 << 20;

/// The network's input. A pixel `p` (0 to 255) becomes `(p - mean) / divisor`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The input's name in the file.
    pub name: String,
    /// Batch, channels, height, width; 0 where any size goes.
    pub shape: [usize; 4],
    /// `RGB` or `BGR`.
    pub channels: String,
    /// What is subtracted from each pixel.
    pub mean: f32,
    /// What each pixel is divided by after that; above 0.
    pub divisor: f32,
}

impl Input {
    /// The largest side of a picture that a network is made for, pixels.
    const MAX_SIDE: usize = 4096;
    /// The largest batch.
    const MAX_BATCH: usize = 1024;

    /// Whether pixels can be fed so, or why not.
    ///
    /// # Errors
    /// What cannot be, in words.
    pub fn check(&self) -> Result<(), String> {
        let Self { shape, channels, mean, divisor, .. } = self;
        let [batch, planes, height, width] = *shape;
        // Any height and any width, or a picture of one size.
        let sized = (height == 0) == (width == 0) && height.max(width) <= Self::MAX_SIDE;
        if planes != 3 || batch > Self::MAX_BATCH || !sized {
            return Err(format!("its input shape {shape:?} is not a batch of pictures with 3 channels"));
        }
        if !["RGB", "BGR"].contains(&channels.as_str()) {
            return Err(format!("its channels are {channels:?}, neither \"RGB\" nor \"BGR\""));
        }
        if !(mean.is_finite() && divisor.is_normal() && *divisor > 0.0) {
            return Err(format!("its input cannot be normalized: mean {mean}, divisor {divisor}"));
        }
        Ok(())
    }
}
