//! Reads the weights of a network from a PyTorch file: a `state_dict`, alone or inside a checkpoint.
//!
//! The network is recognized by the names of its tensors: MobileFaceNet, IR or IR-SE of InsightFace_Pytorch, or the network of
//! MobileFaceNet_Pytorch. The file is a pickle. No code in it is executed: tensors are read, and everything else is ignored.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use pytorch_reader::{DType, PytorchReader, Tensor as Stored};

use super::layer::{Layer, Parameter};
use super::{Architecture, DIVISOR, Depth, Variant, WIDTHS, Weights};
use crate::tensors::Tensor;

/// The input of InsightFace_Pytorch is `(p - 127.5) / 127.5`.
const INSIGHTFACE_DIVISOR: f32 = 127.5;

/// A bias of the matrix in the IR of InsightFace_Pytorch. The next norm cancels it.
const MATRIX_BIAS: &str = "output_layer.3.bias";

/// The project whose tensor names a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CheckpointFamily {
    /// The MobileFaceNet of InsightFace_Pytorch.
    MobileFaceNet,
    /// The IR and IR-SE of InsightFace_Pytorch.
    Ir,
    /// The network of MobileFaceNet_Pytorch.
    Narrow,
}

impl CheckpointFamily {
    const ALL: [Self; 3] = [Self::MobileFaceNet, Self::Ir, Self::Narrow];

    /// Name of a tensor that no other family has.
    fn marker_tensor(self) -> &'static str {
        match self {
            Self::MobileFaceNet => "conv2_dw.conv.weight",
            Self::Ir => "input_layer.0.weight",
            Self::Narrow => "dw_conv1.conv.weight",
        }
    }
}

/// The tensors of one network.
struct StateDict {
    family: CheckpointFamily,
    tensors: HashMap<String, Stored>,
}

impl Weights {
    /// Reads a `state_dict` that `torch.save` wrote.
    ///
    /// # Errors
    /// If the file cannot be read, or is not a known network. The error names the tensor that is unknown or missing.
    pub fn from_pytorch(path: &Path) -> Result<Self> {
        let file = StateDict::open(path)?;
        let architecture = file.architecture()?;
        let parameters = Layer::parameters(&architecture.layers());
        let names = file.names(&parameters, architecture);
        let mut tensors = BTreeMap::new();
        for (parameter, name) in parameters.iter().zip(&names) {
            let mut tensor = file.read(name)?;
            // A matrix is the same as a convolution with one pixel.
            let wide = |shape: &[usize]| shape.iter().copied().filter(|n| *n > 1).collect::<Vec<_>>();
            if wide(&tensor.shape) == wide(&parameter.shape) {
                tensor.shape.clone_from(&parameter.shape);
            }
            tensors.insert(parameter.name.clone(), tensor);
        }
        let known = |name: &str| {
            names.iter().any(|known| known == name)
                || name.ends_with("num_batches_tracked")
                || name == MATRIX_BIAS
        };
        if let Some(name) = file.tensors.keys().find(|name| !known(name)) {
            bail!("the file has a tensor {name}, which {architecture} does not have");
        }
        if file.family != CheckpointFamily::Narrow {
            let first = parameters.first().and_then(|p| tensors.get_mut(&p.name));
            let first = first.context("the network has no first convolution")?;
            first.values.iter_mut().for_each(|weight| *weight *= DIVISOR / INSIGHTFACE_DIVISOR);
        }
        if file.tensors.contains_key(MATRIX_BIAS) {
            let bias = file.read(MATRIX_BIAS)?.values;
            let mean = parameters.iter().rfind(|p| p.name.ends_with("running_mean"));
            let mean = mean.and_then(|p| tensors.get_mut(&p.name)).context("the network has no last norm")?;
            mean.values.iter_mut().zip(bias).for_each(|(mean, bias)| *mean -= bias);
        }
        Self::new(architecture, tensors)
    }
}

impl StateDict {
    fn open(path: &Path) -> Result<Self> {
        let stored =
            PytorchReader::new(path).context("the file is not a checkpoint of PyTorch, or is damaged")?;
        let all = stored.into_tensors();
        for family in CheckpointFamily::ALL {
            let Some(prefix) = all.keys().find_map(|name| name.strip_suffix(family.marker_tensor())) else {
                continue;
            };
            let prefix = prefix.to_owned();
            let own = all.into_iter().filter_map(|(name, tensor)| {
                name.strip_prefix(&prefix).map(|name| (name.to_owned(), tensor))
            });
            return Ok(Self { family, tensors: own.collect() });
        }
        bail!(
            "the names of its {} tensors are those of no known network. MobileFaceNet, IR and IR-SE of InsightFace_Pytorch, and \
             MobileFaceNet_Pytorch, are known; export other networks as ONNX with torch.onnx",
            all.len()
        )
    }

    fn stored(&self, name: &str) -> Result<&Stored> {
        self.tensors.get(name).with_context(|| format!("the tensor {name} is missing"))
    }

