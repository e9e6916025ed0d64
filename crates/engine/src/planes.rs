//! From packed pixels to what most ONNX files want: a plane for each channel.

use ostiary_core::Input;

/// Fills `planes` (NCHW, a batch of pictures of `plane` pixels each) from packed RGB, in the order of channels
/// that the file wants.
pub fn planes<T>(pixels: &[u8], input: &Input, plane: usize, planes: &mut [T], value: impl Fn(u8) -> T) {
    let plane = plane.max(1);
    let reversed = input.channels == "BGR";
    for (picture, planes) in pixels.chunks_exact(plane * 3).zip(planes.chunks_exact_mut(plane * 3)) {
        for (channel, plane) in planes.chunks_exact_mut(plane).enumerate() {
            let channel = if reversed { 2 - channel } else { channel };
            for (target, pixel) in plane.iter_mut().zip(picture.as_chunks::<3>().0) {
                *target = value(pixel[channel]);
            }
        }
    }
}

/// A pixel as the file wants it, where it wants floats.
pub fn normalize(input: &Input) -> impl Fn(u8) -> f32 {
    let (mean, scale) = (input.mean, 1.0 / input.divisor);
    move |pixel| (f32::from(pixel) - mean) * scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_become_planes_in_the_order_that_the_file_wants() {
        let mut input =
            Input { name: "input".into(), shape: [0; 4], channels: "RGB".into(), mean: 2.0, divisor: 2.0 };
        let pixels = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        let mut made = [0; 12];
        planes(&pixels, &input, 2, &mut made, |pixel| pixel);
        assert_eq!(made, [1, 4, 2, 5, 3, 6, 7, 10, 8, 11, 9, 12]);
        input.channels = "BGR".into();
        let mut made = [0.0; 12];
        planes(&pixels, &input, 2, &mut made, normalize(&input));
        assert_eq!(made[..6], [0.5, 2.0, 0.0, 1.5, -0.5, 1.0]);
    }
}
