//! A network's numbers, in memory and as a file.
//!
//! The file has a tensor for each of [`Layer::parameters`] ([`crate::tensors`]), and says of what network they are.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use super::{Architecture, Layer};
use crate::storage;
use crate::tensors::{self, Tensor};

/// The key of the metadata whose value is the [`Architecture`] as JSON.
const ARCHITECTURE: &str = "ostiary.architecture";

/// A network with its numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    architecture: Architecture,
    tensors: BTreeMap<String, Tensor>,
}

impl Weights {
    /// Refuses what is not all that the network needs, and nothing else.
    pub fn new(architecture: Architecture, mut tensors: BTreeMap<String, Tensor>) -> Result<Self> {
        let mut own = BTreeMap::new();
        for parameter in Layer::parameters(&architecture.layers()) {
            let name = parameter.name;
            let Some(tensor) = tensors.remove(&name) else {
                bail!("{architecture} has a tensor {name}; it is missing")
            };
            ensure!(
                tensor.shape == parameter.shape
                    && tensor.values.len() == tensor.shape.iter().product::<usize>(),
                "the tensor {name} has the shape {:?}; in {architecture} it is {:?}",
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
            bail!("the tensor {name} has numbers in it that are not finite");
        }
        Ok(weights)
    }

    /// What they are the weights of.
    pub fn architecture(&self) -> Architecture {
        self.architecture
    }

    /// A tensor by its name in [`Layer::parameters`].
    ///
    /// # Panics
    /// Where the network has no such tensor: a mistake of the program's.
    pub fn tensor(&self, name: &str) -> &Tensor {
        &self.tensors[name]
    }

    /// Whether a file's name is that of a checkpoint, not of an ONNX file.
    pub fn is_checkpoint(path: &Path) -> bool {
        let ending = path.extension().and_then(|ending| ending.to_str());
        ending.is_some_and(|ending| ["safetensors", "pth", "pt", "ckpt"].contains(&ending))
    }

    /// Reads a checkpoint, PyTorch's among them, or the ONNX file of a MobileFaceNet, told apart by what is in them.
    pub fn open(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        // A checkpoint begins with the length of a table, and its bracket.
        match bytes.get(8) {
            Some(b'{') => Self::decode(&bytes).context("no checkpoint of a network"),
            // An archive, or a pickle as it was before there were archives.
            Some(_) if bytes.starts_with(b"PK") || bytes.starts_with(b"\x80") => Self::from_pytorch(path),
            _ => Self::from_onnx(&bytes)
                .context("neither a checkpoint of a network nor the ONNX file of a MobileFaceNet"),
        }
        .with_context(|| path.display().to_string())
    }

    fn decode(bytes: &[u8]) -> Result<Self> {
        let (of, tensors) = tensors::decode(bytes, ARCHITECTURE)?;
        let architecture = serde_json::from_str(&of.context("it does not say of what network")?)
            .context("it is of a network that this version does not know")?;
        Self::new(architecture, tensors)
    }

    /// Writes a checkpoint that is whole or not there.
    pub fn write(&self, path: &Path) -> Result<()> {
        let architecture = serde_json::to_string(&self.architecture)?;
        let file = tensors::encode(&self.tensors, ARCHITECTURE, architecture)?;
        storage::write_whole(path, |to| to.write_all(&file).map_err(storage::failed(path)))
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
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("net.safetensors");
        let weights = Weights::new(small(), numbered(small())).unwrap();
        weights.write(&file).unwrap();
        assert_eq!(Weights::open(&file).unwrap(), weights);
    }

    #[test]
    fn what_is_no_checkpoint_is_named() {
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
        refused("of what network");
    }

    #[test]
    fn a_file_is_opened_by_what_is_in_it() {
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
