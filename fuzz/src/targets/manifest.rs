//! The manifest of a folder of models.

use ostiary_core::{ModelRole, Precision};
use ostiary_models::{Bundle, Calibration, Manifest};

use super::Target;
use super::files::{folder_with, repository_file};

pub const TARGET: Target = Target {
    name: "manifest",
    about: "manifest.toml of a folder of models, and the thresholds in it",
    run,
    seeds,
    dictionary: &[
        b"format = 1\n",
        b"format = 2\n",
        b"[models.mobilefacenet]\n",
        b"[models.pnet]\n",
        b"[[models.mobilefacenet.far]]\n",
        b"far = ",
        b"threshold = ",
        b"far = []\n",
        b"[models.mobilefacenet.calibration]\n",
        b"[[models.mobilefacenet.calibration.thresholds]]\n",
        b"supported_fpir = ",
        b"fpir = [0.1, 0.01, 0.001]\n",
        b"photos = 1\n",
        b"people = 1\n",
        b"similarity = [0.25, 0.5, 0.75]\n",
        b"sha256 = ",
        b"divisor = ",
        b"mean = ",
        b"channels = \"BGR\"\n",
        b"shape = [1, 3, 112, 112]\n",
        b"golden = [",
        b"nan",
        b"inf",
        b"-0.0",
        b"\"\"\"",
        b"'",
        b"[",
        b"]",
        b"{",
        b"}",
        b"1e-300",
        b"5e-324",
        b"0.9999999999999999",
    ],
    max_len: 64 << 10,
};

fn run(data: &[u8]) {
    let folder = folder_with(&[(Manifest::FILE, data)]);
    for precision in [Precision::Fp32, Precision::Int8] {
        let Ok(bundle) = Bundle::open(folder.path(), precision) else { return };
        for role in [ModelRole::Embedder, ModelRole::PNet] {
            let Ok(entry) = bundle.entry(role) else { continue };
            if let Some(calibration) = &entry.calibration {
                check_thresholds(calibration);
            }
            assert!(bundle.path(role).is_ok_and(|path| path.parent() == Some(folder.path())));
            assert!(bundle.read(role).is_err(), "a model was read that does not exist");
        }
    }
}

/// Checks the thresholds of a calibration that was accepted.
fn check_thresholds(calibration: &Calibration) {
    let default = calibration.default_fpir();
    assert!(calibration.check_fpir(default).is_ok(), "the default {default} is refused");
    let table = calibration.fpir.iter().copied();
    for fpir in table.chain([default, 1.0, 3.3e-4, 0.0, -1.0, f64::MIN_POSITIVE, f64::INFINITY, f64::NAN]) {
        for people in [0, 1, 7, 10_000, usize::MAX] {
            for photos in [0, 1, 3, usize::MAX] {
                let threshold = calibration.threshold(fpir, people, photos).similarity.0;
                assert!(
                    threshold.is_finite() && threshold > 0.0,
                    "{threshold} at {fpir} with {people} people and {photos} photos"
                );
            }
        }
    }
}

fn seeds() -> anyhow::Result<Vec<Vec<u8>>> {
    let shipped = repository_file("models/manifest.toml")?;
    let mut manifest: Manifest = toml::from_str(std::str::from_utf8(&shipped)?)?;
    manifest.models.retain(|key, _| *key == Precision::Fp32.manifest_key(ModelRole::Embedder));
    for entry in manifest.models.values_mut() {
        entry.golden.truncate(2);
        if let Some(calibration) = &mut entry.calibration {
            calibration.mean.truncate(2);
            calibration.thresholds.retain(|row| row.photos == 1 && row.people <= 2);
        }
    }
    Ok(vec![shipped, toml::to_string(&manifest)?.into_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_are_valid_manifests() {
        for seed in seeds().unwrap() {
            let folder = folder_with(&[(Manifest::FILE, &seed)]);
            let bundle = Bundle::open(folder.path(), Precision::Fp32).unwrap();
            assert!(bundle.entry(ModelRole::Embedder).unwrap().calibration.is_some());
        }
    }
}
