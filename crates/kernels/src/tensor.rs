//! Where an activation's pixels lie in memory.

/// The layout of a batch of feature maps: image after image, row after row, pixel after pixel, the channels of a
/// pixel together. Around each map lies a border, which the consumer's padding looks into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tensor {
    pub images: usize,
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    /// Values from one pixel to the next: at least `channels`, a multiple of 4 for a first layer's input, of
    /// [`Tensor::LANES`] for what a layer gives. What lies beyond the channels is multiplied with 0.
    pub pitch: usize,
    /// Pixels of border above, left, below and right of each map.
    pub border: [usize; 4],
}

impl Tensor {
    /// What layers round the channels of their outputs up to.
    pub const LANES: usize = 16;

    /// The layout of a layer's output without a border.
    pub fn new(images: usize, height: usize, width: usize, channels: usize) -> Self {
        let pitch = channels.next_multiple_of(Self::LANES);
        Self { images, height, width, channels, pitch, border: [0; 4] }
    }

    /// Values of a row, its border included.
    pub fn row(&self) -> usize {
        (self.border[1] + self.width + self.border[3]) * self.pitch
    }

    /// Values of an image, its border included.
    pub fn image(&self) -> usize {
        (self.border[0] + self.height + self.border[2]) * self.row()
    }

    /// Values of the whole batch.
    pub fn len(&self) -> usize {
        self.images * self.image()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where a pixel's first value lies; `row` and `column` count from the border's corner.
    pub fn at(&self, image: usize, row: usize, column: usize) -> usize {
        image * self.image() + row * self.row() + column * self.pitch
    }

    /// Where the first value of a map's own pixel lies.
    pub fn pixel(&self, image: usize, row: usize, column: usize) -> usize {
        self.at(image, row + self.border[0], column + self.border[1])
    }

    /// Rows of all images together: what threads divide among them.
    pub fn rows(&self) -> usize {
        self.images * self.height
    }

    /// Where a row's memory begins, its border included; rows are counted over all images.
    pub fn row_start(&self, row: usize) -> usize {
        self.at(row / self.height, row % self.height + self.border[0], 0)
    }

    /// Values from the first of these rows to the end of the last.
    pub fn span(&self, rows: std::ops::Range<usize>) -> usize {
        if rows.is_empty() {
            0
        } else {
            self.row_start(rows.end - 1) + self.row() - self.row_start(rows.start)
        }
    }

    /// Fills the border of every image with one value a channel.
    ///
    /// # Panics
    ///
    /// If `values` is shorter than the layout, or `edge` is not one value for each of the pitch's.
    pub fn fill_border(&self, values: &mut [u8], edge: &[u8]) {
        assert_eq!(edge.len(), self.pitch, "one value a channel");
        let [top, left, bottom, right] = self.border;
        if self.border == [0; 4] {
            return;
        }
        let fill = |pixels: &mut [u8]| {
            if edge.iter().all(|value| *value == edge[0]) {
                pixels.fill(edge[0]);
            } else {
                pixels.chunks_exact_mut(self.pitch).for_each(|pixel| pixel.copy_from_slice(edge));
            }
        };
        for image in 0..self.images {
            let first = self.at(image, 0, 0);
            fill(&mut values[first..][..top * self.row()]);
            for row in 0..self.height {
                let begin = self.at(image, top + row, 0);
                fill(&mut values[begin..][..left * self.pitch]);
                let end = begin + (left + self.width) * self.pitch;
                fill(&mut values[end..][..right * self.pitch]);
            }
            fill(&mut values[self.at(image, top + self.height, 0)..][..bottom * self.row()]);
        }
    }
}

/// A window that slides over a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Rows and columns.
    pub kernel: [usize; 2],
    /// Pixels from one place of the window to the next, down and across.
    pub stride: [usize; 2],
    /// Pixels that it reaches beyond the map: above, left, below, right.
    pub padding: [usize; 4],
}

impl Window {
    /// A window of one pixel.
    pub const POINT: Self = Self { kernel: [1, 1], stride: [1, 1], padding: [0; 4] };

    /// How many places it has on a map of this height and width: rows and columns.
    pub fn places(&self, height: usize, width: usize) -> [usize; 2] {
        let along = |size: usize, axis: usize| {
            let padded = size + self.padding[axis] + self.padding[axis + 2];
            padded.checked_sub(self.kernel[axis]).map_or(0, |room| room / self.stride[axis] + 1)
        };
        [along(height, 0), along(width, 1)]
    }

    /// Where the window of an output row's first pixel begins.
    pub(crate) fn corner(&self, from: &Tensor, image: usize, row: usize) -> usize {
        let [top, left, ..] = from.border;
        from.at(image, row * self.stride[0] + top - self.padding[0], left - self.padding[1])
    }

    /// Panics unless every place of the window on `from`, for which `to` has a pixel, lies in memory.
    pub(crate) fn check(&self, from: &Tensor, to: &Tensor) {
        assert_eq!([to.height, to.width], self.places(from.height, from.width), "the window's places");
        let reaches = from.border.iter().zip(&self.padding).all(|(border, padding)| border >= padding);
        assert!(reaches, "a border as wide as the padding");
        assert!(from.images == to.images, "as many images");
    }
}
