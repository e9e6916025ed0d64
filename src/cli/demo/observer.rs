//! Who watches the play: one prints the events, one remembers how it ended.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use ostiary_access::DenialReason;
use ostiary_events::{Denial, Event, EventKind, Output, OutputError, sentence};

/// Prints each event as a sentence, with the seconds since the start.
pub struct Plain(Instant);

impl Plain {
    pub fn new(started: Instant) -> Self {
        Self(started)
    }
}

impl Output for Plain {
    fn report(&mut self, event: &Event) -> Result<(), OutputError> {
        // The printed relay says these itself.
        if matches!(event.kind, EventKind::RelayOn | EventKind::RelayOff) {
            return Ok(());
        }
        let seconds = self.0.elapsed().as_secs_f64();
        writeln!(io::stdout(), "{seconds:5.1} s  {}", sentence(event)).map_err(OutputError::Stdout)
    }

    fn describe(&self) -> String {
        "standard output".into()
    }
}

/// Remembers every event.
pub struct Observer(RecordedEvents);

/// What the audience saw.
#[derive(Clone, Default)]
pub struct RecordedEvents(Arc<Mutex<Vec<Event>>>);

impl Observer {
    pub fn new() -> (Self, RecordedEvents) {
        let seen = RecordedEvents::default();
        (Self(seen.clone()), seen)
    }
}

impl Output for Observer {
    fn report(&mut self, event: &Event) -> Result<(), OutputError> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).push(event.clone());
        Ok(())
    }

    fn describe(&self) -> String {
        "observer".into()
    }
}

impl RecordedEvents {
    /// Whether first somebody unknown was refused, and then this person, and nobody else, was let in by the
    /// relay; or what went otherwise.
    pub fn verdict(&self, person: &str) -> Result<(), String> {
        let events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = |is: fn(&EventKind) -> bool| events.iter().position(|event| is(&event.kind));
        let granted = first(|kind| matches!(kind, EventKind::Granted(_))).ok_or("nobody was let in")?;
        let is_unknown = |kind: &EventKind| {
            matches!(kind, EventKind::Denied(Denial::Face { reason: DenialReason::Unknown, .. }))
        };
        let refused = first(is_unknown).ok_or("no stranger was refused")?;
        if granted < refused {
            return Err("somebody was let in before the stranger was refused".into());
        }
        let relay = first(|kind| matches!(kind, EventKind::RelayOn)).ok_or("the relay never went on")?;
        if relay < refused {
            return Err("the relay went on before the stranger was refused".into());
        }
        let mut granted = events.iter().filter_map(|event| match &event.kind {
            EventKind::Granted(grant) => Some(grant.person()),
            _ => None,
        });
        match granted.find(|granted| *granted != Some(person)) {
            None => Ok(()),
            Some(other) => Err(format!("{} was let in", other.unwrap_or("somebody"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ostiary_core::{ModelId, Quality, Similarity, TrackId};
    use ostiary_events::{Evidence, Grant};

    use super::*;

    fn evidence() -> Evidence {
        Evidence {
            track: TrackId(1),
            similarity: None,
            second: None,
            threshold: Similarity(0.5),
            quality: Quality::default(),
            faces_in_view: 1,
            frames: 3,
            latency: Duration::from_millis(213),
            model: ModelId("0123456789abcdef".into()),
        }
    }

    fn event(kind: EventKind) -> Event {
        Event::new(kind, jiff::Timestamp::UNIX_EPOCH, "door")
    }

    fn seen(events: impl IntoIterator<Item = Event>) -> RecordedEvents {
        let (mut observer, seen) = Observer::new();
        events.into_iter().for_each(|event| observer.report(&event).unwrap());
        seen
    }

    #[test]
    fn only_the_right_play_ends_well() {
        let refused = || {
            let reason = DenialReason::Unknown;
            event(EventKind::Denied(Denial::Face {
                reason,
                person: None,
                evidence: evidence(),
                detail: None,
            }))
        };
        let granted = |name: &str| {
            event(EventKind::Granted(Grant::Face { person: Some(name.into()), evidence: evidence() }))
        };
        let on = || event(EventKind::RelayOn);
        assert_eq!(seen([refused(), on(), granted("Ann")]).verdict("Ann"), Ok(()));
        for wrong in [
            vec![],
            vec![refused()],
            vec![on(), granted("Ann")],
            vec![on(), granted("Ann"), refused()],
            vec![on(), refused(), granted("Ann")],
            vec![refused(), granted("Ann")],
            vec![refused(), on(), granted("Bob")],
            vec![refused(), on(), granted("Ann"), granted("Bob")],
        ] {
            assert!(seen(wrong.clone()).verdict("Ann").is_err(), "{wrong:?}");
        }
    }
}
