//! Waiting for what happens on the board, never for ever.

use std::time::{Duration, Instant};

use anyhow::bail;

/// Far longer than anything takes on an emulated board beside a busy machine.
pub const LONG: Duration = Duration::from_secs(90);

/// Asks until there is an answer.
pub fn until<T>(
    what: &str,
    limit: Duration,
    mut ask: impl FnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let since = Instant::now();
    loop {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        if since.elapsed() > limit {
            bail!("{what}: not within {} s", limit.as_secs());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}
