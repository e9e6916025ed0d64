//! The aligned face that the embedder looks at.

/// A face aligned to the ArcFace template: 112x112 packed RGB, on the heap so that it moves cheaply.
#[derive(Clone, PartialEq, Eq)]
pub struct Crop(Box<[u8; Crop::BYTES]>);

impl Crop {
    /// Pixels a side.
    pub const SIDE: usize = 112;
    /// Bytes of packed RGB.
    pub const BYTES: usize = Self::SIDE * Self::SIDE * 3;

    /// A crop from packed RGB; `None` unless there are exactly [`Crop::BYTES`].
    pub fn from_rgb(rgb: &[u8]) -> Option<Self> {
        let mut crop = Self::default();
        (rgb.len() == Self::BYTES).then(|| crop.0.copy_from_slice(rgb))?;
        Some(crop)
    }

    /// A picture of nothing, the same on every machine: rings that grow finer outwards, other ones in each color. What
    /// a model makes of it is known beforehand.
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

    /// Writes the mirror image, packed RGB.
    pub fn mirror_into(&self, pixels: &mut [u8]) {
        const ROW: usize = Crop::SIDE * 3;
        for (row, pixels) in pixels.chunks_exact_mut(ROW).zip(self.rgb().chunks_exact(ROW)) {
            let pixels = pixels.as_chunks::<3>().0.iter().rev();
            row.as_chunks_mut().0.iter_mut().zip(pixels).for_each(|(target, pixel)| *target = *pixel);
        }
    }

    /// Packed RGB to write into.
    pub fn rgb_mut(&mut self) -> &mut [u8; Self::BYTES] {
        &mut self.0
    }
}

impl Default for Crop {
    fn default() -> Self {
        Self(Box::new([0; Self::BYTES]))
    }
}

/// Crops are faces: never printed.
impl std::fmt::Debug for Crop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Crop(112x112)")
    }
}
