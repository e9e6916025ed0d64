//! The first stage: P-Net, a 12x12 window slid in steps of 2 pixels over a pyramid of shrunken frames.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use ostiary_core::{BBox, Frame};
use ostiary_engine::{Network, Onnx};

use super::Candidate;
use super::nms::{Overlap, suppress};
use crate::VisionError;

/// From one level of the pyramid to the next: half the area.
const FACTOR: f32 = 0.709;
/// P-Net's window and step, pixels of a level.
const WINDOW: f32 = 12.0;
const STEP: f32 = 2.0;
/// Networks are prepared for one size of level each; more than one pyramid's worth are kept, so that pictures
/// of a few sizes can come in turns.
const MAX_PREPARED: usize = 48;

pub struct Proposer {
    onnx: Onnx,
    min_face: f32,
    resizer: Resizer,
    how: ResizeOptions,
    /// By level size.
    prepared: Vec<([usize; 2], Box<dyn Network>)>,
    /// Packed RGB of the shrunken frame.
    level: Vec<u8>,
    outputs: [Vec<f32>; 2],
    found: Vec<Candidate>,
}

impl Proposer {
    /// `min_face` is the side of the smallest face that is looked for, pixels.
    /// An error where the network is another than P-Net.
    pub fn new(onnx: Onnx, min_face: f32) -> Result<Self, VisionError> {
        prepare(&onnx, [WINDOW as usize; 2])?;
        Ok(Self {
            onnx,
            min_face: min_face.max(WINDOW),
            resizer: Resizer::new(),
            how: ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear)),
            prepared: Vec::new(),
            level: Vec::new(),
            outputs: Default::default(),
            found: Vec::new(),
        })
    }

    /// Fills `proposals` with boxes in the frame's pixels, most probable first.
    pub fn propose(
        &mut self,
        frame: &Frame,
        threshold: f32,
        proposals: &mut Vec<Candidate>,
    ) -> Result<(), VisionError> {
        proposals.clear();
        let mut scale = WINDOW / self.min_face;
        let shorter = frame.width().min(frame.height()) as f32;
        while shorter * scale >= WINDOW {
            let size = [frame.width(), frame.height()].map(|side| (side as f32 * scale).ceil() as usize);
            self.shrink(frame, size)?;
            self.look(size)?;
            self.collect(frame, size, threshold);
            suppress(&mut self.found, 0.5, Overlap::Union);
            proposals.append(&mut self.found);
            scale *= FACTOR;
        }
        suppress(proposals, 0.7, Overlap::Union);
        Ok(())
    }

    /// Shrinks the frame into `level`.
    fn shrink(&mut self, frame: &Frame, [width, height]: [usize; 2]) -> Result<(), VisionError> {
        self.level.resize(width * height * 3, 0);
        let failed = |why: String| VisionError::Resize { why };
        let source = TypedImageRef::<U8x3>::from_buffer(frame.width(), frame.height(), frame.rgb())
            .map_err(|error| failed(error.to_string()))?;
        let mut target = TypedImage::<U8x3>::from_buffer(width as u32, height as u32, &mut self.level)
            .map_err(|error| failed(error.to_string()))?;
        self.resizer
            .resize_typed(&source, &mut target, &self.how)
            .map_err(|error| failed(error.to_string()))?;
        Ok(())
    }

    /// Runs P-Net over the level.
    fn look(&mut self, size: [usize; 2]) -> Result<(), VisionError> {
        let known = self.prepared.iter().position(|(prepared, _)| *prepared == size);
        let index = match known {
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

    /// Turns P-Net's maps into boxes in the frame's pixels.
    fn collect(&mut self, frame: &Frame, [width, height]: [usize; 2], threshold: f32) {
        // The level was rounded up to whole pixels, so its scale is not quite the pyramid's.
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
                    x: column * STEP * scale_x,
                    y: row * STEP * scale_y,
                    width: WINDOW * scale_x,
                    height: WINDOW * scale_y,
                };
                let shift = std::array::from_fn(|side| shifts[side * cells + cell]);
                self.found.push(Candidate { bbox: window, moved: window.shifted(shift), score });
            }
        }
    }
}

/// The network for levels of this size, its outputs being P-Net's: for each position of the window two
/// probabilities and four shifts.
fn prepare(onnx: &Onnx, [width, height]: [usize; 2]) -> Result<Box<dyn Network>, VisionError> {
    let network = onnx.prepare(&[1, 3, height, width])?;
    let wanted = [2, 4].map(|values| vec![1, values, positions(height), positions(width)]);
    if network.output_shapes() != wanted {
        return Err(VisionError::Outputs {
            model: onnx.name().to_owned(),
            wanted: format!("{wanted:?}"),
            found: format!("{:?}", network.output_shapes()),
        });
    }
    Ok(network)
}

/// How many positions P-Net's window has along a side: 3x3, pooled by 2 rounding up, 3x3, 3x3.
fn positions(side: usize) -> usize {
    side.saturating_sub(2).div_ceil(2).saturating_sub(4)
}
