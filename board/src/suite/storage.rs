//! Disks that are full, read-only or altered.

use std::time::Instant;

use anyhow::ensure;

use super::main_path::heard_ids;
use crate::board::Board;
use crate::patience::LONG;

const STATE: &str = "/var/lib/ostiary";

/// The state folder on a disk of its own, of so many megabytes.
fn own_disk(board: &Board, megabytes: u32) -> anyhow::Result<()> {
    board
        .sh(&format!(
            "systemctl stop ostiary && rm -rf /var/tmp/state && cp -a {STATE} /var/tmp/state && \
         mount -t tmpfs -o size={megabytes}m,mode=0700,uid=$(id -u ostiary),gid=$(id -g ostiary) state {STATE} && \
         cp -a /var/tmp/state/. {STATE}"
        ))
        .map(drop)
}

fn no_own_disk(board: &Board) -> anyhow::Result<()> {
    board.sh(&format!("systemctl stop ostiary; umount {STATE}")).map(drop)
}

pub fn full(board: &Board) -> anyhow::Result<String> {
    board.keep_the_door()?;
    own_disk(board, 4)?;
    let result = (|| {
        board.restart()?;
        let mark = board.mark()?;
        board.sh(&format!("dd if=/dev/zero of={STATE}/filler bs=4k 2>/dev/null || true"))?;
        let (since, _) = board.let_in()?;
        board.pulse(since, LONG)?;
        let said = board.wait_for_message("full", &mark)?;
        let (_, lines) = board.doctor()?;
        ensure!(
            lines.iter().any(|line| line["check"] == "disk" && line["status"] == "fault"),
            "doctor finds no fault of the disk: {lines:?}"
        );
        board.all_leave()?;
        board.sh(&format!("rm {STATE}/filler"))?;
        let since = Instant::now();
        board.still_works()?;
        let ids = heard_ids(board, since);
        ensure!(!ids.is_empty() && !ids.contains(&0), "events are not recorded again: {ids:?}");
        board.state()?.check()?;
        anyhow::Ok(said)
    })();
    no_own_disk(board)?;
    Ok(format!("let in with a full disk; said: {}; recorded again once there was room", result?))
}

pub fn read_only_root(board: &Board) -> anyhow::Result<String> {
    board.keep_the_door()?;
    own_disk(board, 120)?;
    let result = (|| {
        board.sh("mount -o remount,ro /")?;
        board.restart()?;
        board.let_in()?;
        board.all_leave()?;
        let (code, lines) = board.doctor()?;
        let faults: Vec<_> = lines.iter().filter(|line| line["status"] == "fault").collect();
        ensure!(faults.is_empty() && code == Some(0), "{faults:?}");
        anyhow::Ok(lines.len())
    })();
    board.sh("mount -o remount,rw /")?;
    no_own_disk(board)?;
    Ok(format!("READY, and the person was let in; doctor: {} findings, no fault", result?))
}

pub fn model_altered(board: &Board) -> anyhow::Result<String> {
    board.keep_the_door()?;
    let since = Instant::now();
    let model = "/usr/share/ostiary/models/mobilefacenet-int8.onnx";
    board.sh(&format!(
        "cp -a {model} /var/tmp/model && printf x | dd of={model} bs=1 seek=1000 conv=notrunc 2>&1"
    ))?;
    let result = (|| {
        let mark = board.mark()?;
        let began = Instant::now();
        board.run("systemctl reload ostiary", b"", LONG)?;
        board.subscriber.wait("reload_refused", began, LONG)?;
        let ended = board.run("systemctl restart ostiary", b"", LONG)?;
        ensure!(!ended.is_success(), "it started with an altered model");
        let said = board.wait_for_message("mobilefacenet-int8.onnx", &mark)?;
        let (_, lines) = board.doctor()?;
        ensure!(
            lines.iter().any(|line| line["check"] == "models" && line["status"] == "fault"),
            "doctor finds no fault of the models: {lines:?}"
        );
        board.relay_never_moved(since)?;
        anyhow::Ok(said)
    })();
    board.sh(&format!("systemctl stop ostiary; cp -a /var/tmp/model {model}"))?;
    let said = result?;
    board.restart()?;
    Ok(said)
}
