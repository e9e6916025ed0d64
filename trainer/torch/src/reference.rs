//! Reference outputs of PyTorch for tests, shared with the tests of the library, and helpers that use tensors.

#[path = "../../src/reference.rs"]
#[allow(dead_code)] // The tests of the library use the rest of it.
mod shared;

use std::process::Command;

pub use shared::*;

/// Locks torch's random generator, which all threads share. A test holds the lock while it uses random numbers.
pub fn torch_rng() -> std::sync::MutexGuard<'static, ()> {
    static TORCH_RNG: std::sync::Mutex<()> = std::sync::Mutex::new(());
    TORCH_RNG.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A tensor of the reference's [`numbers`].
pub fn tensor(name: &str, shape: &[i64]) -> tch::Tensor {
    let values: Vec<f32> = numbers(name, shape.iter().product::<i64>() as usize).collect();
    tch::Tensor::from_slice(&values).view(shape)
}

/// If PyTorch is installed, checks that it still gives the stored outputs.
#[test]
fn the_reference_is_that_of_pytorch() {
    let has = Command::new("python3").args(["-c", "import torch, numpy; print(torch.__version__)"]).output();
    let version =
        has.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    let stored = Reference::stored();
    if version.split('+').next() != Some(&stored.torch) {
        eprintln!("SKIPPED: PyTorch {} is not installed; the stored outputs are not checked", stored.torch);
        return;
    }
    // The other networks are larger, and have the same layers.
    let some = ["mobilefacenet", "ir-se-50"];
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/reference/torch_reference.py");
    let output = Command::new("python3").arg(script).args(some).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let now: Reference = serde_json::from_slice(&output.stdout).unwrap();
    for name in some {
        near(&now.nets[name].embeddings, &stored.nets[name].embeddings);
    }
    for (name, margin) in &now.margins {
        near(&margin.logits, &stored.margins[name].logits);
        near(&margin.centers, &stored.margins[name].centers);
    }
}
