//! The change from one set of models to another, in the facebank, on the disk and in the running daemon.
//!
//! The order is what makes it safe: first everyone is made known to the new models, beside the old, which changes
//! nothing for the daemon; then one file is replaced; then the daemon is told, and if it refuses, the file is put back.

use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use ostiary_config::Config;
use ostiary_core::{ModelId, Precision};
use ostiary_events::{EventKind, EventStore};
use ostiary_facebank::{DaemonLock, Facebank, FacebankError};
use ostiary_models::{Bundle, BundleError, Manifest, ModelStore, Probation, StoreLock, StoreState};
use ostiary_pipeline::Recognizer;
use ostiary_vision::Embedder;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::people::People;
use crate::cli::Globals;
use crate::cli::output::{json_line, line};

/// How long the daemon may take to test and load the models.
const PATIENCE: Duration = Duration::from_secs(150);
/// How often it is asked whether it has.
const ASK: Duration = Duration::from_millis(100);
/// Events that are looked through for its answer.
const EVENTS: u32 = 50;

/// Why the old models stay in use.
#[derive(Debug, thiserror::Error)]
pub enum SwitchError {
    #[error("models.dir is set, and wins over all bundles; remove it to put a bundle into use")]
    Dir,
    #[error("the daemon goes on with the models that it had: {why}; everything is as it was")]
    Daemon { why: String },
}

/// Makes everyone known to the models of `recognizer`, puts `to` in force, and sees the running daemon change over.
pub fn switch(
    globals: &Globals,
    config: &Config,
    model_store: &ModelStore,
    lock: &StoreLock,
    to: &StoreState,
    mut recognizer: Recognizer,
    people: &People,
) -> anyhow::Result<ExitCode> {
    if config.models.dir.is_some() {
        return Err(SwitchError::Dir.into());
    }
    let model = recognizer.model().clone();
    let mut facebank = open(&config.facebank.path)?;
    let made = match &mut facebank {
        Some(facebank) => {
            let bar = ProgressBar::new_spinner().with_message("making templates");
            let made = facebank.reembed(&model, &people.without, |crop| {
                bar.inc(1);
                recognizer.embed(crop).map_err(Into::into)
            })?;
            bar.finish_and_clear();
            made
        }
        None => 0,
    };
    let (from, earlier) = (model_store.state()?, model_store.probation()?);
    let daemon = daemon(&config.facebank.path)?;
    let before = last_event(config);
    // First, so that no bundle that is new is in use without it.
    match to.active() {
        Some(version) if to.is_upgrade_from(&from) => {
            model_store.set_probation(Some(&Probation::new(version)))?
        }
        _ if to.active() != from.active() => model_store.set_probation(None)?,
        _ => {}
    }
    model_store.set_state(lock, to)?;
    if let Some(daemon) = daemon
        && let Err(why) = tell(daemon, config, &model, before)
    {
        model_store.set_state(lock, &from)?;
        model_store.set_probation(earlier.as_ref())?;
        // Where it did change over and could not say so, this brings it back.
        let _ = kill_process(daemon, Signal::HUP);
        return Err(SwitchError::Daemon { why }.into());
    }
    model_store.prune(lock, config.models.keep)?;
    let strangers = match &mut facebank {
        Some(facebank) => {
            facebank.retain_models(&models_at_hand(model_store)?)?;
            facebank.people_without_templates(&model)?
        }
        None => Vec::new(),
    };
    if globals.json {
        json_line(&json!({
            "version": to.active(), "active": true, "model": model.0, "templates": made,
            "strangers": strangers, "daemon": daemon.is_some(),
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let models = match to.active() {
        Some(version) => format!("bundle {version}"),
        None => "the models that the program came with".to_owned(),
    };
    let daemon = if daemon.is_some() { "the daemon has changed over" } else { "no daemon runs" };
    line(&format!("in use: {models}; {made} templates were made, and {daemon}"))?;
    strangers.iter().try_for_each(|name| line(&format!("{name} has to be enrolled anew")))?;
    Ok(ExitCode::SUCCESS)
}

fn open(path: &Path) -> Result<Option<Facebank>, FacebankError> {
    match path.exists() {
        true => Facebank::open(path).map(Some),
        false => Ok(None),
    }
}

/// The process that keeps the door with this facebank.
fn daemon(facebank: &Path) -> Result<Option<Pid>, SwitchError> {
    match DaemonLock::check(facebank) {
        Err(FacebankError::DaemonRunning { pid, .. }) => {
            let pid = pid.and_then(|pid| Pid::from_raw(pid.cast_signed()));
            let why = || "which process it is cannot be told".to_owned();
            Ok(Some(pid.ok_or_else(|| SwitchError::Daemon { why: why() })?))
        }
        // Without a lock that can be read there is no daemon that could be told.
        _ => Ok(None),
    }
}

/// The newest event's number; 0 where there is none.
fn last_event(config: &Config) -> u64 {
    EventStore::open_read_only(&config.events.path).map_or(0, |store| store.last_id())
}

/// Has the daemon read its configuration again, which loads the models beside those in use, and waits for its word.
fn tell(daemon: Pid, config: &Config, model: &ModelId, before: u64) -> Result<(), String> {
    kill_process(daemon, Signal::HUP).map_err(|why| format!("it cannot be told ({why})"))?;
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        thread::sleep(ASK);
        let events = EventStore::open_read_only(&config.events.path).and_then(|store| store.latest(EVENTS));
        let events = events.unwrap_or_default();
        let answer = events.iter().filter(|event| event.id > before).find_map(|event| match &event.kind {
            EventKind::Reloaded { model: Some(loaded), .. } if loaded == model => Some(Ok(())),
            EventKind::Reloaded { .. } => {
                Some(Err("it has another configuration, whose models are others".to_owned()))
            }
            EventKind::ReloadRefused { detail } => Some(Err(detail.clone())),
            EventKind::Locked { .. } => Some(Err("it has locked the door".to_owned())),
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
            | EventKind::InputsBack => None,
        });
        if let Some(answer) = answer {
            return answer;
        }
        if DaemonLock::check(&config.facebank.path).is_ok() {
            return Err("it has ended".to_owned());
        }
    }
    Err(format!("it has not said within {} s that it changed over", PATIENCE.as_secs()))
}

/// Every embedding model that could be put into use again: of the bundles that are kept, and of the program.
fn models_at_hand(model_store: &ModelStore) -> anyhow::Result<Vec<ModelId>> {
    let kept = model_store.versions()?.into_iter().filter_map(|version| model_store.stored(version).ok());
    let kept = kept.filter_map(|kept| kept.bundle(Precision::default()).ok());
    let shipped = match Bundle::shipped(Precision::default()) {
        Ok(bundle) => Some(bundle),
        Err(BundleError::NotFound { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let embedders = |manifest: &Manifest| {
        let is_embedder = |role: &&String| role.starts_with(Embedder::ROLE);
        let roles = manifest.models.keys().filter(is_embedder);
        roles.filter_map(|role| manifest.models.get(role)).map(|entry| entry.id()).collect::<Vec<_>>()
    };
    Ok(kept.chain(shipped).flat_map(|bundle| embedders(bundle.manifest())).collect())
}
