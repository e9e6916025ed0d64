//! Resource leaks: many restarts, and frames at full speed.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::board::Board;
use crate::camera::FULL_SPEED;
use crate::frames::{PixelFormat, Scene};

/// Number of restarts. OSTIARY_BOARD_RESTARTS overrides it; 200 take half an hour under emulation.
const RESTARTS: u32 = 12;
/// Duration of the test with frames at full speed, seconds. OSTIARY_BOARD_SOAK_S overrides it.
const SOAK_S: u32 = 120;

/// The number in an environment variable, or the default if it is not set.
fn from_environment(name: &str, default: u32) -> anyhow::Result<u32> {
    match std::env::var(name) {
        Ok(value) => value.parse().with_context(|| format!("{name} is not a number: {value}")),
        Err(_) => Ok(default),
    }
}

/// Numbers that grow with a leak: processes, files in temporary folders and in memory, state files, open files of all
/// processes.
fn resource_counts(board: &Board) -> anyhow::Result<Vec<u64>> {
    let output = board.sh(
        "pgrep -c ostiary; ls -A /tmp /run/ostiary /dev/shm 2>/dev/null | grep -c .; ls /var/lib/ostiary | grep -c .; \
         cut -f1 /proc/sys/fs/file-nr; true",
    )?;
    output.lines().map(|line| Ok(line.trim().parse()?)).collect()
}

pub fn restarts(board: &Board) -> anyhow::Result<String> {
    board.set_up_door()?;
    board.restart()?;
    let before = resource_counts(board)?;
    let since = Instant::now();
    let count = from_environment("OSTIARY_BOARD_RESTARTS", RESTARTS)?;
    for _ in 0..count {
        board.restart()?;
    }
    let after = resource_counts(board)?;
    ensure!(
        before.get(..3) == after.get(..3),
        "processes, temporary files, state files: {before:?} before, {after:?} after"
    );
    let (open_before, open_after) = (before.get(3).copied(), after.get(3).copied());
    ensure!(
        open_after <= open_before.map(|open| open + 96),
        "open files: {open_before:?} before, {open_after:?} after"
    );
    check_consecutive(&board.copy_state()?.event_ids()?)?;
    board.check_relay_at_rest(since)?;
    Ok(format!(
        "{count} restarts, {:.1} s each; processes, temporary files, state files, open files: {before:?} before, {after:?} after",
        since.elapsed().as_secs_f64() / f64::from(count)
    ))
}

pub fn frames(board: &Board) -> anyhow::Result<String> {
    board.set_up_door()?;
    board.admit_person()?;
    board.empty_scene()?;
    let pid = board.property("ostiary", "MainPID")?;
    let length = Duration::from_secs(from_environment("OSTIARY_BOARD_SOAK_S", SOAK_S)?.into());
    let first = board.copy_state()?.event_ids()?.last().copied().unwrap_or_default();
    let since = Instant::now();
    let (mut memory, mut open) = (Vec::new(), Vec::new());
    for step in 0.. {
        let scene = [Scene::EnrolledOtherPhoto, Scene::Empty, Scene::Stranger, Scene::Empty][step % 4];
        board.play_with(scene, PixelFormat::Yuyv, FULL_SPEED)?;
        for _ in 0..3 {
            let output = board.sh(&format!(
                "sleep 1; grep -h VmRSS /proc/{pid}/status | tr -dc 0-9; echo; ls /proc/{pid}/fd | wc -l"
            ))?;
            let mut numbers = output.lines().map(str::parse::<f64>);
            let mut next = || numbers.next().context("the daemon has ended")?.context("the daemon has ended");
            memory.push((since.elapsed().as_secs_f64() / 60.0, next()?));
            open.push(next()?);
        }
        if since.elapsed() > length {
            break;
        }
    }
    board.empty_scene()?;
    // Memory that the first third fills (caches of libraries, the stack) is not a leak.
    let settled: Vec<_> = memory.iter().copied().skip(memory.len() / 3).collect();
    let slope = slope(&settled);
    let (least, most) =
        open.iter().fold((f64::MAX, 0.0_f64), |(least, most), n| (least.min(*n), most.max(*n)));
    let ids = board.copy_state()?.event_ids()?;
    check_consecutive(&ids)?;
    let events = ids.last().copied().unwrap_or_default() - first;
    ensure!(events >= 4, "only {events} events in {:?}", since.elapsed());
    ensure!(slope < 1024.0, "memory grows by {slope:.0} kB a minute: {settled:?}");
    ensure!(most - least <= 4.0, "between {least} and {most} open descriptors");
    ensure!(board.property("ostiary", "MainPID")? == pid, "the daemon was restarted");
    Ok(format!(
        "{:.0} s, {events} events without a gap; memory {:.1} MB, slope {slope:.0} kB a minute; {least} to {most} descriptors",
        since.elapsed().as_secs_f64(),
        memory.last().map_or(0.0, |(_, kilobytes)| kilobytes / 1000.0)
    ))
}

/// The slope of the least-squares line through points (x, y).
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let covariance: f64 = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    let variance: f64 = points.iter().map(|p| (p.0 - x).powi(2)).sum();
    covariance / variance
}

/// Checks that each id is its predecessor plus 1.
fn check_consecutive(ids: &[i64]) -> anyhow::Result<()> {
    for pair in ids.windows(2) {
        ensure!(pair[1] == pair[0] + 1, "event {} is followed by event {}", pair[0], pair[1]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slope_is_computed_and_gaps_are_errors() {
        let points: Vec<_> = (0..10).map(|x| (f64::from(x), 3.0 * f64::from(x) + f64::from(x % 2))).collect();
        assert!((slope(&points) - 3.0).abs() < 0.1);
        assert!(check_consecutive(&[3, 4, 5]).is_ok());
        assert!(check_consecutive(&[3, 5]).is_err() && check_consecutive(&[3, 3]).is_err());
    }
}
