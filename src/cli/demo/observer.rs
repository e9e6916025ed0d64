//! The outputs of the demo: one prints the events as sentences, one records them to check the result.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use ostiary_access::DenialReason;
use ostiary_events::{Denial, Event, EventKind, EventSink, OutputError, sentence};

/// Prints each event as a sentence, with the seconds since the start.
pub struct SentenceOutput(Instant);

impl SentenceOutput {
    pub fn new(started: Instant) -> Self {
        Self(started)
    }
}

impl EventSink for SentenceOutput {
    fn report(&mut self, event: &Event) -> Result<(), OutputError> {
        // The printed relay prints these itself.
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

/// Records every event.
pub struct EventRecorder(RecordedEvents);

/// The recorded events.
#[derive(Clone, Default)]
pub struct RecordedEvents(Arc<Mutex<Vec<Event>>>);

impl EventRecorder {
    pub fn new() -> (Self, RecordedEvents) {
        let recorded = RecordedEvents::default();
        (Self(recorded.clone()), recorded)
    }
}

impl EventSink for EventRecorder {
    fn report(&mut self, event: &Event) -> Result<(), OutputError> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).push(event.clone());
        Ok(())
    }

    fn describe(&self) -> String {
        "event recorder".into()
    }
}

/// What went wrong in the demo.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DemoFailure(String);

impl From<&str> for DemoFailure {
    fn from(message: &str) -> Self {
        Self(message.to_owned())
    }
}

impl RecordedEvents {
    /// Checks that first an unknown person and then a print were refused, and that then the relay went on and this person was let
    /// in, and nobody else.
    pub fn check(&self, person: &str) -> Result<(), DemoFailure> {
        let events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = |is: fn(&EventKind) -> bool| events.iter().position(|event| is(&event.kind));
        let granted = first(|kind| matches!(kind, EventKind::Granted(_))).ok_or("nobody was let in")?;
        let is_unknown = |kind: &EventKind| {
            matches!(kind, EventKind::Denied(Denial::Face { reason: DenialReason::Unknown, .. }))
        };
        let is_spoof = |kind: &EventKind| {
            matches!(kind, EventKind::Denied(Denial::Face { reason: DenialReason::Spoof, .. }))
        };
        let unknown = first(is_unknown).ok_or("no unknown person was refused")?;
        let refused = first(is_spoof).ok_or("the print was not refused")?.max(unknown);
        if granted < refused {
            return Err("somebody was let in before the unknown person and the print were refused".into());
        }
        let relay = first(|kind| matches!(kind, EventKind::RelayOn)).ok_or("the relay never went on")?;
        if relay < refused {
            return Err("the relay went on before the unknown person and the print were refused".into());
        }
        let mut granted = events.iter().filter_map(|event| match &event.kind {
            EventKind::Granted(grant) => Some(grant.person()),
            _ => None,
        });
        match granted.find(|granted| *granted != Some(person)) {
            None => Ok(()),
            Some(other) => Err(DemoFailure(format!("{} was let in", other.unwrap_or("somebody")))),
        }
    }
}

#[cfg(test)]
mod tests {
    use ostiary_events::Grant;
    use ostiary_testkit::evidence;

    use super::*;

    fn event(kind: EventKind) -> Event {
        Event::new(kind, jiff::Timestamp::UNIX_EPOCH, "door")
    }

    fn recorded(events: impl IntoIterator<Item = Event>) -> RecordedEvents {
        let (mut recorder, recorded) = EventRecorder::new();
        events.into_iter().for_each(|event| recorder.report(&event).unwrap());
        recorded
    }

    #[test]
    fn only_the_expected_events_pass_the_check() {
        let denied = |reason| {
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
        let (refused, print) = (|| denied(DenialReason::Unknown), || denied(DenialReason::Spoof));
        assert_eq!(recorded([refused(), print(), on(), granted("Ann")]).check("Ann"), Ok(()));
        for wrong in [
            vec![],
            vec![refused(), print()],
            vec![on(), granted("Ann")],
            vec![refused(), on(), granted("Ann")],
            vec![print(), on(), granted("Ann")],
            vec![on(), granted("Ann"), refused(), print()],
            vec![refused(), on(), granted("Ann"), print()],
            vec![on(), refused(), print(), granted("Ann")],
            vec![refused(), print(), granted("Ann")],
            vec![refused(), print(), on(), granted("Bob")],
            vec![refused(), print(), on(), granted("Ann"), granted("Bob")],
        ] {
            assert!(recorded(wrong.clone()).check("Ann").is_err(), "{wrong:?}");
        }
    }
}
