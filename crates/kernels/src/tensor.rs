//! The memory layout of activations, and windows that move over them.

/// The layout of a batch of feature maps: NHWC, with a border around each map that the padding of the next layer reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tensor {
    /// Number of images in the batch.
    pub images: usize,
    /// Height of a map, pixels.
    pub height: usize,
    /// Width of a map, pixels.
    pub width: usize,
    /// Number of channels.
    pub channels: usize,
    /// Values from one pixel to the next: at least `channels`; a multiple of 4 for the input of the first layer, a multiple
    /// of [`Tensor::LANES`] for the output of a layer. Values beyond the channels are multiplied by 0.
    pub pitch: usize,
    /// Width of the border above, left, below and right of each map, pixels.
    pub border: [usize; 4],
}

impl Tensor {
    /// Layers round the number of their output channels up to a multiple of this.
    pub const LANES: usize = 16;

    /// The layout of the output of a layer, without a border.
    pub fn new(images: usize, height: usize, width: usize, channels: usize) -> Self {
        let pitch = channels.next_multiple_of(Self::LANES);
        Self { images, height, width, channels, pitch, border: [0; 4] }
    }

    /// Number of values of a row, including its border.
    pub fn row_len(&self) -> usize {
        (self.border[1] + self.width + self.border[3]) * self.pitch
    }

    /// Number of values of an image, including its border.
    pub fn image_len(&self) -> usize {
        (self.border[0] + self.height + self.border[2]) * self.row_len()
    }

    /// Number of values of the whole batch.
    pub fn len(&self) -> usize {
        self.images * self.image_len()
    }

    /// Number of bytes that the input of a layer must have: kernels read whole registers, and so bytes after the last value. They
    /// multiply them by 0.
    pub fn buffer_len(&self) -> usize {
        self.len() + Self::LANES
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Offset of the first value of a pixel. `row` and `column` count from the top left corner of the border.
    pub fn padded_offset(&self, image: usize, row: usize, column: usize) -> usize {
        image * self.image_len() + row * self.row_len() + column * self.pitch
    }

    /// Offset of the first value of a pixel. `row` and `column` count from the top left corner of the map, without the border.
    pub fn pixel_offset(&self, image: usize, row: usize, column: usize) -> usize {
        self.padded_offset(image, row + self.border[0], column + self.border[1])
    }

    /// Number of rows of all images together, without borders. Threads divide them.
    pub fn total_rows(&self) -> usize {
        self.images * self.height
    }

    /// Offset of a row, including its border. Rows are counted over all images.
    pub fn row_start(&self, row: usize) -> usize {
        self.padded_offset(row / self.height, row % self.height + self.border[0], 0)
    }

    /// Number of values from the beginning of the first of these rows to the end of the last one.
    pub fn span(&self, rows: std::ops::Range<usize>) -> usize {
        if rows.is_empty() {
            0
        } else {
            self.row_start(rows.end - 1) + self.row_len() - self.row_start(rows.start)
        }
    }

    /// Fills the border of every image with the pixel `edge`.
    ///
    /// # Panics
    ///
    /// If `values` is shorter than the layout, or the length of `edge` is not the pitch.
    pub fn fill_border(&self, values: &mut [u8], edge: &[u8]) {
        assert_eq!(edge.len(), self.pitch, "the pixel must have the length of the pitch");
        let [top, left, bottom, right] = self.border;
        if self.border == [0; 4] {
            return;
        }
        let is_uniform = edge.iter().all(|value| *value == edge[0]);
        let fill = |pixels: &mut [u8]| {
            if is_uniform {
                pixels.fill(edge[0]);
            } else {
                pixels.chunks_exact_mut(self.pitch).for_each(|pixel| pixel.copy_from_slice(edge));
            }
        };
        for image in 0..self.images {
            let first = self.padded_offset(image, 0, 0);
            fill(&mut values[first..][..top * self.row_len()]);
            for row in 0..self.height {
                let begin = self.padded_offset(image, top + row, 0);
                fill(&mut values[begin..][..left * self.pitch]);
                let end = begin + (left + self.width) * self.pitch;
                fill(&mut values[end..][..right * self.pitch]);
            }
            fill(&mut values[self.padded_offset(image, top + self.height, 0)..][..bottom * self.row_len()]);
        }
    }
}

/// A window that moves over a feature map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Size: rows and columns.
    pub kernel: [usize; 2],
    /// Step to the next position, pixels: vertical and horizontal.
    pub stride: [usize; 2],
    /// Extension beyond the map, pixels: above, left, below, right.
    pub padding: [usize; 4],
}

impl Window {
    /// A window of one pixel.
    pub const POINT: Self = Self { kernel: [1, 1], stride: [1, 1], padding: [0; 4] };

    /// Number of positions on a map of this height and width: rows and columns of the output.
    pub fn output_size(&self, height: usize, width: usize) -> [usize; 2] {
        let along = |size: usize, axis: usize| {
            let padded = size + self.padding[axis] + self.padding[axis + 2];
            padded.checked_sub(self.kernel[axis]).map_or(0, |range| range / self.stride[axis] + 1)
        };
        [along(height, 0), along(width, 1)]
    }

    /// Offset of the window of the first pixel of an output row.
    pub(crate) fn corner(&self, from: &Tensor, image: usize, row: usize) -> usize {
        let [top, left, ..] = from.border;
        from.padded_offset(image, row * self.stride[0] + top - self.padding[0], left - self.padding[1])
    }

    /// Asserts that the output has one pixel for each position of the window, and that all positions are inside the input and
    /// its border.
    pub(crate) fn check(&self, from: &Tensor, to: &Tensor) {
        assert_eq!(
            [to.height, to.width],
            self.output_size(from.height, from.width),
            "the output must have one pixel for each position of the window"
        );
        let is_covered = from.border.iter().zip(&self.padding).all(|(border, padding)| border >= padding);
        assert!(is_covered, "the border must be as wide as the padding");
        assert!(from.images == to.images, "input and output must have the same number of images");
    }
}
