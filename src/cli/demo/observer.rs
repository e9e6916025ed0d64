//! Who watches the play: one prints the events, one remembers how it ended.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use ostiary_access::Reason;
use ostiary_events::{Event, EventKind, Output, OutputError, sentence};

/// Prints each event as a sentence, with the seconds since the start.
pub struct Plain(Instant);

impl Plain {
    pub fn new(started: Instant) -> Self {
        Self(started)
    }
}

impl Output for Plain {
    fn tell(&mut self, event: &Event) -> Result<(), OutputError> {
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
    fn tell(&mut self, event: &Event) -> Result<(), OutputError> {
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
        let first = |kind: EventKind| events.iter().position(|event| event.kind == kind);
        let granted = first(EventKind::Granted).ok_or("nobody was let in")?;
        let refused = events
            .iter()
            .position(|event| event.reason == Some(Reason::Unknown))
            .ok_or("no stranger was refused")?;
        if granted < refused {
            return Err("somebody was let in before the stranger was refused".into());
        }
        let relay = first(EventKind::RelayOn).ok_or("the relay never went on")?;
        if relay < refused {
            return Err("the relay went on before the stranger was refused".into());
        }
        match events
            .iter()
            .find(|event| event.kind == EventKind::Granted && event.person.as_deref() != Some(person))
        {
            None => Ok(()),
            Some(other) => Err(format!("{} was let in", other.person.as_deref().unwrap_or("somebody"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: EventKind) -> Event {
        Event::new(kind, jiff::Timestamp::UNIX_EPOCH, "door")
    }

    fn seen(events: impl IntoIterator<Item = Event>) -> RecordedEvents {
        let (mut observer, seen) = Observer::new();
        events.into_iter().for_each(|event| observer.tell(&event).unwrap());
        seen
    }

    #[test]
    fn only_the_right_play_ends_well() {
        let refused = || Event { reason: Some(Reason::Unknown), ..event(EventKind::Denied) };
        let granted = |name: &str| Event { person: Some(name.into()), ..event(EventKind::Granted) };
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
