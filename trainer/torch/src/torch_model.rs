//! Checkpoints as models, run by torch.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use ostiary_core::Crop;
use ostiary_trainer::evaluate::model::Model;
use ostiary_trainer::net::{DIVISOR, MEAN, SIDE, Weights};
use tch::{Device, Kind, Tensor};

use crate::network::{Mode, Network};

/// A network. One thread at a time runs it, because torch has its own threads.
pub struct TorchModel {
    backend: String,
    network: Mutex<Network>,
}

impl TorchModel {
    /// Opens a checkpoint, on a GPU if there is one.
    ///
    /// # Errors
    /// If the checkpoint cannot be read, or does not fit into the memory of the device.
    pub fn open(file: &Path) -> Result<Self> {
        Ok(Self::new(Network::load(&Weights::open(file)?, Device::cuda_if_available())?))
    }

    /// A model with this network.
    pub fn new(network: Network) -> Self {
        let backend = if network.device().is_cuda() { "torch, CUDA" } else { "torch" };
        Self { backend: backend.into(), network: Mutex::new(network) }
    }
}

impl Model for TorchModel {
    fn backend(&self) -> &str {
        &self.backend
    }

    fn rows(&self, crops: &[Crop]) -> Result<Vec<Vec<f32>>> {
        if crops.is_empty() {
            return Ok(Vec::new());
        }
        let pixels: Vec<u8> = crops.iter().flat_map(|crop| crop.rgb()).copied().collect();
        let network = self.network.lock().unwrap_or_else(PoisonError::into_inner);
        let side = SIDE as i64;
        let pictures = Tensor::f_from_slice(&pixels)?
            .f_view([crops.len() as i64, side, side, 3])?
            .f_permute([0, 3, 1, 2])?
            .f_to_device(network.device())?
            .f_to_kind(Kind::Float)?
            .f_contiguous()?;
        let _no_grad = tch::no_grad_guard();
        let normalized = pictures.f_sub_scalar(f64::from(MEAN))?.f_div_scalar(f64::from(DIVISOR))?;
        let rows = network.embed(&normalized, Mode::Infer)?.f_to_device(Device::Cpu)?;
        let numbers = Vec::<f32>::try_from(&rows.f_flatten(0, -1)?)?;
        Ok(numbers.chunks_exact(numbers.len() / crops.len()).map(<[f32]>::to_vec).collect())
    }
}

#[cfg(test)]
mod tests {
    use ostiary_core::ChannelOrder;
    use ostiary_engine::Backend;
    use ostiary_trainer::evaluate::model::{self, Preprocessing};
    use ostiary_trainer::export::to_onnx;

    use super::*;
    use crate::reference::{architecture, filled, near};

    #[test]
    fn a_checkpoint_and_its_exported_file_give_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let [checkpoint, onnx] = ["net.safetensors", "net.onnx"].map(|name| folder.path().join(name));
        let preprocessing = Preprocessing { mean: MEAN, divisor: DIVISOR, channels: ChannelOrder::Rgb };
        for name in [
            "mobilefacenet",
            "mobilefacenet of half the width",
            "mobilefacenet of the paper for 96 columns",
            "ir-50",
            "ir-se-50",
        ] {
            let weights = filled(architecture(name));
            weights.write(&checkpoint).unwrap();
            std::fs::write(&onnx, to_onnx(&weights).unwrap()).unwrap();
            let door = model::open(&onnx, &Backend::tract(1), "tract", &preprocessing).unwrap();
            let row = |model: &dyn Model| -> Vec<f64> {
                let row = model.rows(&[Crop::pattern()]).unwrap().remove(0);
                row.into_iter().map(f64::from).collect()
            };
            let (torch, door) = (row(&TorchModel::open(&checkpoint).unwrap()), row(&*door));
            near(&torch, &door);
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let cosine = dot(&torch, &door) / (dot(&torch, &torch) * dot(&door, &door)).sqrt();
            assert!(cosine > 1.0 - 1e-4, "{name}: {cosine}");
        }
    }
}
