//! From an aligned crop to an embedding.

use crate::bundle::{Bundle, ModelId};
use crate::config;
use crate::engine::{Network, Onnx};

use super::{Crop, Embedding, Similarity, VisionError};

/// The embedding network with its buffers.
pub struct Embedder {
    network: Box<dyn Network>,
    model: ModelId,
    entry: crate::bundle::ModelEntry,
    flip: bool,
    input: Vec<f32>,
    outputs: [Vec<f32>; 1],
    sum: Vec<f32>,
}

impl Embedder {
    /// The model's role in the manifest.
    pub const ROLE: &str = "mobilefacenet";

    /// Loads and verifies the network.
    pub fn load(bundle: &Bundle, settings: &config::Embedder, threads: usize) -> Result<Self, VisionError> {
        let bytes = bundle.read(Self::ROLE)?;
        let path = bundle.path(Self::ROLE)?.display().to_string();
        let network = Onnx::parse(&path, &bytes, threads)?.prepare(&[1, 3, Crop::SIDE, Crop::SIDE])?;
        match network.output_shapes() {
            [shape] if matches!(shape[..], [1, 1..=Embedding::MAX]) => {}
            found => {
                return Err(VisionError::Outputs {
                    model: path,
                    wanted: format!("[[1, 1 to {}]]", Embedding::MAX),
                    found: format!("{found:?}"),
                });
            }
        }
        Ok(Self {
            network: Box::new(network),
            model: bundle.id(Self::ROLE)?,
            entry: bundle.entry(Self::ROLE)?.clone(),
            flip: settings.flip,
            input: vec![0.0; Crop::BYTES],
            outputs: Default::default(),
            sum: Vec::new(),
        })
    }

    /// The model's id.
    pub fn model(&self) -> &ModelId {
        &self.model
    }

    /// The cosine threshold that holds a false accept rate.
    pub fn threshold(&self, far: f64) -> Result<Similarity, VisionError> {
        Ok(self.entry.threshold(far)?)
    }

    /// Embeds a crop; where so configured, the sum of the embeddings of the crop and of its mirror image.
    pub fn embed(&mut self, crop: &Crop) -> Result<Embedding, VisionError> {
        self.fill(crop, false);
        self.network.run(&self.input, &mut self.outputs)?;
        if self.flip {
            std::mem::swap(&mut self.sum, &mut self.outputs[0]);
            self.fill(crop, true);
            self.network.run(&self.input, &mut self.outputs)?;
            self.outputs[0].iter_mut().zip(&self.sum).for_each(|(value, other)| *value += other);
        }
        Embedding::normalised(&self.outputs[0]).ok_or(VisionError::NoEmbedding)
    }

    /// Writes the crop planar and normalised into the network's input.
    fn fill(&mut self, crop: &Crop, mirrored: bool) {
        let (mean, scale) = (self.entry.input.mean, 1.0 / self.entry.input.divisor);
        let reversed = self.entry.input.channels == "BGR";
        for (channel, plane) in self.input.chunks_exact_mut(Crop::SIDE * Crop::SIDE).enumerate() {
            let channel = if reversed { 2 - channel } else { channel };
            for (row, pixels) in
                plane.chunks_exact_mut(Crop::SIDE).zip(crop.rgb().chunks_exact(Crop::SIDE * 3))
            {
                let pixels = pixels.as_chunks::<3>().0;
                let normalise = |pixel: &[u8; 3]| (f32::from(pixel[channel]) - mean) * scale;
                if mirrored {
                    row.iter_mut()
                        .zip(pixels.iter().rev())
                        .for_each(|(value, pixel)| *value = normalise(pixel));
                } else {
                    row.iter_mut().zip(pixels).for_each(|(value, pixel)| *value = normalise(pixel));
                }
            }
        }
    }
}
