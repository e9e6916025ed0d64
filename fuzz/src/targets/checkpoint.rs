//! Checkpoints of networks: safetensors and PyTorch.

use std::collections::HashMap;

use anyhow::Result;
use ostiary_trainer::net::{Architecture, Layer, Weights};
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use super::Target;
use super::files::{folder_with, repository_file};

pub const TARGET: Target = Target {
    name: "checkpoint",
    about: "checkpoints of networks (safetensors, PyTorch)",
    run,
    seeds,
    dictionary: &[
        b"\"__metadata__\":",
        b"\"ostiary.architecture\":",
        b"\"dtype\":\"F32\"",
        b"\"shape\":[",
        b"\"data_offsets\":[",
        b"\"F16\"",
        b"\"width\":",
        b"\"embedding\":",
        b"mobilefacenet",
        b"PK\x03\x04",
        b"PK\x01\x02",
        b"PK\x05\x06",
        b"\x80\x02",
        b"{",
        b"}",
        b"18446744073709551615",
        b"\xff\xff\xff\xff\xff\xff\xff\xff",
    ],
    max_len: 256 << 10,
};

fn run(data: &[u8]) {
    let folder = folder_with(&[("checkpoint", data)]);
    if let Ok(weights) = Weights::open(&folder.path().join("checkpoint")) {
        let layers = weights.architecture().layers();
        for parameter in Layer::parameters(&layers) {
            assert!(
                weights
                    .tensor(&parameter.name)
                    .is_ok_and(|tensor| tensor.values.iter().all(|value| value.is_finite()))
            );
        }
    }
}

fn seeds() -> Result<Vec<Vec<u8>>> {
    let reference = |name: &str| repository_file(&format!("trainer/tests/reference/{name}"));
    Ok(vec![complete()?, first_tensors(3)?, reference("narrow.ckpt")?, reference("insightface.pth")?])
}

/// A checkpoint of the smallest network.
fn complete() -> Result<Vec<u8>> {
    first_tensors(usize::MAX)
}

/// A checkpoint with the first `count` tensors of the smallest network.
fn first_tensors(count: usize) -> Result<Vec<u8>> {
    let architecture = Architecture::mobilefacenet(0.125, 8);
    let parameters = Layer::parameters(&architecture.layers());
    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = parameters
        .into_iter()
        .take(count)
        .map(|parameter| {
            let bytes = vec![0; 4 * parameter.shape.iter().product::<usize>()];
            (parameter.name, parameter.shape, bytes)
        })
        .collect();
    let views = tensors
        .iter()
        .map(|(name, shape, bytes)| Ok((name, TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
        .collect::<Result<Vec<_>>>()?;
    let metadata =
        HashMap::from([("ostiary.architecture".to_owned(), serde_json::to_string(&architecture)?)]);
    Ok(safetensors::serialize(views, Some(metadata))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complete_seeds_are_valid_checkpoints() {
        let opened = seeds().unwrap().into_iter().map(|seed| {
            let folder = folder_with(&[("checkpoint", &seed)]);
            Weights::open(&folder.path().join("checkpoint")).is_ok()
        });
        assert_eq!(opened.collect::<Vec<_>>(), [true, false, true, true]);
    }
}
