//! The change from the models in use to others, in the facebank, on the disk and in the running door.
//!
//! The order makes it safe. First, templates for the new models are computed and stored beside the old ones, which does
//! not affect the door. Then one file is replaced. Then the door reloads; if it refuses, the old file is restored.

use std::path::Path;

use jiff::Timestamp;
use ostiary_config::Config;
use ostiary_core::clock::build_time;
use ostiary_core::{ModelId, ModelRole, Precision};
use ostiary_facebank::{Facebank, FacebankError};
use ostiary_models::{Bundle, BundleError, Manifest, ModelEntry, ModelStore, Probation, StoreState};
use ostiary_pipeline::FaceEncoder;
use serde::{Deserialize, Serialize};

use super::check::{check_and_load, test_and_load};

/// A change of the models in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelChange {
    /// To a stored bundle.
    Activate {
        /// The version; `None` for the newest one.
        version: Option<u64>,
    },
    /// To the models that were in use before, even if their bundle has expired.
    Rollback,
}

/// A change that was made, as it is printed as JSON.
#[derive(Debug, Serialize, Deserialize)]
pub struct ChangedModels {
    /// The version in use; `None` for the models that the program came with.
    version: Option<u64>,
    active: bool,
    /// The id of the embedding model in use.
    model: String,
    /// Number of templates that were computed.
    templates: usize,
    /// The people without a template of the model.
    strangers: Vec<String>,
    /// Whether a running door uses them.
    daemon: bool,
}

/// Why the old models stay in use.
#[derive(Debug, thiserror::Error)]
pub enum ActivationError {
    /// The configuration names a folder of models.
    #[error("models.dir is set and overrides all bundles; remove it to use a bundle")]
    Dir,
    /// There is no bundle.
    #[error("no bundle is stored; download one with `ostiary models pull`")]
    NothingStored,
    /// The models are those that the program came with.
    #[error("no bundle is in use, so there is nothing to roll back")]
    NothingToRollBack,
    /// The running door did not change to the new models.
    #[error("the daemon keeps the old models: {0}; nothing was changed")]
    Door(String),
}

impl ChangedModels {
    /// What was done, a sentence for each line.
    pub fn in_words(&self) -> Vec<String> {
        let daemon = if self.daemon { "the daemon uses them" } else { "no daemon runs" };
        let models = models_in_words(self.version);
        let used = format!("in use: {models}; {} templates were computed, and {daemon}", self.templates);
        let again = self.strangers.iter().map(|name| format!("{name} must be enrolled again"));
        [used].into_iter().chain(again).collect()
    }
}

fn models_in_words(version: Option<u64>) -> String {
    match version {
        Some(version) => format!("bundle {version}"),
        None => "the models that the program came with".to_owned(),
    }
}

/// What a change of models does in another way in a command than in a running door.
pub trait ChangeHost {
    /// Called before a template is computed, with the number of those that are done, and that of all.
    ///
    /// # Errors
    /// The change is given up.
    fn before_template(&mut self, done: usize, of: usize) -> anyhow::Result<()>;

    /// Makes the running door read its configuration again, and returns the embedding model that it uses then; `None` if no door
    /// runs.
    ///
    /// # Errors
    /// Why the door refuses it.
    fn reload(&mut self) -> Result<Option<ModelId>, String>;

    /// Records the change.
    fn record(&mut self, detail: String);
}

