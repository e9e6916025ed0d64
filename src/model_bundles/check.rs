//! The checks of a bundle before it is stored, and again before it is activated.

use anyhow::Context;
use ostiary_config::Config;
use ostiary_engine::Backend;
use ostiary_models::{Bundle, ModelStore, ModelStoreError, StoredBundle};
use ostiary_pipeline::FaceEncoder;
use ostiary_self_test::SelfTest;
use serde::{Deserialize, Serialize};

/// A stored bundle that was checked, as it is printed as JSON.
#[derive(Debug, Serialize, Deserialize)]
pub struct CheckedBundle {
    version: u64,
    /// Whether the bundle can be used on this processor.
    pub good: bool,
    /// Why not.
    problem: Option<String>,
}

impl CheckedBundle {
    /// The bundle as a line of text.
    pub fn in_words(&self) -> String {
        match &self.problem {
            None => format!("{}  good", self.version),
            Some(problem) => format!("{}  NOT GOOD: {problem}", self.version),
        }
    }
}

/// Checks a stored bundle, or all, and calls `report` with each.
///
/// # Errors
/// The bundles cannot be listed, the version is not stored, or `report` fails.
pub fn check_bundles(
    config: &Config,
    version: Option<u64>,
    mut report: impl FnMut(CheckedBundle) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let model_store = ModelStore::open(&config.models)?;
    let stored = model_store.versions()?;
    let versions = match version {
        Some(version) if stored.contains(&version) => vec![version],
        Some(version) => return Err(ModelStoreError::NotStored { version }.into()),
        None => stored,
    };
    for version in versions {
        let stored = model_store.stored(version).map_err(anyhow::Error::from);
        let checked = stored.and_then(|stored| check_and_load(&stored, config));
        let problem = checked.err().map(|error| format!("{error:#}"));
        report(CheckedBundle { version, good: problem.is_none(), problem })?;
    }
    Ok(())
}

/// Checks the signature and all files of a bundle, then tests and loads its models.
///
/// # Errors
/// What is wrong with the bundle, or why it cannot be tested.
pub fn check_and_load(stored: &StoredBundle, config: &Config) -> anyhow::Result<FaceEncoder> {
    let version = stored.signed.release.version;
    let checked = stored.check().map_err(anyhow::Error::from).and_then(|()| {
        let bundle: Bundle = stored.bundle(config.engine.precision)?;
        test_and_load(&bundle, config)
    });
    checked.with_context(|| format!("bundle {version}"))
}

/// Tests models in a separate process, and loads them if they pass.
pub(super) fn test_and_load(bundle: &Bundle, config: &Config) -> anyhow::Result<FaceEncoder> {
    SelfTest::new(bundle, config).run(|| {})?;
    Ok(FaceEncoder::from_bundle(bundle, config, &Backend::new(&config.engine, &config.ort)?)?)
}
