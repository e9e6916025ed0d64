//! A synthetic picture, for benchmarks without a given picture.

/// Packed RGB of `width` x `height` pixels: smooth waves with a little noise, without a face. The same on every call.
pub fn picture(width: u32, height: u32) -> Vec<u8> {
    let mut noise = 1u32;
    let mut rgb = Vec::with_capacity(width as usize * height as usize * 3);
    for y in 0..height {
        for x in 0..width {
            for channel in 0..3 {
                // The linear congruential generator of Numerical Recipes. Only its upper bits are random enough.
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let phase = channel as f32 + x as f32 / 23.0;
                let wave = phase.sin() + (y as f32 / 31.0 - phase / 5.0).cos();
                rgb.push((128.0 + wave * 50.0 + (noise >> 28) as f32) as u8);
            }
        }
    }
    rgb
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_is_not_uniform_and_always_the_same() {
        let picture = picture(64, 48);
        assert_eq!(picture.len(), 64 * 48 * 3);
        assert_eq!(picture, super::picture(64, 48));
        let (least, greatest) = (picture.iter().min().unwrap(), picture.iter().max().unwrap());
        assert!(greatest - least > 100);
    }
}
