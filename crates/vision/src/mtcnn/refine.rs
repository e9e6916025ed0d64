//! The second and the third stage: R-Net and O-Net run on square parts of the frame, in batches.

use ostiary_core::{BBox, Detection, Frame, Point};
use ostiary_engine::Onnx;

use super::square_sampler::SquareSampler;
use crate::VisionError;
use crate::batched_network::BatchedNetwork;

/// Batch sizes, squares.
const BATCH_SIZES: [usize; 3] = [16, 4, 1];

/// R-Net or O-Net with its buffers.
pub struct Refiner {
    network: BatchedNetwork,
    sampler: SquareSampler,
    /// The inputs of the latest run, pixels of the frame.
    squares: Vec<BBox>,
    /// The results of the latest run.
    detections: Vec<Detection>,
}

impl Refiner {
    /// `side` is the side of the network's input, pixels. O-Net also gives landmarks.
    ///
    /// # Errors
    /// The network does not have the outputs of its role.
    pub fn new(onnx: &Onnx, side: usize, with_landmarks: bool) -> Result<Self, VisionError> {
        let network = BatchedNetwork::new(onnx, &BATCH_SIZES, side)?;
        let expected: &[usize] = if with_landmarks { &[2, 4, 10] } else { &[2, 4] };
        if !network.has_output_widths(expected) {
            return Err(VisionError::Outputs {
                model: onnx.name().to_owned(),
                expected: format!("{expected:?} for each picture"),
                found: format!("{:?}", network.output_shapes()),
            });
        }
        Ok(Self { network, sampler: SquareSampler::new(side), squares: Vec::new(), detections: Vec::new() })
    }

    /// Runs the network on the square around each box.
    ///
    /// # Errors
    /// The network fails.
    pub fn run(&mut self, frame: &Frame, boxes: impl Iterator<Item = BBox>) -> Result<(), VisionError> {
        let Self { network, sampler, squares, detections } = self;
        squares.clear();
        squares.extend(boxes.map(|bbox| bbox.squared()));
        detections.clear();
        network.run(
            squares.len(),
            |index, pixels| sampler.sample(frame, &squares[index], pixels),
            |index, rows| {
                let square = &squares[index];
                let shift = std::array::from_fn(|side| rows[1][side]);
                let landmarks = rows.get(2).map_or([Point::default(); 5], |fractions| {
                    std::array::from_fn(|i| Point {
                        x: square.x + fractions[i] * square.width,
                        y: square.y + fractions[i + 5] * square.height,
                    })
                });
                detections.push(Detection { bbox: square.shifted(shift), score: rows[0][1], landmarks });
            },
        )?;
        Ok(())
    }

    /// Number of boxes of the latest run.
    pub fn len(&self) -> usize {
        self.detections.len()
    }

    /// The square around a box of the latest run.
    pub fn square(&self, index: usize) -> BBox {
        self.squares[index]
    }

    /// The result for a box of the latest run. R-Net gives no landmarks: they are all at the origin.
    pub fn detection(&self, index: usize) -> Detection {
        self.detections[index]
    }
}
