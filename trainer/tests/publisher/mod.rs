//! A publisher with keys and a web server, and folders of models to publish.

use std::fs;
use std::path::{Path, PathBuf};

use ostiary_config::Embedder as Settings;
use ostiary_core::{Crop, Precision, sha256};
use ostiary_engine::Backend;
use ostiary_models::{Bundle, Manifest, Release, SignedRelease};
use ostiary_vision::Embedder;
use serde_json::Value;
use tempfile::TempDir;

use crate::door::{DoorSetup, repository_file, trainer};
use crate::web_server::WebServer;

/// A publisher with keys and a web server.
pub struct Publisher {
    pub folder: TempDir,
    pub server: WebServer,
    pub public: String,
}

impl Publisher {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("www")).unwrap();
        let server = WebServer::start(folder.path().join("www"));
        let made = trainer(&["keys", "--json", "-o", &text(&folder.path().join("publisher.key"))]);
        assert_eq!(made.status.code(), Some(0), "{made:?}");
        let made: Value = serde_json::from_slice(&made.stdout).unwrap();
        let public = made["public"].as_str().unwrap().to_owned();
        Self { folder, server, public }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Publishes a folder of models; returns the version.
    pub fn publish(&self, models: &Path) -> u64 {
        let published = self.try_publish(models, &[]);
        assert_eq!(published.0, Some(0), "{}", published.1);
        serde_json::from_str::<Value>(&published.1).unwrap()["version"].as_u64().unwrap()
    }

    pub fn try_publish(&self, models: &Path, more: &[&str]) -> (Option<i32>, String) {
        let (key, www) = (text(&self.path("publisher.key")), text(&self.path("www")));
        let mut arguments = vec!["publish", "--json", "--key", &key, "-o", &www];
        let models = text(models);
        arguments.push(&models);
        arguments.extend(more);
        let output = trainer(&arguments);
        (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    }

    /// The file of the newest release.
    pub fn release_file(&self) -> PathBuf {
        let signature = fs::read_to_string(self.path("www/current.minisig")).unwrap();
        let hash = signature.split("release ").nth(1).unwrap().split_whitespace().next().unwrap();
        self.path("www/files").join(hash)
    }

    pub fn release(&self) -> Release {
        Release::parse(&fs::read(self.release_file()).unwrap()).unwrap()
    }

    /// Signs any release, without the checks of the program.
    pub fn sign(&self, release: &Release) {
        let secret =
            minisign::SecretKeyBox::from_string(&fs::read_to_string(self.path("publisher.key")).unwrap());
        let secret = secret.unwrap().into_unencrypted_secret_key().unwrap();
        let text = serde_json::to_vec(release).unwrap();
        fs::write(self.path("www/files").join(sha256(&text)), &text).unwrap();
        let comment = SignedRelease::trusted_comment(&text);
        let signature = minisign::sign(None, &secret, &text[..], Some(&comment), None).unwrap();
        fs::write(self.path("www/current.minisig"), signature.into_string()).unwrap();
    }

    /// A door that trusts this publisher.
    pub fn setup(&self) -> DoorSetup {
        let models = format!("keys = [{:?}]\nsource = {:?}\n", self.public, self.server.address());
        DoorSetup::new(&models)
    }
}

pub fn text(path: &Path) -> String {
    path.display().to_string()
}

/// The models that ship without the 8-bit embedder. At int8, the float embedder is used instead: another model, with its own
/// golden embedding and FAR table.
pub fn other_models(folder: &Path) -> PathBuf {
    let models = folder.join("other-models");
    copy_models(&models);
    change_manifest(&models, |manifest| {
        manifest.models.remove("mobilefacenet-int8").unwrap();
    });
    fs::remove_file(models.join("mobilefacenet-int8.onnx")).unwrap();
    let bundle = Bundle::open(&models, Precision::Int8).unwrap();
    let mut embedder = Embedder::load(&bundle, &Settings::default(), &Backend::tract(1)).unwrap();
    let golden = embedder.embed(&Crop::pattern()).unwrap();
    change_manifest(&models, |manifest| {
        let entry = manifest.models.get_mut("mobilefacenet").unwrap();
        entry.golden = golden.values().to_vec();
        entry.compatible.clear();
    });
    models
}

pub fn copy_models(to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(repository_file("models")).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if name.ends_with(".onnx") || name == Manifest::FILE {
            fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
}

pub fn change_manifest(models: &Path, change: impl FnOnce(&mut Manifest)) {
    let path = models.join(Manifest::FILE);
    let mut manifest: Manifest = toml::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    change(&mut manifest);
    fs::write(path, toml::to_string(&manifest).unwrap()).unwrap();
}
