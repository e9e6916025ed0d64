//! Long use in short time.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::board::Board;
use crate::camera::FAST;
use crate::frames::{PixelFormat, Scene};

/// How many restarts in a row; 200 by OSTIARY_BOARD_RESTARTS=200 takes half an hour under emulation.
const RESTARTS: u32 = 12;
/// How long frames come as fast as they can; longer by OSTIARY_BOARD_SOAK_S.
const SOAK: u32 = 120;

fn from_environment(name: &str, otherwise: u32) -> anyhow::Result<u32> {
    match std::env::var(name) {
        Ok(value) => value.parse().with_context(|| format!("{name} is no number: {value}")),
        Err(_) => Ok(otherwise),
    }
}

/// What a leak would add to: processes, files in memory and in temporary folders, open files of all processes.
fn traces(board: &Board) -> anyhow::Result<Vec<u64>> {
    let said = board.sh(
        "pgrep -c ostiary; ls -A /tmp /run/ostiary /dev/shm 2>/dev/null | grep -c .; ls /var/lib/ostiary | grep -c .; \
         cut -f1 /proc/sys/fs/file-nr; true",
    )?;
    said.lines().map(|line| Ok(line.trim().parse()?)).collect()
}

pub fn restarts(board: &Board) -> anyhow::Result<String> {
    board.keep_the_door()?;
    board.restart()?;
    let before = traces(board)?;
    let since = Instant::now();
    let count = from_environment("OSTIARY_BOARD_RESTARTS", RESTARTS)?;
    for _ in 0..count {
        board.restart()?;
    }
    let after = traces(board)?;
    ensure!(
        before.get(..3) == after.get(..3),
        "processes, temporary files, state: {before:?} became {after:?}"
    );
    let (open_before, open_after) = (before.get(3).copied(), after.get(3).copied());
    ensure!(
        open_after <= open_before.map(|open| open + 96),
        "open files: {open_before:?} became {open_after:?}"
    );
    without_gap(&board.state()?.event_ids()?)?;
    board.relay_never_moved(since)?;
    Ok(format!(
        "{count} restarts, {:.1} s each; processes, temporary files, state files, open files: {before:?} before, {after:?} after",
        since.elapsed().as_secs_f64() / f64::from(count)
    ))
}

pub fn frames(board: &Board) -> anyhow::Result<String> {
    board.keep_the_door()?;
    board.let_in()?;
    board.all_leave()?;
    let pid = board.property("ostiary", "MainPID")?;
    let length = Duration::from_secs(from_environment("OSTIARY_BOARD_SOAK_S", SOAK)?.into());
    let first = board.state()?.event_ids()?.last().copied().unwrap_or_default();
    let since = Instant::now();
    let (mut memory, mut open) = (Vec::new(), Vec::new());
    for turn in 0.. {
        // People come and go, as fast as the frames can be brought.
        let scene = [Scene::KnownLater, Scene::Hall, Scene::Stranger, Scene::Hall][turn % 4];
        board.play_as(scene, PixelFormat::Yuyv, FAST)?;
        for _ in 0..3 {
            let said = board.sh(&format!(
                "sleep 1; grep -h VmRSS /proc/{pid}/status | tr -dc 0-9; echo; ls /proc/{pid}/fd | wc -l"
            ))?;
            let mut numbers = said.lines().map(str::parse::<f64>);
            let mut next = || numbers.next().context("the daemon is gone")?.context("the daemon is gone");
            memory.push((since.elapsed().as_secs_f64() / 60.0, next()?));
            open.push(next()?);
        }
        if since.elapsed() > length {
            break;
        }
    }
    board.all_leave()?;
    // What the first minute fills (caches of libraries, the stack) is no leak.
    let settled: Vec<_> = memory.iter().copied().skip(memory.len() / 3).collect();
    let slope = slope(&settled);
    let (least, most) =
        open.iter().fold((f64::MAX, 0.0_f64), |(least, most), n| (least.min(*n), most.max(*n)));
    let ids = board.state()?.event_ids()?;
    without_gap(&ids)?;
    let events = ids.last().copied().unwrap_or_default() - first;
    ensure!(events >= 4, "only {events} events in {:?}", since.elapsed());
    ensure!(slope < 1024.0, "memory grows by {slope:.0} kB a minute: {settled:?}");
    ensure!(most - least <= 4.0, "between {least} and {most} descriptors");
    ensure!(board.property("ostiary", "MainPID")? == pid, "it was restarted");
    Ok(format!(
        "{:.0} s, {events} events without a gap; memory {:.1} MB, slope {slope:.0} kB a minute; {least} to {most} descriptors",
        since.elapsed().as_secs_f64(),
        memory.last().map_or(0.0, |(_, kilobytes)| kilobytes / 1000.0)
    ))
}

/// Least squares: how much y grows with x.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let above: f64 = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    let below: f64 = points.iter().map(|p| (p.0 - x).powi(2)).sum();
    above / below
}

fn without_gap(ids: &[i64]) -> anyhow::Result<()> {
    for pair in ids.windows(2) {
        ensure!(pair[1] == pair[0] + 1, "after event {} comes {}", pair[0], pair[1]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_is_found_and_a_gap_too() {
        let points: Vec<_> = (0..10).map(|x| (f64::from(x), 3.0 * f64::from(x) + f64::from(x % 2))).collect();
        assert!((slope(&points) - 3.0).abs() < 0.1);
        assert!(without_gap(&[3, 4, 5]).is_ok());
        assert!(without_gap(&[3, 5]).is_err() && without_gap(&[3, 3]).is_err());
    }
}
