//! One picture from a source.

use std::fmt;
use std::time::Duration;

/// A picture as packed 8-bit RGB, rows top to bottom, no padding, with the time it was taken.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Frame {
    width: u32,
    height: u32,
    /// When it was taken: for live sources the monotonic clock's time, for recorded ones the position.
    pub time: Duration,
    /// Counts the source's frames from 0; a gap means dropped frames.
    pub sequence: u64,
    rgb: Vec<u8>,
}

/// Shows everything but the picture: who is in it is nobody's business in a log.
impl fmt::Debug for Frame {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { width, height, time, sequence, rgb: _ } = self;
        write!(formatter, "Frame {{ {width}x{height}, number {sequence}, at {time:?} }}")
    }
}

impl Frame {
    /// A frame from packed RGB; `None` unless `rgb` holds exactly `width * height * 3` bytes.
    pub fn from_rgb(width: u32, height: u32, rgb: Vec<u8>) -> Option<Self> {
        (rgb.len() as u128 == u128::from(width) * u128::from(height) * 3).then_some(Self {
            width,
            height,
            rgb,
            ..Self::default()
        })
    }

    /// Pixels in a row.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Packed RGB, `width * height * 3` bytes.
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// Packed RGB to write into.
    pub fn rgb_mut(&mut self) -> &mut [u8] {
        &mut self.rgb
    }

    /// Gives the frame this size, keeping its buffer; allocates only when the frame grows beyond any size
    /// it had. The pixels are then unspecified.
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
    fn a_frame_is_exactly_as_long_as_its_size_says() {
        assert!(Frame::from_rgb(2, 2, vec![0; 12]).is_some());
        assert!(Frame::from_rgb(2, 2, vec![0; 11]).is_none());
        assert!(Frame::from_rgb(u32::MAX, u32::MAX, Vec::new()).is_none());
    }

    #[test]
    fn a_picture_is_never_printed() {
        let frame = Frame::from_rgb(1, 1, vec![201, 202, 203]).unwrap();
        assert_eq!(format!("{frame:?}"), "Frame { 1x1, number 0, at 0ns }");
    }

    #[test]
    fn a_frame_that_shrinks_and_grows_back_keeps_its_buffer() {
        let mut frame = Frame::from_rgb(4, 4, vec![0; 48]).unwrap();
        let address = frame.rgb().as_ptr();
        frame.reshape(2, 3);
        assert_eq!(frame.rgb().len(), 18);
        frame.reshape(4, 4);
        assert_eq!((frame.rgb().len(), frame.rgb().as_ptr()), (48, address));
    }
}
