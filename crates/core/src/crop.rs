//! The aligned face: input of the embedder.

/// A face aligned to the ArcFace template: 112x112 pixels of packed 8-bit RGB, rows top to bottom, on the heap.
#[derive(Clone, PartialEq, Eq)]
pub struct Crop(Box<[u8; Crop::BYTES]>);

impl Crop {
    /// Side in pixels.
    pub const SIDE: usize = 112;
    /// Size in bytes: packed RGB.
    pub const BYTES: usize = Self::SIDE * Self::SIDE * 3;

    /// Makes a crop of packed RGB; `None` unless `rgb` holds exactly [`Crop::BYTES`] bytes.
    pub fn from_rgb(rgb: &[u8]) -> Option<Self> {
        let mut crop = Self::default();
        (rgb.len() == Self::BYTES).then(|| crop.0.copy_from_slice(rgb))?;
        Some(crop)
    }

    /// The test pattern: rings that become finer outwards, different in each color, identical on every host. A
    /// model's manifest holds its embedding (the golden embedding).
    pub fn pattern() -> Self {
        let mut crop = Self::default();
        for (index, value) in crop.0.iter_mut().enumerate() {
            let (x, y, color) = (index / 3 % Self::SIDE, index / 3 / Self::SIDE, index % 3);
            *value = ((x * x + 2 * y * y + (color + 1) * x * y) / 16 % 256) as u8;
        }
        crop
    }

    /// Packed RGB, rows top to bottom.
    pub fn rgb(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// Writes the horizontally mirrored crop into `pixels`: packed RGB, [`Crop::BYTES`] bytes.
    pub fn mirror_into(&self, pixels: &mut [u8]) {
        const ROW: usize = Crop::SIDE * 3;
        for (row, pixels) in pixels.chunks_exact_mut(ROW).zip(self.rgb().chunks_exact(ROW)) {
            let pixels = pixels.as_chunks::<3>().0.iter().rev();
            row.as_chunks_mut().0.iter_mut().zip(pixels).for_each(|(target, pixel)| *target = *pixel);
        }
    }

    /// Packed RGB, writable.
    pub fn rgb_mut(&mut self) -> &mut [u8; Self::BYTES] {
        &mut self.0
    }
}

impl Default for Crop {
    fn default() -> Self {
        Self(Box::new([0; Self::BYTES]))
    }
}

/// A crop is biometric data: the pixels are not printed.
impl std::fmt::Debug for Crop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Crop(112x112)")
    }
}
