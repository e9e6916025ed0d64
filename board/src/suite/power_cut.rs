//! The power is cut: what was on the disk is all there is.

use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::board::Board;
use crate::door::{PERSON, as_daemon};
use crate::frames::Scene;
use crate::patience::{LONG, until};

/// Who is being enrolled when the power is cut.
const NEWCOMER: &str = "Grace";

pub fn in_enrollment(board: &Board) -> anyhow::Result<String> {
    start_at_boot(board)?;
    board.keep_the_door()?;
    let before = board.state()?.check()?;
    board.sh("systemctl stop ostiary && sync")?;
    board.play(Scene::Stranger)?;
    let enroll = as_daemon(&format!("ostiary enroll {NEWCOMER} --camera --timeout 80"));
    let mut enrollment = board.start(&enroll)?;
    // With the third picture it begins to write.
    let said = enrollment.stderr.take().context("no output of ssh")?;
    let mut last = String::new();
    for line in BufReader::new(said).lines() {
        last = line?;
        if last.contains("3 of 3") {
            break;
        }
    }
    ensure!(last.contains("3 of 3"), "the enrollment said {last:?}");
    board.machine()?.cut_power()?;
    let _ = enrollment.kill();
    let _ = enrollment.wait();

    let since = Instant::now();
    board.machine()?.power_on(&[])?;
    let booted = since.elapsed();
    until_kept(board)?;
    board.relay_never_moved(since)?;
    let after = board.state()?.check()?;
    let people = board.people()?;
    ensure!(people.contains(PERSON), "{PERSON} is forgotten: {people}");
    let added = people.contains(NEWCOMER);
    ensure!(after.0 == before.0 + i64::from(added), "{before:?} became {after:?}, of {people}");
    if added {
        board.sh(&as_daemon(&format!("ostiary people remove {NEWCOMER}")))?;
    }
    board.still_works()?;
    Ok(format!(
        "{NEWCOMER} is {} known; both databases are whole; ssh {:.0} s after power-on",
        if added { "wholly" } else { "not" },
        booted.as_secs_f64()
    ))
}

pub fn in_pulse(board: &Board) -> anyhow::Result<String> {
    start_at_boot(board)?;
    board.keep_the_door()?;
    board.begin_pulse(Duration::from_secs(50))?;
    board.machine()?.cut_power()?;
    let since = Instant::now();
    board.machine()?.power_on(&[])?;
    until_kept(board)?;
    // All of the boot, firmware and kernel included.
    board.relay_never_moved(since)?;
    let (people, templates) = board.state()?.check()?;
    let seconds: f64 = board.property("ostiary", "ActiveEnterTimestampMonotonic")?.parse::<f64>()? / 1e6;
    board.configure(&[])?;
    board.sh("systemctl reload ostiary")?;
    board.still_works()?;
    Ok(format!(
        "the relay never moved until READY, {seconds:.0} s after the kernel's start; {people} people, {templates} templates, whole"
    ))
}

/// The service is started by every boot from now on, a power cut at once or not.
pub fn start_at_boot(board: &Board) -> anyhow::Result<()> {
    board.sh("systemctl enable --quiet ostiary && sync").map(drop)
}

/// The service was started by the boot, and is READY.
pub fn until_kept(board: &Board) -> anyhow::Result<()> {
    until("the service is active after the boot", LONG, || {
        Ok((board.property("ostiary", "ActiveState")? == "active").then_some(()))
    })
}
