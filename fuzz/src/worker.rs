//! The worker process: runs inputs until its time is over or an input ends it.

use std::backtrace::Backtrace;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::inputs::Inputs;
use crate::targets::Target;

/// File in the worker's folder with the number of the current input: eight bytes, little-endian.
pub const PROGRESS: &str = "progress";
/// Subfolder of the worker's folder with the seed inputs.
pub const SEEDS: &str = "seeds";
/// The exit code after a panic. The panic is printed on standard error.
pub const PANICKED: u8 = 101;

/// Stack size, bytes: that of the daemon's threads.
const STACK: usize = 2 << 20;

/// The task of a worker.
pub struct Task<'a> {
    /// The target to run.
    pub target: &'static Target,
    /// Folder with the seed inputs and the progress.
    pub folder: &'a Path,
    /// Seed of the random generator.
    pub seed: u64,
    /// The number of the first input that is run.
    pub begin: u64,
    /// How long inputs are run.
    pub duration: Duration,
}

/// Runs inputs until the time is over or an input panics. The progress is then the number of the next input, or of the input
/// that panicked.
///
/// # Errors
/// The folder cannot be read or written.
pub fn run_inputs(task: &Task<'_>) -> Result<ExitCode> {
    let path = task.folder.join(PROGRESS);
    let unwritable = || format!("cannot write {}", path.display());
    let progress = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
    let progress = progress.with_context(unwritable)?;
    let inputs = Inputs::open(task.target, &task.folder.join(SEEDS), task.seed)?;
    let end = Instant::now() + task.duration;
    let run = || -> Result<ExitCode> {
        for number in task.begin.. {
            progress.write_all_at(&number.to_le_bytes(), 0).with_context(unwritable)?;
            if Instant::now() >= end {
                break;
            }
            if !passes(task.target, &inputs.nth(number)) {
                return Ok(ExitCode::from(PANICKED));
            }
        }
        Ok(ExitCode::SUCCESS)
    };
    in_thread(run)?
}

/// Runs one input. The exit code is [`PANICKED`] if it panics.
///
/// # Errors
/// A thread cannot be started.
pub fn run_once(target: &'static Target, input: &[u8]) -> Result<ExitCode> {
    in_thread(|| if passes(target, input) { ExitCode::SUCCESS } else { ExitCode::from(PANICKED) })
}

/// Limits the process's address space to its present size plus `bytes`. An allocation beyond the limit fails and aborts the
/// process. Also disables core dumps.
///
/// # Errors
/// The present size cannot be read, or a limit cannot be set.
pub fn limit_memory(bytes: u64) -> Result<()> {
    let status = std::fs::read_to_string("/proc/self/status").context("cannot read /proc/self/status")?;
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:")?.trim().strip_suffix(" kB"));
    let kib: u64 = size.and_then(|kib| kib.parse().ok()).context("/proc/self/status has no VmSize")?;
    let limit = |max| Rlimit { current: Some(max), maximum: Some(max) };
    setrlimit(Resource::As, limit(kib.saturating_mul(1024).saturating_add(bytes)))
        .context("cannot limit the memory")?;
    setrlimit(Resource::Core, limit(0)).context("cannot disable core dumps")
}

/// Runs a function in a thread with the daemon's stack size.
fn in_thread<T: Send>(run: impl FnOnce() -> T + Send) -> Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(STACK).name("target".into()).spawn_scoped(scope, run);
        match thread.context("cannot start a thread")?.join() {
            Ok(done) => Ok(done),
            Err(_) => bail!("the harness panicked"),
        }
    })
}

/// Runs an input; returns whether it did not panic. A panic is printed on standard error. A panic that the product itself
/// catches does not count.
fn passes(target: &Target, input: &[u8]) -> bool {
    static LAST: Mutex<Option<(String, Backtrace)>> = Mutex::new(None);
    panic::set_hook(Box::new(|panic| {
        let last = (panic.to_string(), Backtrace::force_capture());
        *LAST.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
    }));
    let passes = panic::catch_unwind(AssertUnwindSafe(|| (target.run)(input))).is_ok();
    if !passes && let Some((panic, backtrace)) = &*LAST.lock().unwrap_or_else(PoisonError::into_inner) {
        eprintln!("{panic}");
        // This resolves the backtrace, which can take longer than the time limit of an input.
        if let Some(frame) = product_frame(&backtrace.to_string()) {
            eprintln!("called by {frame}");
        }
    }
    passes
}

/// The innermost location in the workspace in a backtrace, for example `crates/engine/src/onnx.rs:25:14`.
fn product_frame(backtrace: &str) -> Option<&str> {
    let places = backtrace.lines().filter_map(|line| line.trim().strip_prefix("at ./"));
    places.into_iter().find(|place| !place.starts_with("fuzz/"))
}
