//! The exit button and the door contact. The tests set the levels of their lines.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use super::main_path::TOLERANCE;
use crate::board::Board;
use crate::frames::Scene;
use crate::service::PULSE;
use crate::timeouts::TIMEOUT;

/// `inputs.held_open_s`: shorter than in practice, but longer than the other steps of these tests.
const HELD_OPEN: Duration = Duration::from_secs(8);
/// Configuration of the relay on its line.
const GPIO_RELAY: &str = "[relay]\n";
/// Configuration of a relay that is only printed. A chip that is removed while a process holds one of its lines returns under
/// another name.
const PRINTED_RELAY: &str = "[relay]\nbackend = \"printed\"\n";
/// Waiting time before a check that something did not happen.
const QUIET: Duration = Duration::from_secs(4);

/// Runs a test with button, contact and relay configured, nobody before the camera, the button released and the door closed.
fn with_inputs(
    board: &Board,
    relay: &str,
    test: impl FnOnce(&Board) -> anyhow::Result<String>,
) -> anyhow::Result<String> {
    let lines = board.lines;
    set_button(board, false)?;
    set_contact(board, false)?;
    // The PL061 has no pull resistors.
    let inputs = format!(
        "[inputs]\nexit_line = {}\nexit_active = \"high\"\nexit_bias = \"none\"\n\
         contact_line = {}\ncontact_bias = \"none\"\nheld_open_s = {}\n[mqtt]\n",
        lines.button,
        lines.contact,
        HELD_OPEN.as_secs()
    );
    board.configure(&[("[relay]\n", relay), ("[mqtt]\n", &inputs)])?;
    board.play(Scene::Empty)?;
    let since = Instant::now();
    let result = (|| {
        board.restart()?;
        let found = board.subscriber.wait_for("door_closed", since, TIMEOUT)?;
        ensure!(found.event["detail"] == "state when the contact was first read", "{}", found.event);
        test(board)
    })();
    // The next test starts with released inputs.
    set_button(board, false)?;
    set_contact(board, false)?;
    board.configure(&[])?;
    board.sh("systemctl stop ostiary")?;
    result
}

fn set_button(board: &Board, pressed: bool) -> anyhow::Result<()> {
    board.machine()?.set_input(board.lines.button, pressed)
}

fn set_contact(board: &Board, is_open: bool) -> anyhow::Result<()> {
    board.machine()?.set_input(board.lines.contact, is_open)
}

/// The number of events of this kind that arrived after `since`.
fn count(board: &Board, kind: &str, since: Instant) -> usize {
    board
        .subscriber
        .received()
        .iter()
        .filter(|received| received.at >= since && received.event["kind"] == kind)
        .count()
}

pub fn request_to_exit(board: &Board) -> anyhow::Result<String> {
    with_inputs(board, GPIO_RELAY, |board| {
        let cursor = board.journal_end()?;
        let since = Instant::now();
        set_button(board, true)?;
        let (on, length) = board.pulse(since, TIMEOUT)?;
        ensure!(length.abs_diff(PULSE) < TOLERANCE, "a pulse of {length:?} where {PULSE:?} is configured");
        let received = board.subscriber.wait_for("granted", since, TIMEOUT)?;
        ensure!(received.event["reason"] == "request_to_exit", "{}", received.event);
        ensure!(received.event["person"].is_null(), "{}", received.event);
        board.wait_for_message("the exit button was pressed", &cursor)?;

        // Neither holding nor releasing the button is another press.
        std::thread::sleep(QUIET);
        set_button(board, false)?;
        std::thread::sleep(QUIET);
        let edges = board.monitor.edges(board.lines.relay, since)?;
        ensure!(edges.len() == 2, "one press gave {edges:?}");

        let again = Instant::now();
        set_button(board, true)?;
        board.pulse(again, TIMEOUT).context("the second press")?;
        board.subscriber.wait_for("granted", again, TIMEOUT)?;
        Ok(format!(
            "a pulse of {} ms where {} are configured, {} ms after the press; none while it stayed pressed",
            length.as_millis(),
            PULSE.as_millis(),
            on.saturating_duration_since(since).as_millis()
        ))
    })
}

