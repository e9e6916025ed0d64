//! The first stage: P-Net, a window of 12x12 pixels that moves in steps of 2 pixels over a pyramid of shrunken frames.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use ostiary_core::{BBox, Frame};
use ostiary_engine::{Network, Onnx};

use super::Proposal;
use super::nms::{Overlap, suppress};
use crate::VisionError;

/// Scale from one level of the pyramid to the next: half the area.
const PYRAMID_FACTOR: f32 = 0.709;
/// Side of the window of P-Net, pixels of a level.
const WINDOW: f32 = 12.0;
/// Step of the window, pixels of a level.
const STRIDE: f32 = 2.0;
/// Largest overlap (IoU) of two windows of the same level.
const MAX_LEVEL_OVERLAP: f32 = 0.5;
/// Largest overlap (IoU) of two windows of different levels.
const MAX_PYRAMID_OVERLAP: f32 = 0.7;
/// Maximum number of networks that are kept, each prepared for one size of a level: enough for the pyramids of several sizes
/// of pictures.
const MAX_PREPARED: usize = 48;

/// P-Net with its buffers.
pub struct Proposer {
    onnx: Onnx,
    /// Side of the smallest face that is found, pixels.
    min_face: f32,
    resizer: Resizer,
    resize_options: ResizeOptions,
    /// Networks by the size of a level: width and height.
    prepared: Vec<([usize; 2], Box<dyn Network>)>,
    /// The shrunken frame, packed RGB.
    level: Vec<u8>,
    outputs: [Vec<f32>; 2],
    found: Vec<Proposal>,
}

impl Proposer {
    /// `min_face` is the side of the smallest face that is found, pixels; at least [`WINDOW`].
    ///
    /// # Errors
    /// The network does not have the outputs of P-Net.
    pub fn new(onnx: Onnx, min_face: f32) -> Result<Self, VisionError> {
        prepare(&onnx, [WINDOW as usize; 2])?;
        Ok(Self {
            onnx,
            min_face: min_face.max(WINDOW),
            resizer: Resizer::new(),
            resize_options: ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear)),
            prepared: Vec::new(),
            level: Vec::new(),
            outputs: Default::default(),
            found: Vec::new(),
        })
    }

    /// Fills `proposals` with boxes in pixels of the frame, most probable first. Boxes below `threshold` are left out.
    ///
    /// # Errors
    /// The network fails, or the frame cannot be resized.
    pub fn propose(
        &mut self,
        frame: &Frame,
        threshold: f32,
        proposals: &mut Vec<Proposal>,
    ) -> Result<(), VisionError> {
        proposals.clear();
        let mut scale = WINDOW / self.min_face;
        let shorter = frame.width().min(frame.height()) as f32;
        while shorter * scale >= WINDOW {
            let size = [frame.width(), frame.height()].map(|side| (side as f32 * scale).ceil() as usize);
            self.shrink(frame, size)?;
            self.run_pnet(size)?;
            self.collect(frame, size, threshold);
            suppress(&mut self.found, MAX_LEVEL_OVERLAP, Overlap::Union);
            proposals.append(&mut self.found);
            scale *= PYRAMID_FACTOR;
        }
        suppress(proposals, MAX_PYRAMID_OVERLAP, Overlap::Union);
        Ok(())
    }

    /// Resizes the frame into `level`.
    fn shrink(&mut self, frame: &Frame, [width, height]: [usize; 2]) -> Result<(), VisionError> {
        self.level.resize(width * height * 3, 0);
        let failed = |why: String| VisionError::Resize { why };
        let source = TypedImageRef::<U8x3>::from_buffer(frame.width(), frame.height(), frame.rgb())
            .map_err(|error| failed(error.to_string()))?;
        let mut target = TypedImage::<U8x3>::from_buffer(width as u32, height as u32, &mut self.level)
            .map_err(|error| failed(error.to_string()))?;
        self.resizer
            .resize_typed(&source, &mut target, &self.resize_options)
            .map_err(|error| failed(error.to_string()))?;
        Ok(())
    }

    /// Runs P-Net on the level.
    fn run_pnet(&mut self, size: [usize; 2]) -> Result<(), VisionError> {
        let prepared = self.prepared.iter().position(|(other, _)| *other == size);
        let index = match prepared {
            Some(index) => index,
            None => {
                if self.prepared.len() == MAX_PREPARED {
                    self.prepared.remove(0);
                }
                self.prepared.push((size, prepare(&self.onnx, size)?));
                self.prepared.len() - 1
            }
        };
        Ok(self.prepared[index].1.run(&self.level, &mut self.outputs)?)
    }

    /// Converts the output maps of P-Net to boxes in pixels of the frame.
    fn collect(&mut self, frame: &Frame, [width, height]: [usize; 2], threshold: f32) {
        // The size of the level is rounded up to whole pixels, so its scale differs a little from the pyramid's.
        let scale_x = frame.width() as f32 / width as f32;
        let scale_y = frame.height() as f32 / height as f32;
        let [probabilities, shifts] = &self.outputs;
        let cells = probabilities.len() / 2;
        let columns = positions(width);
        if columns == 0 {
            return;
        }
        let faces = &probabilities[cells..];
        for (cell, &score) in faces.iter().enumerate() {
            if score >= threshold {
                let (row, column) = ((cell / columns) as f32, (cell % columns) as f32);
                let window = BBox {
                    x: column * STRIDE * scale_x,
                    y: row * STRIDE * scale_y,
                    width: WINDOW * scale_x,
                    height: WINDOW * scale_y,
                };
                let shift = std::array::from_fn(|side| shifts[side * cells + cell]);
                self.found.push(Proposal { window, regressed: window.shifted(shift), score });
            }
        }
    }
}

/// Prepares the network for levels of this size, in pixels, and checks that its outputs are those of P-Net: for each position
/// of the window two probabilities and four shifts.
fn prepare(onnx: &Onnx, [width, height]: [usize; 2]) -> Result<Box<dyn Network>, VisionError> {
    let network = onnx.prepare(&[1, 3, height, width])?;
    let expected = [2, 4].map(|values| vec![1, values, positions(height), positions(width)]);
    if network.output_shapes() != expected {
        return Err(VisionError::Outputs {
            model: onnx.name().to_owned(),
            expected: format!("{expected:?}"),
            found: format!("{:?}", network.output_shapes()),
        });
    }
    Ok(network)
}

/// Number of positions of the window along a side of a level: a 3x3 convolution, pooling by 2 that rounds up, and two 3x3
/// convolutions, all without padding.
fn positions(side: usize) -> usize {
    side.saturating_sub(2).div_ceil(2).saturating_sub(4)
}
