//! A bundle: a folder with models and their manifest.

use std::borrow::Cow;
use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use ostiary_core::{MAX_FILE, ModelId, ModelRole, Precision, sha256};

use super::{BundleError, Manifest, ModelEntry};

/// A folder of models and its parsed manifest.
#[derive(Debug, Clone)]
pub struct Bundle {
    folder: PathBuf,
    manifest: Manifest,
    precision: Precision,
    origin: BundleOrigin,
}

/// Where a bundle comes from, as it is shown: two bundles of one origin are the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BundleOrigin {
    /// A folder that the owner names.
    Folder,
    /// Installed with the program.
    Program,
    /// The store of the door, with this version.
    Store(u64),
}

impl fmt::Display for BundleOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder => f.write_str("own folder"),
            Self::Program => write!(f, "program {}", env!("CARGO_PKG_VERSION")),
            Self::Store(version) => write!(f, "bundle {version}"),
        }
    }
}

impl Bundle {
    /// Reads the manifest of a folder. At [`Precision::Int8`] the quantized file of a role is used if there is one.
    ///
    /// # Errors
    /// The manifest is missing, unreadable or not valid.
    pub fn open(folder: &Path, precision: Precision) -> Result<Self, BundleError> {
        let path = folder.join(Manifest::FILE);
        let text =
            fs::read_to_string(&path).map_err(|why| BundleError::Unreadable { path: path.clone(), why })?;
        let manifest =
            Manifest::parse(&text).map_err(|why| BundleError::Manifest { path, why: Box::new(why) })?;
        Ok(Self { folder: folder.to_owned(), manifest, precision, origin: BundleOrigin::Folder })
    }

    /// Opens this folder if there is one, otherwise the models that were installed with the program.
    ///
    /// # Errors
    /// As [`Bundle::open`] and [`Bundle::shipped`].
    pub fn open_or_shipped(folder: Option<&Path>, precision: Precision) -> Result<Self, BundleError> {
        folder.map_or_else(|| Self::shipped(precision), |folder| Self::open(folder, precision))
    }

    /// Opens the models that were installed with the program: the first of the default folders with a manifest.
    ///
    /// # Errors
    /// No default folder has a manifest, or the manifest is not valid.
    pub fn shipped(precision: Precision) -> Result<Self, BundleError> {
        Ok(Self::open(&find_folder()?, precision)?.with_origin(BundleOrigin::Program))
    }

    pub(super) fn with_origin(self, origin: BundleOrigin) -> Self {
        Self { origin, ..self }
    }

    /// Where it comes from.
    pub fn origin(&self) -> BundleOrigin {
        self.origin
    }

    /// The bundle whose network for liveness is used with this one: this one, or the installed one if this one has none, because it
    /// may be older than that network. `None` if neither has one.
    pub fn with_liveness(&self) -> Option<Cow<'_, Self>> {
        let has_network = |bundle: &Self| bundle.entry(ModelRole::Liveness).is_ok();
        if has_network(self) {
            return Some(Cow::Borrowed(self));
        }
        Self::shipped(self.precision).ok().filter(has_network).map(Cow::Owned)
    }

    /// The folder of the models.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The parsed manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The manifest's entry of a role.
    ///
    /// # Errors
    /// The manifest has no such role.
    pub fn entry(&self, role: ModelRole) -> Result<&ModelEntry, BundleError> {
        let entry = self.quantized(role).or_else(|| self.manifest.entry(role, Precision::Fp32));
        entry.ok_or_else(|| BundleError::NoRole { path: self.folder.join(Manifest::FILE), role })
    }

    /// Whether the model of a role is quantized to 8 bits.
    pub fn is_quantized(&self, role: ModelRole) -> bool {
        self.quantized(role).is_some()
    }

    fn quantized(&self, role: ModelRole) -> Option<&ModelEntry> {
        match self.precision {
            Precision::Int8 => self.manifest.entry(role, Precision::Int8),
            Precision::Fp32 => None,
        }
    }

    /// The path of the file of a role.
    ///
    /// # Errors
    /// The manifest has no such role.
    pub fn path(&self, role: ModelRole) -> Result<PathBuf, BundleError> {
        Ok(self.folder.join(&self.entry(role)?.file))
    }

    /// The id of the model of a role, derived from the SHA-256 in the manifest.
    ///
    /// # Errors
    /// The manifest has no such role.
    pub fn id(&self, role: ModelRole) -> Result<ModelId, BundleError> {
        Ok(self.entry(role)?.id())
    }

    /// Reads the file of a role and compares its SHA-256 with the manifest.
    ///
    /// # Errors
    /// The manifest has no such role, or as [`Bundle::read_entry`].
    pub fn read(&self, role: ModelRole) -> Result<Vec<u8>, BundleError> {
        self.read_entry(self.entry(role)?)
    }

    /// Reads the file of an entry of the manifest and compares its SHA-256 with it.
    ///
    /// # Errors
    /// The file is missing, unreadable, too large or not the one of the manifest.
    pub fn read_entry(&self, entry: &ModelEntry) -> Result<Vec<u8>, BundleError> {
        let path = self.folder.join(&entry.file);
        let mut bytes = Vec::new();
        File::open(&path)
            .and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes))
            .map_err(|why| BundleError::Unreadable { path: path.clone(), why })?;
        if bytes.len() as u64 > MAX_FILE {
            return Err(BundleError::TooLarge { path });
        }
        let found = sha256(&bytes);
        if found != entry.sha256 {
            return Err(BundleError::Altered { path, expected: entry.sha256.clone(), found });
        }
        Ok(bytes)
    }
}