/// Changes to other models: computes the templates of all people, and stores which models are in use. `without` are the people who
/// may have no template afterwards.
///
/// # Errors
/// Why the old models stay in use: a refusal of a check, or a failure.
pub fn change_models(
    config: &Config,
    change: ModelChange,
    without: &[String],
    host: &mut dyn ChangeHost,
) -> anyhow::Result<ChangedModels> {
    if config.models.dir.is_some() {
        return Err(ActivationError::Dir.into());
    }
    let model_store = ModelStore::open(&config.models)?;
    let lock = model_store.lock()?;
    let (to, mut encoder) = prepare(config, change, &model_store)?;
    let (model, compatible) = (encoder.model().clone(), encoder.compatible_models());
    let mut facebank = open_facebank(&config.facebank.path)?;
    let templates = match &mut facebank {
        Some(facebank) => {
            let (mut done, of) = (0, facebank.crops_to_embed(&model)?);
            facebank.reembed(&model, &compatible, without, |crop| {
                host.before_template(done, of)?;
                done += 1;
                encoder.embed(crop).map_err(Into::into)
            })?
        }
        None => 0,
    };
    // The door loads the models too, and the memory of its service is limited.
    drop(encoder);
    let (from, earlier) = (model_store.state()?, model_store.probation()?);
    // First, so that a new bundle is never in use without probation.
    match to.active() {
        Some(version) if to.is_upgrade_from(&from) => {
            model_store.set_probation(Some(&Probation::new(version)))?
        }
        _ if to.active() != from.active() => model_store.set_probation(None)?,
        _ => {}
    }
    model_store.set_state(&lock, &to)?;
    let reloaded = host.reload().and_then(|used| match used {
        Some(used) if used != model => Err("it uses another configuration, with other models".to_owned()),
        used => Ok(used.is_some()),
    });
    let daemon = match reloaded {
        Ok(is_running) => is_running,
        Err(why) => {
            model_store.set_state(&lock, &from)?;
            model_store.set_probation(earlier.as_ref())?;
            // If it did change but could not say so, this makes it return to the old models.
            let _ = host.reload();
            return Err(ActivationError::Door(why).into());
        }
    };
    host.record(models_in_words(to.active()));
    model_store.prune(&lock, config.models.keep)?;
    let strangers = match &mut facebank {
        Some(facebank) => {
            facebank.retain_models(&available_models(&model_store)?)?;
            facebank.people_without_templates(&model)?
        }
        None => Vec::new(),
    };
    let (version, model) = (to.active(), model.0);
    Ok(ChangedModels { version, active: true, model, templates, strangers, daemon })
}

/// The state after a change, and the models that are then in use, which are checked.
fn prepare(
    config: &Config,
    change: ModelChange,
    model_store: &ModelStore,
) -> anyhow::Result<(StoreState, FaceEncoder)> {
    let state = model_store.state()?;
    match change {
        ModelChange::Activate { version } => {
            let Some(version) = version.or(model_store.versions()?.pop()) else {
                return Err(ActivationError::NothingStored.into());
            };
            let stored = model_store.stored(version)?;
            stored.signed.release.check_time(Timestamp::now(), build_time())?;
            Ok((state.activated(version), check_and_load(&stored, config)?))
        }
        ModelChange::Rollback => {
            if state.active().is_none() {
                return Err(ActivationError::NothingToRollBack.into());
            }
            let to = state.rolled_back();
            let encoder = match to.active() {
                Some(version) => check_and_load(&model_store.stored(version)?, config)?,
                None => test_and_load(&Bundle::shipped(config.engine.precision)?, config)?,
            };
            Ok((to, encoder))
        }
    }
}

/// Opens the facebank; `None` if there is none.
fn open_facebank(path: &Path) -> Result<Option<Facebank>, FacebankError> {
    match path.exists() {
        true => Facebank::open(path).map(Some),
        false => Ok(None),
    }
}

/// All embedding models that can be activated: those of the stored bundles, and those that the program came with.
fn available_models(model_store: &ModelStore) -> anyhow::Result<Vec<ModelId>> {
    let kept = model_store.versions()?.into_iter().filter_map(|version| model_store.stored(version).ok());
    let kept = kept.filter_map(|kept| kept.bundle(Precision::default()).ok());
    let shipped = match Bundle::shipped(Precision::default()) {
        Ok(bundle) => Some(bundle),
        Err(BundleError::NotFound { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let embedders = |manifest: &Manifest| {
        let entry = |precision| manifest.entry(ModelRole::Embedder, precision).map(ModelEntry::id);
        [Precision::Int8, Precision::Fp32].map(entry).into_iter().flatten()
    };
    Ok(kept.chain(shipped).flat_map(|bundle| embedders(bundle.manifest())).collect())
}
