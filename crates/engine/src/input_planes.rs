//! Converts packed pixels to planes (NCHW), the input layout of most ONNX files.

#![expect(clippy::indexing_slicing, reason = "a picture has three planes, as many as a pixel has channels")]

use ostiary_core::{ChannelOrder, NetworkInput};

/// Fills `planes` (NCHW: a batch of pictures of `plane` pixels each) from packed RGB, in the channel order of the file.
/// `value` converts one channel of a pixel.
pub fn to_planes<T>(
    pixels: &[u8],
    input: &NetworkInput,
    plane: usize,
    planes: &mut [T],
    value: impl Fn(u8) -> T,
) {
    let plane = plane.max(1);
    let reversed = input.channels == ChannelOrder::Bgr;
    for (picture, planes) in pixels.chunks_exact(plane * 3).zip(planes.chunks_exact_mut(plane * 3)) {
        for (channel, plane) in planes.chunks_exact_mut(plane).enumerate() {
            let channel = if reversed { 2 - channel } else { channel };
            for (target, pixel) in plane.iter_mut().zip(picture.as_chunks::<3>().0) {
                *target = value(pixel[channel]);
            }
        }
    }
}

/// The normalization of a channel of a pixel, for files that take floats.
pub fn normalize(input: &NetworkInput) -> impl Fn(u8) -> f32 {
    let (mean, scale) = (input.mean, 1.0 / input.divisor);
    move |pixel| (f32::from(pixel) - mean) * scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_have_the_channel_order_of_the_file() {
        let mut input = NetworkInput {
            name: "input".into(),
            shape: [0; 4],
            channels: ChannelOrder::Rgb,
            mean: 2.0,
            divisor: 2.0,
        };
        let pixels = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        let mut output = [0; 12];
        to_planes(&pixels, &input, 2, &mut output, |pixel| pixel);
        assert_eq!(output, [1, 4, 2, 5, 3, 6, 7, 10, 8, 11, 9, 12]);
        input.channels = ChannelOrder::Bgr;
        let mut output = [0.0; 12];
        to_planes(&pixels, &input, 2, &mut output, normalize(&input));
        assert_eq!(output[..6], [0.5, 2.0, 0.0, 1.5, -0.5, 1.0]);
    }
}
