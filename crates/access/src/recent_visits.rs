//! The people who were let in and have not been away since, or who are in their cool-down.

use std::time::Duration;

use ostiary_core::{PersonId, TrackId};
use serde::{Deserialize, Serialize};

/// The most people who are remembered; a new one replaces the one who was away for the longest time.
const MAX_VISITS: usize = 64;
/// The longest time between two frames that counts as absence. While no frames come, nobody is seen to be away.
const MAX_FRAME_GAP: Duration = Duration::from_secs(1);
/// How long faces that were not compared yet continue the visits of the people who were in view before.
const MAX_UNCOMPARED: Duration = Duration::from_secs(30);

/// Whose a face in view is, for the visits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// The face resembles this person.
    Person(PersonId),
    /// The face was not compared yet: it can be anybody's.
    Uncompared,
    /// The face resembles nobody, or is too small to matter.
    Nobody,
}

/// What is known of an earlier grant of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BeforeGrant {
    /// Time since the grant; `None` if none is known.
    pub since: Option<Duration>,
    /// Whether the person has not been away since.
    pub is_same_visit: bool,
}

/// The visits of people who were let in. A visit goes on, however often the track of the face ends, until the person was out
/// of view for `door.away_s`. A face that was not compared yet continues it for 30 s at most. Memory has a fixed size.
#[derive(Debug, Clone, Default)]
pub(super) struct RecentVisits {
    visits: heapless::Vec<RecentVisit, MAX_VISITS>,
    /// Frame time of the latest frame.
    now: Duration,
    /// Whether visits began or ended since [`RecentVisits::take_changed`].
    has_changed: bool,
}

#[derive(Debug, Clone)]
struct RecentVisit {
    person: PersonId,
    /// The track that the latest grant was for.
    track: Option<TrackId>,
    /// The cool-down at the grant, and its end.
    cooldown: Duration,
    cool_until: Duration,
    /// How long the person has been out of view.
    absent: Duration,
    /// For how long only faces that were not compared have continued the visit.
    uncompared: Duration,
    /// Whether the person was away: the visit has ended, and only the cool-down is left.
    is_away: bool,
}

/// Visits and cool-downs to be restored after a restart. Times are milliseconds from the moment of saving.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedVisits {
    visits: Vec<SavedVisit>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedVisit {
    person: i64,
    /// The length of the cool-down, and how much of it is left.
    of_ms: u64,
    cool_down_ms: u64,
    is_away: bool,
}

impl RecentVisits {
    /// Records a grant.
    pub fn grant(&mut self, person: PersonId, track: TrackId, now: Duration, cooldown: Duration) {
        self.visits.retain(|visit| visit.person != person);
        if self.visits.is_full() {
            let oldest =
                self.visits.iter().enumerate().max_by_key(|(_, visit)| (visit.is_away, visit.absent));
            if let Some((index, _)) = oldest {
                self.visits.swap_remove(index);
            }
        }
        // There is room: one was removed if there was none.
        let _ = self.visits.push(RecentVisit {
            person,
            track: Some(track),
            cooldown,
            cool_until: now.saturating_add(cooldown),
            absent: Duration::ZERO,
            uncompared: Duration::ZERO,
            is_away: false,
        });
        self.has_changed = true;
    }

    /// Updates the visits with the faces of one frame. `faces` gives the track of each face in view, and whose it is.
    pub fn observe(
        &mut self,
        now: Duration,
        away: Duration,
        faces: impl Iterator<Item = (TrackId, Presence)> + Clone,
    ) {
        let step = now.saturating_sub(self.now).min(MAX_FRAME_GAP);
        self.now = now;
        let is_uncompared_in_view = faces.clone().any(|(_, presence)| presence == Presence::Uncompared);
        for visit in self.visits.iter_mut().filter(|visit| !visit.is_away) {
            let is_in_view = faces.clone().any(|(track, presence)| {
                presence == Presence::Person(visit.person) || visit.track == Some(track)
            });
            if is_in_view {
                (visit.absent, visit.uncompared) = (Duration::ZERO, Duration::ZERO);
            } else if is_uncompared_in_view && visit.uncompared < MAX_UNCOMPARED {
                visit.uncompared += step;
            } else {
                visit.absent += step;
                visit.is_away = visit.absent >= away;
                self.has_changed |= visit.is_away;
            }
        }
        self.visits.retain(|visit| !visit.is_away || visit.cool_until > now);
    }