pub fn door_forced(board: &Board) -> anyhow::Result<String> {
    with_inputs(board, GPIO_RELAY, |board| {
        let cursor = board.journal_end()?;
        let since = Instant::now();
        set_contact(board, true)?;
        let opened = board.subscriber.wait_for("door_opened", since, TIMEOUT)?;
        let forced = board.subscriber.wait_for("door_forced", since, TIMEOUT)?;
        board.wait_for_message("The door was forced", &cursor)?;
        set_contact(board, false)?;
        board.subscriber.wait_for("door_closed", since, TIMEOUT)?;
        board.check_relay_at_rest(since)?;

        let again = Instant::now();
        set_button(board, true)?;
        board.monitor.wait_for_level(board.lines.relay, true, TIMEOUT).context("the exit button")?;
        set_contact(board, true)?;
        board.subscriber.wait_for("door_opened", again, TIMEOUT)?;
        set_contact(board, false)?;
        board.subscriber.wait_for("door_closed", again, TIMEOUT)?;
        ensure!(count(board, "door_forced", again) == 0, "reported as forced after the exit button");
        Ok(format!(
            "reported {} ms after the door opened, event {} after {}; not reported after the exit button",
            forced.at.saturating_duration_since(since).as_millis(),
            forced.event["id"],
            opened.event["id"]
        ))
    })
}

pub fn door_held_open(board: &Board) -> anyhow::Result<String> {
    with_inputs(board, GPIO_RELAY, |board| {
        let since = Instant::now();
        set_button(board, true)?;
        board.monitor.wait_for_level(board.lines.relay, true, TIMEOUT).context("the exit button")?;
        let opened = Instant::now();
        set_contact(board, true)?;
        let held = board.subscriber.wait_for("door_held", since, TIMEOUT)?;
        let after = held.at.saturating_duration_since(opened);
        ensure!(after + TOLERANCE > HELD_OPEN, "reported too early, after {after:?}");
        std::thread::sleep(HELD_OPEN + QUIET);
        ensure!(count(board, "door_held", since) == 1, "reported more than once");
        ensure!(count(board, "door_forced", since) == 0, "reported as forced after the exit button");
        set_contact(board, false)?;
        board.subscriber.wait_for("door_closed", since, TIMEOUT)?;
        let edges = board.monitor.edges(board.lines.relay, since)?;
        ensure!(edges.len() == 2, "the open door moved the relay: {edges:?}");
        Ok(format!(
            "reported once, {:.1} s after the door opened, where {} are configured",
            after.as_secs_f64(),
            HELD_OPEN.as_secs()
        ))
    })
}

pub fn chip_lost(board: &Board) -> anyhow::Result<String> {
    with_inputs(board, PRINTED_RELAY, |board| {
        let pid = board.property("ostiary", "MainPID")?;
        let since = Instant::now();
        let driver = |action: &str| {
            board.sh(&format!("echo 9030000.pl061 >/sys/bus/amba/drivers/pl061_gpio/{action}")).map(drop)
        };
        driver("unbind")?;
        let lost = board.subscriber.wait_for("inputs_lost", since, TIMEOUT);
        // Pressed while the chip is missing, and still pressed when it returns.
        set_button(board, true)?;
        driver("bind")?;
        let lost = lost?;
        let back = board.subscriber.wait_for("inputs_back", since, TIMEOUT)?;
        let found = board.subscriber.wait_for("door_closed", since, TIMEOUT)?;
        ensure!(found.event["detail"] == "state when the contact was first read", "{}", found.event);
        std::thread::sleep(QUIET);
        ensure!(count(board, "granted", since) + count(board, "relay_on", since) == 0, "the door opened");
        ensure!(board.property("ostiary", "MainPID")? == pid, "the daemon was restarted");
        Ok(format!(
            "{}; read again {:.1} s later",
            lost.event["detail"].as_str().unwrap_or_default(),
            (back.at - lost.at).as_secs_f64()
        ))
    })
}
