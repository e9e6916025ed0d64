//! What a door does every day.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::board::Board;
use crate::door::{PERSON, PULSE, as_daemon};
use crate::frames::{PixelFormat, Scene};
use crate::patience::LONG;

/// How much longer or shorter than configured a pulse may look from outside an emulated board that shares its
/// processor. On a real one it is a hundredth of that.
pub const TOLERANCE: Duration = Duration::from_millis(700);

pub fn ready(board: &Board) -> anyhow::Result<String> {
    board.keep_the_door()?;
    let since = Instant::now();
    let mark = board.mark()?;
    board.restart()?;
    board.relay_never_moved(since)?;
    board.wait_for_message("Keeping the door", &mark)?;
    let micros =
        |property: &str| -> anyhow::Result<u64> { Ok(board.property("ostiary", property)?.parse()?) };
    let (from, to) = (micros("InactiveExitTimestampMonotonic")?, micros("ActiveEnterTimestampMonotonic")?);
    let memory: u64 = board.property("ostiary", "MemoryCurrent")?.parse().unwrap_or_default();
    Ok(format!("{:.1} s from start to READY, {} MB", (to - from) as f64 / 1e6, memory / 1_000_000))
}

pub fn enrol_from_camera(board: &Board) -> anyhow::Result<String> {
    board.configure(&[])?;
    board.play(Scene::Known)?;
    board.sh("systemctl stop ostiary")?;
    if board.people()?.contains(PERSON) {
        board.sh(&as_daemon(&format!("ostiary people remove {PERSON}")))?;
    }
    let since = Instant::now();
    let said = board.sh(&as_daemon(&format!("ostiary enroll {PERSON} --camera --timeout 80 2>&1")))?;
    let seconds = since.elapsed().as_secs_f64();
    let pictures = said.matches("taken").count();
    ensure!(pictures == 3, "{said}");
    ensure!(board.people()?.contains(PERSON), "{PERSON} is not listed after: {said}");
    board.relay_never_moved(since)?;
    Ok(format!("{pictures} pictures in {seconds:.1} s, start included"))
}

pub fn stranger_refused(board: &Board) -> anyhow::Result<String> {
    board.keep_the_door()?;
    board.watcher.gap();
    let since = Instant::now();
    board.play(Scene::Stranger)?;
    let heard = board.subscriber.wait("denied", since, LONG)?;
    ensure!(heard.event["reason"] == "unknown", "{}", heard.event);
    // Of a real board's lines only the relay's is watched.
    if board.is_virtual() {
        board.watcher.wait(board.lines.no, true, LONG).context("the no lamp stayed dark")?;
    }
    // They stay a while, and come again.
    std::thread::sleep(Duration::from_secs(5));
    board.all_leave()?;
    let again = Instant::now();
    board.play(Scene::Stranger)?;
    board.subscriber.wait("denied", again, LONG)?;
    board.all_leave()?;
    board.relay_never_moved(since)?;
    let looked = match board.is_virtual() {
        true => format!(", looked at every {} ms at least", board.watcher.gap().as_millis()),
        false => String::new(),
    };
    Ok(format!(
        "best similarity {:.2} of {:.2} needed; the relay never moved in {:.0} s{looked}",
        heard.event["similarity"].as_f64().unwrap_or_default(),
        heard.event["threshold"].as_f64().unwrap_or_default(),
        since.elapsed().as_secs_f64(),
    ))
}

pub fn person_opens(board: &Board) -> anyhow::Result<String> {
    board.keep_the_door()?;
    let mark = board.mark()?;
    let (since, heard) = board.let_in()?;
    let (_, length) = board.pulse(since, LONG)?;
    ensure!(length.abs_diff(PULSE) < TOLERANCE, "a pulse of {length:?} where {PULSE:?} is configured");
    if board.is_virtual() {
        let lamp = board.watcher.edges(board.lines.yes, since)?;
        ensure!(lamp.first().is_some_and(|edge| edge.level), "the yes lamp stayed dark");
    }
    let event = heard.event;
    ensure!(event["person"] == PERSON && event["reason"] == "granted", "{event}");

    let journal = board.journal(&mark)?;
    let granted = journal
        .iter()
        .find(|entry| entry["OSTIARY_EVENT"] == "granted")
        .context("the journal has no OSTIARY_EVENT=granted")?;
    let fields =
        ["OSTIARY_PERSON", "OSTIARY_REASON", "OSTIARY_SIMILARITY", "OSTIARY_THRESHOLD", "OSTIARY_ID"];
    for field in fields {
        ensure!(granted[field].is_string(), "the journal's entry has no {field}: {granted}");
    }
    let id = event["id"].to_string();
    ensure!(granted["OSTIARY_ID"].as_str() == Some(id.as_str()), "{granted} is not {event}");
    board.all_leave()?;
    Ok(format!(
        "a pulse of {} ms where {} are configured; similarity {:.2}, {:.1} s after the face came in view; journal id {}",
        length.as_millis(),
        PULSE.as_millis(),
        event["similarity"].as_f64().unwrap_or_default(),
        event["latency_ms"].as_f64().unwrap_or_default() / 1000.0,
        event["id"]
    ))
}

