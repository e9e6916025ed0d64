//! How pixels are given to a network.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The largest file that a bundle may have, bytes.
pub const MAX_FILE: u64 = 256 << 20;

/// The network's input. A pixel `p` (0 to 255) becomes `(p - mean) / divisor`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkInput {
    /// The input's name in the file.
    pub name: String,
    /// Batch, channels, height, width; 0 stands for any size.
    pub shape: [usize; 4],
    /// The order of the color channels.
    pub channels: ChannelOrder,
    /// What is subtracted from each pixel.
    pub mean: f32,
    /// What each pixel is divided by after that; above 0.
    pub divisor: f32,
}

/// The order of the color channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ChannelOrder {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
}

/// Why a [`NetworkInput`] is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InputError {
    /// The network does not take color pictures of one size or of any size.
    #[error("its input shape {0:?} is not a batch of pictures with 3 channels")]
    Shape([usize; 4]),
    /// The numbers of the normalization are not finite, or the divisor is not above 0.
    #[error("its input cannot be normalized: mean {mean}, divisor {divisor}")]
    Normalization {
        /// What is subtracted.
        mean: f32,
        /// What is divided by.
        divisor: f32,
    },
}

/// A text that names no [`ChannelOrder`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an order of color channels; it is RGB or BGR")]
pub struct UnknownChannelOrder(pub String);

impl NetworkInput {
    /// The largest side of a picture that a network is made for, pixels.
    const MAX_SIDE: usize = 4096;
    /// The largest batch.
    const MAX_BATCH: usize = 1024;

    /// Checks that the program can give pixels to such an input.
    ///
    /// # Errors
    /// If the shape is not one of color pictures, or the normalization is not one of finite numbers.
    pub fn check(&self) -> Result<(), InputError> {
        let Self { shape, mean, divisor, .. } = *self;
        let [batch, planes, height, width] = shape;
        // Any height and any width, or a picture of one size.
        let sized = (height == 0) == (width == 0) && height.max(width) <= Self::MAX_SIDE;
        if planes != 3 || batch > Self::MAX_BATCH || !sized {
            return Err(InputError::Shape(shape));
        }
        if !(mean.is_finite() && divisor.is_normal() && divisor > 0.0) {
            return Err(InputError::Normalization { mean, divisor });
        }
        Ok(())
    }
}

/// As a manifest has it.
impl fmt::Display for ChannelOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// Parses what [`ChannelOrder`] prints.
impl FromStr for ChannelOrder {
    type Err = UnknownChannelOrder;

    fn from_str(text: &str) -> Result<Self, UnknownChannelOrder> {
        match text {
            "RGB" => Ok(Self::Rgb),
            "BGR" => Ok(Self::Bgr),
            _ => Err(UnknownChannelOrder(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_prints_what_it_parses_and_another_is_refused_with_the_two_that_there_are() {
        for order in [ChannelOrder::Rgb, ChannelOrder::Bgr] {
            assert_eq!(order.to_string().parse(), Ok(order));
        }
        let error = "rgb".parse::<ChannelOrder>().unwrap_err().to_string();
        assert!(error.contains("\"rgb\"") && error.contains("RGB or BGR"), "{error}");
    }
}
