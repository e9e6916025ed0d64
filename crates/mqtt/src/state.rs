//! The state of the door, as the retained state topic reports it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use ostiary_access::{ModeName, Reason};
use ostiary_events::{Administration, Denial, Event, EventKind, EventName};
use serde::Serialize;

use super::known_person::{KnownPerson, MAX_SWITCHES};

/// The state topic's JSON.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct DoorState {
    relay: Switch,
    /// The position of the door; `null` if there is no contact, or it cannot be read.
    contact: Option<DoorPosition>,
    /// The last grant or denial.
    last: Option<Last>,
    /// Whether events are recorded.
    recording: Switch,
    /// The last grant or denial of a face.
    last_visit: Option<LastVisit>,
    /// Whether frames come from the camera; `null` until it is known.
    camera: Option<Switch>,
    mode: ModeName,
    /// The end of a hold.
    mode_until: Option<Timestamp>,
    /// What has to be looked after.
    problems: BTreeSet<Problem>,
    #[serde(flatten)]
    summary: DoorSummary,
}

/// Who is known to the door, by which models, and how its board is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DoorSummary {
    /// The number of people with a template of the model.
    pub people: usize,
    /// The embedding model in use.
    pub model: String,
    /// The models in use, and those that may replace them.
    pub models: ModelVersions,
    /// The temperature of the board in degrees Celsius; `None` without a sensor.
    pub temperature: Option<i32>,
    /// Everybody who is enrolled; `None` for a door that takes no commands about people, which tells nobody's name here.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "with_switches")]
    pub household: Option<BTreeMap<i64, KnownPerson>>,
}

/// The models in use, and those that may replace them, as Home Assistant's updates name them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelVersions {
    /// The models in use.
    #[serde(rename = "installed_version")]
    pub installed: String,
    /// The newest ones that may be activated; those in use if there are none.
    #[serde(rename = "latest_version")]
    pub latest: String,
}

/// The people who have a switch: all of them are in one message.
fn with_switches<S: serde::Serializer>(
    household: &Option<BTreeMap<i64, KnownPerson>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(household.iter().flatten().take(MAX_SWITCHES))
}

/// Why somebody has to look after the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Problem {
    /// No frames come from the camera.
    Camera,
    /// The exit button and the door contact cannot be read.
    Inputs,
    /// Events are not recorded.
    Record,
    /// A fault has locked the door.
    Locked,
    /// The record does not fit its trail: events were changed, added or removed. It is shown until the next start.
    Trail,
    /// Another door publishes under the same name.
    Name,
}

