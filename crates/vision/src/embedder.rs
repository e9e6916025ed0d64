//! Computes the embedding of an aligned crop.

#![expect(
    clippy::indexing_slicing,
    reason = "the batch calls back with the numbers of the crops that it was given, and every network has at least one output"
)]

use ostiary_config as config;
use ostiary_core::{Crop, Embedding, ModelId, ModelRole};
use ostiary_engine::Backend;
use ostiary_models::{Bundle, ModelEntry};

use super::batched_network::BatchedNetwork;
use super::{VisionError, load_network};

/// Batch sizes, crops.
const BATCH_SIZES: [usize; 2] = [4, 1];

/// The embedding network with its buffers.
pub struct Embedder {
    network: BatchedNetwork,
    model: ModelId,
    entry: ModelEntry,
    /// Whether the embedding of the mirror image is added (`embedder.flip`).
    flip: bool,
    /// The sum of the network's outputs for the views of one crop.
    sum: Vec<f32>,
}

impl Embedder {
    /// Loads the network and checks its hash and its output.
    ///
    /// # Errors
    /// The file is damaged, or the network does not give one vector for each crop.
    pub fn load(
        bundle: &Bundle,
        settings: &config::Embedder,
        backend: &Backend,
    ) -> Result<Self, VisionError> {
        let onnx = load_network(bundle, ModelRole::Embedder, backend)?;
        let network = BatchedNetwork::new(&onnx, &BATCH_SIZES, Crop::SIDE)?;
        match network.output_shapes() {
            [shape]
                if matches!(shape[..], [1, 1..=Embedding::MAX]) && network.has_output_widths(&shape[1..]) => {
            }
            found => {
                return Err(VisionError::Outputs {
                    model: bundle.path(ModelRole::Embedder)?.display().to_string(),
                    expected: format!("[[1, 1 to {}]]", Embedding::MAX),
                    found: format!("{found:?}"),
                });
            }
        }
        let (model, entry) = (bundle.id(ModelRole::Embedder)?, bundle.entry(ModelRole::Embedder)?.clone());
        Ok(Self { network, model, entry, flip: settings.flip, sum: Vec::new() })
    }

    /// The id of the model.
    pub fn model(&self) -> &ModelId {
        &self.model
    }

    /// The manifest's entry of the model.
    pub fn entry(&self) -> &ModelEntry {
        &self.entry
    }

    /// Embeds a crop. If `embedder.flip` is set, the result is the normalized sum of the network's outputs for the crop
    /// and its mirror image.
    ///
    /// # Errors
    /// The network fails or returns no usable vector.
    pub fn embed(&mut self, crop: &Crop) -> Result<Embedding, VisionError> {
        let mut result = Err(VisionError::NoEmbedding);
        self.embed_all(std::slice::from_ref(crop), |_, embedding| result = Ok(embedding))?;
        result
    }

    /// Embeds several crops in batches. `take` receives the index of each crop with its embedding, in order.
    ///
    /// # Errors
    /// The network fails, or returns no usable vector for one of the crops; `take` receives the others.
    pub fn embed_all(
        &mut self,
        crops: &[Crop],
        mut take: impl FnMut(usize, Embedding),
    ) -> Result<(), VisionError> {
        let Self { network, flip, sum, .. } = self;
        // The mirror image follows its crop.
        let views = if *flip { 2 } else { 1 };
        let mut all_usable = true;
        network.run(
            crops.len() * views,
            |index, pixels| match index % views {
                0 => pixels.copy_from_slice(crops[index / views].rgb()),
                _ => crops[index / views].mirror_into(pixels),
            },
            |index, rows| {
                if index % views == 0 {
                    sum.clear();
                    sum.extend_from_slice(rows[0]);
                } else {
                    sum.iter_mut().zip(rows[0]).for_each(|(value, other)| *value += other);
                }
                if index % views == views - 1 {
                    match Embedding::normalized(sum) {
                        Some(embedding) => take(index / views, embedding),
                        None => all_usable = false,
                    }
                }
            },
        )?;
        if all_usable { Ok(()) } else { Err(VisionError::NoEmbedding) }
    }
}
