//! From an aligned crop to an embedding.

use ostiary_config as config;
use ostiary_core::{Crop, Embedding, ModelId, Similarity};
use ostiary_engine::{Backend, Onnx};
use ostiary_models::{Bundle, ModelEntry};

use super::VisionError;
use super::batches::Batches;

/// Crops that run together.
const BATCHES: [usize; 2] = [4, 1];

/// The embedding network with its buffers.
pub struct Embedder {
    batches: Batches,
    model: ModelId,
    entry: ModelEntry,
    flip: bool,
    /// The embedding of the crop while that of its mirror image is awaited.
    upright: Vec<f32>,
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
        let batches = Batches::new(&onnx, &BATCHES, Crop::SIDE)?;
        match batches.output_shapes() {
            [shape] if matches!(shape[..], [1, 1..=Embedding::MAX]) && batches.gives(&shape[1..]) => {}
            found => {
                return Err(VisionError::Outputs {
                    model: path,
                    wanted: format!("[[1, 1 to {}]]", Embedding::MAX),
                    found: format!("{found:?}"),
                });
            }
        }
        let (model, entry) = (bundle.id(Self::ROLE)?, entry.clone());
        Ok(Self { batches, model, entry, flip: settings.flip, upright: Vec::new() })
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
        let mut made = Err(VisionError::NoEmbedding);
        self.embed_all(std::slice::from_ref(crop), |_, embedding| made = Ok(embedding))?;
        made
    }

    /// The same for several crops, which run together; `take` gets each embedding with its crop's number, in order.
    pub fn embed_all(
        &mut self,
        crops: &[Crop],
        mut take: impl FnMut(usize, Embedding),
    ) -> Result<(), VisionError> {
        let Self { batches, flip, upright, .. } = self;
        // Where mirror images count, each follows its crop.
        let looks = if *flip { 2 } else { 1 };
        let mut all_good = true;
        batches.run(
            crops.len() * looks,
            |index, pixels| match index % looks {
                0 => pixels.copy_from_slice(crops[index / looks].rgb()),
                _ => crops[index / looks].mirror_into(pixels),
            },
            |index, given| {
                if index % looks == 0 {
                    upright.clear();
                    upright.extend_from_slice(given[0]);
                } else {
                    upright.iter_mut().zip(given[0]).for_each(|(value, other)| *value += other);
                }
                if index % looks == looks - 1 {
                    match Embedding::normalized(upright) {
                        Some(embedding) => take(index / looks, embedding),
                        None => all_good = false,
                    }
                }
            },
        )?;
        if all_good { Ok(()) } else { Err(VisionError::NoEmbedding) }
    }
}
