//! The request to the process of the test.

use std::io;
use std::path::PathBuf;

use ostiary_config as config;
use ostiary_config::Config;
use rustix::process::{Resource, Rlimit, Signal, getrlimit, set_parent_process_death_signal, setrlimit};
use serde::{Deserialize, Serialize};

use super::SelfTestError;

/// Address space that is allowed in addition to the memory, bytes: mapped code, and room for the heap of each thread.
const EXTRA_ADDRESS_SPACE: u64 = 1 << 30;

/// Makes the kernel choose this process first when memory runs out: see `proc_pid_oom_score_adj(5)`.
const OOM_SCORE_ADJ: &str = "800";

/// The request to the process of the test: the models, the configuration of the engine, and the limits. Its JSON text is an
/// argument of the process.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelfTestRequest {
    /// The folder of the models.
    pub folder: PathBuf,
    /// `[engine]` of the configuration.
    pub engine: config::Engine,
    /// `[ort]` of the configuration.
    pub ort: config::Ort,
    /// Limit of the memory, bytes (`RLIMIT_DATA`); `None` for no limit.
    pub memory: Option<u64>,
    /// Limit of the processor time of all threads, seconds (`RLIMIT_CPU`).
    pub cpu_s: u64,
}

impl SelfTestRequest {
    /// Sets the limits for this process, and lets the kernel kill it when its parent ends. Must be called before a file of
    /// the models is read.
    ///
    /// # Errors
    /// The system does not allow it. Then nothing must be tested.
    pub fn apply_limits(&self) -> Result<(), SelfTestError> {
        let limit = |resource, value: Option<u64>| {
            let Some(value) = value else { return Ok(()) };
            let value = getrlimit(resource).maximum.map_or(value, |maximum| maximum.min(value));
            setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })
        };
        limit(Resource::Core, Some(0))
            .and_then(|()| limit(Resource::Data, self.memory))
            .and_then(|()| {
                limit(Resource::As, self.memory.map(|memory| memory.saturating_add(EXTRA_ADDRESS_SPACE)))
            })
            .and_then(|()| limit(Resource::Cpu, Some(self.cpu_s)))
            .and_then(|()| set_parent_process_death_signal(Some(Signal::KILL)))
            .map_err(|error| SelfTestError::Limit(error.into()))?;
        // If the host runs out of memory nevertheless, the kernel must kill the test rather than the door. The test runs also
        // if this file cannot be written.
        let _: io::Result<()> = std::fs::write("/proc/self/oom_score_adj", OOM_SCORE_ADJ);
        Ok(())
    }

    /// The configuration of the test: the engine of the door, and defaults for everything else.
    pub(super) fn config(&self) -> Config {
        Config { engine: self.engine.clone(), ort: self.ort.clone(), ..Config::default() }
    }
}
