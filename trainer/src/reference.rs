//! Reference outputs of PyTorch for the networks and the margins, for tests.
//! `trainer/tests/reference/torch_reference.py` makes them.

use std::collections::BTreeMap;

use ostiary_trainer::net::{Architecture, Layer, Role, SIDE, Variant, Weights};
use ostiary_trainer::tensors::Tensor;
use serde::Deserialize;

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Reference {
    pub nets: BTreeMap<String, NetReference>,
    #[serde(rename = "nets in training")]
    pub nets_in_training: BTreeMap<String, NetReference>,
    pub margins: BTreeMap<String, MarginReference>,
    /// The version of PyTorch that computed them.
    pub torch: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct NetReference {
    /// `[4, embedding]`
    pub embeddings: Vec<f64>,
    /// For each parameter the length of its gradient, and the dot product of the gradient with [`numbers`].
    pub gradients: BTreeMap<String, [f64; 2]>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct MarginReference {
    pub loss: f64,
    /// `[8, 20]`
    pub logits: Vec<f64>,
    /// The gradient, `[8, 16]`.
    pub embeddings: Vec<f64>,
    /// The gradient, `[20, 16]`.
    #[serde(rename = "centres")]
    pub centers: Vec<f64>,
}

impl Reference {
    pub fn stored() -> Self {
        serde_json::from_str(include_str!("../tests/reference/torch_reference.json")).unwrap()
    }
}

/// Uniform numbers from -1 to 1: SplitMix64 (Steele et al. 2014), seeded by the CRC-32 of a name.
pub fn numbers(name: &str, count: usize) -> impl Iterator<Item = f32> + use<> {
    let begin = u64::from(crc32fast::hash(name.as_bytes())) << 32;
    (0..count as u64).map(move |place| {
        let mut z = (begin + place + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        ((z >> 40) as f64 / f64::from(1 << 23) - 1.0) as f32
    })
}

/// The network with this name in the reference.
pub fn architecture(name: &str) -> Architecture {
    match name {
        "mobilefacenet of half the width" => Architecture::mobilefacenet(0.5, 128),
        "mobilefacenet of the paper" => {
            Architecture::MobileFaceNet { width: 0.25, embedding: 64, variant: Variant::Paper }
        }
        "mobilefacenet of the paper for 96 columns" => {
            Architecture::MobileFaceNet { width: 0.25, embedding: 64, variant: Variant::Narrow }
        }
        kind => Architecture::new(kind.parse().unwrap(), 1.0, None).unwrap(),
    }
}

/// Weights of a network as the reference fills them.
pub fn filled(architecture: Architecture) -> Weights {
    let mut tensors = BTreeMap::new();
    for parameter in Layer::parameters(&architecture.layers()) {
        let shape = parameter.shape;
        let fan_in: usize = shape.iter().skip(1).product();
        let values = numbers(&parameter.name, shape.iter().product()).map(|n| match parameter.role {
            Role::Weight => n * (3.0 / fan_in as f64).sqrt() as f32,
            Role::Slope => 0.25 + 0.1 * n,
            Role::Scale | Role::Variance => 1.0 + 0.2 * n,
            Role::Shift | Role::Mean => 0.1 * n,
        });
        let values = values.collect();
        tensors.insert(parameter.name, Tensor { shape, values });
    }
    Weights::new(architecture, tensors).unwrap()
}

/// Asserts that numbers differ by at most 1e-4 of the largest one.
pub fn near(got: &[f64], wanted: &[f64]) {
    assert_eq!(got.len(), wanted.len());
    let largest = wanted.iter().fold(0f64, |most, v| most.max(v.abs()));
    for (got, wanted) in got.iter().zip(wanted) {
        assert!((got - wanted).abs() <= 1e-4 * largest, "{got}, but PyTorch has {wanted}");
    }
}

/// The output of tract for one picture of normalized values.
pub fn by_tract(onnx: &[u8], picture: &[f32]) -> Vec<f64> {
    use tract_onnx::prelude::{Framework, InferenceModelExt, IntoRunnable, Tensor, tvec};

    let network = tract_onnx::onnx().model_for_read(&mut &onnx[..]).unwrap();
    let network = network.into_optimized().unwrap().into_runnable().unwrap();
    let input = Tensor::from_shape(&[1, 3, SIDE, SIDE], picture).unwrap();
    let made = network.run(tvec!(input.into())).unwrap();
    made[0].to_plain_array_view::<f32>().unwrap().iter().map(|n| f64::from(*n)).collect()
}
