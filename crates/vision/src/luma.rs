//! The luma of a pixel.

/// Weights of red, green and blue (ITU-R BT.601).
const WEIGHTS: [f32; 3] = [0.299, 0.587, 0.114];

/// The luma of an RGB pixel, 0 to 255.
pub(super) fn luma(pixel: [u8; 3]) -> f32 {
    let [red, green, blue] = pixel.map(f32::from);
    WEIGHTS[0] * red + WEIGHTS[1] * green + WEIGHTS[2] * blue
}