/// The default folder of the models: the installed one, one beside the program (up to three folders up, as in a build of
/// the sources), or one in the working folder.
fn find_folder() -> Result<PathBuf, BundleError> {
    let mut searched = vec![PathBuf::from("/usr/share/ostiary/models")];
    if let Ok(program) = std::env::current_exe() {
        searched.extend(program.ancestors().skip(1).take(4).map(|dir| dir.join("models")));
    }
    searched.push("models".into());
    match searched.iter().position(|folder| folder.join(Manifest::FILE).is_file()) {
        Some(index) => Ok(searched.swap_remove(index)),
        None => Err(BundleError::NotFound { searched }),
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
    fn shipped_files_match_the_manifest() {
        let bundle = shipped();
        for role in ModelRole::ALL {
            assert!(bundle.entry(role).is_ok(), "{role}");
        }
        for (key, entry) in &bundle.manifest().models {
            assert_eq!(sha256(&bundle.read_entry(entry).unwrap()), entry.sha256);
            assert!(
                !entry.licence.is_empty() && !entry.copyright.is_empty() && entry.source.sha256.len() == 64,
                "{key}"
            );
        }
    }

    #[test]
    fn every_shipped_model_has_a_card() {
        let bundle = shipped();
        let files = fs::read_dir(bundle.folder()).unwrap().map(|file| file.unwrap().path());
        let cards: Vec<String> = files
            .filter(|file| file.extension().is_some_and(|extension| extension == "md"))
            .map(|file| fs::read_to_string(file).unwrap())
            .collect();
        // The heading of a card names its files.
        let headings: Vec<&str> = cards.iter().filter_map(|card| card.lines().next()).collect();
        for entry in bundle.manifest().models.values() {
            let naming =
                headings.iter().filter(|heading| heading.split([' ', ',']).any(|word| word == entry.file));
            let count = naming.count();
            assert_eq!(count, 1, "cards whose heading names {}: {headings:?}", entry.file);
        }
    }

    #[test]
    fn altered_truncated_and_missing_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let shipped = shipped();
        fs::copy(shipped.folder().join(Manifest::FILE), folder.path().join(Manifest::FILE)).unwrap();
        let bundle = Bundle::open(folder.path(), Precision::Fp32).unwrap();

        let missing = bundle.read(ModelRole::PNet).unwrap_err();
        assert!(
            matches!(missing, BundleError::Unreadable { .. }) && missing.to_string().contains("pnet.onnx")
        );

        let mut bytes = shipped.read(ModelRole::PNet).unwrap();
        bytes[1000] ^= 1;
        fs::write(folder.path().join("pnet.onnx"), &bytes).unwrap();
        assert!(matches!(bundle.read(ModelRole::PNet), Err(BundleError::Altered { .. })));
        bytes[1000] ^= 1;
        fs::write(folder.path().join("pnet.onnx"), &bytes[..500]).unwrap();
        assert!(matches!(bundle.read(ModelRole::PNet), Err(BundleError::Altered { .. })));
    }

    #[test]
    fn an_invalid_manifest_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Bundle::open(folder.path(), Precision::Fp32), Err(BundleError::Unreadable { .. })));
        for text in ["", "format = 1", "format = 3\n[models]", "no toml at all", "format = 1\nmodels = 3"] {
            fs::write(folder.path().join(Manifest::FILE), text).unwrap();
            let error = Bundle::open(folder.path(), Precision::Fp32).unwrap_err();
            assert!(matches!(error, BundleError::Manifest { .. }), "{text:?} gave {error}");
        }
    }
}
