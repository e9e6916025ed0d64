//! Starts the process of the test and waits for its result, for a limited time.

use std::fs;
use std::io::{self, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ostiary_config as config;
use ostiary_config::Config;
use ostiary_models::Bundle;

use super::{SelfTestError, SelfTestRequest};

/// Memory that the test may use in addition to [`MEMORY_PER_FILE_BYTE`], bytes. Daemon and test together must fit into the
/// `MemoryMax` of the service, so that a network that needs more fails in the test and the kernel kills nothing.
const BASE_MEMORY: u64 = 256 << 20;
/// Memory that the test may use for each byte of the model files: they are read, decoded, and laid out for several batches.
const MEMORY_PER_FILE_BYTE: u64 = 8;
/// Time between two checks whether the process has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// Limit of the output that is read, bytes. The test prints one line for each stage.
const MAX_OUTPUT: u64 = 64 << 10;
/// Limit of the error output in a message, characters.
const MAX_ERROR_TEXT: usize = 300;
/// Limits of the process of the test.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Memory, bytes; `None` for no limit.
    pub memory: Option<u64>,
    /// Processor time of all threads.
    pub cpu: Duration,
    /// Time from start to end.
    pub wall: Duration,
}

impl Limits {
    /// Limits that are several times what working models need.
    fn of(bundle: &Bundle, backend: config::Backend) -> Self {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        match backend {
            config::Backend::Tract => {
                let entries = bundle.manifest().models.values();
                let sizes = entries.filter_map(|entry| fs::metadata(bundle.folder().join(&entry.file)).ok());
                let files: u64 = sizes.map(|file| file.len()).sum();
                let memory = BASE_MEMORY.saturating_add(files.saturating_mul(MEMORY_PER_FILE_BYTE));
                Self { memory: Some(memory), cpu: minutes(2), wall: minutes(1) }
            }
            // CUDA maps far more memory than it uses, and TensorRT needs minutes to build its engines.
            config::Backend::Ort => Self { memory: None, cpu: minutes(30), wall: minutes(15) },
        }
    }
}

/// A test of models in a separate process: this program with a hidden command.
pub struct SelfTest {
    program: PathBuf,
    request: SelfTestRequest,
    timeout: Duration,
}

impl SelfTest {
    /// The hidden command.
    pub const COMMAND: &str = "models-self-test";
    /// The last line of the output if all stages passed.
    pub const DONE: &str = "done";
    /// Exit code of a process that found an error of the models. Its error output says which.
    pub const EXIT_FAILED: u8 = 2;
    /// Exit code of a process that could not test the models ([`SelfTestError::is_refusal`] is false). Its error output says
    /// why.
    pub const EXIT_NOT_TESTED: u8 = 3;

    /// A test of a bundle with the engine of this configuration, by this program. `/proc/self/exe` is the running program,
    /// even if an upgrade has replaced its file.
    pub fn new(bundle: &Bundle, config: &Config) -> Self {
        Self::with_limits("/proc/self/exe".into(), bundle, config, Limits::of(bundle, config.engine.backend))
    }

    /// A test by another program, with other limits.
    pub fn with_limits(program: PathBuf, bundle: &Bundle, config: &Config, limits: Limits) -> Self {
        let Limits { memory, cpu, wall } = limits;
        let (engine, ort) = (config.engine.clone(), config.ort.clone());
        let request = SelfTestRequest {
            folder: bundle.folder().to_owned(),
            engine,
            ort,
            memory,
            cpu_s: cpu.as_secs().max(1),
        };
        Self { program, request, timeout: wall }
    }

