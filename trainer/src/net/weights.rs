//! The weights of a network, in memory and as a checkpoint.
//!
//! A checkpoint is a safetensors file ([`crate::tensors`]) with a tensor for each of [`Layer::parameters`], and the
//! architecture in its metadata.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use super::{Architecture, Layer};
use crate::storage;
use crate::tensors::{self, Tensor};

/// Key of the metadata entry with the [`Architecture`] as JSON.
const ARCHITECTURE: &str = "ostiary.architecture";

/// The weights of a network, which are complete and finite.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    architecture: Architecture,
    tensors: BTreeMap<String, Tensor>,
}

impl Weights {
    /// Checks that the tensors are exactly those of the network, with finite values.
    ///
    /// # Errors
    /// If not.
    pub fn new(architecture: Architecture, mut tensors: BTreeMap<String, Tensor>) -> Result<Self> {
        let mut own = BTreeMap::new();
        for parameter in Layer::parameters(&architecture.layers()) {
            let name = parameter.name;
            let Some(tensor) = tensors.remove(&name) else {
                bail!("the tensor {name} of {architecture} is missing")
            };
            ensure!(
                tensor.shape == parameter.shape
                    && tensor.values.len() == tensor.shape.iter().product::<usize>(),
                "the tensor {name} has the shape {:?}; in {architecture} the shape is {:?}",
                tensor.shape,
                parameter.shape
            );
            own.insert(name, tensor);
        }
        if let Some(name) = tensors.keys().next() {
            bail!("{architecture} has no tensor {name}");
        }
        let weights = Self { architecture, tensors: own };
        if let Some((name, _)) = weights.tensors.iter().find(|(_, t)| t.values.iter().any(|v| !v.is_finite()))
        {
            bail!("the tensor {name} has values that are not finite");
        }
        Ok(weights)
    }

    /// The architecture of the network.
    pub fn architecture(&self) -> Architecture {
        self.architecture
    }

    /// A tensor by its name in [`Layer::parameters`].
    ///
    /// # Errors
    /// If the network has no such tensor.
    pub fn tensor(&self, name: &str) -> Result<&Tensor> {
        self.tensors.get(name).with_context(|| format!("{} has no tensor {name}", self.architecture))
    }

    /// Whether a file name has the extension of a checkpoint.
    pub fn is_checkpoint(path: &Path) -> bool {
        let ending = path.extension().and_then(|ending| ending.to_str());
        ending.is_some_and(|ending| ["safetensors", "pth", "pt", "ckpt"].contains(&ending))
    }

    /// Reads a checkpoint, also of PyTorch, or the ONNX file of a MobileFaceNet. The content decides which.
    ///
    /// # Errors
    /// If the file cannot be read, or is none of these.
    pub fn open(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        // A safetensors file begins with the length of a JSON object, 8 bytes, and the object.
        match bytes.get(8) {
            Some(b'{') => Self::decode(&bytes).context("the file is not a checkpoint of a network"),
            // PyTorch writes an archive, or a pickle in old versions.
            Some(_) if bytes.starts_with(b"PK") || bytes.starts_with(b"\x80") => Self::from_pytorch(path),
            _ => Self::from_onnx(&bytes).context(
                "the file is neither a checkpoint of a network nor the ONNX file of a MobileFaceNet",
            ),
        }
        .with_context(|| path.display().to_string())
    }

    fn decode(bytes: &[u8]) -> Result<Self> {
        let (of, tensors) = tensors::decode(bytes, ARCHITECTURE)?;
        let architecture = serde_json::from_str(&of.context("the file does not name its network")?)
            .context("the file has a network that this version does not know")?;
        Self::new(architecture, tensors)
    }

    /// Writes a checkpoint, completely or not at all.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let architecture = serde_json::to_string(&self.architecture)?;
        let file = tensors::encode(&self.tensors, ARCHITECTURE, architecture)?;
        storage::write_atomic(path, |to| to.write_all(&file).map_err(storage::write_error(path)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Architecture {
        Architecture::mobilefacenet(0.125, 8)
    }

    fn numbered(architecture: Architecture) -> BTreeMap<String, Tensor> {
        let parameters = Layer::parameters(&architecture.layers()).into_iter().enumerate();
        parameters
            .map(|(number, p)| {
                let values = vec![number as f32; p.shape.iter().product()];
                (p.name, Tensor { shape: p.shape, values })
            })
            .collect()
    }

    #[test]
    fn a_written_checkpoint_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("net.safetensors");
        let weights = Weights::new(small(), numbered(small())).unwrap();
        weights.write(&file).unwrap();
        assert_eq!(Weights::open(&file).unwrap(), weights);
    }

    #[test]
    fn other_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("net.safetensors");
        let refused = |part: &str| {
            let why = format!("{:#}", Weights::open(&file).unwrap_err());
            assert!(why.contains(part), "{why}");
        };
        refused("cannot read");
        std::fs::write(&file, b"no").unwrap();
        refused("neither a checkpoint");
        Weights::new(small(), numbered(small())).unwrap().write(&file).unwrap();
        let whole = std::fs::read(&file).unwrap();
        std::fs::write(&file, &whole[..whole.len() - 4]).unwrap();
        refused("damaged");
        std::fs::write(&file, tensors::encode(&BTreeMap::new(), "of", "nothing".into()).unwrap()).unwrap();
        refused("does not name its network");
    }

    #[test]
    fn the_content_decides_how_a_file_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("net");
        let weights = Weights::new(small(), numbered(small())).unwrap();
        weights.write(&file).unwrap();
        assert_eq!(Weights::open(&file).unwrap(), weights);
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/mobilefacenet.onnx");
        assert_eq!(Weights::open(&shipped).unwrap().architecture().embedding(), 192);
        for bytes in [&b""[..], b"no network at all", b"\x02\0\0\0\0\0\0\0{}"] {
            std::fs::write(&file, bytes).unwrap();
            let why = format!("{:#}", Weights::open(&file).unwrap_err());
            assert!(why.contains("net: ") && why.contains("checkpoint"), "{why}");
        }
    }

    #[test]
    fn tensors_of_another_network_are_refused() {
        let refused = |tensors, part: &str| {
            let why = Weights::new(small(), tensors).unwrap_err().to_string();
            assert!(why.contains(part), "{why}");
        };
        refused(BTreeMap::new(), "missing");
        refused(numbered(Architecture::mobilefacenet(0.125, 16)), "shape");
        let mut more = numbered(small());
        more.insert("99.weight".into(), Tensor { shape: vec![1], values: vec![0.0] });
        refused(more, "no tensor 99.weight");
        let mut broken = numbered(small());
        broken.values_mut().next().unwrap().values[0] = f32::NAN;
        refused(broken, "not finite");
    }
}
