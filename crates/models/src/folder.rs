//! The folder that holds a set of models.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use ostiary_core::{MAX_FILE, ModelId, Precision, sha256};

use super::{BundleError, Manifest, ModelEntry};

/// A folder of models whose manifest was read.
#[derive(Debug, Clone)]
pub struct Bundle {
    folder: PathBuf,
    manifest: Manifest,
    precision: Precision,
}

impl Bundle {
    /// Reads the manifest of the folder. A role's quantized file stands for it at [`Precision::Int8`], where there
    /// is one.
    pub fn open(folder: &Path, precision: Precision) -> Result<Self, BundleError> {
        let path = folder.join(Manifest::FILE);
        let text =
            fs::read_to_string(&path).map_err(|why| BundleError::Unreadable { path: path.clone(), why })?;
        let manifest = Manifest::parse(&text).map_err(|why| BundleError::Manifest { path, why })?;
        Ok(Self { folder: folder.to_owned(), manifest, precision })
    }

    /// Opens this folder, or else the models that the program came with.
    pub fn open_or_shipped(folder: Option<&Path>, precision: Precision) -> Result<Self, BundleError> {
        folder.map_or_else(|| Self::shipped(precision), |folder| Self::open(folder, precision))
    }

    /// Opens the models that the program came with: the first folder of models among the usual places.
    pub fn shipped(precision: Precision) -> Result<Self, BundleError> {
        Self::open(&find_folder()?, precision)
    }

    /// Where the models lie.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the manifest says.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The manifest's entry for a role.
    pub fn entry(&self, role: &str) -> Result<&ModelEntry, BundleError> {
        let found = self.quantized(role).or_else(|| self.manifest.models.get(role));
        found.ok_or_else(|| BundleError::NoRole {
            path: self.folder.join(Manifest::FILE),
            role: role.to_owned(),
        })
    }

    /// Whether a role computes in bytes.
    pub fn is_quantized(&self, role: &str) -> bool {
        self.quantized(role).is_some()
    }

    fn quantized(&self, role: &str) -> Option<&ModelEntry> {
        self.precision.of(role).and_then(|name| self.manifest.models.get(&name))
    }

    /// Where the file of a role lies.
    pub fn path(&self, role: &str) -> Result<PathBuf, BundleError> {
        Ok(self.folder.join(&self.entry(role)?.file))
    }

    /// The id of a role's model, as the manifest states it.
    pub fn id(&self, role: &str) -> Result<ModelId, BundleError> {
        Ok(self.entry(role)?.id())
    }

    /// The file of a role, which is what the manifest says.
    pub fn read(&self, role: &str) -> Result<Vec<u8>, BundleError> {
        let path = self.path(role)?;
        let mut bytes = Vec::new();
        File::open(&path)
            .and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes))
            .map_err(|why| BundleError::Unreadable { path: path.clone(), why })?;
        if bytes.len() as u64 > MAX_FILE {
            return Err(BundleError::TooLarge { path });
        }
        let (expected, found) = (&self.entry(role)?.sha256, sha256(&bytes));
        if found != *expected {
            return Err(BundleError::Altered { path, expected: expected.clone(), found });
        }
        Ok(bytes)
    }
}

/// Where the models are when the configuration does not say: installed, beside the program (up to three
/// folders up, as in a build of the sources), or in the working folder.
fn find_folder() -> Result<PathBuf, BundleError> {
    let mut looked = vec![PathBuf::from("/usr/share/ostiary/models")];
    if let Ok(program) = std::env::current_exe() {
        looked.extend(program.ancestors().skip(1).take(4).map(|dir| dir.join("models")));
    }
    looked.push("models".into());
    match looked.iter().position(|folder| folder.join(Manifest::FILE).is_file()) {
        Some(found) => Ok(looked.swap_remove(found)),
        None => Err(BundleError::NotFound { looked }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The models that ship.
    fn shipped() -> Bundle {
        Bundle::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models"), Precision::Fp32).unwrap()
    }

    #[test]
    fn the_files_that_ship_are_what_the_manifest_says() {
        let bundle = shipped();
        for role in ["pnet", "rnet", "onet", "mobilefacenet"] {
            let entry = bundle.entry(role).unwrap();
            assert_eq!(sha256(&bundle.read(role).unwrap()), entry.sha256);
            assert!(
                !entry.licence.is_empty() && !entry.copyright.is_empty() && entry.source.sha256.len() == 64
            );
        }
    }

    #[test]
    fn every_model_has_a_card() {
        let bundle = shipped();
        for card in ["mtcnn.md", "mobilefacenet.md"] {
            assert!(bundle.folder().join(card).is_file(), "{card} is missing");
        }
    }

    #[test]
    fn an_altered_a_truncated_and_a_missing_file_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let shipped = shipped();
        fs::copy(shipped.folder().join(Manifest::FILE), folder.path().join(Manifest::FILE)).unwrap();
        let bundle = Bundle::open(folder.path(), Precision::Fp32).unwrap();

        let missing = bundle.read("pnet").unwrap_err();
        assert!(
            matches!(missing, BundleError::Unreadable { .. }) && missing.to_string().contains("pnet.onnx")
        );

        let mut bytes = shipped.read("pnet").unwrap();
        bytes[1000] ^= 1;
        fs::write(folder.path().join("pnet.onnx"), &bytes).unwrap();
        assert!(matches!(bundle.read("pnet"), Err(BundleError::Altered { .. })));
        bytes[1000] ^= 1;
        fs::write(folder.path().join("pnet.onnx"), &bytes[..500]).unwrap();
        assert!(matches!(bundle.read("pnet"), Err(BundleError::Altered { .. })));
    }

    #[test]
    fn what_is_no_manifest_is_named() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Bundle::open(folder.path(), Precision::Fp32), Err(BundleError::Unreadable { .. })));
        for text in ["", "format = 1", "format = 2\n[models]", "no toml at all", "format = 1\nmodels = 3"] {
            fs::write(folder.path().join(Manifest::FILE), text).unwrap();
            let error = Bundle::open(folder.path(), Precision::Fp32).unwrap_err();
            assert!(matches!(error, BundleError::Manifest { .. }), "{text:?} gave {error}");
        }
    }
}
