//! The second and third stage: R-Net and O-Net look at squares cut from the frame, in batches.

use super::square::SquareSampler;
use crate::capture::Frame;
use crate::engine::{Network, Onnx};
use crate::vision::{BBox, Detection, Point, VisionError};

/// Batches that networks are prepared for, largest first; any number of squares is made of these.
const BATCHES: [usize; 3] = [16, 4, 1];

pub struct Refiner {
    /// One network a batch size.
    networks: Vec<(usize, Box<dyn Network>)>,
    side: usize,
    with_landmarks: bool,
    sampler: SquareSampler,
    /// Packed RGB of a batch of squares.
    pixels: Vec<u8>,
    outputs: [Vec<f32>; 3],
    squares: Vec<BBox>,
    seen: Vec<Detection>,
}

impl Refiner {
    /// `side` is the side of the square that the network looks at, pixels.
    pub fn new(onnx: &Onnx, side: usize, with_landmarks: bool) -> Result<Self, VisionError> {
        let mut networks = Vec::with_capacity(BATCHES.len());
        for batch in BATCHES {
            let network = onnx.prepare(&[batch, 3, side, side])?;
            let mut wanted = vec![vec![batch, 2], vec![batch, 4]];
            wanted.extend(with_landmarks.then_some(vec![batch, 10]));
            if network.output_shapes() != wanted {
                return Err(VisionError::Outputs {
                    model: onnx.name().to_owned(),
                    wanted: format!("{wanted:?}"),
                    found: format!("{:?}", network.output_shapes()),
                });
            }
            networks.push((batch, network));
        }
        Ok(Self {
            networks,
            side,
            with_landmarks,
            sampler: SquareSampler::new(side),
            pixels: Vec::new(),
            outputs: Default::default(),
            squares: Vec::new(),
            seen: Vec::new(),
        })
    }

    /// Looks at the square around each box.
    pub fn run(&mut self, frame: &Frame, boxes: impl Iterator<Item = BBox>) -> Result<(), VisionError> {
        self.squares.clear();
        self.squares.extend(boxes.map(|bbox| bbox.squared()));
        self.seen.clear();
        let size = 3 * self.side * self.side;
        let outputs = if self.with_landmarks { 3 } else { 2 };
        let mut done = 0;
        while done < self.squares.len() {
            let left = self.squares.len() - done;
            // The smallest batch is 1, so one always fits.
            let Some((batch, network)) = self.networks.iter_mut().find(|(batch, _)| *batch <= left) else {
                break;
            };
            let squares = &self.squares[done..done + *batch];
            self.pixels.resize(size * *batch, 0);
            for (square, pixels) in squares.iter().zip(self.pixels.chunks_exact_mut(size)) {
                self.sampler.sample(frame, square, pixels);
            }
            network.run(&self.pixels, &mut self.outputs[..outputs])?;
            for (index, square) in squares.iter().enumerate() {
                let shift = std::array::from_fn(|side| self.outputs[1][index * 4 + side]);
                let mut landmarks = [Point::default(); 5];
                if self.with_landmarks {
                    let numbers = &self.outputs[2][index * 10..][..10];
                    landmarks = std::array::from_fn(|i| Point {
                        x: square.x + numbers[i] * square.width,
                        y: square.y + numbers[i + 5] * square.height,
                    });
                }
                let score = self.outputs[0][index * 2 + 1];
                self.seen.push(Detection { bbox: square.shifted(shift), score, landmarks });
            }
            done += *batch;
        }
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
