//! The stored bundles, as commands and the control API show them.

use jiff::Timestamp;
use ostiary_config::Config;
use ostiary_core::ModelRole;
use ostiary_models::{Bundle, ModelStore, ModelStoreError};
use serde::{Deserialize, Serialize};

/// The stored bundles, and which models are in use.
#[derive(Debug)]
pub struct ModelList {
    /// The bundles, oldest first.
    pub bundles: Vec<ListedBundle>,
    /// The version that is active; `None` for the models that the program came with.
    pub active: Option<u64>,
    /// Whether `models.dir` is set, which overrides all bundles.
    pub is_overridden: bool,
}

/// One stored bundle, as it is printed as JSON.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListedBundle {
    version: u64,
    active: bool,
    /// Whether the daemon would roll back this bundle after a crash.
    probation: bool,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    release: Option<ReleaseInfo>,
    /// Why the bundle cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// The data of the release.
#[derive(Debug, Serialize, Deserialize)]
struct ReleaseInfo {
    created: Timestamp,
    expires: Timestamp,
    expired: bool,
    /// The id of the embedding model at `engine.precision`.
    model: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

impl ModelList {
    /// Reads the store of a configuration.
    ///
    /// # Errors
    /// The store cannot be read. A bundle that cannot be read is listed with the reason.
    pub fn read(config: &Config) -> Result<Self, ModelStoreError> {
        let is_overridden = config.models.dir.is_some();
        // Without a trusted publisher nothing was ever stored, or nothing of it counts.
        let model_store = match ModelStore::open(&config.models) {
            Err(ModelStoreError::NoKeys) => {
                return Ok(Self { bundles: Vec::new(), active: None, is_overridden });
            }
            model_store => model_store?,
        };
        let active = model_store.state()?.active();
        let probation = model_store.probation()?.map(|probation| probation.version);
        let listed = |version| {
            let (release, problem) = match ReleaseInfo::read(&model_store, version, config) {
                Ok(release) => (Some(release), None),
                Err(error) => (None, Some(error.to_string())),
            };
            let is = |other: Option<u64>| other == Some(version);
            ListedBundle { version, active: is(active), probation: is(probation), release, problem }
        };
        let bundles = model_store.versions()?.into_iter().map(listed).collect();
        Ok(Self { bundles, active, is_overridden })
    }
}

impl ReleaseInfo {
    fn read(model_store: &ModelStore, version: u64, config: &Config) -> Result<Self, ModelStoreError> {
        let stored = model_store.stored(version)?;
        let bundle: Bundle = stored.bundle(config.engine.precision)?;
        let release = stored.signed.release;
        Ok(Self {
            created: release.created,
            expires: release.expires,
            expired: release.expires <= Timestamp::now(),
            model: bundle.id(ModelRole::Embedder)?.to_string(),
            note: release.note,
        })
    }
}

impl ListedBundle {
    /// The bundle as a line of text.
    pub fn in_words(&self) -> String {
        let mark = if self.active { "*" } else { " " };
        let Self { version, release, problem, .. } = self;
        match (release, problem) {
            (Some(ReleaseInfo { created, expires, expired, model, note }), _) => {
                let day = |time: &Timestamp| time.strftime("%Y-%m-%d").to_string();
                let word = if *expired { "expired" } else { "expires" };
                let note = note.as_deref().map(|note| format!("  {note}")).unwrap_or_default();
                let probation = if self.probation { ", on probation" } else { "" };
                format!(
                    "{mark} {version}  created {}, {word} {}, model {model}{probation}{note}",
                    day(created),
                    day(expires)
                )
            }
            (None, problem) => {
                format!("{mark} {version}  NOT GOOD: {}", problem.as_deref().unwrap_or_default())
            }
        }
    }
}
