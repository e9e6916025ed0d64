//! The exit button and the door contact, pressed and opened from outside.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use super::main_path::TOLERANCE;
use crate::board::Board;
use crate::door::PULSE;
use crate::frames::Scene;
use crate::patience::LONG;

/// After so long a door is held open. Shorter than in a house, longer than anything here takes besides.
const HELD_OPEN: Duration = Duration::from_secs(8);
/// The relay on its line; and one that is printed, since a chip that goes away and comes back while a line of it is held
/// comes back under another name.
const ON_ITS_LINE: &str = "[relay]\n";
const PRINTED: &str = "[relay]\nbackend = \"printed\"\n";
/// Time for what must not happen.
const A_WHILE: Duration = Duration::from_secs(4);

/// Nobody is before the camera, the button is not pressed, the door is closed, and both are configured. So is the relay,
/// as it is here.
fn with_inputs(
    board: &Board,
    relay: &str,
    test: impl FnOnce(&Board) -> anyhow::Result<String>,
) -> anyhow::Result<String> {
    let lines = board.lines;
    press(board, false)?;
    open(board, false)?;
    // The chip has no pulls of its own.
    let inputs = format!(
        "[inputs]\nexit_line = {}\nexit_active = \"high\"\nexit_bias = \"none\"\n\
         contact_line = {}\ncontact_bias = \"none\"\nheld_open_s = {}\n[mqtt]\n",
        lines.button,
        lines.contact,
        HELD_OPEN.as_secs()
    );
    board.configure(&[("[relay]\n", relay), ("[mqtt]\n", &inputs)])?;
    board.play(Scene::Hall)?;
    let since = Instant::now();
    let result = (|| {
        board.restart()?;
        let found = board.subscriber.wait("door_closed", since, LONG)?;
        ensure!(found.event["detail"] == "state when the contact was first read", "{}", found.event);
        test(board)
    })();
    // Whoever comes next finds the lines free.
    press(board, false)?;
    open(board, false)?;
    board.configure(&[])?;
    board.sh("systemctl stop ostiary")?;
    result
}

fn press(board: &Board, pressed: bool) -> anyhow::Result<()> {
    board.machine()?.set_input(board.lines.button, pressed)
}

fn open(board: &Board, is_open: bool) -> anyhow::Result<()> {
    board.machine()?.set_input(board.lines.contact, is_open)
}

/// How many events of this kind came since then.
fn count(board: &Board, kind: &str, since: Instant) -> usize {
    board.subscriber.heard().iter().filter(|heard| heard.at >= since && heard.event["kind"] == kind).count()
}

pub fn request_to_exit(board: &Board) -> anyhow::Result<String> {
    with_inputs(board, ON_ITS_LINE, |board| {
        let mark = board.mark()?;
        let since = Instant::now();
        press(board, true)?;
        let (on, length) = board.pulse(since, LONG)?;
        ensure!(length.abs_diff(PULSE) < TOLERANCE, "a pulse of {length:?} where {PULSE:?} is configured");
        let heard = board.subscriber.wait("granted", since, LONG)?;
        ensure!(heard.event["reason"] == "request_to_exit", "{}", heard.event);
        ensure!(heard.event["person"].is_null(), "{}", heard.event);
        board.wait_for_message("the exit button was pressed", &mark)?;

        // Still pressed, and then let go: neither is another press.
        std::thread::sleep(A_WHILE);
        press(board, false)?;
        std::thread::sleep(A_WHILE);
        let edges = board.watcher.edges(board.lines.relay, since)?;
        ensure!(edges.len() == 2, "one press gave {edges:?}");

        let again = Instant::now();
        press(board, true)?;
        board.pulse(again, LONG).context("the second press")?;
        board.subscriber.wait("granted", again, LONG)?;
        Ok(format!(
            "a pulse of {} ms where {} are configured, {} ms after the press; none while it stayed pressed",
            length.as_millis(),
            PULSE.as_millis(),
            on.saturating_duration_since(since).as_millis()
        ))
    })
}

pub fn door_forced(board: &Board) -> anyhow::Result<String> {
    with_inputs(board, ON_ITS_LINE, |board| {
        let mark = board.mark()?;
        let since = Instant::now();
        open(board, true)?;
        let opened = board.subscriber.wait("door_opened", since, LONG)?;
        let forced = board.subscriber.wait("door_forced", since, LONG)?;
        board.wait_for_message("The door was forced", &mark)?;
        open(board, false)?;
        board.subscriber.wait("door_closed", since, LONG)?;
        board.relay_never_moved(since)?;

        let again = Instant::now();
        press(board, true)?;
        board.watcher.wait(board.lines.relay, true, LONG).context("the exit button")?;
        open(board, true)?;
        board.subscriber.wait("door_opened", again, LONG)?;
        open(board, false)?;
        board.subscriber.wait("door_closed", again, LONG)?;
        ensure!(count(board, "door_forced", again) == 0, "let out, and told of as forced");
        Ok(format!(
            "told {} ms after it opened, event {} after {}; not told of who was let out",
            forced.at.saturating_duration_since(since).as_millis(),
            forced.event["id"],
            opened.event["id"]
        ))
    })
}

pub fn door_held_open(board: &Board) -> anyhow::Result<String> {
    with_inputs(board, ON_ITS_LINE, |board| {
        let since = Instant::now();
        press(board, true)?;
        board.watcher.wait(board.lines.relay, true, LONG).context("the exit button")?;
        let opened = Instant::now();
        open(board, true)?;
        let held = board.subscriber.wait("door_held", since, LONG)?;
        let after = held.at.saturating_duration_since(opened);
        ensure!(after + TOLERANCE > HELD_OPEN, "told after {after:?} already");
        std::thread::sleep(HELD_OPEN + A_WHILE);
        ensure!(count(board, "door_held", since) == 1, "told more than once");
        ensure!(count(board, "door_forced", since) == 0, "let out, and told of as forced");
        open(board, false)?;
        board.subscriber.wait("door_closed", since, LONG)?;
        let edges = board.watcher.edges(board.lines.relay, since)?;
        ensure!(edges.len() == 2, "the open door moved the relay: {edges:?}");
        Ok(format!(
            "told once, {:.1} s after it opened, where {} are configured",
            after.as_secs_f64(),
            HELD_OPEN.as_secs()
        ))
    })
}

pub fn chip_lost(board: &Board) -> anyhow::Result<String> {
    with_inputs(board, PRINTED, |board| {
        let pid = board.property("ostiary", "MainPID")?;
        let since = Instant::now();
        let driver = |order: &str| {
            board.sh(&format!("echo 9030000.pl061 >/sys/bus/amba/drivers/pl061_gpio/{order}")).map(drop)
        };
        driver("unbind")?;
        let lost = board.subscriber.wait("inputs_lost", since, LONG);
        // Pressed while nobody can hear it, and still pressed when the chip is back.
        press(board, true)?;
        driver("bind")?;
        let lost = lost?;
        let back = board.subscriber.wait("inputs_back", since, LONG)?;
        let found = board.subscriber.wait("door_closed", since, LONG)?;
        ensure!(found.event["detail"] == "state when the contact was first read", "{}", found.event);
        std::thread::sleep(A_WHILE);
        ensure!(count(board, "granted", since) + count(board, "relay_on", since) == 0, "it opened");
        ensure!(board.property("ostiary", "MainPID")? == pid, "it was restarted");
        Ok(format!(
            "{}; read again {:.1} s later",
            lost.event["detail"].as_str().unwrap_or_default(),
            (back.at - lost.at).as_secs_f64()
        ))
    })
}
