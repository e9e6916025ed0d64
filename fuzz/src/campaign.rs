//! A fuzzing campaign: runs a target for some time, in one worker process after another, and collects the failures.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::failure::{Cause, Failure};
use crate::inputs::{self, Inputs};
use crate::targets::Target;
use crate::worker::{PROGRESS, SEEDS};

/// A target is stopped after this number of different failures.
const MAX_FAILURES: usize = 10;
/// Interval at which a worker's progress is checked.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The settings of a campaign.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// How long a target is run.
    pub duration: Duration,
    /// Seed of the random generator. The same seed gives the same inputs.
    pub seed: u64,
    /// The time limit for one input.
    pub timeout: Duration,
    /// Address space that a worker may allocate in addition to what it has at its start, MiB.
    pub memory_mib: u64,
    /// The folder to which inputs are written that cause a failure.
    pub output: PathBuf,
}

/// The result of a campaign.
#[derive(Debug)]
pub struct Totals {
    /// Number of inputs that were run.
    pub inputs: u64,
    /// How long the campaign took.
    pub duration: Duration,
    /// Different failures, each with the first input that caused it.
    pub failures: Vec<Failure>,
}

/// How a worker ended.
enum WorkerEnd {
    /// It ran inputs until its time was over.
    Finished,
    /// An input ended it.
    Failed(Cause),
}

impl Campaign {
    /// Runs a target until the time is over. `on_failure` is called at the first occurrence of each failure.
    ///
    /// # Errors
    /// The seed inputs cannot be made, a folder cannot be written, or a worker cannot be started.
    pub fn run(&self, target: &'static Target, mut on_failure: impl FnMut(&Failure)) -> Result<Totals> {
        let folder = temporary_folder()?;
        let seeds = folder.path().join(SEEDS);
        fs::create_dir(&seeds).with_context(|| format!("cannot make {}", seeds.display()))?;
        inputs::save_seeds(target, &seeds)?;
        let inputs = Inputs::open(target, &seeds, self.seed)?;
        let mut failures: Vec<Failure> = Vec::new();
        let (begun, mut next) = (Instant::now(), 0);
        while failures.len() < MAX_FAILURES {
            let left = self.duration.saturating_sub(begun.elapsed());
            let end = self.run_worker(target, folder.path(), next, left)?;
            next = progress(folder.path())?;
            let WorkerEnd::Failed(cause) = end else { break };
            match failures.iter_mut().find(|known| known.cause.is_same_defect(&cause)) {
                Some(known) => known.count += 1,
                None => {
                    let input = inputs.nth(next);
                    let failure = Failure::save(&self.output, target.name, self.seed, next, &input, cause)?;
                    on_failure(&failure);
                    failures.push(failure);
                }
            }
            next += 1;
            if begun.elapsed() >= self.duration {
                break;
            }
        }
        Ok(Totals { inputs: next, duration: begun.elapsed(), failures })
    }

    /// Starts a worker at the input number `begin` for the duration `left`, and waits for its end.
    fn run_worker(&self, target: &Target, folder: &Path, begin: u64, left: Duration) -> Result<WorkerEnd> {
        let temporary = folder.join("tmp");
        // Remove files of the previous worker.
        let _ = fs::remove_dir_all(&temporary);
        fs::create_dir_all(&temporary).with_context(|| format!("cannot make {}", temporary.display()))?;
        let log = folder.join("stderr");
        let stderr = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        fs::write(folder.join(PROGRESS), begin.to_le_bytes()).context("cannot write the progress")?;
        let program = std::env::current_exe().context("cannot find the path of this program")?;
        let mut child = Command::new(program)
            .args(["--worker", target.name, "--seed", &self.seed.to_string(), "--begin", &begin.to_string()])
            .args(["--memory-mib", &self.memory_mib.to_string()])
            .args(["--seconds", &left.as_secs_f64().to_string()])
            .arg("--folder")
            .arg(folder)
            .env("TMPDIR", &temporary)
            // With several threads, the time for an input would depend on the machine's load.
            .env("RAYON_NUM_THREADS", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .context("cannot start a worker")?;
        let status = self.wait_for_worker(&mut child, folder)?;
        let stderr = String::from_utf8_lossy(&fs::read(&log).unwrap_or_default()).into_owned();
        let Some(status) = status else { return Ok(WorkerEnd::Failed(Cause::of_timeout(&stderr))) };
        match status.code() {
            Some(0) => Ok(WorkerEnd::Finished),
            Some(2) => bail!("the worker of {} failed: {}", target.name, stderr.trim()),
            _ => Ok(WorkerEnd::Failed(Cause::of_exit(status, &stderr))),
        }
    }

    /// Waits for a worker's end. Returns `None` if an input exceeded the time limit and the worker was killed.
    fn wait_for_worker(&self, child: &mut Child, folder: &Path) -> Result<Option<ExitStatus>> {
        let (mut number, mut since) = (progress(folder)?, Instant::now());
        loop {
            if let Some(status) = child.try_wait().context("cannot wait for a worker")? {
                return Ok(Some(status));
            }
            thread::sleep(POLL_INTERVAL);
            let now = progress(folder)?;
            if now != number {
                (number, since) = (now, Instant::now());
            }
            if since.elapsed() > self.timeout {
                child.kill().and_then(|()| child.wait()).context("cannot kill a worker")?;
                return Ok(None);
            }
        }
    }
}

/// The number of the worker's current input.
fn progress(folder: &Path) -> Result<u64> {
    let bytes = fs::read(folder.join(PROGRESS)).context("cannot read the progress")?;
    let bytes = bytes.try_into().ok().context("the progress is not a number")?;
    Ok(u64::from_le_bytes(bytes))
}

/// A temporary folder; in memory if /dev/shm exists, because files are written for each input.
fn temporary_folder() -> Result<TempDir> {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    folder.context("cannot make a temporary folder")
}
