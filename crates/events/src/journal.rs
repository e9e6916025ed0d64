//! Events in the log: a sentence for people, fields for `journalctl OSTIARY_REASON=unknown`.

use log::kv::{self, Key, Value, VisitSource};
use log::{Level, Record};

use super::{Event, EventKind, Output, OutputError, sentence};

/// Writes events to the program's log, which is the system's journal where there is one.
#[derive(Default)]
pub struct Journal;

impl Output for Journal {
    fn tell(&mut self, event: &Event) -> Result<(), OutputError> {
        let level = level(event.kind);
        if level <= log::max_level() {
            log::logger().log(
                &Record::builder()
                    .level(level)
                    .target("ostiary::event")
                    .args(format_args!("{}", sentence(event)))
                    .key_values(&Fields::new(event))
                    .build(),
            );
        }
        Ok(())
    }

    fn describe(&self) -> String {
        "journal".to_owned()
    }
}

fn level(kind: EventKind) -> Level {
    match kind {
        EventKind::Locked | EventKind::InputsLost => Level::Error,
        EventKind::CameraLost
        | EventKind::ReloadRefused
        | EventKind::RolledBack
        | EventKind::DoorForced
        | EventKind::DoorHeld => Level::Warn,
        EventKind::RelayOn | EventKind::RelayOff => Level::Debug,
        _ => Level::Info,
    }
}

/// An event's fields; the journal writes their names in capitals.
struct Fields<'a> {
    event: &'a Event,
    kind: String,
    reason: Option<String>,
}

impl<'a> Fields<'a> {
    fn new(event: &'a Event) -> Self {
        Self { event, kind: name(&event.kind), reason: event.reason.as_ref().map(name) }
    }
}

/// The stable name, as JSON has it.
fn name(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        // The kinds and reasons are plain names.
        _ => String::new(),
    }
}

impl kv::Source for Fields<'_> {
    fn visit<'kvs>(&'kvs self, visitor: &mut dyn VisitSource<'kvs>) -> Result<(), kv::Error> {
        let event = self.event;
        let mut put = |name: &'static str, value: Option<Value<'kvs>>| {
            value.map_or(Ok(()), |value| visitor.visit_pair(Key::from_str(name), value))
        };
        put("ostiary_event", Some(Value::from(self.kind.as_str())))?;
        put("ostiary_id", Some(Value::from(event.id)))?;
        put("ostiary_door", Some(Value::from(event.door.as_str())))?;
        put("ostiary_reason", self.reason.as_deref().map(Value::from))?;
        put("ostiary_person", event.person.as_deref().map(Value::from))?;
        put("ostiary_track", event.track.map(Value::from))?;
        put("ostiary_similarity", event.similarity.map(Value::from))?;
        put("ostiary_second", event.second.map(Value::from))?;
        put("ostiary_threshold", event.threshold.map(Value::from))?;
        put("ostiary_faces_in_view", event.faces_in_view.map(Value::from))?;
        put("ostiary_frames", event.frames.map(Value::from))?;
        put("ostiary_latency_ms", event.latency_ms.map(Value::from))?;
        put("ostiary_model", event.model.as_deref().map(Value::from))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use log::kv::Source;
    use ostiary_access::Reason;

    use super::*;

    struct Collect(BTreeMap<String, String>);

    impl<'kvs> VisitSource<'kvs> for Collect {
        fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), kv::Error> {
            self.0.insert(key.to_string(), value.to_string());
            Ok(())
        }
    }

    #[test]
    fn a_denial_has_its_reason_and_no_more_than_is_known() {
        let event = Event {
            id: 7,
            reason: Some(Reason::OutsideHours),
            person: Some("Anna".into()),
            similarity: Some(0.5),
            ..Event::new(EventKind::Denied, jiff::Timestamp::UNIX_EPOCH, "front")
        };
        let mut fields = Collect(BTreeMap::new());
        Fields::new(&event).visit(&mut fields).unwrap();
        let expected = [
            ("ostiary_door", "front"),
            ("ostiary_event", "denied"),
            ("ostiary_id", "7"),
            ("ostiary_person", "Anna"),
            ("ostiary_reason", "outside_hours"),
            ("ostiary_similarity", "0.5"),
        ];
        let expected: BTreeMap<_, _> =
            expected.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        assert_eq!(fields.0, expected);
    }
}
