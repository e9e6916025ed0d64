//! The probation of a new bundle of models. The daemon records the start of a run with the bundle, and its end if it ends
//! without a crash. It deletes the record when a run has processed frames for long enough.

use std::fs;
use std::time::{Duration, Instant};

use ostiary_config as config;
use ostiary_models::{ModelStore, ModelStoreError, Probation, ProbationStatus, StoreState};

use super::error::DaemonError;

/// The time with frames after which the probation is passed.
const PROBATION_TIME: Duration = Duration::from_secs(300);
/// The longest time between two updates that counts as time with frames.
const MAX_UPDATE_INTERVAL: Duration = Duration::from_secs(2);

/// A run of the daemon with a bundle on probation.
pub struct ProbationRun {
    model_store: ModelStore,
    version: u64,
    /// Number of frames at the last update, and its time.
    last_update: (u64, Instant),
    /// Time with frames.
    work_time: Duration,
    /// Whether it was reported that the end of the probation cannot be written.
    has_reported_failure: bool,
}

/// A bundle that failed its probation and was rolled back when the daemon started.
pub struct RolledBack {
    version: u64,
    to: Option<u64>,
    why: String,
}

impl std::fmt::Display for RolledBack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { version, to, why } = self;
        write!(f, "bundle {version} was given up in its probation, because {why}; ")?;
        match to {
            Some(to) => write!(f, "bundle {to} is in use again"),
            None => f.write_str("the models that came with the program are in use again"),
        }
    }
}

impl ProbationRun {
    /// Starts a run if the active bundle is on probation, or rolls the bundle back if it failed: its last run crashed. The
    /// daemon calls this before it loads models.
    ///
    /// # Errors
    /// The store cannot be read, or the state or the probation cannot be written.
    pub fn start(models: &config::Models) -> Result<(Option<Self>, Option<RolledBack>), ModelStoreError> {
        let Some((model_store, _)) = on_probation(models)? else { return Ok((None, None)) };
        let lock = model_store.lock()?;
        // Another process may have activated another bundle before this process got the lock.
        let Some(mut probation) = model_store.probation()? else { return Ok((None, None)) };
        let version = probation.version;
        match probation.start(&boot_id()) {
            ProbationStatus::Good => {
                model_store.set_probation(Some(&probation))?;
                Ok((Some(Self::new(model_store, version)), None))
            }
            ProbationStatus::Failed(why) => {
                let to: StoreState = model_store.state()?.rolled_back();
                model_store.set_state(&lock, &to)?;
                model_store.set_probation(None)?;
                Ok((None, Some(RolledBack { version, to: to.active(), why })))
            }
        }
    }

    /// The run after a reload, which may have activated another bundle. `before` is the run until then.
    pub fn after_reload(models: &config::Models, before: Option<Self>) -> Option<Self> {
        let resumed = on_probation(models).and_then(|found| {
            let Some((model_store, mut probation)) = found else { return Ok(None) };
            if let Some(run) = before.filter(|run| run.version == probation.version) {
                return Ok(Some(run));
            }
            probation.resume(&boot_id());
            model_store.set_probation(Some(&probation))?;
            Ok(Some(Self::new(model_store, probation.version)))
        });
        resumed.unwrap_or_else(|error: ModelStoreError| {
            log::error!("{error}; after a crash the previous models would not be used");
            None
        })
    }

    fn new(model_store: ModelStore, version: u64) -> Self {
        Self {
            model_store,
            version,
            last_update: (0, Instant::now()),
            work_time: Duration::ZERO,
            has_reported_failure: false,
        }
    }

    /// Updates the number of processed frames, and returns whether the probation is over. Only time with frames counts: without
    /// a camera the models have processed nothing.
    pub fn is_passed(&mut self, frames: u64) -> bool {
        self.update(frames, Instant::now());
        if self.work_time < PROBATION_TIME {
            return false;
        }
        match self.change(|model_store, _| model_store.set_probation(None)) {
            Ok(()) => {
                log::info!("bundle {} has passed its probation", self.version);
                true
            }
            Err(error) => {
                // The run goes on, so that its end is recorded: otherwise the next start would take it for a crash.
                if !std::mem::replace(&mut self.has_reported_failure, true) {
                    log::error!(
                        "{error}; bundle {} stays on probation until this can be written",
                        self.version
                    );
                }
                false
            }
        }
    }

