//! The broker goes away and comes back.

use std::time::{Duration, Instant};

use anyhow::ensure;

use super::main_path::heard_ids;
use crate::board::Board;
use crate::frames::Scene;
use crate::patience::{LONG, until};

/// How long it is away.
const AWAY: Duration = Duration::from_secs(60);

pub fn away(board: &Board) -> anyhow::Result<String> {
    board.keep_the_door()?;
    let since = Instant::now();
    board.let_in()?;
    board.all_leave()?;
    let before = heard_ids(board, since);
    ensure!(!before.is_empty(), "nothing came while the broker was there");
    board.sh("systemctl stop mosquitto")?;
    let gone = Instant::now();
    let mut opened = 0;
    while gone.elapsed() < AWAY {
        let came = Instant::now();
        board.play(Scene::KnownLater)?;
        // The door does not wait for the broker.
        board.pulse(came, LONG)?;
        opened += 1;
        board.all_leave()?;
    }
    board.sh("systemctl start mosquitto")?;
    let last = board.state()?.event_ids()?.last().copied().unwrap_or_default();
    until("every event has come", LONG, || Ok(heard_ids(board, since).contains(&last).then_some(())))?;
    // Time for one that would come twice.
    std::thread::sleep(Duration::from_secs(3));
    let ids = heard_ids(board, since);
    let kept = board.state()?.event_ids()?;
    let first = before[0];
    let wanted: Vec<i64> = kept.into_iter().filter(|id| (first..=last).contains(id)).collect();
    let came: Vec<i64> = ids.into_iter().filter(|id| *id <= last).collect();
    ensure!(came == wanted, "came {came:?}, stored {wanted:?}");
    Ok(format!(
        "{opened} people let in while it was away for {:.0} s; {} events, none lost, none doubled, in order",
        gone.elapsed().as_secs_f64(),
        came.len()
    ))
}