impl Problem {
    /// The problem that begins (true) or ends with an event.
    fn change(kind: &EventKind) -> Option<(Self, bool)> {
        Some(match kind {
            EventKind::CameraLost { .. } => (Self::Camera, true),
            EventKind::CameraBack | EventKind::Started { .. } => (Self::Camera, false),
            EventKind::InputsLost { .. } => (Self::Inputs, true),
            EventKind::InputsBack => (Self::Inputs, false),
            EventKind::StoreLost { .. } => (Self::Record, true),
            EventKind::StoreBack { .. } => (Self::Record, false),
            EventKind::Locked { .. } => (Self::Locked, true),
            EventKind::TrailBroken { .. } => (Self::Trail, true),
            _ => return None,
        })
    }
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Switch {
    On,
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum DoorPosition {
    Open,
    Closed,
}

#[derive(Debug, PartialEq, Serialize)]
struct Last {
    kind: EventName,
    reason: Reason,
    person: Option<String>,
    time: Timestamp,
}

#[derive(Debug, PartialEq, Serialize)]
struct LastVisit {
    /// Who it was, in words that Home Assistant can show as a state.
    visitor: String,
    #[serde(flatten)]
    last: Last,
}

impl DoorState {
    /// The state at the start.
    pub fn new(mode: ModeName, summary: DoorSummary) -> Self {
        Self {
            relay: Switch::Off,
            contact: None,
            last: None,
            recording: Switch::On,
            last_visit: None,
            camera: None,
            mode,
            mode_until: None,
            problems: BTreeSet::new(),
            summary,
        }
    }

    /// Replaces who is known. Returns whether the state changed.
    pub fn set_summary(&mut self, summary: DoorSummary) -> bool {
        let is_new = self.summary != summary;
        self.summary = summary;
        is_new
    }

    /// Everybody who is enrolled; nobody if commands about people are not allowed.
    pub fn household(&self) -> impl Iterator<Item = (i64, &KnownPerson)> {
        self.summary.household.iter().flatten().map(|(id, person)| (*id, person))
    }

    /// Whether the board has a sensor of its temperature.
    pub fn has_temperature(&self) -> bool {
        self.summary.temperature.is_some()
    }

    /// There is another door of this name. Returns whether the state changed.
    pub fn found_other_door(&mut self) -> bool {
        self.set_problem(Problem::Name, true)
    }

    fn set_problem(&mut self, problem: Problem, is_there: bool) -> bool {
        if is_there { self.problems.insert(problem) } else { self.problems.remove(&problem) }
    }

    /// Updates the state with an event. Returns whether the state changed.
    pub fn follow(&mut self, event: &Event) -> bool {
        let change = Problem::change(&event.kind);
        let has_new_problems = change.is_some_and(|(problem, begins)| self.set_problem(problem, begins));
        match &event.kind {
            EventKind::RelayOn => self.relay = Switch::On,
            EventKind::RelayOff | EventKind::Stopped => self.relay = Switch::Off,
            EventKind::Started { .. } => {
                self.relay = Switch::Off;
                self.camera = Some(Switch::On);
            }
            EventKind::CameraLost { .. } => self.camera = Some(Switch::Off),
            EventKind::CameraBack => self.camera = Some(Switch::On),
            EventKind::DoorOpened { .. } => self.contact = Some(DoorPosition::Open),
            EventKind::DoorClosed { .. } => self.contact = Some(DoorPosition::Closed),
            EventKind::InputsLost { .. } => self.contact = None,
            EventKind::StoreLost { .. } => self.recording = Switch::Off,
            EventKind::StoreBack { .. } => self.recording = Switch::On,
            EventKind::ModeChanged { mode, until, .. } => (self.mode, self.mode_until) = (*mode, *until),
            EventKind::Granted(grant) => self.set_last(event, grant.reason()),
            EventKind::Denied(denial) => self.set_last(event, denial.reason()),
            EventKind::Administered(change) => return self.follow_change(change),
            EventKind::InputsBack
            | EventKind::Locked { .. }
            | EventKind::Reloaded { .. }
            | EventKind::ReloadRefused { .. }
            | EventKind::RolledBack { .. }
            | EventKind::DoorForced
            | EventKind::DoorHeld { .. }
            | EventKind::Lockout { .. }
            | EventKind::LockoutEnded { .. }
            | EventKind::CommandRefused { .. }
            | EventKind::LivenessTested { .. }
            | EventKind::TrailBroken { .. }
            | EventKind::Erased => return has_new_problems,
        }
        true
    }

    fn set_last(&mut self, event: &Event, reason: Reason) {
        self.last = Some(Last::new(event, reason));
        if event.kind.face().is_some() {
            let visitor = visitor(&event.kind);
            self.last_visit = Some(LastVisit { visitor, last: Last::new(event, reason) });
        }
    }

    /// Forgets the last visit and the last access.
    pub fn forget_last(&mut self) {
        (self.last, self.last_visit) = (None, None);
    }

    /// Shows the name that the last person has after a change, and no name of a person who was removed. Returns whether the state
    /// changed.
    fn follow_change(&mut self, change: &Administration) -> bool {
        let (Some(before), after) = (&change.person, change.name_after()) else { return false };
        if after == Some(before.as_str()) {
            return false;
        }
        let visit = self.last_visit.as_mut().filter(|visit| visit.last.person.as_ref() == Some(before));
        let is_visitor = visit.is_some();
        if let Some(visit) = visit {
            visit.last.person = after.map(str::to_owned);
            visit.visitor = after.map_or_else(|| REMOVED.to_owned(), shown_name);
        }
        let last = self.last.as_mut().filter(|last| last.person.as_ref() == Some(before));
        let is_last = last.is_some();
        if let Some(last) = last {
            last.person = after.map(str::to_owned);
        }
        is_visitor || is_last
    }
}

impl Last {
    fn new(event: &Event, reason: Reason) -> Self {
        let person = event.kind.person().map(str::to_owned);
        let time = match &event.kind {
            EventKind::Denied(Denial::Repeated { until, .. }) => *until,
            _ => event.time,
        };
        Self { kind: event.kind.name(), reason, person, time }
    }
}

/// Who it was.
fn visitor(kind: &EventKind) -> String {
    match kind.person() {
        Some(name) => shown_name(name),
        None if kind.name() == EventName::Granted => REMOVED.to_owned(),
        None => STRANGER.to_owned(),
    }
}

/// A name as it is shown. `None`, `unknown` and `unavailable` mean to Home Assistant that there is no data: a person with such a name,
/// or with one that stands for somebody else here, gets quotation marks.
fn shown_name(name: &str) -> String {
    match name.trim().to_lowercase().as_str() {
        "" | "none" | "unknown" | "unavailable" | STRANGER | REMOVED => format!("\"{name}\""),
        _ => name.to_owned(),
    }
}

/// A visitor who was not recognized.
const STRANGER: &str = "stranger";
/// A person who has been removed.
const REMOVED: &str = "removed person";

#[cfg(test)]
mod tests {
    use ostiary_access::DenialReason;
    use ostiary_events::{Action, Grant, User};
    use ostiary_testkit::evidence;
    use serde_json::{Value, json};

    use super::*;

    fn event(kind: EventKind) -> Event {
        Event::new(kind, Timestamp::UNIX_EPOCH, "front")
    }

    fn summary() -> DoorSummary {
        let models = ModelVersions { installed: "bundle 7".into(), latest: "bundle 8".into() };
        DoorSummary { people: 2, model: "0123".into(), models, temperature: Some(47), household: None }
    }

    fn state() -> DoorState {
        DoorState::new(ModeName::Normal, summary())
    }

    fn granted(person: Option<&str>) -> Event {
        let grant = Grant::Face { person: person.map(str::to_owned), evidence: evidence() };
        event(EventKind::Granted(grant))
    }

    fn field(state: &DoorState, name: &str) -> Value {
        serde_json::to_value(state).unwrap()[name].clone()
    }

    #[test]
    fn relay_and_last_access_are_followed() {
        let mut state = state();
        let start = json!({
            "relay": "off", "contact": null, "last": null, "recording": "on", "last_visit": null, "camera": null,
            "mode": "normal", "mode_until": null, "problems": [], "people": 2, "model": "0123",
            "models": { "installed_version": "bundle 7", "latest_version": "bundle 8" }, "temperature": 47
        });
        assert_eq!(serde_json::to_value(&state).unwrap(), start);
        assert!(state.follow(&granted(Some("Anna"))));
        assert!(state.follow(&event(EventKind::RelayOn)));
        assert!(!state.follow(&event(EventKind::DoorForced)));
        let last = json!({
            "kind": "granted", "reason": "granted", "person": "Anna", "time": "1970-01-01T00:00:00Z"
        });
        assert_eq!((field(&state, "relay"), field(&state, "last")), (json!("on"), last));
        assert!(state.follow(&event(EventKind::RelayOff)));
        assert_eq!(state.relay, Switch::Off);
        assert!(state.follow(&event(EventKind::Denied(Denial::ExitButton))));
        let last = json!({
            "kind": "denied", "reason": "locked", "person": null, "time": "1970-01-01T00:00:00Z"
        });
        assert_eq!(field(&state, "last"), last);
        // The exit button is no visitor.
        assert_eq!(field(&state, "last_visit")["visitor"], "Anna");
    }

    #[test]
    fn a_visitor_is_never_shown_as_no_data() {
        let mut state = state();
        let stranger =
            Denial::Face { reason: DenialReason::Unknown, person: None, evidence: evidence(), detail: None };
        let repeated = Denial::Repeated {
            reason: DenialReason::Unknown,
            evidence: evidence(),
            count: 2,
            until: "2026-11-29T08:15:00Z".parse().unwrap(),
        };
        for (event, expected) in [
            (granted(Some("Anna")), "Anna"),
            (event(EventKind::Denied(stranger)), "stranger"),
            (granted(None), "removed person"),
            (granted(Some("Unknown")), "\"Unknown\""),
            (granted(Some("stranger")), "\"stranger\""),
            (event(EventKind::Denied(repeated)), "stranger"),
        ] {
            state.follow(&event);
            assert_eq!(field(&state, "last_visit")["visitor"], expected);
        }
        let visit = json!({
            "visitor": "stranger", "kind": "denied", "reason": "unknown", "person": null,
            "time": "2026-11-29T08:15:00Z"
        });
        assert_eq!(field(&state, "last_visit"), visit);
    }

    #[test]
    fn the_state_names_only_the_people_with_a_switch_and_fits_in_a_packet() {
        let mut state = state();
        let person = |id| (id, KnownPerson { name: "\u{1f6aa}".repeat(16), enabled: true });
        let household = Some((0..2000).map(person).collect());
        state.set_summary(DoorSummary { household, ..summary() });
        let json = serde_json::to_string(&state).unwrap();
        assert_eq!(field(&state, "household").as_object().unwrap().len(), MAX_SWITCHES);
        assert!(json.len() < crate::options::MAX_PACKET / 2, "{} bytes", json.len());
    }

    #[test]
    fn a_renamed_person_has_the_new_name_and_a_removed_one_has_none() {
        let mut state = state();
        let user = User::Process { uid: 0, sudo_uid: None };
        let change = |action, person: &str, detail| {
            let person = Some(person.to_owned());
            event(EventKind::Administered(Administration { action, person, detail, user: user.clone() }))
        };
        let renamed =
            |before, after| change(Action::Renamed, before, Some(Administration::renamed_to(after)));
        let refused = |person: &str| {
            let person = Some(person.to_owned());
            let (reason, evidence) = (DenialReason::DisabledPerson, evidence());
            event(EventKind::Denied(Denial::Face { reason, person, evidence, detail: None }))
        };
        for visit in [granted(Some("Ann")), refused("Ann")] {
            state.follow(&visit);
            assert!(!state.follow(&renamed("Ben", "Ann")));
            assert!(!state.follow(&change(Action::Disabled, "Ann", None)));
            assert!(state.follow(&renamed("Ann", "Unknown")));
            assert_eq!(field(&state, "last_visit")["visitor"], "\"Unknown\"");
            assert_eq!(field(&state, "last")["person"], "Unknown");
            assert!(!state.follow(&change(Action::Removed, "Ann", None)), "nobody has this name");
            assert!(state.follow(&change(Action::Removed, "Unknown", None)));
            assert_eq!(field(&state, "last_visit")["visitor"], "removed person");
            assert!(!serde_json::to_string(&state).unwrap().contains("Unknown"));
        }
        // The exit button was pressed after the visit.
        state.follow(&granted(Some("Ann")));
        state.follow(&event(EventKind::Granted(Grant::ExitButton)));
        assert!(state.follow(&change(Action::Removed, "Ann", None)));
        assert_eq!(field(&state, "last")["reason"], "request_to_exit");
        state.forget_last();
        assert_eq!((field(&state, "last"), field(&state, "last_visit")), (json!(null), json!(null)));
    }

    #[test]
    fn what_has_to_be_looked_after_is_a_problem_until_it_is_over() {
        let mut state = state();
        let lost = || "gone".to_owned();
        let both = |detail| [EventKind::CameraLost { detail }, EventKind::CameraBack];
        let [camera_lost, camera_back] = both(lost());
        let pairs = [
            (camera_lost, camera_back, "camera"),
            (EventKind::InputsLost { detail: lost() }, EventKind::InputsBack, "inputs"),
            (EventKind::StoreLost { detail: lost() }, EventKind::StoreBack { detail: lost() }, "record"),
        ];
        for (begins, ends, problem) in pairs {
            assert!(state.follow(&event(begins)));
            assert_eq!(field(&state, "problems"), json!([problem]));
            assert!(state.follow(&event(ends)));
            assert_eq!(field(&state, "problems"), json!([]));
        }
        assert!(state.follow(&event(EventKind::Locked { detail: lost() })));
        assert!(state.found_other_door() && !state.found_other_door());
        let broken = || event(EventKind::TrailBroken { detail: lost() });
        assert!(state.follow(&broken()) && !state.follow(&broken()));
        assert_eq!(field(&state, "problems"), json!(["locked", "trail", "name"]));
    }

    #[test]
    fn the_camera_is_unknown_until_the_first_frame() {
        let mut state = state();
        for (kind, expected) in [
            (EventKind::Stopped, json!(null)),
            (EventKind::Started { detail: "1 person".into() }, json!("on")),
            (EventKind::CameraLost { detail: "gone".into() }, json!("off")),
            (EventKind::CameraBack, json!("on")),
        ] {
            assert!(state.follow(&event(kind)));
            assert_eq!(field(&state, "camera"), expected);
        }
    }

    #[test]
    fn mode_and_people_are_followed() {
        let mut state = state();
        let until: Option<Timestamp> = Some("2026-11-29T18:00:00Z".parse().unwrap());
        let mode = |mode, until| event(EventKind::ModeChanged { mode, until, user: None });
        assert!(state.follow(&mode(ModeName::HeldOpen, until)));
        assert_eq!(field(&state, "mode"), "held_open");
        assert_eq!(field(&state, "mode_until"), "2026-11-29T18:00:00Z");
        assert!(state.follow(&mode(ModeName::LockedDown, None)));
        assert_eq!((field(&state, "mode"), field(&state, "mode_until")), (json!("locked_down"), json!(null)));
        let summary = DoorSummary { people: 3, ..summary() };
        assert!(state.set_summary(summary.clone()) && !state.set_summary(summary));
        assert_eq!(field(&state, "people"), 3);
    }

    #[test]
    fn a_lost_record_is_shown_until_events_are_recorded_again() {
        let mut state = state();
        assert!(state.follow(&event(EventKind::StoreLost { detail: "full".into() })));
        assert_eq!(state.recording, Switch::Off);
        assert!(state.follow(&event(EventKind::StoreBack { detail: "2 events".into() })));
        assert_eq!(state.recording, Switch::On);
    }

    #[test]
    fn the_contact_is_followed_until_it_cannot_be_read() {
        let mut state = state();
        for (kind, expected) in [
            (EventKind::DoorClosed { detail: None }, json!("closed")),
            (EventKind::DoorOpened { detail: None }, json!("open")),
            (EventKind::Started { detail: "1 person".into() }, json!("open")),
            (EventKind::InputsLost { detail: "gone".into() }, json!(null)),
        ] {
            assert!(state.follow(&event(kind)));
            assert_eq!(field(&state, "contact"), expected);
        }
    }
}
