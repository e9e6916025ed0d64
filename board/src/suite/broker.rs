//! The broker stops and starts again.

use std::time::{Duration, Instant};

use anyhow::ensure;

use super::main_path::received_ids;
use crate::board::Board;
use crate::frames::Scene;
use crate::timeouts::{TIMEOUT, wait_until};

/// How long the broker is stopped.
const OUTAGE: Duration = Duration::from_secs(60);

pub fn outage(board: &Board) -> anyhow::Result<String> {
    board.set_up_door()?;
    let since = Instant::now();
    board.admit_person()?;
    board.empty_scene()?;
    let before = received_ids(board, since);
    ensure!(!before.is_empty(), "no event arrived before the broker stopped");
    board.sh("systemctl stop mosquitto")?;
    let stopped = Instant::now();
    let mut opened = 0;
    while stopped.elapsed() < OUTAGE {
        let began = Instant::now();
        board.play(Scene::EnrolledOtherPhoto)?;
        // The door does not wait for the broker.
        board.pulse(began, TIMEOUT)?;
        opened += 1;
        board.empty_scene()?;
    }
    board.sh("systemctl start mosquitto")?;
    let last = board.copy_state()?.event_ids()?.last().copied().unwrap_or_default();
    wait_until("the last event by MQTT", TIMEOUT, || {
        Ok(received_ids(board, since).contains(&last).then_some(()))
    })?;
    // Time for duplicates to arrive.
    std::thread::sleep(Duration::from_secs(3));
    let ids = received_ids(board, since);
    let stored = board.copy_state()?.event_ids()?;
    let first = before[0];
    let expected: Vec<i64> = stored.into_iter().filter(|id| (first..=last).contains(id)).collect();
    let arrived: Vec<i64> = ids.into_iter().filter(|id| *id <= last).collect();
    ensure!(arrived == expected, "arrived: {arrived:?}, stored: {expected:?}");
    Ok(format!(
        "{opened} people let in during an outage of {:.0} s; {} events, none lost, none duplicated, in order",
        stopped.elapsed().as_secs_f64(),
        arrived.len()
    ))
}
