//! Waiting with a time limit.

use std::time::{Duration, Instant};

use anyhow::bail;

/// Default limit: much longer than any step takes on an emulated board on a busy machine.
pub const TIMEOUT: Duration = Duration::from_secs(90);

/// Calls `poll` every 100 ms until it returns a value. Fails after `limit`; `what` names the condition in the error.
pub fn wait_until<T>(
    what: &str,
    limit: Duration,
    mut poll: impl FnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let since = Instant::now();
    loop {
        if let Some(value) = poll()? {
            return Ok(value);
        }
        if since.elapsed() > limit {
            bail!("{what}: not within {} s", limit.as_secs());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}
