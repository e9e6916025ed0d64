//! The events of the lockout.

use ostiary_access::LockoutStep;
use ostiary_config as config;
use ostiary_core::PersonId;
use ostiary_events::EventKind;
use ostiary_facebank::Gallery;

/// The event of a step that follows from these rules.
pub fn event(step: LockoutStep, rules: &config::Lockout, gallery: &Gallery) -> EventKind {
    let attempts = match rules.attempts {
        1 => format!("after an attempt within {} s", rules.within_s),
        attempts => format!("after {attempts} attempts within {} s", rules.within_s),
    };
    match step {
        LockoutStep::Paused { person, pause, number } => {
            let seconds = pause.as_secs_f64();
            let detail = match number {
                1 => format!("{attempts}, for {seconds:.0} s"),
                number => format!("after a further attempt, for {seconds:.0} s, pause number {number}"),
            };
            EventKind::Lockout { person: Some(name(person, gallery)), detail }
        }
        LockoutStep::Resumed { person } => EventKind::LockoutEnded { person: Some(name(person, gallery)) },
        LockoutStep::ClearMatchesRequired => EventKind::Lockout { person: None, detail: attempts },
        LockoutStep::ClearMatchesEnded => EventKind::LockoutEnded { person: None },
    }
}

/// The name of a person, or the number if the person was removed.
fn name(person: PersonId, gallery: &Gallery) -> String {
    gallery.person(person).map_or_else(|| format!("person {}", person.0), |person| person.name.clone())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_event_says_what_led_to_the_step() {
        let of = |step| event(step, &config::Lockout::default(), &Gallery::default());
        let paused = |number| {
            let (person, pause) = (PersonId(7), Duration::from_secs(60));
            of(LockoutStep::Paused { person, pause, number })
        };
        let anna = || Some("person 7".to_owned());
        let detail = "after 5 attempts within 300 s, for 60 s".to_owned();
        assert_eq!(paused(1), EventKind::Lockout { person: anna(), detail });
        let detail = "after a further attempt, for 60 s, pause number 2".to_owned();
        assert_eq!(paused(2), EventKind::Lockout { person: anna(), detail });
        let detail = "after 5 attempts within 300 s".to_owned();
        assert_eq!(of(LockoutStep::ClearMatchesRequired), EventKind::Lockout { person: None, detail });
        assert_eq!(
            of(LockoutStep::Resumed { person: PersonId(7) }),
            EventKind::LockoutEnded { person: anna() }
        );
        assert_eq!(of(LockoutStep::ClearMatchesEnded), EventKind::LockoutEnded { person: None });
    }
}
