//! A clock that is set during a pulse, a clock that starts in 1970, and `clock.trust = "synchronized"`.

use std::time::{Duration, Instant};

use anyhow::ensure;

use super::power_cut::{enable_service, wait_for_service};
use crate::board::Board;
use crate::frames::Scene;
use crate::service::{PERSON, PULSE, as_service_user};
use crate::timeouts::TIMEOUT;

pub fn jumps(board: &Board) -> anyhow::Result<String> {
    board.set_up_door()?;
    let pid = board.property("ostiary", "MainPID")?;
    let mut figures = Vec::new();
    for jump in ["+1 hour", "-1 hour"] {
        board.empty_scene()?;
        let since = Instant::now();
        board.play(Scene::EnrolledOtherPhoto)?;
        board.monitor.wait_for_level(board.lines.relay, true, TIMEOUT)?;
        board.sh(&format!("date --set '{jump}' >/dev/null"))?;
        let (_, length) = board.pulse(since, TIMEOUT)?;
        ensure!(length.abs_diff(PULSE) < Duration::from_millis(700), "after {jump} a pulse of {length:?}");
        figures.push(format!("{jump}: {} ms", length.as_millis()));
    }
    ensure!(board.property("ostiary", "MainPID")? == pid, "the daemon was restarted");
    board.empty_scene()?;
    Ok(format!("a pulse of {} ms through {}", PULSE.as_millis(), figures.join(", ")))
}

pub fn boot_in_1970(board: &Board) -> anyhow::Result<String> {
    enable_service(board)?;
    board.set_up_door()?;
    board.machine()?.cut_power()?;
    let since = Instant::now();
    board.machine()?.power_on(&["-rtc", "base=1970-01-01T00:00:00"])?;
    wait_for_service(board)?;
    board.check_relay_at_rest(since)?;
    board.check_door_opens()?;
    // systemd sets a clock forward that is earlier than its own build. Set it back to 1970.
    board.sh("date --set '1970-01-01 00:10:00' >/dev/null")?;
    board.restart()?;
    let (_, received) = board.admit_person()?;
    let time = received.event["time"].as_str().unwrap_or_default().to_owned();
    ensure!(time.starts_with("1970"), "{time}");
    let (_, lines) = board.doctor()?;
    let clock = lines.iter().find(|line| line["check"] == "clock").cloned().unwrap_or_default();
    ensure!(clock["status"] != "ok", "doctor reports no problem with the year 1970: {clock}");
    board.empty_scene()?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
    board.sh(&format!("date --set @{now} >/dev/null"))?;
    Ok(format!("let in at {time}; doctor: {}", clock["found"].as_str().unwrap_or_default()))
}

/// Marks the kernel's clock as synchronized, as an NTP client does: the system call `adjtimex` (171 on arm64) with the modes
/// ADJ_MAXERROR, ADJ_ESTERROR and ADJ_STATUS.
const SYNCHRONIZE: &str = "perl -e 'syscall(171, pack(\"L x4 q q q q l x4\", 0x1c, 0, 0, 1000, 1000, 0) . \"\\0\" x 256) >= 0 or die $!'";

/// Sets the service's time zone. The board has no time zone files, and `[hours]` needs a time zone.
const SET_TIME_ZONE: &str = "mkdir -p /run/systemd/system/ostiary.service.d && \
                    printf '[Service]\\nEnvironment=TZ=UTC0\\n' >/run/systemd/system/ostiary.service.d/zone.conf && \
                    systemctl daemon-reload";

pub fn synchronized(board: &Board) -> anyhow::Result<String> {
    board.set_up_door()?;
    board.sh(&as_service_user(&format!("ostiary people group {PERSON} staff")))?;
    board.sh(SET_TIME_ZONE)?;
    let synchronized = "pulse_ms = 3000\n[hours]\nstaff = [\"always\"]\n[clock]\ntrust = \"synchronized\"";
    board.configure(&[("pulse_ms = 3000", synchronized)])?;
    // Setting the clock by hand marks it as not synchronized.
    board.sh("date --set now >/dev/null")?;
    board.empty_scene()?;
    let cursor = board.journal_end()?;
    board.restart()?;
    board.wait_for_message("people with hours are refused", &cursor)?;
    let since = Instant::now();
    board.play(Scene::EnrolledOtherPhoto)?;
    let received = board.subscriber.wait_for("denied", since, TIMEOUT)?;
    ensure!(received.event["reason"] == "clock_implausible", "{}", received.event);
    board.check_relay_at_rest(since)?;

    board.empty_scene()?;
    let cursor = board.journal_end()?;
    board.sh(SYNCHRONIZE)?;
    let begun = Instant::now();
    board.wait_for_message("the clock can be right again", &cursor)?;
    let seconds = begun.elapsed().as_secs_f64();
    board.admit_person()?;
    board.empty_scene()?;
    board.sh(&as_service_user(&format!("ostiary people group {PERSON}")))?;
    Ok(format!("refused without synchronization, let in {seconds:.0} s after synchronization"))
}
