//! Runs a network on any number of pictures, in few batches.

#![expect(
    clippy::indexing_slicing,
    reason = "slices are computed from the sizes for which the network was prepared"
)]

use ostiary_engine::{EngineError, Network, Onnx};

/// Maximum number of outputs of a network.
const MAX_OUTPUTS: usize = 3;

/// The outputs of a network for one picture: a row of floats for each output.
pub type OutputRows<'a> = heapless::Vec<&'a [f32], MAX_OUTPUTS>;

/// A network that is prepared for several batch sizes.
pub struct BatchedNetwork {
    /// The batch sizes with their networks, largest first; the last size is 1.
    networks: Vec<(usize, Box<dyn Network>)>,
    /// Size of one picture, bytes.
    picture_size: usize,
    /// The pictures of a batch, packed RGB.
    pixels: Vec<u8>,
    outputs: [Vec<f32>; MAX_OUTPUTS],
}

impl BatchedNetwork {
    /// Prepares the network for the batch sizes `sizes`, which are in descending order and end with 1, and for square
    /// pictures whose side is `side` pixels.
    pub fn new(onnx: &Onnx, sizes: &[usize], side: usize) -> Result<Self, EngineError> {
        let prepared = |&size| Ok((size, onnx.prepare(&[size, 3, side, side])?));
        let networks = sizes.iter().map(prepared).collect::<Result<Vec<_>, EngineError>>()?;
        let picture_size = 3 * side * side;
        let pixels = vec![0; picture_size * sizes.iter().max().unwrap_or(&0)];
        Ok(Self { networks, picture_size, pixels, outputs: Default::default() })
    }

    /// Whether the outputs have the shapes `[batch, width]` for these widths, in this order, at every batch size.
    pub fn has_output_widths(&self, widths: &[usize]) -> bool {
        let expected = |batch: usize| widths.iter().map(move |&width| vec![batch, width]);
        widths.len() <= MAX_OUTPUTS
            && self
                .networks
                .iter()
                .all(|(batch, network)| expected(*batch).eq(network.output_shapes().to_vec()))
    }

    /// The shapes of the outputs for one picture.
    pub fn output_shapes(&self) -> &[Vec<usize>] {
        self.networks.last().map_or(&[], |(_, network)| network.output_shapes())
    }

    /// Runs the network on `count` pictures. `draw` writes picture `n` as packed RGB, `take` receives its outputs; both are
    /// called in order. The outputs must be rows of values: [`BatchedNetwork::has_output_widths`].
    pub fn run(
        &mut self,
        count: usize,
        mut draw: impl FnMut(usize, &mut [u8]),
        mut take: impl FnMut(usize, OutputRows),
    ) -> Result<(), EngineError> {
        let mut done = 0;
        // The smallest batch size is 1, so that one fits while pictures are left.
        while let Some((batch, network)) = self.networks.iter_mut().find(|(batch, _)| *batch <= count - done)
        {
            let pixels = &mut self.pixels[..self.picture_size * *batch];
            for (index, picture) in pixels.chunks_exact_mut(self.picture_size).enumerate() {
                draw(done + index, picture);
            }
            let outputs = &mut self.outputs[..network.output_shapes().len()];
            network.run(pixels, outputs)?;
            for index in 0..*batch {
                let width = |output: &'_ Vec<f32>| output.len() / *batch;
                let rows = outputs.iter().map(|output| &output[index * width(output)..][..width(output)]);
                take(done + index, rows.collect());
            }
            done += *batch;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ostiary_core::{ModelRole, Precision};
    use ostiary_engine::Backend;
    use ostiary_models::Bundle;

    use super::*;
    use crate::load_network;

    #[test]
    fn the_result_does_not_depend_on_the_batch_size() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
        for precision in [Precision::Int8, Precision::Fp32] {
            let bundle = Bundle::open(&folder, precision).unwrap();
            let onnx = load_network(&bundle, ModelRole::RNet, &Backend::tract(1)).unwrap();
            let mut network = BatchedNetwork::new(&onnx, &[4, 2, 1], 24).unwrap();
            assert!(
                network.has_output_widths(&[2, 4])
                    && !network.has_output_widths(&[2])
                    && !network.has_output_widths(&[4, 2])
            );
            let draw = |number: usize, picture: &mut [u8]| {
                let pixel = |index: usize| ((index + number * 997).wrapping_mul(2_654_435_761) >> 24) as u8;
                picture.iter_mut().enumerate().for_each(|(index, value)| *value = pixel(index));
            };
            let mut together = Vec::new();
            network.run(7, draw, |number, rows| together.push((number, rows[1].to_vec()))).unwrap();
            assert!(together.iter().map(|(number, _)| *number).eq(0..7), "each picture once, in order");
            for (number, shifts) in together {
                let draw = |_: usize, picture: &mut [u8]| draw(number, picture);
                let mut alone = Vec::new();
                network.run(1, draw, |number, rows| alone.push((number, rows[1].to_vec()))).unwrap();
                let [(0, alone)] = &alone[..] else { panic!("{number} at {precision}: {alone:?}") };
                assert_eq!(alone.len(), shifts.len(), "{number} at {precision}");
                let close = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-5;
                assert!(alone.iter().zip(&shifts).all(close), "{number} at {precision}");
            }
        }
    }
}
