//! Faults of the configuration and of devices: each is reported in the journal and by doctor, with the relay at rest.

use std::time::Instant;

use anyhow::{Context, ensure};

use crate::board::Board;
use crate::service::as_service_user;
use crate::timeouts::TIMEOUT;

/// A fault in the configuration or on the board.
struct InputFault {
    /// What is wrong.
    what: &'static str,
    /// The text that is replaced in the configuration, and its replacement.
    change: (&'static str, &'static str),
    /// Shell command that causes the fault.
    setup: &'static str,
    /// Shell command that removes the fault.
    cleanup: &'static str,
    /// Part of the message in the journal.
    message: &'static str,
    /// The check of doctor that reports the fault.
    check: &'static str,
    /// Whether the service refuses to start. Otherwise it waits until the fault is fixed.
    is_fatal: bool,
}

const INPUT_FAULTS: [InputFault; 6] = [
    InputFault {
        what: "no camera",
        change: ("CAMERA", "/dev/video199"),
        setup: "true",
        cleanup: "true",
        message: "/dev/video199",
        check: "camera",
        is_fatal: false,
    },
    InputFault {
        what: "camera without permission",
        change: ("stall_s = 4.0", "stall_s = 4.0"),
        setup: "chown root:root CAMERA && chmod 600 CAMERA",
        cleanup: "chown root:video CAMERA && chmod 660 CAMERA",
        message: "not permitted",
        check: "camera",
        is_fatal: true,
    },
    InputFault {
        what: "wrong chip",
        change: ("[signals]", "chip = \"/dev/gpiochip7\"\n[signals]"),
        setup: "true",
        cleanup: "true",
        message: "/dev/gpiochip7",
        check: "relay",
        is_fatal: true,
    },
    InputFault {
        what: "line held by another program",
        change: ("stall_s = 4.0", "stall_s = 4.0"),
        setup: "systemd-run --quiet --unit=board-holder gpioset --chip gpiochip0 --consumer holder RELAY=0 && sleep 2",
        cleanup: "systemctl stop board-holder",
        message: "in use by \"holder\"",
        check: "relay",
        is_fatal: true,
    },
    InputFault {
        what: "line that the chip does not have",
        change: ("[signals]", "[signals]\nbuzzer_line = 900"),
        setup: "true",
        cleanup: "true",
        message: "900",
        check: "signals",
        is_fatal: true,
    },
    InputFault {
        what: "key of an older version",
        change: ("within_s = 30.0", "within_s = 30.0\nthreshhold = 0.7"),
        setup: "true",
        cleanup: "true",
        message: "threshhold",
        check: "config",
        is_fatal: true,
    },
];

pub fn each_is_reported(board: &Board) -> anyhow::Result<String> {
    board.set_up_door()?;
    let relay = board.lines.relay.to_string();
    let expand = |text: &str| text.replace("RELAY", &relay).replace("CAMERA", &board.camera.node);
    for fault in INPUT_FAULTS {
        let since = Instant::now();
        board.sh("systemctl stop ostiary; systemctl reset-failed ostiary 2>/dev/null || true")?;
        let cursor = board.journal_end()?;
        board.sh(&expand(fault.setup))?;
        board.configure(&[(&expand(fault.change.0), fault.change.1)])?;
        let result = (|| {
            let output = board.run("timeout 20 systemctl start ostiary", b"", TIMEOUT)?;
            ensure!(!output.is_success(), "the service became READY");
            let message = board.wait_for_message(fault.message, &cursor)?;
            let (_, lines) = board.doctor()?;
            ensure!(
                lines.iter().any(|line| line["check"] == fault.check && line["status"] == "fault"),
                "doctor reports no fault of {}: {lines:?}",
                fault.check
            );
            ensure!(!message.contains("panicked"), "{message}");
            let state = board.property("ostiary", "ActiveState")?;
            ensure!(
                fault.is_fatal || state == "activating",
                "the service does not wait for the input: {state}"
            );
            board.check_relay_at_rest(since)
        })();
        board.sh(&format!("systemctl stop ostiary; {}", expand(fault.cleanup)))?;
        result.with_context(|| fault.what)?;
    }
    board.configure(&[])?;
    board.restart()?;
    if board.can_play_frames() {
        board.check_door_opens()?;
    }
    Ok(INPUT_FAULTS.iter().map(|fault| fault.what).collect::<Vec<_>>().join(", "))
}

pub fn camera_taken(board: &Board) -> anyhow::Result<String> {
    board.set_up_door()?;
    board.sh("systemctl stop ostiary")?;
    board.sh(&format!(
        "systemd-run --quiet --unit=board-taker v4l2-ctl -d {} --stream-mmap --stream-count=0 --stream-to=/dev/null; sleep 3",
        board.camera.node
    ))?;
    let cursor = board.journal_end()?;
    let since = Instant::now();
    let result = (|| {
        board.sh("systemctl start --no-block ostiary")?;
        let message = board.wait_for_message("in use by another program", &cursor)?;
        let (_, lines) = board.doctor()?;
        ensure!(
            lines.iter().any(|line| line["check"] == "camera" && line["status"] == "fault"),
            "doctor reports no fault of the camera: {lines:?}"
        );
        board.check_relay_at_rest(since)?;
        anyhow::Ok(message)
    })();
    board.sh("systemctl stop board-taker")?;
    let message = result?;
    board
        .subscriber
        .wait_for("started", since, TIMEOUT)
        .context("the service does not open the camera after its release")?;
    board.check_door_opens()?;
    Ok(message)
}

pub fn started_twice(board: &Board) -> anyhow::Result<String> {
    board.set_up_door()?;
    let (since, pid) = (Instant::now(), board.property("ostiary", "MainPID")?);
    let output = board.run(&as_service_user("ostiary run"), b"", TIMEOUT)?;
    ensure!(output.code == Some(2), "exit code {:?}: {}", output.code, output.text());
    let message = output.text().lines().last().unwrap_or_default().to_owned();
    // The daemon requests the relay's line first, which the running daemon holds.
    ensure!(message.contains("in use") || message.contains(&pid), "{message}");
    let second_start = board.sh("systemctl start ostiary")?;
    ensure!(
        second_start.is_empty() && board.property("ostiary", "MainPID")? == pid,
        "systemd started a second daemon: {second_start}"
    );
    board.check_relay_at_rest(since)?;
    if board.can_play_frames() {
        board.check_door_opens()?;
    }
    Ok(message)
}