pub fn reload(board: &Board) -> anyhow::Result<String> {
    board.keep_the_door()?;
    let pid = board.property("ostiary", "MainPID")?;
    let since = Instant::now();
    board.configure(&[("pulse_ms = 3000", "pulse_ms = 6000")])?;
    board.sh("systemctl reload ostiary")?;
    board.subscriber.wait("reloaded", since, LONG)?;

    let refused = Instant::now();
    board.configure(&[("within_s = 30.0", "within_seconds = 30.0")])?;
    // It says no, and goes on.
    board.run("systemctl reload ostiary", b"", LONG)?;
    let heard = board.subscriber.wait("reload_refused", refused, LONG)?;
    let why = heard.event["detail"].as_str().unwrap_or_default().to_owned();
    ensure!(why.contains("within_seconds") && why.contains("within_s"), "{why}");

    let (since, _) = board.let_in()?;
    let (_, length) = board.pulse(since, LONG)?;
    let wanted = Duration::from_secs(6);
    ensure!(length.abs_diff(wanted) < TOLERANCE, "a pulse of {length:?} after a reload to {wanted:?}");
    ensure!(board.property("ostiary", "MainPID")? == pid, "it was restarted");
    board.all_leave()?;
    Ok(format!(
        "a pulse of {} ms after a reload to 6000; an unknown key was refused by name",
        length.as_millis()
    ))
}

pub fn doctor(board: &Board) -> anyhow::Result<String> {
    board.keep_the_door()?;
    let (code, lines) = board.doctor()?;
    let of = |status: &str| lines.iter().filter(|line| line["status"] == status).collect::<Vec<_>>();
    let faults = of("fault");
    ensure!(faults.is_empty() && code == Some(0), "exit code {code:?}, {faults:?}");
    let found = |check: &str, part: &str| {
        lines.iter().any(|line| {
            line["check"] == check && line["found"].as_str().is_some_and(|found| found.contains(part))
        })
    };
    ensure!(found("relay", "held by the running daemon"), "{:?}", of("ok"));
    ensure!(found("broker", ""), "nothing of the broker");
    let warnings: Vec<_> =
        of("warning").into_iter().map(|line| line["check"].as_str().unwrap_or_default()).collect();
    Ok(format!("{} ok, warnings: {}", of("ok").len(), warnings.join(", ")))
}

pub fn pixel_formats(board: &Board) -> anyhow::Result<String> {
    board.keep_the_door()?;
    let mut figures = Vec::new();
    for format in [PixelFormat::Nv12, PixelFormat::Grey, PixelFormat::Yuyv] {
        let line = format!("stall_s = 4.0\nformat = \"{}\"", format.code());
        board.configure(&[("stall_s = 4.0", &line)])?;
        board.all_leave_as(format)?;
        let mark = board.mark()?;
        board.restart()?;
        let (since, heard) = board.let_in_as(format)?;
        board.pulse(since, LONG)?;
        board.wait_for_message(format.code(), &mark).context("the format in use")?;
        let similarity = heard.event["similarity"].as_f64().unwrap_or_default();
        figures.push(format!("{} {similarity:.2}", format.code()));
    }
    ensure!(figures.len() == 3);
    board.all_leave()?;
    Ok(format!("similarity by {}", figures.join(", ")))
}

/// The numbers of events that came by MQTT since then.
pub fn heard_ids(board: &Board, since: Instant) -> Vec<i64> {
    let id = |event: &Value| event["id"].as_i64();
    board
        .subscriber
        .heard()
        .iter()
        .filter(|heard| heard.at >= since)
        .filter_map(|heard| id(&heard.event))
        .collect()
}
