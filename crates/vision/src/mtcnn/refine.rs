//! The second and third stage: R-Net and O-Net look at squares cut from the frame, in batches.

use ostiary_core::{BBox, Detection, Frame, Point};
use ostiary_engine::Onnx;

use super::square::SquareSampler;
use crate::VisionError;
use crate::batches::Batches;

/// Squares that run together.
const BATCHES: [usize; 3] = [16, 4, 1];

pub struct Refiner {
    batches: Batches,
    sampler: SquareSampler,
    squares: Vec<BBox>,
    seen: Vec<Detection>,
}

impl Refiner {
    /// `side` is the side of the square that the network looks at, pixels.
    pub fn new(onnx: &Onnx, side: usize, with_landmarks: bool) -> Result<Self, VisionError> {
        let batches = Batches::new(onnx, &BATCHES, side)?;
        let wanted: &[usize] = if with_landmarks { &[2, 4, 10] } else { &[2, 4] };
        if !batches.gives(wanted) {
            return Err(VisionError::Outputs {
                model: onnx.name().to_owned(),
                wanted: format!("{wanted:?} for each picture"),
                found: format!("{:?}", batches.output_shapes()),
            });
        }
        Ok(Self { batches, sampler: SquareSampler::new(side), squares: Vec::new(), seen: Vec::new() })
    }

    /// Looks at the square around each box.
    pub fn run(&mut self, frame: &Frame, boxes: impl Iterator<Item = BBox>) -> Result<(), VisionError> {
        let Self { batches, sampler, squares, seen } = self;
        squares.clear();
        squares.extend(boxes.map(|bbox| bbox.squared()));
        seen.clear();
        batches.run(
            squares.len(),
            |index, pixels| sampler.sample(frame, &squares[index], pixels),
            |index, given| {
                let square = &squares[index];
                let shift = std::array::from_fn(|side| given[1][side]);
                let landmarks = given.get(2).map_or([Point::default(); 5], |numbers| {
                    std::array::from_fn(|i| Point {
                        x: square.x + numbers[i] * square.width,
                        y: square.y + numbers[i + 5] * square.height,
                    })
                });
                seen.push(Detection { bbox: square.shifted(shift), score: given[0][1], landmarks });
            },
        )?;
        Ok(())
    }

    /// How many boxes were looked at.
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// The square that was looked at for a box.
    pub fn square(&self, index: usize) -> BBox {
        self.squares[index]
    }

    /// What was seen in a box. R-Net gives no landmarks: they are all at the origin.
    pub fn seen(&self, index: usize) -> Detection {
        self.seen[index]
    }
}
