//! The change from one set of models to another, in the facebank, on the disk and in the running daemon.
//!
//! The order makes it safe. First, templates for the new models are computed and stored beside the old ones, which does
//! not affect the daemon. Then one file is replaced. Then the daemon reloads; if it refuses, the old file is restored.

use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use ostiary_config::Config;
use ostiary_core::{ModelId, ModelRole, Precision};
use ostiary_events::{Action, EventKind, EventStore};
use ostiary_facebank::{DaemonLock, Facebank, FacebankError};
use ostiary_models::{
    Bundle, BundleError, Manifest, ModelEntry, ModelStore, Probation, StoreLock, StoreState,
};
use ostiary_pipeline::FaceEncoder;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::excluded_people::ExcludedPeople;
use crate::cli::Globals;
use crate::cli::administration::record;
use crate::cli::output::{json_line, line};

/// The most time that the daemon may take to test and load the models.
const RELOAD_TIMEOUT: Duration = Duration::from_secs(150);
/// The time between two checks of the events for its answer.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// The number of newest events that are searched for its answer.
const MAX_EVENTS: u32 = 50;

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
    /// Its lock does not name its process.
    #[error("its process is not known")]
    UnknownProcess,
    /// The signal could not be sent.
    #[error("it cannot be signaled ({0})")]
    Signal(Errno),
    /// It reloaded, but with other models.
    #[error("it uses another configuration, with other models")]
    OtherModels,
    /// It refused the reload, for this reason.
    #[error("{0}")]
    Refused(String),
    /// It locked the door.
    #[error("it has locked the door")]
    Locked,
    /// It ended.
    #[error("it has ended")]
    Ended,
    /// It did not answer in time.
    #[error("it did not report the change within {} s", RELOAD_TIMEOUT.as_secs())]
    Timeout,
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
    let daemon = running_daemon(&config.facebank.path)?;
    let before = last_event(config);
    // First, so that a new bundle is never in use without probation.
    match to.active() {
        Some(version) if to.is_upgrade_from(&from) => {
            model_store.set_probation(Some(&Probation::new(version)))?
        }
        _ if to.active() != from.active() => model_store.set_probation(None)?,
        _ => {}
    }
    model_store.set_state(lock, to)?;
    if let Some(daemon) = daemon
        && let Err(error) = reload_daemon(daemon, config, &model, before)
    {
        model_store.set_state(lock, &from)?;
        model_store.set_probation(earlier.as_ref())?;
        // If it did change but could not report that, this makes it return to the old models.
        let _ = kill_process(daemon, Signal::HUP);
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

/// The process of the daemon that uses this facebank.
fn running_daemon(facebank: &Path) -> Result<Option<Pid>, ActivationError> {
    match DaemonLock::check(facebank) {
        Err(FacebankError::DaemonRunning { pid, .. }) => {
            let pid = pid.and_then(|pid| Pid::from_raw(pid.cast_signed()));
            pid.ok_or(ActivationError::Daemon(ReloadError::UnknownProcess)).map(Some)
        }
        // Without a readable lock there is no daemon that can be signaled.
        _ => Ok(None),
    }
}

/// The id of the newest event; 0 if there is none.
fn last_event(config: &Config) -> u64 {
    EventStore::open_read_only(&config.events.path).map_or(0, |store| store.last_id())
}

/// Makes the daemon reload its configuration, which loads the new models beside those in use, and waits for its answer in
/// the events after the id `before`.
fn reload_daemon(daemon: Pid, config: &Config, model: &ModelId, before: u64) -> Result<(), ReloadError> {
    kill_process(daemon, Signal::HUP).map_err(ReloadError::Signal)?;
    let deadline = Instant::now() + RELOAD_TIMEOUT;
    while Instant::now() < deadline {
        thread::sleep(POLL_INTERVAL);
        let events =
            EventStore::open_read_only(&config.events.path).and_then(|store| store.latest(MAX_EVENTS));
        let events = events.unwrap_or_default();
        let answer = events.iter().filter(|event| event.id > before).find_map(|event| match &event.kind {
            EventKind::Reloaded { model: Some(loaded), .. } if loaded == model => Some(Ok(())),
            EventKind::Reloaded { .. } => Some(Err(ReloadError::OtherModels)),
            EventKind::ReloadRefused { detail, .. } => Some(Err(ReloadError::Refused(detail.clone()))),
            EventKind::Locked { .. } => Some(Err(ReloadError::Locked)),
            EventKind::Started { .. }
            | EventKind::Stopped
            | EventKind::Granted(_)
            | EventKind::Denied(_)
            | EventKind::RelayOn
            | EventKind::RelayOff
            | EventKind::CameraLost { .. }
            | EventKind::CameraBack
            | EventKind::RolledBack { .. }
            | EventKind::DoorOpened { .. }
            | EventKind::DoorClosed { .. }
            | EventKind::DoorForced
            | EventKind::DoorHeld { .. }
            | EventKind::InputsLost { .. }
            | EventKind::InputsBack
            | EventKind::Lockout { .. }
            | EventKind::LockoutEnded { .. }
            | EventKind::ModeChanged { .. }
            | EventKind::CommandRefused { .. }
            | EventKind::Administered(_)
            | EventKind::LivenessTested { .. }
            | EventKind::StoreLost { .. }
            | EventKind::StoreBack { .. }
            | EventKind::TrailBroken { .. }
            | EventKind::Erased => None,
        });
        if let Some(answer) = answer {
            return answer;
        }
        if DaemonLock::check(&config.facebank.path).is_ok() {
            return Err(ReloadError::Ended);
        }
    }
    Err(ReloadError::Timeout)
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
