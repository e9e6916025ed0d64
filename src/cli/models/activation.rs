//! The change from one set of models to another, in the facebank, on the disk and in the running daemon.
//!
//! The order makes it safe. First, templates for the new models are computed and stored beside the old ones, which does
//! not affect the daemon. Then one file is replaced. Then the daemon reloads; if it refuses, the old file is restored.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use indicatif::ProgressBar;
use ostiary_config::Config;
use ostiary_control::interface::VarlinkClientInterface;
use ostiary_control::{CallError, Client};
use ostiary_core::{ModelId, ModelRole, Precision};
use ostiary_events::Action;
use ostiary_facebank::{DaemonLock, Facebank, FacebankError};
use ostiary_models::{
    Bundle, BundleError, Manifest, ModelEntry, ModelStore, Probation, StoreLock, StoreState,
};
use ostiary_pipeline::FaceEncoder;
use serde_json::json;

use super::excluded_people::ExcludedPeople;
use crate::cli::Globals;
use crate::cli::administration::record;
use crate::cli::output::{json_line, line};
use crate::cli::running_door::running_door;

/// Why the old models stay in use.
#[derive(Debug, thiserror::Error)]
pub enum ActivationError {
    /// The configuration names a folder of models.
    #[error("models.dir is set and overrides all bundles; remove it to use a bundle")]
    Dir,
    /// The running daemon did not change to the new models.
    #[error("the daemon keeps the old models: {0}; nothing was changed")]
    Daemon(ReloadError),
}

/// Why the running daemon did not change to the new models.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// It does not listen on its socket.
    #[error("it does not listen on {}; see `ostiary doctor`", .0.display())]
    NoSocket(PathBuf),
    /// It reloaded, but with other models.
    #[error("it uses another configuration, with other models")]
    OtherModels,
    /// It did not do what it was asked for, or has ended.
    #[error(transparent)]
    Call(CallError),
}

/// Computes the templates of all people for the models of `encoder`, stores `to` as the new state, and makes the running
/// daemon change to it.
pub fn replace_models(
    globals: &Globals,
    config: &Config,
    model_store: &ModelStore,
    lock: &StoreLock,
    to: &StoreState,
    mut encoder: FaceEncoder,
    excluded: &ExcludedPeople,
) -> anyhow::Result<ExitCode> {
    if config.models.dir.is_some() {
        return Err(ActivationError::Dir.into());
    }
    let model = encoder.model().clone();
    let mut facebank = open_facebank(&config.facebank.path)?;
    let made = match &mut facebank {
        Some(facebank) => {
            let bar = ProgressBar::new_spinner().with_message("computing templates");
            let made = facebank.reembed(&model, &excluded.without, |crop| {
                bar.inc(1);
                encoder.embed(crop).map_err(Into::into)
            })?;
            bar.finish_and_clear();
            made
        }
        None => 0,
    };
    let (from, earlier) = (model_store.state()?, model_store.probation()?);
    let mut daemon = running_daemon(config).map_err(ActivationError::Daemon)?;
    // First, so that a new bundle is never in use without probation.
    match to.active() {
        Some(version) if to.is_upgrade_from(&from) => {
            model_store.set_probation(Some(&Probation::new(version)))?
        }
        _ if to.active() != from.active() => model_store.set_probation(None)?,
        _ => {}
    }
    model_store.set_state(lock, to)?;
    if let Some(daemon) = &mut daemon
        && let Err(error) = reload_daemon(daemon, &model)
    {
        model_store.set_state(lock, &from)?;
        model_store.set_probation(earlier.as_ref())?;
        // If it did change but could not say so, this makes it return to the old models.
        let _ = daemon.door().reload().call();
        return Err(ActivationError::Daemon(error).into());
    }
    let models = match to.active() {
        Some(version) => format!("bundle {version}"),
        None => "the models that the program came with".to_owned(),
    };
    record(config, &config.facebank.path, Action::ModelsChanged, None, Some(models.clone()));
    model_store.prune(lock, config.models.keep)?;
    let without_templates = match &mut facebank {
        Some(facebank) => {
            facebank.retain_models(&available_models(model_store)?)?;
            facebank.people_without_templates(&model)?
        }
        None => Vec::new(),
    };
    if globals.json {
        json_line(&json!({
            "version": to.active(), "active": true, "model": model.0, "templates": made,
            "strangers": without_templates, "daemon": daemon.is_some(),
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let daemon = if daemon.is_some() { "the daemon uses them" } else { "no daemon runs" };
    line(&format!("in use: {models}; {made} templates were computed, and {daemon}"))?;
    without_templates.iter().try_for_each(|name| line(&format!("{name} must be enrolled again")))?;
    Ok(ExitCode::SUCCESS)
}

/// Opens the facebank; `None` if there is none.
fn open_facebank(path: &Path) -> Result<Option<Facebank>, FacebankError> {
    match path.exists() {
        true => Facebank::open(path).map(Some),
        false => Ok(None),
    }
}

/// A connection to the daemon that uses this facebank; `None` if none runs.
fn running_daemon(config: &Config) -> Result<Option<Client>, ReloadError> {
    let daemon = running_door(config, &config.facebank.path).map_err(ReloadError::Call)?;
    match DaemonLock::check(&config.facebank.path) {
        Err(FacebankError::DaemonRunning { .. }) if daemon.is_none() => {
            Err(ReloadError::NoSocket(config.control_socket()))
        }
        _ => Ok(daemon),
    }
}

/// Makes the daemon read its configuration again, which loads the new models beside those in use.
fn reload_daemon(daemon: &mut Client, model: &ModelId) -> Result<(), ReloadError> {
    let call = |error| ReloadError::Call(CallError::from(error));
    let door = daemon.door();
    door.reload().call().map_err(call)?;
    match door.get_state().call().map_err(call)?.state.model == model.0 {
        true => Ok(()),
        false => Err(ReloadError::OtherModels),
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
