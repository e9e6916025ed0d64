//! A full state folder, a read-only root, and an altered model.

use std::time::Instant;

use anyhow::ensure;

use super::main_path::received_ids;
use crate::board::Board;
use crate::timeouts::TIMEOUT;

/// The service's state folder.
const STATE: &str = "/var/lib/ostiary";

/// Stops the service and moves its state folder to a tmpfs of the given size, MiB.
fn mount_state_tmpfs(board: &Board, size_mib: u32) -> anyhow::Result<()> {
    board
        .sh(&format!(
            "systemctl stop ostiary && rm -rf /var/tmp/state && cp -a {STATE} /var/tmp/state && \
         mount -t tmpfs -o size={size_mib}m,mode=0700,uid=$(id -u ostiary),gid=$(id -g ostiary) state {STATE} && \
         cp -a /var/tmp/state/. {STATE}"
        ))
        .map(drop)
}

/// Stops the service and unmounts that tmpfs.
fn unmount_state(board: &Board) -> anyhow::Result<()> {
    board.sh(&format!("systemctl stop ostiary; umount {STATE}")).map(drop)
}

pub fn full(board: &Board) -> anyhow::Result<String> {
    board.set_up_door()?;
    mount_state_tmpfs(board, 4)?;
    let result = (|| {
        board.restart()?;
        let cursor = board.journal_end()?;
        board.sh(&format!("dd if=/dev/zero of={STATE}/filler bs=4k 2>/dev/null || true"))?;
        let (since, _) = board.admit_person()?;
        board.pulse(since, TIMEOUT)?;
        let message = board.wait_for_message("full", &cursor)?;
        let (_, lines) = board.doctor()?;
        ensure!(
            lines.iter().any(|line| line["check"] == "disk" && line["status"] == "fault"),
            "doctor reports no fault of the disk: {lines:?}"
        );
        board.empty_scene()?;
        board.sh(&format!("rm {STATE}/filler"))?;
        let since = Instant::now();
        board.check_door_opens()?;
        let ids = received_ids(board, since);
        ensure!(
            !ids.is_empty() && !ids.contains(&0),
            "events are not recorded after space was freed: {ids:?}"
        );
        board.copy_state()?.check_integrity()?;
        anyhow::Ok(message)
    })();
    unmount_state(board)?;
    Ok(format!(
        "let in with a full disk; message: {}; events are recorded again after space was freed",
        result?
    ))
}

pub fn read_only_root(board: &Board) -> anyhow::Result<String> {
    board.set_up_door()?;
    mount_state_tmpfs(board, 120)?;
    let result = (|| {
        board.sh("mount -o remount,ro /")?;
        board.restart()?;
        board.admit_person()?;
        board.empty_scene()?;
        let (code, lines) = board.doctor()?;
        let faults: Vec<_> = lines.iter().filter(|line| line["status"] == "fault").collect();
        ensure!(faults.is_empty() && code == Some(0), "{faults:?}");
        anyhow::Ok(lines.len())
    })();
    board.sh("mount -o remount,rw /")?;
    unmount_state(board)?;
    Ok(format!("READY, and the person was let in; doctor: {} findings, no fault", result?))
}

pub fn model_altered(board: &Board) -> anyhow::Result<String> {
    board.set_up_door()?;
    let since = Instant::now();
    let model = "/usr/share/ostiary/models/mobilefacenet-int8.onnx";
    board.sh(&format!(
        "cp -a {model} /var/tmp/model && printf x | dd of={model} bs=1 seek=1000 conv=notrunc 2>&1"
    ))?;
    let result = (|| {
        let cursor = board.journal_end()?;
        let began = Instant::now();
        board.run("systemctl reload ostiary", b"", TIMEOUT)?;
        board.subscriber.wait_for("reload_refused", began, TIMEOUT)?;
        let output = board.run("systemctl restart ostiary", b"", TIMEOUT)?;
        ensure!(!output.is_success(), "the service started with an altered model");
        let message = board.wait_for_message("mobilefacenet-int8.onnx", &cursor)?;
        let (_, lines) = board.doctor()?;
        ensure!(
            lines.iter().any(|line| line["check"] == "models" && line["status"] == "fault"),
            "doctor reports no fault of the models: {lines:?}"
        );
        board.check_relay_at_rest(since)?;
        anyhow::Ok(message)
    })();
    board.sh(&format!("systemctl stop ostiary; cp -a /var/tmp/model {model}"))?;
    let message = result?;
    board.restart()?;
    Ok(message)
}
