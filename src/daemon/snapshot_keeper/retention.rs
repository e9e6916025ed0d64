//! Which pictures are too old. A clock that is wrong for a while must neither delete all of them nor keep them for ever.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use ostiary_core::clock::build_time;

use crate::snapshot_store::Snapshot;

/// The most pictures that the wall clock deletes at a time.
const AT_ONCE: usize = 10;
/// Events that are this much older than the program were recorded with a clock that was not set.
const BEFORE_BUILD: SignedDuration = SignedDuration::from_hours(365 * 24);

/// The pictures, of all that are there, the oldest event first, that are older than `days`. `seen` is for how long this process has known
/// each of them. `clock` is the time, if the clock can be right.
///
/// The age of a picture is not known if its event has a time in the future or was recorded with a clock that was not set: it goes with those
/// after it, as grants in the record of events do. Whatever the clock shows, it goes when this process has known it for `days`.
pub fn expired(
    snapshots: &[Snapshot],
    seen: &[Duration],
    clock: Option<Timestamp>,
    days: u32,
) -> Vec<Snapshot> {
    let hours = 24 * i64::from(days);
    let is_too_old = |snapshot: &Snapshot| {
        clock.is_some_and(|now| {
            let (age, is_set) =
                (now.duration_since(snapshot.time), snapshot.time > build_time() - BEFORE_BUILD);
            is_set && age > SignedDuration::from_hours(hours)
        })
    };
    let by_clock = snapshots.iter().rposition(is_too_old).map_or(0, |last| last + 1).min(AT_ONCE);
    let longest = Duration::from_secs(hours.unsigned_abs() * 3600);
    let all = snapshots.iter().zip(seen).enumerate();
    all.filter(|(index, (_, seen))| *index < by_clock || **seen >= longest)
        .map(|(_, (snapshot, _))| *snapshot)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    /// A day of a month after the program was made.
    fn day(day: i64) -> Timestamp {
        build_time() + SignedDuration::from_hours(24 * day)
    }

    /// The ids of the expired ones of pictures with these times, which this process does not know yet.
    fn ids(times: &[Timestamp], clock: Option<Timestamp>) -> Vec<u64> {
        let snapshots: Vec<_> =
            (1..).zip(times).map(|(event, time)| Snapshot { event, time: *time }).collect();
        let seen = vec![Duration::ZERO; times.len()];
        expired(&snapshots, &seen, clock, 7).iter().map(|snapshot| snapshot.event).collect()
    }

    #[test]
    fn pictures_are_kept_for_as_many_days() {
        let times = [day(1), day(2), day(8), day(9)];
        assert_eq!(ids(&times, Some(day(8))), [] as [u64; 0]);
        assert_eq!(ids(&times, Some(day(9) + SignedDuration::from_secs(1))), [1, 2]);
        assert_eq!(ids(&times, Some(day(40))), [1, 2, 3, 4]);
    }

    #[test]
    fn a_wrong_clock_neither_deletes_all_nor_keeps_them_for_ever() {
        let many = vec![day(1); 100];
        assert_eq!(ids(&many, None), [] as [u64; 0], "a clock that cannot be right deletes none");
        assert_eq!(ids(&many, Some(Timestamp::UNIX_EPOCH)), [] as [u64; 0]);
        assert_eq!(ids(&many, Some(day(30_000))).len(), AT_ONCE, "one that is far ahead deletes a few");
        // Their own times are wrong: from a clock that was not set, and from one that was ahead.
        for wrong in [Timestamp::UNIX_EPOCH, day(30_000)] {
            assert_eq!(ids(&[wrong, day(1)], Some(day(2))), [] as [u64; 0]);
            assert_eq!(ids(&[wrong, day(1), day(9)], Some(day(9))), [1, 2], "with those after it");
        }
        let snapshots = [Snapshot { event: 1, time: day(30_000) }, Snapshot { event: 2, time: day(1) }];
        for clock in [None, Some(Timestamp::UNIX_EPOCH), Some(day(2))] {
            assert_eq!(expired(&snapshots, &[7 * DAY, 6 * DAY], clock, 7), snapshots[..1]);
        }
    }
}
