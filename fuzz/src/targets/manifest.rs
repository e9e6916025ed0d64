//! The manifest of a folder of models.

use ostiary_core::{ModelRole, Precision};
use ostiary_models::{Bundle, Manifest};

use super::Target;
use super::files::{folder_with, repository_file};

pub const TARGET: Target = Target {
    name: "manifest",
    about: "manifest.toml of a folder of models, and the thresholds in it",
    run,
    seeds,
    dictionary: &[
        b"format = 1\n",
        b"[models.mobilefacenet]\n",
        b"[models.pnet]\n",
        b"[[models.mobilefacenet.far]]\n",
        b"far = ",
        b"threshold = ",
        b"far = []\n",
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
    max_len: 12 << 10,
};

fn run(data: &[u8]) {
    let folder = folder_with(&[(Manifest::FILE, data)]);
    for precision in [Precision::Fp32, Precision::Int8] {
        let Ok(bundle) = Bundle::open(folder.path(), precision) else { return };
        for role in [ModelRole::Embedder, ModelRole::PNet] {
            let Ok(entry) = bundle.entry(role) else { continue };
            let table = entry.far.iter().map(|point| point.far);
            for far in table.chain([1e-1, 1e-3, 3.3e-4, 1e-6, 0.0, f64::MIN_POSITIVE, f64::NAN]) {
                if let Ok(threshold) = entry.threshold(far) {
                    assert!((-1.0..=1.0).contains(&threshold.0), "{threshold:?} at a FAR of {far}");
                }
            }
            assert!(bundle.path(role).is_ok_and(|path| path.parent() == Some(folder.path())));
            assert!(bundle.read(role).is_err(), "a model was read that does not exist");
        }
    }
}

fn seeds() -> anyhow::Result<Vec<Vec<u8>>> {
    let shipped = repository_file("models/manifest.toml")?;
    let mut manifest: Manifest = toml::from_str(std::str::from_utf8(&shipped)?)?;
    manifest.models.retain(|key, _| *key == Precision::Fp32.manifest_key(ModelRole::Embedder));
    manifest.models.values_mut().for_each(|entry| entry.golden.truncate(2));
    Ok(vec![shipped, toml::to_string(&manifest)?.into_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_are_valid_manifests() {
        for seed in seeds().unwrap() {
            let folder = folder_with(&[(Manifest::FILE, &seed)]);
            Bundle::open(folder.path(), Precision::Fp32).unwrap().entry(ModelRole::Embedder).unwrap();
        }
    }
}
