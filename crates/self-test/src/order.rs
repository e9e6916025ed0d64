//! What the test's process is asked to do.

use std::io;
use std::path::PathBuf;

use ostiary_config as config;
use ostiary_config::Config;
use rustix::process::{Resource, Rlimit, Signal, getrlimit, set_parent_process_death_signal, setrlimit};
use serde::{Deserialize, Serialize};

use super::SelfTestError;

/// Address space beyond the memory that is used, bytes.
const RESERVED: u64 = 1 << 30;

/// What the test's process is asked to do: which models to test, how the door would run them, within which limits.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// The folder of the models.
    pub folder: PathBuf,
    pub engine: config::Engine,
    pub ort: config::Ort,
    /// `door.far`.
    pub far: f64,
    /// Memory of its own, bytes.
    pub memory: Option<u64>,
    /// Processor time of all threads, seconds.
    pub cpu_s: u64,
}

impl Order {
    /// Puts this process under the limits, for good, and has it end with the one that started it. To be called before a
    /// file of the models is touched.
    ///
    /// # Errors
    /// The system does not allow it; without limits nothing is tested.
    pub fn confine(&self) -> Result<(), SelfTestError> {
        let limit = |resource, value: Option<u64>| {
            let Some(value) = value else { return Ok(()) };
            let value = getrlimit(resource).maximum.map_or(value, |most| most.min(value));
            setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })
        };
        limit(Resource::Core, Some(0))
            .and_then(|()| limit(Resource::Data, self.memory))
            // Address space is also what is reserved and never used: code, and room for each thread's heap.
            .and_then(|()| limit(Resource::As, self.memory.map(|memory| memory.saturating_add(RESERVED))))
            .and_then(|()| limit(Resource::Cpu, Some(self.cpu_s)))
            .and_then(|()| set_parent_process_death_signal(Some(Signal::KILL)))
            .map_err(|error| SelfTestError::Limit(error.into()))?;
        // Where memory runs out nevertheless, the kernel ends the test and not the door. That it may not be written is no
        // reason to test nothing.
        let _: io::Result<()> = std::fs::write("/proc/self/oom_score_adj", "800");
        Ok(())
    }

    /// The configuration that the models are tested with: the door's engine, all else as it is by default.
    pub(super) fn config(&self) -> Config {
        let mut config = Config { engine: self.engine.clone(), ort: self.ort.clone(), ..Config::default() };
        config.door.far = self.far;
        config
    }
}
