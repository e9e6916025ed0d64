//! Starts the test's process, and waits for it no longer than it may take.

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

use super::{Order, SelfTestError};

/// What the test may use besides eight times the models' files, bytes. With the daemon it must fit into the service's
/// `MemoryMax`, so that a network that asks for more fails here, and not by the kernel's choice.
const MEMORY: u64 = 256 << 20;
/// How often it is looked whether the test has ended.
const ROUND: Duration = Duration::from_millis(20);
/// The longest output that is read, bytes; the test says a line for each stage.
const MAX_OUTPUT: u64 = 64 << 10;

/// What the test's process may use.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Memory of its own, bytes; `None` where the engine's libraries reserve more than they use.
    pub memory: Option<u64>,
    /// Processor time of all threads.
    pub cpu: Duration,
    /// From start to end.
    pub wall: Duration,
}

impl Limits {
    /// What honest models need many times over. Networks are read, decoded and laid out for several batches, so that
    /// memory grows with their files.
    fn of(bundle: &Bundle, backend: config::Backend) -> Self {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        match backend {
            config::Backend::Tract => {
                let entries = bundle.manifest().models.values();
                let sizes = entries.filter_map(|entry| fs::metadata(bundle.folder().join(&entry.file)).ok());
                let files: u64 = sizes.map(|file| file.len()).sum();
                let memory = MEMORY.saturating_add(files.saturating_mul(8));
                Self { memory: Some(memory), cpu: minutes(2), wall: minutes(1) }
            }
            // CUDA maps far more than it uses, and TensorRT builds its engines for minutes.
            config::Backend::Ort => Self { memory: None, cpu: minutes(30), wall: minutes(15) },
        }
    }
}

/// A test of models in a process of its own: this program, by a verb that is not for people.
pub struct SelfTest {
    program: PathBuf,
    order: Order,
    wall: Duration,
}

impl SelfTest {
    /// The hidden verb.
    pub const VERB: &str = "models-self-test";
    /// The last line of a test that everything passed.
    pub const DONE: &str = "done";

    /// A test of these models as the configuration would run them, by this program. An upgrade that replaced its file
    /// meanwhile changes nothing: the kernel keeps the one that runs.
    pub fn new(bundle: &Bundle, config: &Config) -> Self {
        Self::by("/proc/self/exe".into(), bundle, config, Limits::of(bundle, config.engine.backend))
    }

    /// The same by another program, within other limits.
    pub fn by(program: PathBuf, bundle: &Bundle, config: &Config, limits: Limits) -> Self {
        let Limits { memory, cpu, wall } = limits;
        let (engine, ort, far) = (config.engine.clone(), config.ort.clone(), config.door.far);
        let order = Order {
            folder: bundle.folder().to_owned(),
            engine,
            ort,
            far,
            memory,
            cpu_s: cpu.as_secs().max(1),
        };
        Self { program, order, wall }
    }

    /// Runs the test to its end. `meanwhile` is called many times a second.
    ///
    /// # Errors
    /// What is wrong with the models, or how the test ended.
    pub fn run(&self, mut meanwhile: impl FnMut()) -> Result<(), SelfTestError> {
        let order = serde_json::to_string(&self.order).map_err(|error| SelfTestError::Start(error.into()))?;
        let mut process = Command::new(&self.program)
            .args([Self::VERB, &order])
            // It is no part of the service that systemd watches.
            .env_remove("NOTIFY_SOCKET")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(SelfTestError::Start)?;
        let (stages, said) = (read(process.stdout.take()), read(process.stderr.take()));
        let deadline = Instant::now() + self.wall;
        let ended = loop {
            match process.try_wait() {
                Ok(Some(status)) => break Some(status),
                Ok(None) if Instant::now() < deadline => {}
                Ok(None) => break None,
                Err(error) => {
                    end(&mut process);
                    return Err(SelfTestError::Start(error));
                }
            }
            meanwhile();
            thread::sleep(ROUND);
        };
        end(&mut process);
        let stages = stages.join().unwrap_or_default();
        let stage = stages.lines().last().unwrap_or("its start").to_owned();
        let said = said.join().unwrap_or_default().trim().replace('\n', " ");
        match ended {
            None => Err(SelfTestError::Slow { stage, limit: self.wall }),
            Some(status) if status.success() && stage == Self::DONE => Ok(()),
            Some(status) if status.code() == Some(2) => {
                Err(SelfTestError::Failed(said.trim_start_matches("error: ").to_owned()))
            }
            Some(status) => Err(SelfTestError::Died { stage, how: self.how(status, &said) }),
        }
    }

    /// How a process ended that did not end by itself.
    fn how(&self, status: ExitStatus, said: &str) -> String {
        /// Of its last words, characters.
        const WORDS: usize = 300;
        let what = match status.signal() {
            Some(libc::SIGXCPU | libc::SIGKILL) => {
                format!("it was killed; it may use {} s of the processor", self.order.cpu_s)
            }
            Some(libc::SIGABRT) => match self.order.memory {
                Some(memory) => format!("it aborted; it may use {} MiB of memory", memory >> 20),
                None => "it aborted".to_owned(),
            },
            Some(signal) => format!("it was ended by signal {signal}"),
            None => "it ended before its end".to_owned(),
        };
        match said.is_empty() {
            true => what,
            false => format!("{what} ({})", said.chars().take(WORDS).collect::<String>()),
        }
    }
}

/// Reads what the test says, so that it never waits for somebody to read.
fn read(from: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let done: io::Result<_> = from.map_or(Ok(0), |from| from.take(MAX_OUTPUT).read_to_end(&mut bytes));
        // What came until then is all that there is.
        let _ = done;
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Ends it where it has not ended, and takes its status.
fn end(process: &mut Child) {
    let _ = process.kill();
    let _ = process.wait();
}
