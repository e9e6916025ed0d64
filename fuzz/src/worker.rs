//! The process that runs a target: input after input, until the time is up or one of them ends it.

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

/// Where a worker says, in its folder, what number its input has: eight bytes, little-endian.
pub const PROGRESS: &str = "progress";
/// The first inputs, in its folder.
pub const FIRST: &str = "first";
/// The exit code after a panic, which is told on standard error.
pub const PANICKED: u8 = 101;

/// That of the threads which the daemon starts.
const STACK: usize = 2 << 20;

/// What a worker is to do.
pub struct Task<'a> {
    pub target: &'static Target,
    /// Holds the first inputs, and the progress.
    pub folder: &'a Path,
    pub seed: u64,
    /// The number of the first input that is run.
    pub begin: u64,
    pub duration: Duration,
}

/// Runs inputs until the time is up, or an input panics. The progress is then the number of the next input, or of the one
/// that panicked.
///
/// # Errors
/// The folder cannot be read or written.
pub fn work(task: &Task<'_>) -> Result<ExitCode> {
    let path = task.folder.join(PROGRESS);
    let unwritable = || format!("cannot write {}", path.display());
    let progress = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
    let progress = progress.with_context(unwritable)?;
    let inputs = Inputs::open(task.target, &task.folder.join(FIRST), task.seed)?;
    let end = Instant::now() + task.duration;
    let run = || -> Result<ExitCode> {
        for number in task.begin.. {
            progress.write_all_at(&number.to_le_bytes(), 0).with_context(unwritable)?;
            if Instant::now() >= end {
                break;
            }
            if !is_survived(task.target, &inputs.nth(number)) {
                return Ok(ExitCode::from(PANICKED));
            }
        }
        Ok(ExitCode::SUCCESS)
    };
    in_thread(run)?
}

/// Runs one input.
///
/// # Errors
/// No thread can be started.
pub fn run_once(target: &'static Target, input: &[u8]) -> Result<ExitCode> {
    in_thread(|| if is_survived(target, input) { ExitCode::SUCCESS } else { ExitCode::from(PANICKED) })
}

/// Lets the process have so many bytes of address space more than it has now; an allocation beyond them fails, which
/// ends it. A process that ends leaves no core.
///
/// # Errors
/// The system does not say how much the process has, or does not allow the limit.
pub fn limit_memory(bytes: u64) -> Result<()> {
    let status = std::fs::read_to_string("/proc/self/status").context("cannot read /proc/self/status")?;
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:")?.trim().strip_suffix(" kB"));
    let kib: u64 = size.and_then(|kib| kib.parse().ok()).context("/proc/self/status does not say VmSize")?;
    let most = kib.saturating_mul(1024).saturating_add(bytes);
    let limit = |most| Rlimit { current: Some(most), maximum: Some(most) };
    setrlimit(Resource::As, limit(most)).context("cannot limit the memory")?;
    setrlimit(Resource::Core, limit(0)).context("cannot do without cores")
}

fn in_thread<T: Send>(run: impl FnOnce() -> T + Send) -> Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(STACK).name("target".into()).spawn_scoped(scope, run);
        match thread.context("cannot start a thread")?.join() {
            Ok(done) => Ok(done),
            Err(_) => bail!("the harness panicked"),
        }
    })
}

/// Runs the input; a panic is told on standard error. One that the product catches itself is none.
fn is_survived(target: &Target, input: &[u8]) -> bool {
    static LAST: Mutex<Option<(String, Backtrace)>> = Mutex::new(None);
    panic::set_hook(Box::new(|panic| {
        let last = (panic.to_string(), Backtrace::force_capture());
        *LAST.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
    }));
    let is_survived = panic::catch_unwind(AssertUnwindSafe(|| (target.run)(input))).is_ok();
    if !is_survived && let Some((panic, backtrace)) = &*LAST.lock().unwrap_or_else(PoisonError::into_inner) {
        eprintln!("{panic}");
        // Names and lines are looked up now, which can take longer than an input may.
        if let Some(frame) = own_frame(&backtrace.to_string()) {
            eprintln!("called by {frame}");
        }
    }
    is_survived
}

/// The place in the workspace that a panic in a library comes from, of the lines of a backtrace: `./crates/engine/src/onnx.rs:25:14`.
fn own_frame(backtrace: &str) -> Option<&str> {
    let places = backtrace.lines().filter_map(|line| line.trim().strip_prefix("at ./"));
    places.into_iter().find(|place| !place.starts_with("fuzz/"))
}
