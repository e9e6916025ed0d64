//! A program without torch says how to get one with it.
#![cfg(not(feature = "torch"))]

use std::process::Command;

fn said(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_ostiary-trainer")).args(arguments).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn training_and_checkpoints_name_the_mend() {
    for arguments in [&["train"][..], &["train", "faces", "-o", "run", "--lr", "0.1"], &["train", "--help"]] {
        let (code, text) = said(arguments);
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains("--features torch"), "{text}");
    }
    let folder = tempfile::tempdir().unwrap();
    for person in ["Ada", "Bob"] {
        std::fs::create_dir(folder.path().join(person)).unwrap();
        for number in 0..2 {
            image::RgbImage::new(112, 112)
                .save(folder.path().join(person).join(format!("{number}.png")))
                .unwrap();
        }
    }
    let faces = folder.path().to_str().unwrap();
    let models = concat!(env!("CARGO_MANIFEST_DIR"), "/../models");
    let (code, text) = said(&["evaluate", faces, "--model", "last.safetensors", "--models", models]);
    assert_eq!(code, Some(2), "{text}");
    assert!(
        text.contains("last.safetensors: is a checkpoint") && text.contains("--features torch"),
        "{text}"
    );
}
