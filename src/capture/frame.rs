//! One picture from a source.

use std::time::Duration;

/// A picture as packed 8-bit RGB, rows top to bottom, no padding, with the time it was taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frame {
    width: u32,
    height: u32,
    /// When it was taken: for live sources the monotonic clock's time, for recorded ones the position.
    pub time: Duration,
    /// Counts the source's frames from 0; a gap means dropped frames.
    pub sequence: u64,
    rgb: Vec<u8>,
}

impl Frame {
    /// A frame from packed RGB; `None` unless `rgb` holds exactly `width * height * 3` bytes.
    pub fn from_rgb(width: u32, height: u32, rgb: Vec<u8>) -> Option<Self> {
        (rgb.len() == width as usize * height as usize * 3).then_some(Self {
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
