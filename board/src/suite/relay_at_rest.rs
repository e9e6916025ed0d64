//! The relay is at rest after each way in which the daemon can end.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::board::Board;
use crate::timeouts::{TIMEOUT, wait_until};

/// A pulse that is longer than each of these tests.
const LONG_PULSE: Duration = Duration::from_secs(50);
/// The longest allowed time between the daemon's end and the relay at rest: much shorter than the pulse. It takes some
/// milliseconds on a board, and was 1.013 s on an emulated one while the host was busy.
const MAX_DELAY: Duration = Duration::from_secs(5);

pub fn kill_9(board: &Board) -> anyhow::Result<String> {
    board.set_up_door()?;
    let mut figures = Vec::new();
    // The relay guard and ExecStopPost race to put the relay to rest: run the test more than once.
    for _ in 0..3 {
        board.start_pulse(LONG_PULSE)?;
        let clock = board.clock()?;
        let pid = board.property("ostiary", "MainPID")?;
        let time = board.sh(&format!("bash -c 'echo $EPOCHREALTIME; kill -KILL {pid}'"))?;
        let killed = clock.host_time(time.trim())?;
        let rested = board.monitor.wait_for_level(board.lines.relay, false, TIMEOUT)?;
        let after = rested.saturating_duration_since(killed);
        ensure!(
            after <= MAX_DELAY,
            "the relay was on for {} ms after the daemon was killed",
            after.as_millis()
        );
        figures.push(after.as_millis().to_string());
    }
    check_recovery(board)?;
    Ok(format!("at rest at most {} ms after the kill; the service restarted", figures.join(", ")))
}

pub fn clean_stop(board: &Board) -> anyhow::Result<String> {
    board.set_up_door()?;
    board.start_pulse(LONG_PULSE)?;
    let since = Instant::now();
    board.sh("systemctl stop ostiary")?;
    ensure!(!board.monitor.level(board.lines.relay)?, "the relay is on after a stop");
    let rested = board.monitor.wait_for_level(board.lines.relay, false, TIMEOUT)?;
    let after = rested.saturating_duration_since(since);
    Ok(format!("at rest {} ms after systemctl stop began", after.as_millis()))
}

pub fn sigstop(board: &Board) -> anyhow::Result<String> {
    board.set_up_door()?;
    let pulse = Duration::from_secs(12);
    board.start_pulse(pulse)?;
    let since = board.monitor.wait_for_level(board.lines.relay, true, TIMEOUT)?;
    let cursor = board.journal_end()?;
    board.sh("systemctl kill --kill-whom=main --signal=STOP ostiary")?;
    ensure!(board.monitor.level(board.lines.relay)?, "the pulse had ended before the daemon hung");
    let rested = board.monitor.wait_for_level(board.lines.relay, false, TIMEOUT)?;
    let length = rested.saturating_duration_since(since);
    ensure!(length < pulse + Duration::from_secs(3), "a hung daemon held the relay on for {length:?}");
    let stopped = board.wait_for_message("atchdog", &cursor).context("systemd's watchdog")?;
    check_recovery(board)?;
    Ok(format!("a pulse of {} ms ended after {} ms; then: {stopped}", pulse.as_millis(), length.as_millis()))
}

pub fn memory_limit(board: &Board) -> anyhow::Result<String> {
    board.set_up_door()?;
    board.start_pulse(LONG_PULSE)?;
    let cursor = board.journal_end()?;
    // Less memory than the daemon uses, but enough for its guard: as if the daemon had reached the unit's limit.
    board.sh("systemctl set-property --runtime ostiary MemoryMax=14M MemorySwapMax=0")?;
    let rested = board.monitor.wait_for_level(board.lines.relay, false, TIMEOUT);
    let restored = board.sh("rm -rf /run/systemd/system.control/ostiary.service.d; systemctl daemon-reload");
    let rested = rested?;
    restored?;
    let journal = board.journal(&cursor)?;
    let end = journal
        .iter()
        .find(|entry| {
            entry["MESSAGE"].as_str().is_some_and(|message| message.contains("Main process exited"))
        })
        .context("the daemon did not end")?;
    let micros: f64 = end["__REALTIME_TIMESTAMP"].as_str().context("no time")?.parse()?;
    let clock = board.clock()?;
    let ended = clock.host_time(&(micros / 1e6).to_string())?;
    let after = rested.saturating_duration_since(ended);
    ensure!(after <= MAX_DELAY, "the relay was on for {} ms after the daemon had ended", after.as_millis());
    check_recovery(board)?;
    Ok(format!("at rest at most {} ms after systemd reported the daemon's end", after.as_millis()))
}

pub fn failed_start(board: &Board) -> anyhow::Result<String> {
    board.set_up_door()?;
    let since = Instant::now();
    let cursor = board.journal_end()?;
    board.configure(&[("pulse_ms = 3000", "pulse_ms = 1")])?;
    let output = board.run("systemctl restart ostiary", b"", TIMEOUT)?;
    ensure!(!output.is_success(), "the service started with a pulse of 1 ms");
    let message = board.wait_for_message("pulse_ms", &cursor)?;
    board.check_relay_at_rest(since)?;
    board.sh("systemctl stop ostiary")?;
    Ok(format!("refused: {message}"))
}

/// Checks that systemd restarts the service and that the door opens again.
fn check_recovery(board: &Board) -> anyhow::Result<()> {
    wait_until("the service is active again", TIMEOUT, || {
        Ok((board.property("ostiary", "ActiveState")? == "active").then_some(()))
    })?;
    board.configure(&[])?;
    board.sh("systemctl reload ostiary")?;
    board.check_door_opens()
}
