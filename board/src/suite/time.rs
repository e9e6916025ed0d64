//! Clocks that jump, a clock that knows no time, and one that has to be synchronized.

use std::time::{Duration, Instant};

use anyhow::ensure;

use super::power_cut::{start_at_boot, until_kept};
use crate::board::Board;
use crate::door::{PERSON, PULSE, as_daemon};
use crate::frames::Scene;
use crate::patience::LONG;

pub fn jumps(board: &Board) -> anyhow::Result<String> {
    board.keep_the_door()?;
    let pid = board.property("ostiary", "MainPID")?;
    let mut figures = Vec::new();
    for jump in ["+1 hour", "-1 hour"] {
        board.all_leave()?;
        let since = Instant::now();
        board.play(Scene::KnownLater)?;
        board.watcher.wait(board.lines.relay, true, LONG)?;
        board.sh(&format!("date --set '{jump}' >/dev/null"))?;
        let (_, length) = board.pulse(since, LONG)?;
        ensure!(length.abs_diff(PULSE) < Duration::from_millis(700), "after {jump} a pulse of {length:?}");
        figures.push(format!("{jump}: {} ms", length.as_millis()));
    }
    ensure!(board.property("ostiary", "MainPID")? == pid, "it was restarted");
    board.all_leave()?;
    Ok(format!("a pulse of {} ms through {}", PULSE.as_millis(), figures.join(", ")))
}

pub fn boot_in_1970(board: &Board) -> anyhow::Result<String> {
    start_at_boot(board)?;
    board.keep_the_door()?;
    board.machine()?.cut_power()?;
    let since = Instant::now();
    board.machine()?.power_on(&["-rtc", "base=1970-01-01T00:00:00"])?;
    until_kept(board)?;
    board.relay_never_moved(since)?;
    board.still_works()?;
    // systemd itself sets a clock forward that is older than it; here it is really 1970.
    board.sh("date --set '1970-01-01 00:10:00' >/dev/null")?;
    board.restart()?;
    let (_, heard) = board.let_in()?;
    let time = heard.event["time"].as_str().unwrap_or_default().to_owned();
    ensure!(time.starts_with("1970"), "{time}");
    let (_, lines) = board.doctor()?;
    let clock = lines.iter().find(|line| line["check"] == "clock").cloned().unwrap_or_default();
    ensure!(clock["status"] != "ok", "doctor calls 1970 good: {clock}");
    board.all_leave()?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
    board.sh(&format!("date --set @{now} >/dev/null"))?;
    Ok(format!("let in at {time}; doctor: {}", clock["found"].as_str().unwrap_or_default()))
}

/// Makes the kernel count the clock as synchronized, as a program does that follows a time server: `adjtimex` with the
/// number that it has on arm64, and the modes ADJ_MAXERROR, ADJ_ESTERROR and ADJ_STATUS.
const SYNCHRONIZE: &str = "perl -e 'syscall(171, pack(\"L x4 q q q q l x4\", 0x1c, 0, 0, 1000, 1000, 0) . \"\\0\" x 256) >= 0 or die $!'";

/// The board has no time zones, and hours need one.
const ZONE: &str = "mkdir -p /run/systemd/system/ostiary.service.d && \
                    printf '[Service]\\nEnvironment=TZ=UTC0\\n' >/run/systemd/system/ostiary.service.d/zone.conf && \
                    systemctl daemon-reload";

pub fn synchronized(board: &Board) -> anyhow::Result<String> {
    board.keep_the_door()?;
    board.sh(&as_daemon(&format!("ostiary people group {PERSON} staff")))?;
    board.sh(ZONE)?;
    let strict = "pulse_ms = 3000\n[hours]\nstaff = [\"always\"]\n[clock]\ntrust = \"synchronized\"";
    board.configure(&[("pulse_ms = 3000", strict)])?;
    // A clock that was set by hand is not synchronized.
    board.sh("date --set now >/dev/null")?;
    board.all_leave()?;
    let mark = board.mark()?;
    board.restart()?;
    board.wait_for_message("people with hours are refused", &mark)?;
    let since = Instant::now();
    board.play(Scene::KnownLater)?;
    let heard = board.subscriber.wait("denied", since, LONG)?;
    ensure!(heard.event["reason"] == "clock_implausible", "{}", heard.event);
    board.relay_never_moved(since)?;

    board.all_leave()?;
    let mark = board.mark()?;
    board.sh(SYNCHRONIZE)?;
    let begun = Instant::now();
    board.wait_for_message("the clock can be right again", &mark)?;
    let seconds = begun.elapsed().as_secs_f64();
    board.let_in()?;
    board.all_leave()?;
    board.sh(&as_daemon(&format!("ostiary people group {PERSON}")))?;
    Ok(format!("refused while not synchronized, let in {seconds:.0} s after it was"))
}
