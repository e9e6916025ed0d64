//! What can be wrong from outside: each is named, with the relay at rest.

use std::time::Instant;

use anyhow::{Context, ensure};

use crate::board::Board;
use crate::door::as_daemon;
use crate::patience::LONG;

/// A mistake in the configuration or on the board.
struct Mistake {
    /// What is wrong.
    what: &'static str,
    /// What is replaced in the configuration, and by what.
    change: (&'static str, &'static str),
    /// Made before, and undone after, by commands of the shell.
    make: &'static str,
    undo: &'static str,
    /// Said in the journal.
    said: &'static str,
    /// The check of doctor that finds a fault.
    check: &'static str,
    /// Whether the service refuses to start, or starts and waits until the input is fixed.
    is_final: bool,
}

const MISTAKES: [Mistake; 6] = [
    Mistake {
        what: "no camera",
        change: ("CAMERA", "/dev/video199"),
        make: "true",
        undo: "true",
        said: "/dev/video199",
        check: "camera",
        is_final: false,
    },
    Mistake {
        what: "camera without permission",
        change: ("stall_s = 4.0", "stall_s = 4.0"),
        make: "chown root:root CAMERA && chmod 600 CAMERA",
        undo: "chown root:video CAMERA && chmod 660 CAMERA",
        said: "not permitted",
        check: "camera",
        is_final: true,
    },
    Mistake {
        what: "wrong chip",
        change: ("[signals]", "chip = \"/dev/gpiochip7\"\n[signals]"),
        make: "true",
        undo: "true",
        said: "/dev/gpiochip7",
        check: "relay",
        is_final: true,
    },
    Mistake {
        what: "line held by another program",
        change: ("stall_s = 4.0", "stall_s = 4.0"),
        make: "systemd-run --quiet --unit=board-holder gpioset --chip gpiochip0 --consumer holder RELAY=0 && sleep 2",
        undo: "systemctl stop board-holder",
        said: "in use by \"holder\"",
        check: "relay",
        is_final: true,
    },
    Mistake {
        what: "line that the chip has not",
        change: ("[signals]", "[signals]\nbuzzer_line = 900"),
        make: "true",
        undo: "true",
        said: "900",
        check: "signals",
        is_final: true,
    },
    Mistake {
        what: "key of an older version",
        change: ("within_s = 30.0", "within_s = 30.0\nthreshhold = 0.7"),
        make: "true",
        undo: "true",
        said: "threshhold",
        check: "config",
        is_final: true,
    },
];

pub fn each_is_named(board: &Board) -> anyhow::Result<String> {
    board.keep_the_door()?;
    let relay = board.lines.relay.to_string();
    let here = |text: &str| text.replace("RELAY", &relay).replace("CAMERA", &board.camera.node);
    for mistake in MISTAKES {
        let since = Instant::now();
        board.sh("systemctl stop ostiary; systemctl reset-failed ostiary 2>/dev/null || true")?;
        let mark = board.mark()?;
        board.sh(&here(mistake.make))?;
        board.configure(&[(&here(mistake.change.0), mistake.change.1)])?;
        let result = (|| {
            let ended = board.run("timeout 20 systemctl start ostiary", b"", LONG)?;
            ensure!(!ended.is_success(), "it became READY");
            let said = board.wait_for_message(mistake.said, &mark)?;
            let (_, lines) = board.doctor()?;
            ensure!(
                lines.iter().any(|line| line["check"] == mistake.check && line["status"] == "fault"),
                "doctor finds no fault of {}: {lines:?}",
                mistake.check
            );
            ensure!(!said.contains("panicked"), "{said}");
            let state = board.property("ostiary", "ActiveState")?;
            ensure!(mistake.is_final || state == "activating", "it gave up waiting: {state}");
            board.relay_never_moved(since)
        })();
        board.sh(&format!("systemctl stop ostiary; {}", here(mistake.undo)))?;
        result.with_context(|| mistake.what)?;
    }
    board.configure(&[])?;
    board.restart()?;
    if board.plays() {
        board.still_works()?;
    }
    Ok(MISTAKES.iter().map(|mistake| mistake.what).collect::<Vec<_>>().join(", "))
}

pub fn camera_taken(board: &Board) -> anyhow::Result<String> {
    board.keep_the_door()?;
    board.sh("systemctl stop ostiary")?;
    board.sh(&format!(
        "systemd-run --quiet --unit=board-taker v4l2-ctl -d {} --stream-mmap --stream-count=0 --stream-to=/dev/null; sleep 3",
        board.camera.node
    ))?;
    let mark = board.mark()?;
    let since = Instant::now();
    let result = (|| {
        board.sh("systemctl start --no-block ostiary")?;
        let said = board.wait_for_message("in use by another program", &mark)?;
        let (_, lines) = board.doctor()?;
        ensure!(
            lines.iter().any(|line| line["check"] == "camera" && line["status"] == "fault"),
            "doctor finds no fault of the camera: {lines:?}"
        );
        board.relay_never_moved(since)?;
        anyhow::Ok(said)
    })();
    board.sh("systemctl stop board-taker")?;
    let said = result?;
    board
        .subscriber
        .wait("started", since, LONG)
        .context("it does not take the camera that is free again")?;
    board.still_works()?;
    Ok(said)
}

pub fn started_twice(board: &Board) -> anyhow::Result<String> {
    board.keep_the_door()?;
    let (since, pid) = (Instant::now(), board.property("ostiary", "MainPID")?);
    let ended = board.run(&as_daemon("ostiary run"), b"", LONG)?;
    ensure!(ended.code == Some(2), "exit code {:?}: {}", ended.code, ended.said());
    let said = ended.said().lines().last().unwrap_or_default().to_owned();
    // The first has the relay's line, which is the first thing that is taken.
    ensure!(said.contains("in use") || said.contains(&pid), "{said}");
    let twice = board.sh("systemctl start ostiary")?;
    ensure!(
        twice.is_empty() && board.property("ostiary", "MainPID")? == pid,
        "systemd started another: {twice}"
    );
    board.relay_never_moved(since)?;
    if board.plays() {
        board.still_works()?;
    }
    Ok(said)
}
