//! However the daemon ends, the relay is at rest.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::board::Board;
use crate::patience::{LONG, until};

/// A pulse that does not end by itself while these tests run.
const ENDLESS: Duration = Duration::from_secs(50);
/// The most that may pass between the daemon's end and the relay's rest.
const BOUND: Duration = Duration::from_secs(1);

pub fn kill_9(board: &Board) -> anyhow::Result<String> {
    board.keep_the_door()?;
    let mut figures = Vec::new();
    // Who is first, the guard or systemd's last order, is a race: run it more than once.
    for _ in 0..3 {
        board.begin_pulse(ENDLESS)?;
        let clock = board.clock()?;
        let pid = board.property("ostiary", "MainPID")?;
        let said = board.sh(&format!("bash -c 'echo $EPOCHREALTIME; kill -KILL {pid}'"))?;
        let killed = clock.host_time(said.trim())?;
        let rested = board.watcher.wait(board.lines.relay, false, LONG)?;
        let after = rested.saturating_duration_since(killed);
        ensure!(after <= BOUND, "the relay was on for {} ms after the daemon was killed", after.as_millis());
        figures.push(after.as_millis().to_string());
    }
    comes_back(board)?;
    Ok(format!("at rest at most {} ms after the kill; the service came back", figures.join(", ")))
}

pub fn clean_stop(board: &Board) -> anyhow::Result<String> {
    board.keep_the_door()?;
    board.begin_pulse(ENDLESS)?;
    let since = Instant::now();
    board.sh("systemctl stop ostiary")?;
    ensure!(!board.watcher.level(board.lines.relay)?, "the relay is on after a stop");
    let rested = board.watcher.wait(board.lines.relay, false, LONG)?;
    let after = rested.saturating_duration_since(since);
    Ok(format!("at rest {} ms after the order to stop", after.as_millis()))
}

pub fn sigstop(board: &Board) -> anyhow::Result<String> {
    board.keep_the_door()?;
    let pulse = Duration::from_secs(12);
    board.begin_pulse(pulse)?;
    let since = board.watcher.wait(board.lines.relay, true, LONG)?;
    let mark = board.mark()?;
    board.sh("systemctl kill --kill-whom=main --signal=STOP ostiary")?;
    ensure!(board.watcher.level(board.lines.relay)?, "the pulse had ended before the daemon hung");
    let rested = board.watcher.wait(board.lines.relay, false, LONG)?;
    let length = rested.saturating_duration_since(since);
    ensure!(length < pulse + Duration::from_secs(3), "a hung daemon held the relay on for {length:?}");
    let stopped = board.wait_for_message("atchdog", &mark).context("systemd's watchdog")?;
    comes_back(board)?;
    Ok(format!("a pulse of {} ms ended after {} ms; then: {stopped}", pulse.as_millis(), length.as_millis()))
}

pub fn memory_limit(board: &Board) -> anyhow::Result<String> {
    board.keep_the_door()?;
    board.begin_pulse(ENDLESS)?;
    let mark = board.mark()?;
    // Less than the daemon has, and room for its guard: as if the daemon had grown to the unit's own limit.
    board.sh("systemctl set-property --runtime ostiary MemoryMax=14M MemorySwapMax=0")?;
    let rested = board.watcher.wait(board.lines.relay, false, LONG);
    let restored = board.sh("rm -rf /run/systemd/system.control/ostiary.service.d; systemctl daemon-reload");
    let rested = rested?;
    restored?;
    let journal = board.journal(&mark)?;
    let ended = journal
        .iter()
        .find(|entry| {
            entry["MESSAGE"].as_str().is_some_and(|message| message.contains("Main process exited"))
        })
        .context("the daemon did not end")?;
    let micros: f64 = ended["__REALTIME_TIMESTAMP"].as_str().context("no time")?.parse()?;
    let clock = board.clock()?;
    let ended = clock.host_time(&(micros / 1e6).to_string())?;
    let after = rested.saturating_duration_since(ended);
    ensure!(after <= BOUND, "the relay was on for {} ms after the daemon had ended", after.as_millis());
    comes_back(board)?;
    Ok(format!("at rest at most {} ms after systemd saw the end", after.as_millis()))
}

pub fn failed_start(board: &Board) -> anyhow::Result<String> {
    board.keep_the_door()?;
    let since = Instant::now();
    let mark = board.mark()?;
    board.configure(&[("pulse_ms = 3000", "pulse_ms = 1")])?;
    let ended = board.run("systemctl restart ostiary", b"", LONG)?;
    ensure!(!ended.is_success(), "it started with a pulse of 1 ms");
    let why = board.wait_for_message("pulse_ms", &mark)?;
    board.relay_never_moved(since)?;
    board.sh("systemctl stop ostiary")?;
    Ok(format!("refused: {why}"))
}

/// systemd starts the service again, and it opens for the person who still stands there.
fn comes_back(board: &Board) -> anyhow::Result<()> {
    until("the service is active again", LONG, || {
        Ok((board.property("ostiary", "ActiveState")? == "active").then_some(()))
    })?;
    board.configure(&[])?;
    board.sh("systemctl reload ostiary")?;
    board.still_works()
}
