//! Faults of cameras. vivid, the driver of the virtual camera, injects each by a control.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::board::Board;
use crate::frames::Scene;
use crate::timeouts::TIMEOUT;

pub fn disconnected(board: &Board) -> anyhow::Result<String> {
    board.set_up_door()?;
    let since = Instant::now();
    let pid = board.property("ostiary", "MainPID")?;
    board.set_camera_control("disconnect=1")?;
    let lost = board.subscriber.wait_for("camera_lost", since, TIMEOUT)?;
    // The driver registers its devices again when the last of them is closed.
    board.sh("systemctl stop board-scene; sleep 1; board-camera")?;
    board.play(Scene::Empty)?;
    let back = board.subscriber.wait_for("camera_back", since, TIMEOUT)?;
    board.check_relay_at_rest(since)?;
    ensure!(board.property("ostiary", "MainPID")? == pid, "the daemon was restarted");
    board.check_door_opens()?;
    Ok(format!(
        "{}; back {:.1} s later",
        lost.event["detail"].as_str().unwrap_or_default(),
        (back.at - lost.at).as_secs_f64()
    ))
}

pub fn bad_frames(board: &Board) -> anyhow::Result<String> {
    board.set_up_door()?;
    let since = Instant::now();
    let pid = board.property("ostiary", "MainPID")?;
    board.set_camera_control("percentage_of_dropped_buffers=60")?;
    let result = (|| {
        for _ in 0..20 {
            board.set_camera_control("inject_v4l2_buf_flag_error=1")?;
        }
        let (began, received) = board.admit_person()?;
        board.pulse(began, TIMEOUT)?;
        anyhow::Ok(received)
    })();
    board.set_camera_control("percentage_of_dropped_buffers=0")?;
    let received = result?;
    ensure!(board.property("ostiary", "MainPID")? == pid, "the daemon was restarted");
    board.check_door_opens()?;
    Ok(format!(
        "20 damaged frames and 60 % lost: let in with similarity {:.2}, {:.1} s after the face came in view, {:.0} s in total",
        received.event["similarity"].as_f64().unwrap_or_default(),
        received.event["latency_ms"].as_f64().unwrap_or_default() / 1000.0,
        since.elapsed().as_secs_f64()
    ))
}

pub fn stalled(board: &Board) -> anyhow::Result<String> {
    board.set_up_door()?;
    let since = Instant::now();
    let pid = board.property("ostiary", "MainPID")?;
    board.set_camera_control("inject_fatal_streaming_error=1")?;
    let lost = board.subscriber.wait_for("camera_lost", since, TIMEOUT)?;
    let back = board.subscriber.wait_for("camera_back", since, TIMEOUT)?;
    std::thread::sleep(Duration::from_secs(1));
    board.check_relay_at_rest(since)?;
    ensure!(board.property("ostiary", "MainPID")? == pid, "the daemon was restarted");
    board.check_door_opens()?;
    Ok(format!(
        "{}; started again {:.1} s later",
        lost.event["detail"].as_str().unwrap_or_default(),
        (back.at - lost.at).as_secs_f64()
    ))
}

pub fn one_of_several(board: &Board) -> anyhow::Result<String> {
    board.set_up_door()?;
    let since = Instant::now();
    board.sh("systemctl stop ostiary board-scene; modprobe -r vivid && modprobe vivid n_devs=2 node_types=0x101,0x101")?;
    let result = (|| {
        board.sh("board-camera")?;
        board.play(Scene::Empty)?;
        board.restart()?;
        let (_, lines) = board.doctor()?;
        let names_both = |line: &&serde_json::Value| {
            line["check"] == "camera"
                && line["found"].as_str().is_some_and(|found| found.contains("of 2 cameras"))
        };
        let found = lines
            .iter()
            .find(names_both)
            .with_context(|| format!("doctor does not report two cameras: {lines:?}"))?;
        ensure!(found["status"] != "fault", "{found}");
        let listed = board.sh("ostiary cameras --json")?;
        ensure!(listed.lines().count() == 2, "{listed}");
        // The configured camera is used, whatever the order of the nodes.
        board.configure(&[("/dev/video0", "/dev/video2")])?;
        board.restart()?;
        let held = board.sh(&format!("ls -l /proc/{}/fd", board.property("ostiary", "MainPID")?))?;
        ensure!(
            held.contains("/dev/video2") && !held.contains("/dev/video0"),
            "the daemon has these files open: {held}"
        );
        Ok(found["found"].as_str().unwrap_or_default().to_owned())
    })();
    board.configure(&[])?;
    board.sh("systemctl stop ostiary board-scene; modprobe -r vivid && board-camera")?;
    let found = result?;
    board.play(Scene::Empty)?;
    board.restart()?;
    board.check_relay_at_rest(since)?;
    board.check_door_opens()?;
    Ok(found)
}
