//! What cameras do. The virtual one's driver has a control for each fault.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::board::Board;
use crate::frames::Scene;
use crate::patience::LONG;

pub fn disconnected(board: &Board) -> anyhow::Result<String> {
    board.keep_the_door()?;
    let since = Instant::now();
    let pid = board.property("ostiary", "MainPID")?;
    board.set_camera("disconnect=1")?;
    let lost = board.subscriber.wait("camera_lost", since, LONG)?;
    // The driver registers its devices again when the last of them is closed.
    board.sh("systemctl stop board-scene; sleep 1; board-camera")?;
    board.play(Scene::Hall)?;
    let back = board.subscriber.wait("camera_back", since, LONG)?;
    board.relay_never_moved(since)?;
    ensure!(board.property("ostiary", "MainPID")? == pid, "it was restarted");
    board.still_works()?;
    Ok(format!(
        "{}; back {:.1} s later",
        lost.event["detail"].as_str().unwrap_or_default(),
        (back.at - lost.at).as_secs_f64()
    ))
}

pub fn bad_frames(board: &Board) -> anyhow::Result<String> {
    board.keep_the_door()?;
    let since = Instant::now();
    let pid = board.property("ostiary", "MainPID")?;
    board.set_camera("percentage_of_dropped_buffers=60")?;
    let result = (|| {
        for _ in 0..20 {
            board.set_camera("inject_v4l2_buf_flag_error=1")?;
        }
        let (began, heard) = board.let_in()?;
        board.pulse(began, LONG)?;
        anyhow::Ok(heard)
    })();
    board.set_camera("percentage_of_dropped_buffers=0")?;
    let heard = result?;
    ensure!(board.property("ostiary", "MainPID")? == pid, "it was restarted");
    board.still_works()?;
    Ok(format!(
        "20 damaged frames and 60 % lost: let in with similarity {:.2} {:.1} s after the face came in view, {:.0} s in all",
        heard.event["similarity"].as_f64().unwrap_or_default(),
        heard.event["latency_ms"].as_f64().unwrap_or_default() / 1000.0,
        since.elapsed().as_secs_f64()
    ))
}

pub fn stalled(board: &Board) -> anyhow::Result<String> {
    board.keep_the_door()?;
    let since = Instant::now();
    let pid = board.property("ostiary", "MainPID")?;
    board.set_camera("inject_fatal_streaming_error=1")?;
    let lost = board.subscriber.wait("camera_lost", since, LONG)?;
    let back = board.subscriber.wait("camera_back", since, LONG)?;
    std::thread::sleep(Duration::from_secs(1));
    board.relay_never_moved(since)?;
    ensure!(board.property("ostiary", "MainPID")? == pid, "it was restarted");
    board.still_works()?;
    Ok(format!(
        "{}; started again {:.1} s later",
        lost.event["detail"].as_str().unwrap_or_default(),
        (back.at - lost.at).as_secs_f64()
    ))
}

pub fn one_of_several(board: &Board) -> anyhow::Result<String> {
    board.keep_the_door()?;
    let since = Instant::now();
    board.sh("systemctl stop ostiary board-scene; modprobe -r vivid && modprobe vivid n_devs=2 node_types=0x101,0x101")?;
    let result = (|| {
        board.sh("board-camera")?;
        board.play(Scene::Hall)?;
        board.restart()?;
        let (_, lines) = board.doctor()?;
        let told = |line: &&serde_json::Value| {
            line["check"] == "camera"
                && line["found"].as_str().is_some_and(|found| found.contains("of 2 cameras"))
        };
        let found =
            lines.iter().find(told).with_context(|| format!("doctor does not tell of two: {lines:?}"))?;
        ensure!(found["status"] != "fault", "{found}");
        let listed = board.sh("ostiary cameras --json")?;
        ensure!(listed.lines().count() == 2, "{listed}");
        // The one that is named is the one that is used, whichever was there first.
        board.configure(&[("/dev/video0", "/dev/video2")])?;
        board.restart()?;
        let held = board.sh(&format!("ls -l /proc/{}/fd", board.property("ostiary", "MainPID")?))?;
        ensure!(held.contains("/dev/video2") && !held.contains("/dev/video0"), "it holds {held}");
        Ok(found["found"].as_str().unwrap_or_default().to_owned())
    })();
    board.configure(&[])?;
    board.sh("systemctl stop ostiary board-scene; modprobe -r vivid && board-camera")?;
    let found = result?;
    board.play(Scene::Hall)?;
    board.restart()?;
    board.relay_never_moved(since)?;
    board.still_works()?;
    Ok(found)
}
