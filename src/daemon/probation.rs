//! The probation of a new bundle of models, as the daemon keeps it: a run with it is written down when it begins, and struck
//! off when it ends in order or has worked for long enough.

use std::fs;
use std::time::{Duration, Instant};

use ostiary_config as config;
use ostiary_models::{ModelStore, Probation, ProbationStatus, ReleaseError, StoreState};

use super::error::DaemonError;

/// How long frames have to be looked at until the probation is over.
const ENOUGH: Duration = Duration::from_secs(300);
/// The longest time between two looks that counts as work.
const ROUND: Duration = Duration::from_secs(2);

/// A run with a bundle on probation.
pub struct Trial {
    model_store: ModelStore,
    version: u64,
    /// Frames until the latest look, and when that was.
    seen: (u64, Instant),
    worked: Duration,
}

/// A bundle that was given up when the daemon started.
pub struct GivenUp {
    version: u64,
    to: Option<u64>,
    why: String,
}

impl std::fmt::Display for GivenUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { version, to, why } = self;
        write!(f, "bundle {version} was given up in its probation, because {why}; ")?;
        match to {
            Some(to) => write!(f, "bundle {to} is in use again"),
            None => f.write_str("the models that the program came with are in use again"),
        }
    }
}

impl Trial {
    /// Looks at the start of the daemon whether the bundle in use is on probation, and gives it up where its last run was
    /// a crash. To be called before its models are touched.
    ///
    /// # Errors
    /// The store cannot be read, or a bundle that has to be given up cannot be.
    pub fn start(models: &config::Models) -> Result<(Option<Self>, Option<GivenUp>), ReleaseError> {
        let Some((model_store, mut probation)) = on_probation(models)? else { return Ok((None, None)) };
        // Others may be changing what is in use: what counts is what they leave.
        let lock = model_store.lock()?;
        if model_store.probation()?.as_ref() != Some(&probation) {
            return Ok((None, None));
        }
        let version = probation.version;
        match probation.start(&boot()) {
            ProbationStatus::Good => {
                model_store.set_probation(Some(&probation))?;
                Ok((Some(Self::new(model_store, version)), None))
            }
            ProbationStatus::Failed(why) => {
                let to: StoreState = model_store.state()?.rolled_back();
                model_store.set_state(&lock, &to)?;
                model_store.set_probation(None)?;
                Ok((None, Some(GivenUp { version, to: to.active(), why })))
            }
        }
    }

    /// The trial after a reload, which may have brought another bundle; `before` is the one until then.
    pub fn after_reload(models: &config::Models, before: Option<Self>) -> Option<Self> {
        let begun = on_probation(models).and_then(|found| {
            let Some((model_store, mut probation)) = found else { return Ok(None) };
            if let Some(same) = before.filter(|trial| trial.version == probation.version) {
                return Ok(Some(same));
            }
            probation.resume(&boot());
            model_store.set_probation(Some(&probation))?;
            Ok(Some(Self::new(model_store, probation.version)))
        });
        begun.unwrap_or_else(|error: ReleaseError| {
            log::error!("{error}; a crash would not go back to the models before");
            None
        })
    }

    fn new(model_store: ModelStore, version: u64) -> Self {
        Self { model_store, version, seen: (0, Instant::now()), worked: Duration::ZERO }
    }

    /// Takes in how many frames were looked at by now; whether the probation is over. Only time in which frames come
    /// counts: a door whose camera is away has shown nothing.
    pub fn is_passed(&mut self, frames: u64) -> bool {
        self.saw(frames, Instant::now());
        if self.worked < ENOUGH {
            return false;
        }
        match self.change(|model_store, _| model_store.set_probation(None)) {
            Ok(()) => log::info!("bundle {} has passed its probation", self.version),
            Err(error) => log::error!("{error}; bundle {} stays on probation", self.version),
        }
        true
    }

    fn saw(&mut self, frames: u64, now: Instant) {
        let (before, then) = std::mem::replace(&mut self.seen, (frames, now));
        if frames > before {
            self.worked += now.saturating_duration_since(then).min(ROUND);
        }
    }

    /// The daemon ends. A stop, and an error that has nothing to do with models, is no crash.
    pub fn end(self, result: &Result<(), DaemonError>) {
        if matches!(result, Err(DaemonError::Vision(_) | DaemonError::Fault(_))) {
            return;
        }
        let stopped = self.change(|model_store, mut probation| {
            probation.stop();
            model_store.set_probation(Some(&probation))
        });
        if let Err(error) = stopped {
            log::error!("{error}; this stop may be taken for a crash of bundle {}", self.version);
        }
    }

    /// Changes the probation, if it is still this bundle's.
    fn change(
        &self,
        change: impl FnOnce(&ModelStore, Probation) -> Result<(), ReleaseError>,
    ) -> Result<(), ReleaseError> {
        match self.model_store.probation()? {
            Some(probation) if probation.version == self.version => change(&self.model_store, probation),
            _ => Ok(()),
        }
    }
}

/// The probation of the models in use, where they are a bundle on one.
fn on_probation(models: &config::Models) -> Result<Option<(ModelStore, Probation)>, ReleaseError> {
    if models.dir.is_some() || models.keys.is_empty() {
        return Ok(None);
    }
    let model_store = ModelStore::open(models)?;
    Ok(model_store.probation()?.map(|probation| (model_store, probation)))
}

/// The kernel's name for the time since the machine was started. Where it cannot be read every run is of the same boot, so
/// that a power cut counts as a crash.
fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map_or_else(|_| String::new(), |id| id.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_time_in_which_frames_come_counts() {
        let folder = tempfile::tempdir().unwrap();
        let keys = vec!["RWR99XgqhUHpZJv+khu8RYfyYAY4xjxNWET6oRlvOy7a/SzGLSlhZYad".to_owned()];
        let models = config::Models { keys, store: folder.path().into(), ..config::Models::default() };
        let model_store = ModelStore::open(&models).unwrap();
        let lock = model_store.lock().unwrap();
        model_store.set_state(&lock, &StoreState::default().activated(7)).unwrap();
        model_store.set_probation(Some(&Probation::new(7))).unwrap();
        drop(lock);
        let (trial, given_up) = Trial::start(&models).unwrap();
        let mut trial = trial.unwrap();
        assert!(given_up.is_none());

        let mut now = Instant::now();
        let mut pass = |seconds: u64, moving: bool, trial: &mut Trial| {
            for _ in 0..seconds {
                now += Duration::from_secs(1);
                trial.saw(trial.seen.0 + u64::from(moving), now);
            }
        };
        pass(290, true, &mut trial);
        pass(10_000, false, &mut trial);
        assert!(trial.worked < ENOUGH, "{:?}", trial.worked);
        assert!(!trial.is_passed(trial.seen.0) && model_store.probation().unwrap().is_some());
        pass(11, true, &mut trial);
        assert!(trial.is_passed(trial.seen.0) && model_store.probation().unwrap().is_none());
    }
}
