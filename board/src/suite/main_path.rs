//! Normal operation: start, enrollment, decisions, reload, doctor.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::board::Board;
use crate::frames::{PixelFormat, Scene};
use crate::service::{PERSON, PULSE, as_service_user};
use crate::timeouts::TIMEOUT;

/// Allowed difference between a pulse's configured and measured length. It is large because the emulated board shares its
/// processor; on a real board the difference is a hundredth of it.
pub const TOLERANCE: Duration = Duration::from_millis(700);

pub fn ready(board: &Board) -> anyhow::Result<String> {
    board.set_up_door()?;
    let since = Instant::now();
    let cursor = board.journal_end()?;
    board.restart()?;
    board.check_relay_at_rest(since)?;
    board.wait_for_message("Started the door", &cursor)?;
    let micros =
        |property: &str| -> anyhow::Result<u64> { Ok(board.property("ostiary", property)?.parse()?) };
    let (from, to) = (micros("InactiveExitTimestampMonotonic")?, micros("ActiveEnterTimestampMonotonic")?);
    let memory: u64 = board.property("ostiary", "MemoryCurrent")?.parse().unwrap_or_default();
    Ok(format!("{:.1} s from start to READY, {} MB", (to - from) as f64 / 1e6, memory / 1_000_000))
}

pub fn enroll_from_camera(board: &Board) -> anyhow::Result<String> {
    board.configure(&[])?;
    board.play(Scene::Enrolled)?;
    board.sh("systemctl stop ostiary")?;
    if board.people()?.contains(PERSON) {
        board.sh(&as_service_user(&format!("ostiary people remove {PERSON}")))?;
    }
    let since = Instant::now();
    let output = board
        .sh(&as_service_user(&format!("ostiary enroll {PERSON} --camera --any-pose --timeout 80 2>&1")))?;
    let seconds = since.elapsed().as_secs_f64();
    let pictures = output.matches("taken").count();
    ensure!(pictures == 3, "{output}");
    ensure!(board.people()?.contains(PERSON), "{PERSON} is not listed after: {output}");
    board.check_relay_at_rest(since)?;
    Ok(format!("{pictures} pictures in {seconds:.1} s, including the program's start"))
}

pub fn stranger_refused(board: &Board) -> anyhow::Result<String> {
    board.set_up_door()?;
    board.monitor.take_max_interval();
    let since = Instant::now();
    board.play(Scene::Stranger)?;
    let received = board.subscriber.wait_for("denied", since, TIMEOUT)?;
    ensure!(received.event["reason"] == "unknown", "{}", received.event);
    // On a real board only the relay's line is monitored.
    if board.is_virtual() {
        board.monitor.wait_for_level(board.lines.no, true, TIMEOUT).context("the no lamp stayed dark")?;
    }
    // The stranger stays for some seconds, leaves, and comes again.
    std::thread::sleep(Duration::from_secs(5));
    board.empty_scene()?;
    let again = Instant::now();
    board.play(Scene::Stranger)?;
    board.subscriber.wait_for("denied", again, TIMEOUT)?;
    board.empty_scene()?;
    board.check_relay_at_rest(since)?;
    let interval = match board.is_virtual() {
        true => format!(", sampled at least every {} ms", board.monitor.take_max_interval().as_millis()),
        false => String::new(),
    };
    Ok(format!(
        "best similarity {:.2} of {:.2} needed; the relay never moved in {:.0} s{interval}",
        received.event["similarity"].as_f64().unwrap_or_default(),
        received.event["threshold"].as_f64().unwrap_or_default(),
        since.elapsed().as_secs_f64(),
    ))
}

pub fn person_opens(board: &Board) -> anyhow::Result<String> {
    board.set_up_door()?;
    let cursor = board.journal_end()?;
    let (since, received) = board.admit_person()?;
    let (_, length) = board.pulse(since, TIMEOUT)?;
    ensure!(length.abs_diff(PULSE) < TOLERANCE, "a pulse of {length:?} where {PULSE:?} is configured");
    if board.is_virtual() {
        let lamp = board.monitor.edges(board.lines.yes, since)?;
        ensure!(lamp.first().is_some_and(|edge| edge.level), "the yes lamp stayed dark");
    }
    let event = received.event;
    ensure!(event["person"] == PERSON && event["reason"] == "granted", "{event}");

    let journal = board.journal(&cursor)?;
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
    board.empty_scene()?;
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
    board.set_up_door()?;
    let pid = board.property("ostiary", "MainPID")?;
    let since = Instant::now();
    board.configure(&[("pulse_ms = 3000", "pulse_ms = 6000")])?;
    board.sh("systemctl reload ostiary")?;
    board.subscriber.wait_for("reloaded", since, TIMEOUT)?;

    let refused = Instant::now();
    board.configure(&[("within_s = 30.0", "within_seconds = 30.0")])?;
    // The daemon refuses the configuration and continues.
    board.run("systemctl reload ostiary", b"", TIMEOUT)?;
    let received = board.subscriber.wait_for("reload_refused", refused, TIMEOUT)?;
    let detail = received.event["detail"].as_str().unwrap_or_default().to_owned();
    ensure!(detail.contains("within_seconds") && detail.contains("within_s"), "{detail}");

    let (since, _) = board.admit_person()?;
    let (_, length) = board.pulse(since, TIMEOUT)?;
    let configured = Duration::from_secs(6);
    ensure!(
        length.abs_diff(configured) < TOLERANCE,
        "a pulse of {length:?} after a reload to {configured:?}"
    );
    ensure!(board.property("ostiary", "MainPID")? == pid, "the daemon was restarted");
    board.empty_scene()?;
    Ok(format!(
        "a pulse of {} ms after a reload to 6000; an unknown key was refused and named",
        length.as_millis()
    ))
}

pub fn doctor(board: &Board) -> anyhow::Result<String> {
    board.set_up_door()?;
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
    ensure!(found("broker", ""), "doctor does not report the broker");
    let warnings: Vec<_> =
        of("warning").into_iter().map(|line| line["check"].as_str().unwrap_or_default()).collect();
    Ok(format!("{} ok, warnings: {}", of("ok").len(), warnings.join(", ")))
}

pub fn pixel_formats(board: &Board) -> anyhow::Result<String> {
    board.set_up_door()?;
    let mut figures = Vec::new();
    for format in [PixelFormat::Nv12, PixelFormat::Grey, PixelFormat::Yuyv] {
        let line = format!("stall_s = 4.0\nformat = \"{}\"", format.code());
        board.configure(&[("stall_s = 4.0", &line)])?;
        board.empty_scene_with(format)?;
        let cursor = board.journal_end()?;
        board.restart()?;
        let (since, received) = board.admit_person_with(format)?;
        board.pulse(since, TIMEOUT)?;
        board.wait_for_message(format.code(), &cursor).context("the format in use")?;
        let similarity = received.event["similarity"].as_f64().unwrap_or_default();
        figures.push(format!("{} {similarity:.2}", format.code()));
    }
    ensure!(figures.len() == 3);
    board.empty_scene()?;
    Ok(format!("similarity by {}", figures.join(", ")))
}

/// The ids of the events that arrived over MQTT after `since`.
pub fn received_ids(board: &Board, since: Instant) -> Vec<i64> {
    let id = |event: &Value| event["id"].as_i64();
    board
        .subscriber
        .received()
        .iter()
        .filter(|received| received.at >= since)
        .filter_map(|received| id(&received.event))
        .collect()
}