    /// What is known of an earlier grant of the person.
    pub fn before(&self, person: PersonId, now: Duration) -> BeforeGrant {
        let visit = self.visits.iter().find(|visit| visit.person == person);
        BeforeGrant {
            since: visit.map(|visit| visit.cooldown.saturating_add(now).saturating_sub(visit.cool_until)),
            is_same_visit: visit.is_some_and(|visit| !visit.is_away),
        }
    }

    /// Whether visits began or ended since the last call.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.has_changed)
    }

    /// The state at this time, to be restored after a restart.
    pub fn save(&self, now: Duration) -> SavedVisits {
        let visits = self.visits.iter().map(|visit| SavedVisit {
            person: visit.person.0,
            of_ms: visit.cooldown.as_millis() as u64,
            cool_down_ms: visit.cool_until.saturating_sub(now).as_millis() as u64,
            is_away: visit.is_away,
        });
        SavedVisits { visits: visits.collect() }
    }

    /// Restores a state that was saved `elapsed` ago. No cool-down becomes longer than `cooldown`. A person who was in view then is
    /// taken to be in view now.
    pub fn restore(&mut self, now: Duration, saved: &SavedVisits, elapsed: Duration, cooldown: Duration) {
        self.now = now;
        for saved in saved.visits.iter().take(MAX_VISITS) {
            let left = Duration::from_millis(saved.cool_down_ms).saturating_sub(elapsed).min(cooldown);
            if saved.is_away && left.is_zero() {
                continue;
            }
            self.visits.retain(|visit| visit.person.0 != saved.person);
            // There is room: at most `MAX_VISITS` are restored, before the first grant.
            let _ = self.visits.push(RecentVisit {
                person: PersonId(saved.person),
                track: None,
                // What has passed of it is at least the time since the restart.
                cooldown: Duration::from_millis(saved.of_ms).clamp(left, cooldown.max(left)),
                cool_until: now.saturating_add(left),
                absent: Duration::ZERO,
                uncompared: Duration::ZERO,
                is_away: saved.is_away,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: PersonId = PersonId(1);
    const AWAY: Duration = Duration::from_secs(3);
    const COOL: Duration = Duration::from_secs(10);

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    impl RecentVisits {
        fn is_cooling_down(&self, person: PersonId, now: Duration) -> bool {
            self.before(person, now).since.is_some_and(|since| since < COOL)
        }

        fn is_continued(&self, person: PersonId) -> bool {
            self.before(person, self.now).is_same_visit
        }
    }

    fn granted_at(now: u64) -> RecentVisits {
        let mut visits = RecentVisits::default();
        visits.observe(s(now), AWAY, [].into_iter());
        visits.grant(ANN, TrackId(1), s(now), COOL);
        visits
    }

    /// Shows a face on track 2, or none, from `from` until `to`, four frames a second.
    fn show(visits: &mut RecentVisits, from: u64, to: u64, face: Option<Presence>) {
        for frame in 4 * from + 1..=4 * to {
            let faces = face.map(|presence| (TrackId(2), presence)).into_iter();
            visits.observe(Duration::from_millis(frame * 250), AWAY, faces);
        }
    }

    #[test]
    fn a_visit_ends_when_the_person_was_away() {
        let mut visits = granted_at(100);
        show(&mut visits, 100, 300, Some(Presence::Person(ANN)));
        assert!(visits.is_continued(ANN) && !visits.is_cooling_down(ANN, s(300)));
        show(&mut visits, 300, 302, None);
        show(&mut visits, 302, 303, Some(Presence::Person(ANN)));
        show(&mut visits, 303, 305, Some(Presence::Nobody));
        assert!(visits.is_continued(ANN), "never away for 3 s");
        show(&mut visits, 305, 306, None);
        assert!(!visits.is_continued(ANN));
        assert!(visits.take_changed() && visits.visits.is_empty());
    }

    #[test]
    fn the_track_of_the_grant_continues_the_visit_whatever_it_resembles() {
        let mut visits = granted_at(0);
        for second in 1..60 {
            visits.observe(s(second), AWAY, [(TrackId(1), Presence::Nobody)].into_iter());
        }
        assert!(visits.is_continued(ANN));
    }

    #[test]
    fn a_cool_down_outlives_the_visit() {
        let mut visits = granted_at(0);
        show(&mut visits, 0, 9, None);
        assert!(!visits.is_continued(ANN) && visits.is_cooling_down(ANN, s(9)));
        show(&mut visits, 9, 11, Some(Presence::Person(ANN)));
        assert!(!visits.is_continued(ANN) && !visits.is_cooling_down(ANN, s(11)), "a new visit");
    }

    #[test]
    fn a_face_that_was_not_compared_continues_a_visit_for_a_while() {
        let mut visits = granted_at(0);
        show(&mut visits, 0, 30, Some(Presence::Uncompared));
        show(&mut visits, 30, 32, Some(Presence::Person(ANN)));
        show(&mut visits, 32, 62, Some(Presence::Uncompared));
        assert!(visits.is_continued(ANN));
        show(&mut visits, 62, 65, Some(Presence::Uncompared));
        assert!(!visits.is_continued(ANN));
    }

    #[test]
    fn a_time_without_frames_is_no_absence() {
        let mut visits = granted_at(0);
        for minute in 1..3 {
            visits.observe(s(60 * minute), AWAY, [].into_iter());
        }
        assert!(visits.is_continued(ANN), "two frames were seen");
    }

    #[test]
    fn a_restart_keeps_visits_and_cool_downs() {
        let mut visits = granted_at(1000);
        show(&mut visits, 1000, 1002, Some(Presence::Person(ANN)));
        let saved = visits.save(s(1002));
        let restored = |elapsed| {
            let mut visits = RecentVisits::default();
            visits.restore(s(5), &saved, elapsed, COOL);
            visits
        };
        let mut after = restored(s(3));
        assert!(after.is_cooling_down(ANN, s(9)) && !after.is_cooling_down(ANN, s(10)));
        show(&mut after, 5, 60, Some(Presence::Person(ANN)));
        assert!(after.is_continued(ANN));

        let mut after = restored(s(10_000));
        assert!(!after.is_cooling_down(ANN, s(5)) && after.is_continued(ANN));
        show(&mut after, 5, 8, None);
        assert!(!after.is_continued(ANN));

        show(&mut visits, 1002, 1006, None);
        let saved = visits.save(s(1006));
        let mut after = RecentVisits::default();
        after.restore(s(0), &saved, s(10), COOL);
        assert!(after.visits.is_empty(), "away, and the cool-down is over");
        let saved = SavedVisits {
            visits: vec![
                SavedVisit { person: 1, of_ms: u64::MAX, cool_down_ms: u64::MAX, is_away: true };
                100
            ],
        };
        after.restore(s(0), &saved, Duration::ZERO, COOL);
        assert!(after.is_cooling_down(ANN, s(9)) && !after.is_cooling_down(ANN, s(10)), "never longer");
        assert_eq!(after.visits.len(), 1);
    }

    #[test]
    fn the_number_of_visits_is_limited() {
        let mut visits = RecentVisits::default();
        for person in 0..200 {
            visits.grant(PersonId(person), TrackId(person as u64), s(1), COOL);
        }
        assert_eq!(visits.visits.len(), MAX_VISITS);
        assert!(visits.is_continued(PersonId(199)));
    }
}