    /// A dimension of a tensor.
    fn size(&self, name: &str, dimension: usize) -> Result<usize> {
        let size = self.stored(name)?.shape().get(dimension).copied();
        size.with_context(|| format!("the tensor {name} has too few dimensions"))
    }

    fn read(&self, name: &str) -> Result<Tensor> {
        let stored = self.stored(name)?;
        ensure!(
            stored.dtype() == DType::F32,
            "the tensor {name} has numbers of type {:?}, not 32-bit floats",
            stored.dtype()
        );
        let bytes = stored.read().context("the file is damaged")?;
        let values = bytes.as_chunks().0.iter().map(|bytes| f32::from_ne_bytes(*bytes)).collect();
        Ok(Tensor { shape: stored.shape().to_vec(), values })
    }

    fn architecture(&self) -> Result<Architecture> {
        let (last, whole, matrix) = match self.family {
            CheckpointFamily::MobileFaceNet => {
                ("conv_6_sep.conv.weight", "conv_6_dw.conv.weight", "linear.weight")
            }
            CheckpointFamily::Narrow => ("conv2.conv.weight", "linear7.conv.weight", "linear1.conv.weight"),
            CheckpointFamily::Ir => return self.ir(),
        };
        let variant = match self.size(whole, 3)? {
            6 => Variant::Narrow,
            _ => Variant::Paper,
        };
        let width = self.size(last, 0)? as f64 / 512.0;
        ensure!(WIDTHS.contains(&width), "the tensor {last} does not have the size of a MobileFaceNet");
        Ok(Architecture::MobileFaceNet { width, embedding: self.size(matrix, 0)?, variant })
    }

    fn ir(&self) -> Result<Architecture> {
        let blocks = (0..).take_while(|n| self.tensors.contains_key(&format!("body.{n}.res_layer.0.weight")));
        let depth = match blocks.count() {
            24 => Depth::D50,
            49 => Depth::D100,
            50 => Depth::D152,
            others => bail!("the network has {others} blocks; an IR has 24, 49 or 50"),
        };
        let squeeze = self.tensors.contains_key("body.0.res_layer.5.fc1.weight");
        Ok(Architecture::Ir { depth, squeeze, embedding: self.size("output_layer.3.weight", 0)? })
    }

    /// The name of each parameter in the file.
    fn names(&self, parameters: &[Parameter], architecture: Architecture) -> Vec<String> {
        let body =
            architecture.layers().iter().filter(|layer| matches!(layer, Layer::Residual { .. })).count();
        match self.family {
            CheckpointFamily::Ir => {
                parameters.iter().map(|parameter| ir_name(&parameter.name, body)).collect()
            }
            CheckpointFamily::MobileFaceNet => in_order(parameters, insightface()),
            CheckpointFamily::Narrow => in_order(parameters, narrow()),
        }
    }
}

/// Names of parameters from the names of their layers, which are in the order in which they run.
fn in_order(parameters: &[Parameter], layers: Vec<String>) -> Vec<String> {
    let mut layers = layers.into_iter();
    let (mut place, mut layer) = ("", String::new());
    let named = parameters.iter().map(|parameter| {
        let (of, part) = parameter.name.rsplit_once('.').unwrap_or_default();
        if of != place {
            (place, layer) = (of, layers.next().unwrap_or_default());
        }
        format!("{layer}.{part}")
    });
    named.collect()
}

fn parts(of: &str, parts: &[&str]) -> Vec<String> {
    parts.iter().map(|part| format!("{of}.{part}")).collect()
}

/// Parts of a convolution with an activation.
const ACTIVE: [&str; 3] = ["conv", "bn", "prelu"];
/// Parts of a convolution without an activation.
const LINEAR: [&str; 2] = ["conv", "bn"];

/// Names of the layers of InsightFace_Pytorch's MobileFaceNet.
fn insightface() -> Vec<String> {
    let block = |of: String| {
        [
            parts(&format!("{of}.conv"), &ACTIVE),
            parts(&format!("{of}.conv_dw"), &ACTIVE),
            parts(&format!("{of}.project"), &LINEAR),
        ]
        .concat()
    };
    let mut layers = [parts("conv1", &ACTIVE), parts("conv2_dw", &ACTIVE)].concat();
    for (first, others, count) in
        [("conv_23", "conv_3", 4), ("conv_34", "conv_4", 6), ("conv_45", "conv_5", 2)]
    {
        layers.extend(block(first.into()));
        layers.extend((0..count).flat_map(|number| block(format!("{others}.model.{number}"))));
    }
    layers.extend([parts("conv_6_sep", &ACTIVE), parts("conv_6_dw", &LINEAR)].concat());
    layers.extend(["linear".into(), "bn".into()]);
    layers
}

/// Names of the layers of MobileFaceNet_Pytorch.
fn narrow() -> Vec<String> {
    let mut layers = [parts("conv1", &ACTIVE), parts("dw_conv1", &ACTIVE)].concat();
    layers.extend((0..15).flat_map(|block| (0..8).map(move |part| format!("blocks.{block}.conv.{part}"))));
    layers.extend([parts("conv2", &ACTIVE), parts("linear7", &LINEAR), parts("linear1", &LINEAR)].concat());
    layers
}