    /// Runs the test to its end. Calls `on_poll` about 50 times a second.
    ///
    /// # Errors
    /// What is wrong with the models, how the test ended, or why the models could not be tested.
    pub fn run(&self, mut on_poll: impl FnMut()) -> Result<(), SelfTestError> {
        let request =
            serde_json::to_string(&self.request).map_err(|error| SelfTestError::Start(error.into()))?;
        let mut process = Command::new(&self.program)
            .args([Self::COMMAND, &request])
            // systemd must not take its notifications for the daemon's.
            .env_remove("NOTIFY_SOCKET")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(SelfTestError::Start)?;
        let (stages, errors) = (read_output(process.stdout.take()), read_output(process.stderr.take()));
        let deadline = Instant::now() + self.timeout;
        let status = loop {
            match process.try_wait() {
                Ok(Some(status)) => break Some(status),
                Ok(None) if Instant::now() < deadline => {}
                Ok(None) => break None,
                Err(error) => {
                    kill(&mut process);
                    return Err(SelfTestError::Start(error));
                }
            }
            on_poll();
            thread::sleep(POLL_INTERVAL);
        };
        kill(&mut process);
        let stages = stages.join().unwrap_or_default();
        let stage = stages.lines().last().unwrap_or("its start").to_owned();
        let errors = errors.join().unwrap_or_default().trim().replace('\n', " ");
        match status {
            None => Err(SelfTestError::TimedOut { stage, limit: self.timeout }),
            Some(status) if status.success() && stage == Self::DONE => Ok(()),
            Some(status) => {
                let text = || errors.trim_start_matches("error: ").to_owned();
                Err(match status.code() {
                    Some(code) if code == i32::from(Self::EXIT_FAILED) => SelfTestError::Failed(text()),
                    Some(code) if code == i32::from(Self::EXIT_NOT_TESTED) => {
                        SelfTestError::NotTested(text())
                    }
                    _ => SelfTestError::Died { stage, how: self.describe(status, &errors) },
                })
            }
        }
    }

    /// Describes how the process ended without a result.
    fn describe(&self, status: ExitStatus, errors: &str) -> String {
        let what = match status.signal() {
            Some(libc::SIGXCPU | libc::SIGKILL) => {
                format!("it was killed; its limit is {} s of processor time", self.request.cpu_s)
            }
            Some(libc::SIGABRT) => match self.request.memory {
                Some(memory) => format!("it aborted; its limit is {} MiB of memory", memory >> 20),
                None => "it aborted".to_owned(),
            },
            Some(signal) => format!("signal {signal} ended it"),
            None => "it ended before the last stage".to_owned(),
        };
        match errors.is_empty() {
            true => what,
            false => format!("{what} ({})", errors.chars().take(MAX_ERROR_TEXT).collect::<String>()),
        }
    }
}

/// Reads the output in a thread, so that the process is never blocked by a full pipe.
fn read_output(from: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // After an error the output up to there is used.
        let _: io::Result<_> = from.map_or(Ok(0), |from| from.take(MAX_OUTPUT).read_to_end(&mut bytes));
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Kills the process if it still runs, and waits for it.
fn kill(process: &mut Child) {
    let _ = process.kill();
    let _ = process.wait();
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use ostiary_core::Precision;

    use super::*;

    /// The error of a test whose process prints an error and ends with this exit code.
    fn error_of(exit_code: u8) -> SelfTestError {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        fs::write(&program, format!("#!/bin/sh\necho 'error: the reason' >&2\nexit {exit_code}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
        let bundle = Bundle::open(&models, Precision::Int8).unwrap();
        let long = Duration::from_secs(60);
        let limits = Limits { memory: None, cpu: long, wall: long };
        SelfTest::with_limits(program, &bundle, &Config::default(), limits).run(|| {}).unwrap_err()
    }

    #[test]
    fn only_what_the_test_finds_wrong_is_a_refusal() {
        let untested = error_of(SelfTest::EXIT_NOT_TESTED);
        assert!(matches!(untested, SelfTestError::NotTested(_)) && !untested.is_refusal(), "{untested:?}");
        assert_eq!(untested.to_string(), "the reason");

        let failed = error_of(2);
        assert!(matches!(failed, SelfTestError::Failed(_)) && failed.is_refusal(), "{failed:?}");
        assert_eq!(failed.to_string(), "the reason");

        for exit_code in [0, 1] {
            let died = error_of(exit_code);
            assert!(matches!(died, SelfTestError::Died { .. }) && died.is_refusal(), "{died:?}");
            assert!(died.to_string().contains("before the last stage"), "{died}");
        }
    }
}
