//! A target's run: workers one after another, and what became of them.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::finding::{Cause, Finding};
use crate::inputs::{self, Inputs};
use crate::targets::Target;
use crate::worker::{FIRST, PROGRESS};

/// After so many defects a target is not run on: those come first.
const MOST_FINDINGS: usize = 10;
/// Between two looks at a worker.
const LOOK: Duration = Duration::from_millis(20);

/// How a target is run.
#[derive(Debug, Clone)]
pub struct Campaign {
    pub duration: Duration,
    pub seed: u64,
    /// The longest that one input may take.
    pub timeout: Duration,
    /// Address space that a worker may have beyond what it begins with, MiB.
    pub memory_mib: u64,
    /// The folder that inputs are written to which a target did not survive.
    pub output: PathBuf,
}

/// What came of it.
#[derive(Debug)]
pub struct Totals {
    pub inputs: u64,
    pub duration: Duration,
    pub findings: Vec<Finding>,
}

/// How a worker ended.
enum End {
    /// By itself, when the time was up.
    Done,
    Died(Cause),
}

impl Campaign {
    /// Runs a target until the time is up; `found` is called for each defect when it is first seen.
    ///
    /// # Errors
    /// The harness itself fails: no first inputs, no folder, no process.
    pub fn run(&self, target: &'static Target, mut found: impl FnMut(&Finding)) -> Result<Totals> {
        let folder = scratch()?;
        let first = folder.path().join(FIRST);
        fs::create_dir(&first).with_context(|| format!("cannot make {}", first.display()))?;
        inputs::save(target, &first)?;
        let inputs = Inputs::open(target, &first, self.seed)?;
        let mut findings: Vec<Finding> = Vec::new();
        let (begun, mut next) = (Instant::now(), 0);
        while findings.len() < MOST_FINDINGS {
            let left = self.duration.saturating_sub(begun.elapsed());
            let end = self.work(target, folder.path(), next, left)?;
            next = progress(folder.path())?;
            let End::Died(cause) = end else { break };
            match findings.iter_mut().find(|known| known.cause.is_same(&cause)) {
                Some(known) => known.count += 1,
                None => {
                    let input = inputs.nth(next);
                    let finding = Finding::save(&self.output, target.name, self.seed, next, &input, cause)?;
                    found(&finding);
                    findings.push(finding);
                }
            }
            next += 1;
            if begun.elapsed() >= self.duration {
                break;
            }
        }
        Ok(Totals { inputs: next, duration: begun.elapsed(), findings })
    }

    /// One worker, to its end.
    fn work(&self, target: &Target, folder: &Path, begin: u64, left: Duration) -> Result<End> {
        let own = folder.join("tmp");
        // What a worker before left there is of no use.
        let _ = fs::remove_dir_all(&own);
        fs::create_dir_all(&own).with_context(|| format!("cannot make {}", own.display()))?;
        let said = folder.join("stderr");
        let stderr = File::create(&said).with_context(|| format!("cannot write {}", said.display()))?;
        fs::write(folder.join(PROGRESS), begin.to_le_bytes()).context("cannot write the progress")?;
        let program = std::env::current_exe().context("the program does not know where it is")?;
        let mut child = Command::new(program)
            .args(["--worker", target.name, "--seed", &self.seed.to_string(), "--begin", &begin.to_string()])
            .args(["--memory-mib", &self.memory_mib.to_string()])
            .args(["--seconds", &left.as_secs_f64().to_string()])
            .arg("--folder")
            .arg(folder)
            .env("TMPDIR", &own)
            // Threads of their own would make an input's time depend on what else runs.
            .env("RAYON_NUM_THREADS", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .context("cannot start a worker")?;
        let status = self.watch(&mut child, folder)?;
        let said = String::from_utf8_lossy(&fs::read(&said).unwrap_or_default()).into_owned();
        let Some(status) = status else { return Ok(End::Died(Cause::of_timeout(&said))) };
        match status.code() {
            Some(0) => Ok(End::Done),
            Some(2) => bail!("the worker of {} failed: {}", target.name, said.trim()),
            _ => Ok(End::Died(Cause::of_exit(status, &said))),
        }
    }

    /// Waits for a worker's end; `None` where one input took too long, and the worker was killed.
    fn watch(&self, child: &mut Child, folder: &Path) -> Result<Option<ExitStatus>> {
        let (mut number, mut since) = (progress(folder)?, Instant::now());
        loop {
            if let Some(status) = child.try_wait().context("cannot wait for a worker")? {
                return Ok(Some(status));
            }
            thread::sleep(LOOK);
            let now = progress(folder)?;
            if now != number {
                (number, since) = (now, Instant::now());
            }
            if since.elapsed() > self.timeout {
                child.kill().and_then(|()| child.wait()).context("cannot end a worker")?;
                return Ok(None);
            }
        }
    }
}

/// The number that the worker wrote.
fn progress(folder: &Path) -> Result<u64> {
    let bytes = fs::read(folder.join(PROGRESS)).context("cannot read the progress")?;
    let bytes = bytes.try_into().ok().context("the progress is no number")?;
    Ok(u64::from_le_bytes(bytes))
}

/// A folder in memory, where there is one: files are written for each input.
fn scratch() -> Result<TempDir> {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    folder.context("cannot make a folder for files")
}
