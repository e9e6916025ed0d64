//! Folders of models with a calibration of the test's own.

use std::fs;
use std::os::unix::fs::symlink;

use ostiary_core::{ModelRole, Precision};
use ostiary_models::{Calibration, Manifest, ThresholdRow};
use tempfile::TempDir;

use super::repository_file;

/// The shipped models in a folder of their own, with this calibration of the embedders, or without one.
pub fn models_with(calibration: Option<&Calibration>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let shipped = repository_file("models");
    let text = fs::read_to_string(shipped.join(Manifest::FILE)).unwrap();
    // By way of TOML, because the program's own parser also checks the files.
    let mut manifest: toml::Table = toml::from_str(&text).unwrap();
    let models = manifest.get_mut("models").and_then(toml::Value::as_table_mut).unwrap();
    for precision in [Precision::Fp32, Precision::Int8] {
        let key = precision.manifest_key(ModelRole::Embedder);
        let entry = models.get_mut(&key).and_then(toml::Value::as_table_mut).unwrap();
        entry.remove("calibration");
        if let Some(calibration) = calibration {
            entry.insert("calibration".into(), toml::Value::try_from(calibration).unwrap());
        }
    }
    manifest.insert("format".into(), Manifest::FORMAT.into());
    fs::write(folder.path().join(Manifest::FILE), toml::to_string(&manifest).unwrap()).unwrap();
    for file in fs::read_dir(shipped).unwrap().map(|file| file.unwrap().path()) {
        if file.extension().is_some_and(|extension| extension == "onnx") {
            symlink(&file, folder.path().join(file.file_name().unwrap())).unwrap();
        }
    }
    folder
}

/// A calibration whose thresholds are far below the similarities of the bundled portraits of one person, and far above those
/// of different people. It supports `door.fpir` 0.01, and 0.001 by extrapolation. Similarities are not normalized.
pub fn calibration() -> Calibration {
    let row =
        |people, similarity: [f32; 3]| ThresholdRow { photos: 1, people, similarity: similarity.into() };
    Calibration {
        sets: vec!["portraits".into()],
        strangers: 100,
        people: 100,
        visits: 1000,
        supported_fpir: 1e-2,
        fpir: vec![1e-1, 1e-2, 1e-3],
        mean: Vec::new(),
        upright: None,
        thresholds: vec![row(1, [0.4, 0.45, 0.5]), row(100, [0.45, 0.5, 0.55])],
    }
}