/// The name of a parameter in InsightFace_Pytorch's IR with this number of blocks.
fn ir_name(ours: &str, blocks: usize) -> String {
    const INPUT: usize = 3;
    let (place, rest) = ours.split_once('.').unwrap_or_default();
    let place: usize = place.parse().unwrap_or_default();
    match (place.checked_sub(INPUT), rest.split_once('.')) {
        (None, _) => format!("input_layer.{place}.{rest}"),
        (Some(block), Some(("body", rest))) => format!("body.{block}.res_layer.{rest}"),
        (Some(block), Some(("shortcut", rest))) => format!("body.{block}.shortcut_layer.{rest}"),
        (Some(behind), _) => format!("output_layer.{}.{rest}", behind - blocks),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::process::Command;

    use super::super::SIDE;
    use super::*;
    use crate::export::to_onnx;
    use crate::reference::{by_tract, near, numbers};

    fn reference() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference")
    }

    /// Asserts that the network in a file gives the same outputs as PyTorch for four pictures.
    fn assert_same_as_pytorch(file: &Path, wanted: &[f64]) {
        let weights = Weights::open(file).unwrap();
        let onnx = to_onnx(&weights).unwrap();
        let pictures: Vec<f32> = numbers("pictures", 4 * 3 * SIDE * SIDE).collect();
        let got = pictures.chunks_exact(3 * SIDE * SIDE).flat_map(|picture| by_tract(&onnx, picture));
        near(&got.collect::<Vec<f64>>(), wanted);
    }

    #[test]
    fn checkpoints_give_the_outputs_of_pytorch() {
        let json = std::fs::read_to_string(reference().join("checkpoints.json")).unwrap();
        let wanted: BTreeMap<String, Vec<f64>> = serde_json::from_str(&json).unwrap();
        assert_eq!(wanted.len(), 2);
        for (name, wanted) in &wanted {
            assert_same_as_pytorch(&reference().join(name), wanted);
        }
    }

    /// The file of an IR is too large for the repository.
    #[test]
    fn an_ir_of_pytorch_is_read_if_pytorch_is_installed() {
        let folder = tempfile::tempdir().unwrap();
        // Not `import torch`: that also finds the folder of this name beside the tests.
        let has = Command::new("python3").args(["-c", "import torch.nn, numpy"]).status();
        if !has.is_ok_and(|status| status.success()) {
            eprintln!("SKIPPED: PyTorch is not installed; only the names of an IR are tested");
            return;
        }
        let script = reference().join("checkpoints.py");
        let output = Command::new("python3")
            .arg("-B")
            .arg(script)
            .arg(folder.path())
            .arg("ir-se-50")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let wanted: BTreeMap<String, Vec<f64>> = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(wanted.len(), 3);
        for (name, wanted) in &wanted {
            assert_same_as_pytorch(&folder.path().join(name), wanted);
        }
    }

    #[test]
    fn the_names_of_an_ir_are_those_of_insightface() {
        for (ours, theirs) in [
            ("0.weight", "input_layer.0.weight"),
            ("2.weight", "input_layer.2.weight"),
            ("3.body.0.running_mean", "body.0.res_layer.0.running_mean"),
            ("6.shortcut.1.bias", "body.3.shortcut_layer.1.bias"),
            ("26.body.5.fc2.weight", "body.23.res_layer.5.fc2.weight"),
            ("27.weight", "output_layer.0.weight"),
            ("30.weight", "output_layer.3.weight"),
            ("31.running_var", "output_layer.4.running_var"),
        ] {
            assert_eq!(ir_name(ours, 24), theirs);
        }
    }

    #[test]
    fn unknown_networks_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("net.ckpt");
        let whole = std::fs::read(reference().join("narrow.ckpt")).unwrap();
        let refused = |bytes: &[u8], part: &str| {
            std::fs::write(&file, bytes).unwrap();
            let why = format!("{:#}", Weights::open(&file).unwrap_err());
            assert!(why.contains(part), "{why}");
        };
        // All occurrences, because a pickle stores a repeated string once and refers to it.
        let renamed = |from: &[u8], to: &[u8]| {
            let mut bytes = whole.clone();
            while let Some(at) = bytes.windows(from.len()).position(|part| part == from) {
                bytes[at..at + from.len()].copy_from_slice(to);
            }
            bytes
        };
        refused(&whole[..whole.len() / 2], "damaged");
        refused(b"\x80\x02nothing", "damaged");
        refused(&renamed(b"dw_conv1", b"wd_conv1"), "those of no known network");
        refused(&renamed(b"linear7.bn.bias", b"linear7.bn.bios"), "the tensor linear7.bn.bias is missing");
        refused(&renamed(b"linear1.bn.num_batches_tracked", b"linear1.bn.num_batches_trucked"), "trucked");
    }
}
