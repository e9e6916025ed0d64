//! One picture of a frame source.

use std::fmt;
use std::time::Duration;

/// A picture as packed 8-bit RGB, rows top to bottom, no padding, with its capture time.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Frame {
    width: u32,
    height: u32,
    /// Capture time: time of the monotonic clock for a live source, position in the recording for others.
    pub time: Duration,
    /// Frame number of the source, from 0; a gap means dropped frames.
    pub sequence: u64,
    rgb: Vec<u8>,
}

/// Prints everything but the pixels: a picture can show a face, and logs hold no faces.
impl fmt::Debug for Frame {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { width, height, time, sequence, rgb: _ } = self;
        write!(formatter, "Frame {{ {width}x{height}, number {sequence}, at {time:?} }}")
    }
}

impl Frame {
    /// Makes a frame of packed RGB; `None` unless `rgb` holds exactly `width * height * 3` bytes.
    pub fn from_rgb(width: u32, height: u32, rgb: Vec<u8>) -> Option<Self> {
        (rgb.len() as u128 == u128::from(width) * u128::from(height) * 3).then_some(Self {
            width,
            height,
            rgb,
            ..Self::default()
        })
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Packed RGB, `width * height * 3` bytes.
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// Packed RGB, writable.
    pub fn rgb_mut(&mut self) -> &mut [u8] {
        &mut self.rgb
    }

    /// Changes the size, in pixels, and keeps the buffer: allocates only if the frame becomes larger than ever before.
    /// The pixels are unspecified afterwards.
    pub fn reshape(&mut self, width: u32, height: u32) {
        self.width = width;
        self.height = height;
        self.rgb.resize(width as usize * height as usize * 3, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_rgb_requires_exactly_the_bytes_of_the_size() {
        assert!(Frame::from_rgb(2, 2, vec![0; 12]).is_some());
        assert!(Frame::from_rgb(2, 2, vec![0; 11]).is_none());
        assert!(Frame::from_rgb(u32::MAX, u32::MAX, Vec::new()).is_none());
    }

    #[test]
    fn debug_output_has_no_pixels() {
        let frame = Frame::from_rgb(1, 1, vec![201, 202, 203]).unwrap();
        assert_eq!(format!("{frame:?}"), "Frame { 1x1, number 0, at 0ns }");
    }

    #[test]
    fn reshape_keeps_the_buffer() {
        let mut frame = Frame::from_rgb(4, 4, vec![0; 48]).unwrap();
        let address = frame.rgb().as_ptr();
        frame.reshape(2, 3);
        assert_eq!(frame.rgb().len(), 18);
        frame.reshape(4, 4);
        assert_eq!((frame.rgb().len(), frame.rgb().as_ptr()), (48, address));
    }
}
