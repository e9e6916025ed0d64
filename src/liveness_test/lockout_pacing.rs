//! Says when another picture of the same person would pause that person's way in by face, and when it can be shown again.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use ostiary_access::DenialReason;
use ostiary_config::Lockout;
use ostiary_events::{Denial, Event, EventKind};

/// The attempts at the door, as its record has them.
pub(super) struct LockoutPacing {
    rules: Lockout,
    people: BTreeMap<String, ClaimedPerson>,
}

/// The attempts to be taken for one person.
#[derive(Default)]
struct ClaimedPerson {
    /// The times of refused pictures that still count, oldest first.
    attempts: VecDeque<Timestamp>,
    is_paused: bool,
    /// When the owner can show a picture again, if this was not said yet.
    wait_until: Option<Timestamp>,
}

impl LockoutPacing {
    pub fn new(rules: &Lockout) -> Self {
        Self { rules: rules.clone(), people: BTreeMap::new() }
    }

    /// How long an attempt counts.
    pub fn within(&self) -> SignedDuration {
        SignedDuration::try_from(self.rules.within()).unwrap_or(SignedDuration::MAX)
    }

    /// Follows an event. Returns what the owner should know.
    pub fn follow(&mut self, event: &Event) -> Option<String> {
        match &event.kind {
            EventKind::Denied(Denial::Face { reason: DenialReason::Spoof, person: Some(person), .. }) => {
                self.refused(person, event.time)
            }
            EventKind::Lockout { person: Some(person), detail } => {
                let claimed = self.people.entry(person.clone()).or_default();
                claimed.attempts.clear();
                (claimed.is_paused, claimed.wait_until) = (true, None);
                Some(format!(
                    "The way in by face of {person} pauses {}. Meanwhile pictures of {person} do not count: show one of \
                     another person, or wait for the end of the pause.",
                    detail.trim_end_matches('.')
                ))
            }
            EventKind::LockoutEnded { person: Some(person) } => {
                self.people.entry(person.clone()).or_default().is_paused = false;
                Some(format!(
                    "The pause of {person} is over. A further picture of {person} within the next {} s begins one twice as long.",
                    self.rules.max_pause_s
                ))
            }
            EventKind::Lockout { person: None, .. } => Some(
                "There were many attempts: everybody must be a clear match now. A picture that is less clear is refused as unknown, and \
                 does not count."
                    .to_owned(),
            ),
            EventKind::LockoutEnded { person: None } => {
                Some("The usual matches suffice again.".to_owned())
            }
            _ => None,
        }
    }

    fn refused(&mut self, person: &str, time: Timestamp) -> Option<String> {
        let (within, rules) = (self.within(), &self.rules);
        let claimed = self.people.entry(person.to_owned()).or_default();
        claimed.attempts.push_back(time);
        claimed.attempts.retain(|attempt| time.duration_since(*attempt) < within);
        let number = claimed.attempts.len();
        if claimed.is_paused || number + 1 < rules.attempts as usize || number >= rules.attempts as usize {
            return None;
        }
        let oldest = claimed.attempts.front()?;
        claimed.wait_until = oldest.checked_add(within).ok();
        let seconds = (within - time.duration_since(*oldest)).as_secs();
        Some(format!(
            "{number} pictures of {person} were refused within {} s: one more pauses the way in by face of {person}. Show a picture \
             of another person, or wait {seconds} s.",
            rules.within_s
        ))
    }

    /// Says that the wait for a person is over.
    pub fn tick(&mut self, now: Timestamp) -> Option<String> {
        let is_over = |claimed: &ClaimedPerson| claimed.wait_until.is_some_and(|until| until <= now);
        let (person, claimed) = self.people.iter_mut().find(|(_, claimed)| is_over(claimed))?;
        claimed.wait_until = None;
        Some(format!("A picture of {person} can be shown again."))
    }
}

#[cfg(test)]
mod tests {
    use ostiary_testkit::evidence;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn spoof(second: i64, person: &str) -> Event {
        let (reason, person) = (DenialReason::Spoof, Some(person.to_owned()));
        let kind = EventKind::Denied(Denial::Face { reason, person, evidence: evidence(), detail: None });
        Event::new(kind, at(second), "front")
    }

    #[test]
    fn the_owner_is_told_before_a_person_pauses_and_when_to_go_on() {
        let mut pacing = LockoutPacing::new(&Lockout::default());
        for second in [0, 10, 20] {
            assert_eq!(pacing.follow(&spoof(second, "Ann")), None);
            assert_eq!(pacing.follow(&spoof(second, "Bob")), None, "each person counts alone");
        }
        let said = pacing.follow(&spoof(30, "Ann")).unwrap();
        assert!(said.contains("4 pictures of Ann") && said.contains("wait 270 s"), "{said}");
        assert_eq!(pacing.tick(at(299)), None);
        assert!(pacing.tick(at(300)).unwrap().contains("Ann can be shown again"));
        assert_eq!(pacing.tick(at(301)), None, "said once");
        // The first one does not count any longer: three count, and this is the fourth.
        assert!(pacing.follow(&spoof(305, "Ann")).unwrap().contains("wait 5 s"));
    }

    #[test]
    fn a_pause_and_its_end_are_told() {
        let mut pacing = LockoutPacing::new(&Lockout::default());
        let person = || Some("Ann".to_owned());
        let lockout = EventKind::Lockout { person: person(), detail: "after 5 attempts, for 60 s".into() };
        let said = pacing.follow(&Event::new(lockout, at(0), "front")).unwrap();
        assert!(said.contains("for 60 s") && said.contains("another person"), "{said}");
        assert_eq!(pacing.follow(&spoof(1, "Ann")), None, "it pauses already");
        let ended = EventKind::LockoutEnded { person: person() };
        let said = pacing.follow(&Event::new(ended, at(60), "front")).unwrap();
        assert!(said.contains("The pause of Ann is over"), "{said}");
    }
}
