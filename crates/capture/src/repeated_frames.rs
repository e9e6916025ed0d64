//! Finds frames that repeat the frame before, byte for byte: a camera that is frozen, or a replay of one picture.

use std::time::Duration;

use ostiary_core::Frame;

/// For how long the frames of a camera of this board may be equal, byte for byte.
pub const CAMERA_FROZEN_AFTER: Duration = Duration::from_secs(2);

/// What a frame is, compared with those before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repetition {
    /// The frame differs from the one before.
    New,
    /// The frame is the same as the one before.
    Repeated,
    /// All frames since this time or longer are the same: the camera is frozen.
    Frozen(Duration),
}

/// Compares each frame of a camera with the one before, by a hash of its pixels. A sensor has noise, so that two frames of a
/// camera are never equal.
#[derive(Debug, Clone, Default)]
pub struct RepeatedFrames {
    /// The hash of the latest frame, and the time of the first frame with it.
    latest: Option<(u64, Duration)>,
}

impl RepeatedFrames {
    /// Compares a frame with the one before. The camera is frozen if all frames of the time `limit` are equal.
    pub fn observe(&mut self, frame: &Frame, limit: Duration) -> Repetition {
        let hash = hash(frame);
        match self.latest {
            Some((latest, since)) if latest == hash => {
                let repeated = frame.time.saturating_sub(since);
                if repeated >= limit { Repetition::Frozen(repeated) } else { Repetition::Repeated }
            }
            _ => {
                self.latest = Some((hash, frame.time));
                Repetition::New
            }
        }
    }
}

/// A hash of size and pixels. It is fast, and finds equal frames; it does not resist somebody who makes frames with equal
/// hashes, who could only stop the camera.
fn hash(frame: &Frame) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |state: u64, word: u64| (state ^ word).wrapping_mul(FACTOR).rotate_left(29);
    let size = u64::from(frame.width()) << 32 | u64::from(frame.height());
    // Four at a time, since each step waits for the one before.
    let mut states = [size, 1, 2, 3];
    let (blocks, rest) = frame.rgb().as_chunks::<32>();
    for block in blocks {
        for (state, word) in states.iter_mut().zip(block.as_chunks::<8>().0) {
            *state = mix(*state, u64::from_le_bytes(*word));
        }
    }
    let all = states.into_iter().fold(0, mix);
    rest.iter().fold(all, |state, byte| mix(state, u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(2);

    fn frame(ms: u64, pixels: Vec<u8>) -> Frame {
        let width = pixels.len() as u32 / 3;
        let mut frame = Frame::from_rgb(width, 1, pixels).unwrap();
        frame.time = Duration::from_millis(ms);
        frame
    }

    #[test]
    fn equal_frames_are_repeated_and_then_frozen_until_one_differs() {
        let mut repeated = RepeatedFrames::default();
        let mut show = |ms, level| repeated.observe(&frame(ms, vec![level; 300]), LIMIT);
        assert_eq!(show(1000, 7), Repetition::New);
        assert_eq!(show(1033, 7), Repetition::Repeated);
        assert_eq!(show(2999, 7), Repetition::Repeated);
        assert_eq!(show(3000, 7), Repetition::Frozen(LIMIT));
        assert_eq!(show(9000, 7), Repetition::Frozen(Duration::from_secs(8)));
        assert_eq!(show(9033, 8), Repetition::New);
        assert_eq!(show(9066, 7), Repetition::New);
        assert_eq!(show(9100, 7), Repetition::Repeated);
    }

    #[test]
    fn each_byte_and_the_size_count() {
        let pixels: Vec<u8> = (0..300).map(|n| (n % 251) as u8).collect();
        let same = hash(&frame(0, pixels.clone()));
        assert_eq!(hash(&frame(50, pixels.clone())), same);
        for changed in 0..pixels.len() {
            let mut pixels = pixels.clone();
            pixels[changed] ^= 1;
            assert_ne!(hash(&frame(0, pixels)), same, "byte {changed}");
        }
        assert_ne!(hash(&Frame::from_rgb(50, 2, pixels).unwrap()), same);
    }
}
