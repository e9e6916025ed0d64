//! Events in the program's log: a sentence for people, and fields for `journalctl OSTIARY_REASON=unknown`.

use log::kv::{self, Key, Value, VisitSource};
use log::{Level, Record};

use super::record::Record as EventRecord;
use super::trail::SignedHead;
use super::{Event, EventKind, EventSink, OutputError, Via, sentence};

/// Writes events to the program's log. If the system has a journal, the log is the journal.
#[derive(Default)]
pub struct Journal;

impl EventSink for Journal {
    fn report(&mut self, event: &Event) -> Result<(), OutputError> {
        let level = level(&event.kind);
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

    /// The journal keeps heads outside of the event store, so that they show later changes of it.
    fn head(&mut self, head: &SignedHead) {
        if Level::Info <= log::max_level() {
            log::logger().log(
                &Record::builder()
                    .level(Level::Info)
                    .target("ostiary::event")
                    .args(format_args!("The event trail has {} events.", head.size()))
                    .key_values(&[("ostiary_head", head.note())])
                    .build(),
            );
        }
    }

    fn describe(&self) -> String {
        "journal".to_owned()
    }
}

fn level(kind: &EventKind) -> Level {
    match kind {
        EventKind::Locked { .. }
        | EventKind::InputsLost { .. }
        | EventKind::StoreLost { .. }
        | EventKind::TrailBroken { .. } => Level::Error,
        EventKind::CameraLost { .. }
        | EventKind::ReloadRefused { .. }
        | EventKind::CommandRefused { .. }
        | EventKind::RolledBack { .. }
        | EventKind::DoorForced
        | EventKind::DoorHeld { .. }
        | EventKind::Lockout { .. } => Level::Warn,
        EventKind::RelayOn | EventKind::RelayOff => Level::Debug,
        EventKind::Started { .. }
        | EventKind::Stopped
        | EventKind::Granted(_)
        | EventKind::Denied(_)
        | EventKind::CameraBack
        | EventKind::Reloaded { .. }
        | EventKind::DoorOpened { .. }
        | EventKind::DoorClosed { .. }
        | EventKind::InputsBack
        | EventKind::LockoutEnded { .. }
        | EventKind::StoreBack { .. }
        | EventKind::ModeChanged { .. }
        | EventKind::Administered(_)
        | EventKind::LivenessTested { .. }
        | EventKind::Erased => Level::Info,
    }
}

/// The fields of an event's JSON; the journal writes their names in capitals.
struct Fields {
    event: EventRecord,
    kind: String,
    reason: Option<String>,
    until: Option<String>,
    action: Option<String>,
    mode: Option<String>,
    command: Option<String>,
}

impl Fields {
    fn new(event: &Event) -> Self {
        let event = EventRecord::from(event);
        let reason = event.reason.map(|reason| reason.to_string());
        let until = event.until.map(|until| until.to_string());
        let action = event.action.map(|action| action.to_string());
        let mode = event.mode.map(|mode| mode.to_string());
        let command = event.command.map(|command| command.to_string());
        Self { kind: event.kind.to_string(), reason, until, action, mode, command, event }
    }
}

impl kv::Source for Fields {
    fn visit<'kvs>(&'kvs self, visitor: &mut dyn VisitSource<'kvs>) -> Result<(), kv::Error> {
        let event = &self.event;
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
        put("ostiary_cosine", event.cosine.map(Value::from))?;
        put("ostiary_threshold", event.threshold.map(Value::from))?;
        put("ostiary_faces_in_view", event.faces_in_view.map(Value::from))?;
        put("ostiary_frames", event.frames.map(Value::from))?;
        let action = self.action.as_deref();
        put("ostiary_action", action.map(Value::from))?;
        put("ostiary_mode", self.mode.as_deref().map(Value::from))?;
        put("ostiary_command", self.command.as_deref().map(Value::from))?;
        put("ostiary_uid", event.uid.map(Value::from))?;
        put("ostiary_sudo_uid", event.sudo_uid.map(Value::from))?;
        put("ostiary_token", event.token.as_deref().map(Value::from))?;
        put("ostiary_via", event.via.map(|Via::Mqtt| Value::from("mqtt")))?;
        put("ostiary_count", event.count.map(Value::from))?;
        put("ostiary_until", self.until.as_deref().map(Value::from))?;
        put("ostiary_latency_ms", event.latency_ms.map(Value::from))?;
        put("ostiary_model", event.model.as_deref().map(Value::from))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use log::kv::Source;
    use ostiary_access::{CommandName, DenialReason, ModeName};
    use ostiary_core::Similarity;

    use super::*;
    use crate::testing::{event, evidence};
    use crate::{Denial, Evidence};

    struct Collect(BTreeMap<String, String>);

    impl<'kvs> VisitSource<'kvs> for Collect {
        fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), kv::Error> {
            self.0.insert(key.to_string(), value.to_string());
            Ok(())
        }
    }

    fn fields(event: &Event) -> BTreeMap<String, String> {
        let mut fields = Collect(BTreeMap::new());
        Fields::new(event).visit(&mut fields).unwrap();
        fields.0
    }

    fn map<const N: usize>(fields: [(&str, &str); N]) -> BTreeMap<String, String> {
        fields.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn a_denial_has_its_reason_and_no_more_than_is_known() {
        let denied = event(EventKind::Denied(Denial::Face {
            reason: DenialReason::OutsideHours,
            person: Some("Anna".into()),
            evidence: Evidence {
                similarity: Some(Similarity(0.75)),
                second: None,
                cosine: Some(Similarity(0.875)),
                threshold: Some(Similarity(0.5)),
                latency: Duration::from_micros(312_500),
                ..evidence()
            },
            detail: None,
        }));
        let expected = [
            ("ostiary_cosine", "0.875"),
            ("ostiary_door", "front"),
            ("ostiary_event", "denied"),
            ("ostiary_faces_in_view", "2"),
            ("ostiary_frames", "3"),
            ("ostiary_id", "7"),
            ("ostiary_latency_ms", "312.5"),
            ("ostiary_model", "0123456789abcdef"),
            ("ostiary_person", "Anna"),
            ("ostiary_reason", "outside_hours"),
            ("ostiary_similarity", "0.75"),
            ("ostiary_threshold", "0.5"),
            ("ostiary_track", "3"),
        ];
        assert_eq!(fields(&Event { id: 7, ..denied }), map(expected));
        let user = crate::User::Process { uid: 1000, sudo_uid: None };
        let refused = event(EventKind::CommandRefused {
            command: CommandName::Open,
            detail: "no relay is configured".into(),
            user: user.clone(),
        });
        let expected = [
            ("ostiary_command", "open"),
            ("ostiary_door", "front"),
            ("ostiary_event", "command_refused"),
            ("ostiary_id", "0"),
            ("ostiary_uid", "1000"),
        ];
        assert_eq!(fields(&refused), map(expected));
        let locked_down =
            EventKind::ModeChanged { mode: ModeName::LockedDown, until: None, user: Some(user) };
        assert_eq!(fields(&event(locked_down))["ostiary_mode"], "locked_down");
        let expected = [("ostiary_door", "front"), ("ostiary_event", "relay_on"), ("ostiary_id", "0")];
        assert_eq!(fields(&event(EventKind::RelayOn)), map(expected));
    }
}
