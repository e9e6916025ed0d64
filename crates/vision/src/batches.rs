//! Any number of pictures through a network, in few runs.

use ostiary_engine::{EngineError, Network, Onnx};

/// Outputs of a network, at most.
const OUTPUTS: usize = 3;

/// What a network gave for one picture: a slice of floats for each output.
pub type Given<'a> = heapless::Vec<&'a [f32], OUTPUTS>;

/// A network that is prepared for batches of several sizes.
pub struct Batches {
    /// With the size of the batch, largest first; the last is for one picture.
    networks: Vec<(usize, Box<dyn Network>)>,
    /// Bytes of a picture.
    picture: usize,
    /// Packed RGB of the batch.
    pixels: Vec<u8>,
    outputs: [Vec<f32>; OUTPUTS],
}

impl Batches {
    /// `sizes` falls, down to 1; `side` is that of the square pictures, pixels.
    pub fn new(onnx: &Onnx, sizes: &[usize], side: usize) -> Result<Self, EngineError> {
        let prepared = |&size| Ok((size, onnx.prepare(&[size, 3, side, side])?));
        let networks = sizes.iter().map(prepared).collect::<Result<Vec<_>, EngineError>>()?;
        let picture = 3 * side * side;
        let pixels = vec![0; picture * sizes.iter().max().unwrap_or(&0)];
        Ok(Self { networks, picture, pixels, outputs: Default::default() })
    }

    /// Whether each network gives one row of so many values for each picture, in this order.
    pub fn gives(&self, values: &[usize]) -> bool {
        let wanted = |batch: usize| values.iter().map(move |&values| vec![batch, values]);
        values.len() <= OUTPUTS
            && self
                .networks
                .iter()
                .all(|(batch, network)| wanted(*batch).eq(network.output_shapes().to_vec()))
    }

    /// The shapes that one picture's outputs have.
    pub fn output_shapes(&self) -> &[Vec<usize>] {
        self.networks.last().map_or(&[], |(_, network)| network.output_shapes())
    }

    /// Runs `count` pictures: `draw` writes the packed RGB of one, `take` gets what the network gave for it, both
    /// with its number. Networks give rows of values, which [`Batches::gives`] has shown.
    pub fn run(
        &mut self,
        count: usize,
        mut draw: impl FnMut(usize, &mut [u8]),
        mut take: impl FnMut(usize, Given),
    ) -> Result<(), EngineError> {
        let mut done = 0;
        // The smallest batch is 1, so that one always fits.
        while let Some((batch, network)) = self.networks.iter_mut().find(|(batch, _)| *batch <= count - done)
        {
            let pixels = &mut self.pixels[..self.picture * *batch];
            for (index, picture) in pixels.chunks_exact_mut(self.picture).enumerate() {
                draw(done + index, picture);
            }
            let outputs = &mut self.outputs[..network.output_shapes().len()];
            network.run(pixels, outputs)?;
            for index in 0..*batch {
                let row = |output: &'_ Vec<f32>| output.len() / *batch;
                let given = outputs.iter().map(|output| &output[index * row(output)..][..row(output)]);
                take(done + index, given.collect());
            }
            done += *batch;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ostiary_core::Precision;
    use ostiary_engine::Backend;
    use ostiary_models::Bundle;

    use super::*;

    #[test]
    fn a_picture_gives_the_same_in_whatever_batch_it_runs() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
        for precision in [Precision::Int8, Precision::Fp32] {
            let bundle = Bundle::open(&folder, precision).unwrap();
            let (bytes, entry) = (bundle.read("rnet").unwrap(), bundle.entry("rnet").unwrap());
            let onnx = Onnx::parse("rnet", &bytes, &entry.input, &Backend::tract(1)).unwrap();
            let mut batches = Batches::new(&onnx, &[4, 2, 1], 24).unwrap();
            assert!(batches.gives(&[2, 4]) && !batches.gives(&[2]) && !batches.gives(&[4, 2]));
            let draw = |number: usize, picture: &mut [u8]| {
                let pixel = |at: usize| ((at + number * 997).wrapping_mul(2_654_435_761) >> 24) as u8;
                picture.iter_mut().enumerate().for_each(|(at, value)| *value = pixel(at));
            };
            let mut together = Vec::new();
            batches.run(7, draw, |number, given| together.push((number, given[1].to_vec()))).unwrap();
            assert!(together.iter().map(|(number, _)| *number).eq(0..7), "each once, in order");
            for (number, shifts) in together {
                let draw = |_: usize, picture: &mut [u8]| draw(number, picture);
                let alone = |_: usize, given: Given| {
                    let close = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-5;
                    assert!(given[1].iter().zip(&shifts).all(close), "{number} at {precision}");
                };
                batches.run(1, draw, alone).unwrap();
            }
        }
    }
}