    fn update(&mut self, frames: u64, now: Instant) {
        let (frames_before, time_before) = std::mem::replace(&mut self.last_update, (frames, now));
        if frames > frames_before {
            self.work_time += now.saturating_duration_since(time_before).min(MAX_UPDATE_INTERVAL);
        }
    }

    /// Records the end of the daemon. A stop, or an error that is not related to models, is no crash.
    pub fn end(self, result: &Result<(), DaemonError>) {
        if matches!(result, Err(DaemonError::Vision(_) | DaemonError::Fault(_))) {
            return;
        }
        let stopped = self.change(|model_store, mut probation| {
            probation.stop();
            model_store.set_probation(Some(&probation))
        });
        if let Err(error) = stopped {
            log::error!("{error}; the next start may treat this stop as a crash of bundle {}", self.version);
        }
    }

    /// Changes the stored probation, if it is that of this bundle.
    fn change(
        &self,
        change: impl FnOnce(&ModelStore, Probation) -> Result<(), ModelStoreError>,
    ) -> Result<(), ModelStoreError> {
        match self.model_store.probation()? {
            Some(probation) if probation.version == self.version => change(&self.model_store, probation),
            _ => Ok(()),
        }
    }
}

/// The store and the probation of the active bundle, if it is on probation.
fn on_probation(models: &config::Models) -> Result<Option<(ModelStore, Probation)>, ModelStoreError> {
    if models.dir.is_some() || models.keys.is_empty() {
        return Ok(None);
    }
    let model_store = ModelStore::open(models)?;
    Ok(model_store.probation()?.map(|probation| (model_store, probation)))
}

/// The kernel's random id of this boot. If it cannot be read, all runs have the same id, so that a power cut counts as a
/// crash.
fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map_or_else(|_| String::new(), |id| id.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_time_with_frames_counts() {
        let folder = tempfile::tempdir().unwrap();
        let keys = vec!["RWR99XgqhUHpZJv+khu8RYfyYAY4xjxNWET6oRlvOy7a/SzGLSlhZYad".to_owned()];
        let models = config::Models { keys, store: folder.path().into(), ..config::Models::default() };
        let model_store = ModelStore::open(&models).unwrap();
        let lock = model_store.lock().unwrap();
        model_store.set_state(&lock, &StoreState::default().activated(7)).unwrap();
        model_store.set_probation(Some(&Probation::new(7))).unwrap();
        drop(lock);
        let (run, rolled_back) = ProbationRun::start(&models).unwrap();
        let mut run = run.unwrap();
        assert!(rolled_back.is_none());

        let mut now = Instant::now();
        let mut pass = |seconds: u64, has_frames: bool, run: &mut ProbationRun| {
            for _ in 0..seconds {
                now += Duration::from_secs(1);
                run.update(run.last_update.0 + u64::from(has_frames), now);
            }
        };
        pass(290, true, &mut run);
        pass(10_000, false, &mut run);
        assert!(run.work_time < PROBATION_TIME, "{:?}", run.work_time);
        assert!(!run.is_passed(run.last_update.0) && model_store.probation().unwrap().is_some());
        pass(11, true, &mut run);

        // While the end cannot be recorded, the run goes on, so that its stop is recorded.
        let record = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let record = record.into_iter().find(|path| path.to_string_lossy().contains("probation")).unwrap();
        let good = fs::read(&record).unwrap();
        fs::write(&record, "damaged").unwrap();
        assert!(!run.is_passed(run.last_update.0));
        fs::write(&record, good).unwrap();
        assert!(run.is_passed(run.last_update.0) && model_store.probation().unwrap().is_none());
    }
}
