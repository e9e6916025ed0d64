//! From an aligned crop to an embedding.

use crate::bundle::{Bundle, ModelId};
use crate::config;
use crate::engine::{Backend, Network, Onnx};

use super::{Crop, Embedding, Similarity, VisionError};

/// The embedding network with its buffers.
pub struct Embedder {
    network: Box<dyn Network>,
    model: ModelId,
    entry: crate::bundle::ModelEntry,
    flip: bool,
    /// Packed RGB of the mirror image.
    mirrored: Vec<u8>,
    outputs: [Vec<f32>; 1],
    sum: Vec<f32>,
}

impl Embedder {
    /// The model's role in the manifest.
    pub const ROLE: &str = "mobilefacenet";

    /// Loads and verifies the network.
    pub fn load(
        bundle: &Bundle,
        settings: &config::Embedder,
        backend: &Backend,
    ) -> Result<Self, VisionError> {
        let bytes = bundle.read(Self::ROLE)?;
        let path = bundle.path(Self::ROLE)?.display().to_string();
        let entry = bundle.entry(Self::ROLE)?;
        let onnx = Onnx::parse(&path, &bytes, &entry.input, backend)?;
        let network = onnx.prepare(&[1, 3, Crop::SIDE, Crop::SIDE])?;
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
            network,
            model: bundle.id(Self::ROLE)?,
            entry: entry.clone(),
            flip: settings.flip,
            mirrored: vec![0; Crop::BYTES],
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
        self.network.run(crop.rgb(), &mut self.outputs)?;
        if self.flip {
            std::mem::swap(&mut self.sum, &mut self.outputs[0]);
            self.mirror(crop);
            self.network.run(&self.mirrored, &mut self.outputs)?;
            self.outputs[0].iter_mut().zip(&self.sum).for_each(|(value, other)| *value += other);
        }
        Embedding::normalised(&self.outputs[0]).ok_or(VisionError::NoEmbedding)
    }

    fn mirror(&mut self, crop: &Crop) {
        const ROW: usize = Crop::SIDE * 3;
        for (row, pixels) in self.mirrored.chunks_exact_mut(ROW).zip(crop.rgb().chunks_exact(ROW)) {
            let pixels = pixels.as_chunks::<3>().0.iter().rev();
            row.as_chunks_mut().0.iter_mut().zip(pixels).for_each(|(target, pixel)| *target = *pixel);
        }
    }
}
