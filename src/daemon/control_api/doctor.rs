//! The checks of `ostiary doctor` in the surroundings of the running door: its user, its groups and its sandbox. They run in a process
//! of their own, so that they can neither hang the door nor take its memory.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use anyhow::{Context, Result, bail};
use ostiary_config::{Backend, Layers};
use ostiary_control::Session;
use ostiary_control::interface::Call_Doctor;
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use super::ControlApi;

/// The longest time of all checks together.
const TIMEOUT: Duration = Duration::from_secs(120);
/// The interval at which a client that has gone is noticed.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// The memory that the checks may use, bytes (`RLIMIT_DATA`): three times what they need with the models that ship. Door and checks together fit into the `MemoryMax` of
/// the service, so that checks that need more end with an error, and the kernel kills nothing.
const MAX_MEMORY: u64 = 192 << 20;
/// The processor time of the checks, seconds.
const MAX_CPU_S: u64 = 60;
/// Makes the kernel choose the checks first when memory runs out: see `proc_pid_oom_score_adj(5)`.
const OOM_SCORE_ADJ: &str = "800";

impl ControlApi {
    /// Runs the checks, and sends each finding when it is there.
    pub(super) fn doctor(
        &self,
        session: &Session,
        call: &mut dyn Call_Doctor,
    ) -> Result<varlink::Result<()>> {
        let layers = self.layers.as_ref().context("this door runs without a configuration file")?;
        let _work = self.begin_work()?;
        let mut checks = Checks::start(layers, self.config().engine.backend)?;
        let deadline = Instant::now() + TIMEOUT;
        call.set_continues(true);
        loop {
            match checks.findings.recv_timeout(POLL_INTERVAL) {
                Ok(finding) => {
                    if let Err(error) = call.reply(Some(serde_json::from_str(&finding?)?)) {
                        return Ok(Err(error));
                    }
                }
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) if !session.is_open() || self.shared.is_stopping() => {
                    bail!("the client has gone, or the door ends")
                }
                Err(RecvTimeoutError::Timeout) if Instant::now() > deadline => {
                    bail!("the checks did not end within {} s", TIMEOUT.as_secs())
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        let status = checks.process.wait()?;
        if !matches!(status.code(), Some(0 | 1)) {
            bail!("the checks did not come to their end ({status}); the log of the service says more");
        }
        call.set_continues(false);
        Ok(call.reply(None))
    }
}

/// The process of the checks. It is killed when this is dropped.
struct Checks {
    process: Child,
    /// The JSON of the findings.
    findings: Receiver<io::Result<String>>,
}

impl Checks {
    /// Starts the running program again, even if an upgrade has replaced its file, with the configuration of the door.
    fn start(layers: &Layers, backend: Backend) -> Result<Self> {
        let mut process = Command::new("/proc/self/exe")
            .args(["doctor", "--json"])
            .args(layers.arguments())
            // systemd must not take its notifications for the door's.
            .env_remove("NOTIFY_SOCKET")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("the checks cannot be started")?;
        let (sender, findings) = sync_channel(1);
        let output = process.stdout.take();
        let checks = Self { process, findings };
        checks.limit(backend)?;
        thread::Builder::new().name("control-doctor".to_owned()).spawn(move || {
            let lines = output.into_iter().flat_map(|output| BufReader::new(output).lines());
            // Until nobody reads them.
            for line in lines {
                if sender.send(line).is_err() {
                    return;
                }
            }
        })?;
        Ok(checks)
    }

    /// Limits what the process may take from the door.
    fn limit(&self, backend: Backend) -> Result<()> {
        let id = self.process.id();
        let pid = i32::try_from(id).ok().and_then(Pid::from_raw);
        let limit = |resource, value| {
            prlimit(pid, resource, Rlimit { current: Some(value), maximum: Some(value) }).map(drop)
        };
        let models = match backend {
            Backend::Tract => {
                limit(Resource::Data, MAX_MEMORY).and_then(|()| limit(Resource::Cpu, MAX_CPU_S))
            }
            // CUDA maps far more memory than it uses, and TensorRT computes for minutes to build its engines.
            Backend::Ort => Ok(()),
        };
        models.and_then(|()| limit(Resource::Core, 0)).context("the checks cannot be limited")?;
        // The checks run also if the system does not allow it.
        let _: io::Result<()> = fs::write(format!("/proc/{id}/oom_score_adj"), OOM_SCORE_ADJ);
        Ok(())
    }
}

impl Drop for Checks {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
