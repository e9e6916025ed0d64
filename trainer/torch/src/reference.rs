//! What PyTorch makes of the networks and the margins, for tests, as the library's tests have it; and what takes tensors.

#[path = "../../src/reference.rs"]
#[allow(dead_code)] // The library's tests need the rest of it.
mod shared;

use std::process::Command;

pub use shared::*;

/// Torch's random numbers are one stream for all threads: a test that takes some holds this while it does.
pub fn chance() -> std::sync::MutexGuard<'static, ()> {
    static CHANCE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    CHANCE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

pub fn tensor(name: &str, shape: &[i64]) -> tch::Tensor {
    let values: Vec<f32> = numbers(name, shape.iter().product::<i64>() as usize).collect();
    tch::Tensor::from_slice(&values).view(shape)
}

/// Where PyTorch is installed, what it says now is what is kept.
#[test]
fn the_reference_is_what_pytorch_says() {
    let has = Command::new("python3").args(["-c", "import torch, numpy; print(torch.__version__)"]).output();
    let version =
        has.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    let stored = Reference::stored();
    if version.split('+').next() != Some(&stored.torch) {
        eprintln!("SKIPPED: PyTorch {} is not installed; the kept numbers stand alone", stored.torch);
        return;
    }
    // The others are larger, of the same parts.
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
        near(&margin.centres, &stored.margins[name].centres);
    }
}
