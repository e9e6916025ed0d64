//! Power cuts: QEMU is killed and started again from the disk.

use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::board::Board;
use crate::frames::Scene;
use crate::service::{PERSON, as_service_user};
use crate::timeouts::{TIMEOUT, wait_until};

/// Name of the person whose enrollment the power cut interrupts.
const NEW_PERSON: &str = "Grace";

pub fn in_enrollment(board: &Board) -> anyhow::Result<String> {
    enable_service(board)?;
    board.set_up_door()?;
    let before = board.copy_state()?.check_integrity()?;
    board.sh("systemctl stop ostiary && sync")?;
    board.play(Scene::Stranger)?;
    let enroll = as_service_user(&format!("ostiary enroll {NEW_PERSON} --camera --any-pose --timeout 80"));
    let mut enrollment = board.start(&enroll)?;
    // After the third picture it writes to the facebank.
    let stderr = enrollment.stderr.take().context("no output of ssh")?;
    let mut last = String::new();
    for line in BufReader::new(stderr).lines() {
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
    wait_for_service(board)?;
    board.check_relay_at_rest(since)?;
    let after = board.copy_state()?.check_integrity()?;
    let people = board.people()?;
    ensure!(people.contains(PERSON), "{PERSON} is no longer enrolled: {people}");
    let added = people.contains(NEW_PERSON);
    ensure!(
        after.0 == before.0 + i64::from(added),
        "people and templates were {before:?}, are {after:?}: {people}"
    );
    if added {
        board.sh(&as_service_user(&format!("ostiary people remove {NEW_PERSON}")))?;
    }
    board.check_door_opens()?;
    Ok(format!(
        "{NEW_PERSON} is {}; both databases are intact; ssh answers {:.0} s after power-on",
        if added { "enrolled" } else { "not enrolled" },
        booted.as_secs_f64()
    ))
}

pub fn in_pulse(board: &Board) -> anyhow::Result<String> {
    enable_service(board)?;
    board.set_up_door()?;
    board.start_pulse(Duration::from_secs(50))?;
    board.machine()?.cut_power()?;
    let since = Instant::now();
    board.machine()?.power_on(&[])?;
    wait_for_service(board)?;
    // The check covers the whole boot, including firmware and kernel.
    board.check_relay_at_rest(since)?;
    let (people, templates) = board.copy_state()?.check_integrity()?;
    let seconds: f64 = board.property("ostiary", "ActiveEnterTimestampMonotonic")?.parse::<f64>()? / 1e6;
    board.configure(&[])?;
    board.sh("systemctl reload ostiary")?;
    board.check_door_opens()?;
    Ok(format!(
        "the relay never moved until READY, {seconds:.0} s after the kernel's start; {people} people and {templates} templates are intact"
    ))
}

/// Enables the service, so that each boot starts it. Synchronized to the disk, because a power cut follows.
pub fn enable_service(board: &Board) -> anyhow::Result<()> {
    board.sh("systemctl enable --quiet ostiary && sync").map(drop)
}

/// Waits until the service that the boot started is READY.
pub fn wait_for_service(board: &Board) -> anyhow::Result<()> {
    wait_until("the service is active after the boot", TIMEOUT, || {
        Ok((board.property("ostiary", "ActiveState")? == "active").then_some(()))
    })
}
