use proptest::prelude::*;

use super::*;
use crate::testing::{evidence, liveness_report};

/// What all events have in these tests.
const START: &str = r#""time":"2026-11-24T08:15:00.250001Z""#;

/// The end of the JSON of a decision about a face.
const FACE: &str = concat!(
    r#""track":3,"similarity":0.71,"cosine":0.84,"second":0.1,"threshold":0.56,"quality":{"exposure":0.30000001192092896,"#,
    r#""pitch":4.0,"roll":0.10000000149011612,"sharpness":88.25,"size":120.0999984741211,"#,
    r#""yaw":-12.699999809265137},"faces_in_view":2,"frames":3,"latency_ms":213.45678900000001,"#,
    r#""model":"0123456789abcdef""#
);

fn event(kind: EventKind) -> Event {
    let time = "2026-11-24T08:15:00.250001Z".parse().unwrap();
    Event { id: 7, ..Event::new(kind, time, "front \"door\"") }
}

/// The JSON of an event of that name, which ends with these fields.
fn json(name: &str, fields: &str) -> String {
    let separator = if fields.is_empty() { "" } else { "," };
    format!(r#"{{"id":7,{START},"kind":"{name}","door":"front \"door\""{separator}{fields}}}"#)
}

fn face() -> Evidence {
    Evidence { latency: Duration::from_nanos(213_456_789), ..evidence() }
}

fn refused(reason: DenialReason) -> Denial {
    Denial::Face { reason, person: Some("Zoë".into()), evidence: face(), detail: None }
}

/// An event of each kind and its JSON, as version 0.1.0 and all later ones write it.
fn events() -> Vec<(EventKind, String)> {
    let detail = |text: &str| text.to_owned();
    let mut events = vec![
        (EventKind::Started { detail: detail("2 people") }, json("started", r#""detail":"2 people""#)),
        (EventKind::Stopped, json("stopped", "")),
        (
            EventKind::Granted(Grant::Face { person: Some("Zoë".into()), evidence: face() }),
            json("granted", &format!(r#""reason":"granted","person":"Zoë",{FACE}"#)),
        ),
        (EventKind::Granted(Grant::ExitButton), json("granted", r#""reason":"request_to_exit""#)),
        (
            EventKind::Denied(Denial::Face {
                reason: DenialReason::NoHours,
                person: None,
                evidence: Evidence {
                    similarity: None,
                    cosine: None,
                    second: None,
                    threshold: None,
                    ..face()
                },
                detail: Some(detail("there is no group \"night\" in [hours]")),
            }),
            json(
                "denied",
                &format!(
                    r#""reason":"no_hours",{},"detail":"there is no group \"night\" in [hours]""#,
                    FACE.replace(r#""similarity":0.71,"cosine":0.84,"second":0.1,"threshold":0.56,"#, "")
                ),
            ),
        ),
        (
            EventKind::Denied(Denial::ExitButton),
            json("denied", r#""reason":"locked","detail":"the exit button was pressed""#),
        ),
        (
            EventKind::Granted(Grant::Command { user: User::Process { uid: 0, sudo_uid: Some(1000) } }),
            json("granted", r#""reason":"command","uid":0,"sudo_uid":1000"#),
        ),
        (
            EventKind::ModeChanged {
                mode: ModeName::HeldOpen,
                until: Some("2026-11-24T09:15:00Z".parse().unwrap()),
                user: Some(User::Process { uid: 1000, sudo_uid: None }),
            },
            json("mode_changed", r#""until":"2026-11-24T09:15:00Z","uid":1000,"mode":"held_open""#),
        ),
        (
            EventKind::ModeChanged {
                mode: ModeName::LockedDown,
                until: None,
                user: Some(User::Process { uid: 0, sudo_uid: Some(1000) }),
            },
            json("mode_changed", r#""uid":0,"sudo_uid":1000,"mode":"locked_down""#),
        ),
        (
            EventKind::ModeChanged { mode: ModeName::Normal, until: None, user: None },
            json("mode_changed", r#""mode":"normal""#),
        ),
        (
            EventKind::CommandRefused {
                command: CommandName::HoldOpen,
                detail: detail("no relay is configured"),
                user: User::Process { uid: 1000, sudo_uid: None },
            },
            json("command_refused", r#""detail":"no relay is configured","uid":1000,"command":"hold_open""#),
        ),
        (
            EventKind::Granted(Grant::Command { user: User::Token { name: "Ada".into(), uid: 997 } }),
            json("granted", r#""reason":"command","uid":997,"token":"Ada""#),
        ),
        (EventKind::RelayOn, json("relay_on", "")),
        (EventKind::RelayOff, json("relay_off", "")),
        (EventKind::CameraLost { detail: detail("gone") }, json("camera_lost", r#""detail":"gone""#)),
        (EventKind::CameraBack, json("camera_back", "")),
        (
            EventKind::Reloaded {
                model: Some(ModelId("0123456789abcdef".into())),
                detail: detail("1 person"),
                user: Some(User::Process { uid: 998, sudo_uid: None }),
            },
            json("reloaded", r#""model":"0123456789abcdef","detail":"1 person","uid":998"#),
        ),
        (
            EventKind::Reloaded { model: None, detail: detail("1 person"), user: None },
            json("reloaded", r#""detail":"1 person""#),
        ),
        (
            EventKind::ReloadRefused {
                detail: detail("door.name"),
                user: Some(User::Token { name: "Ada".into(), uid: 997 }),
            },
            json("reload_refused", r#""detail":"door.name","uid":997,"token":"Ada""#),
        ),
        (EventKind::RolledBack { detail: detail("bundle 3") }, json("rolled_back", r#""detail":"bundle 3""#)),
        (EventKind::Locked { detail: detail("a fault") }, json("locked", r#""detail":"a fault""#)),
        (EventKind::DoorOpened { detail: None }, json("door_opened", "")),
        (
            EventKind::DoorOpened { detail: Some(detail("state when the contact was first read")) },
            json("door_opened", r#""detail":"state when the contact was first read""#),
        ),
        (EventKind::DoorClosed { detail: None }, json("door_closed", "")),
        (
            EventKind::DoorClosed { detail: Some(detail("state when the contact was first read")) },
            json("door_closed", r#""detail":"state when the contact was first read""#),
        ),
        (EventKind::DoorForced, json("door_forced", "")),
        (EventKind::DoorHeld { detail: detail("for 30 s") }, json("door_held", r#""detail":"for 30 s""#)),
        (EventKind::InputsLost { detail: detail("gone") }, json("inputs_lost", r#""detail":"gone""#)),
        (EventKind::InputsBack, json("inputs_back", "")),
        (
            EventKind::Lockout { person: Some("Zoë".into()), detail: detail("5 attempts") },
            json("lockout", r#""person":"Zoë","detail":"5 attempts""#),
        ),
        (
            EventKind::Lockout { person: None, detail: detail("5 attempts") },
            json("lockout", r#""detail":"5 attempts""#),
        ),
        (EventKind::LockoutEnded { person: Some("Zoë".into()) }, json("lockout_ended", r#""person":"Zoë""#)),
        (EventKind::LockoutEnded { person: None }, json("lockout_ended", "")),
        (
            EventKind::Administered(Administration {
                action: Action::Renamed,
                person: Some("Zoë".into()),
                detail: Some("now Zoe".into()),
                user: User::Process { uid: 0, sudo_uid: Some(1000) },
            }),
            json(
                "administered",
                r#""person":"Zoë","detail":"now Zoe","action":"renamed","uid":0,"sudo_uid":1000"#,
            ),
        ),
        (
            EventKind::Administered(Administration {
                action: Action::Exported,
                person: None,
                detail: None,
                user: User::Process { uid: 998, sudo_uid: None },
            }),
            json("administered", r#""action":"exported","uid":998"#),
        ),
        (
            EventKind::LivenessTested {
                report: liveness_report(),
                user: User::Process { uid: 998, sudo_uid: Some(1000) },
            },
            json(
                "liveness_tested",
                concat!(
                    r#""uid":998,"sudo_uid":1000,"liveness":{"conditions":{"level":"passive","network":{"scores":"#,
                    r#"{"spoof_below":0.1,"pass_from":0.5,"min_room":2.0}},"liveness_model":"fedcba9876543210","#,
                    r#""embedder":"0123456789abcdef","detector":["1111111111111111","2222222222222222","3333333333333333"],"camera":{"source":"/dev/video0","kind":"color","width":640,"#,
                    r#""height":480,"rotate":0,"mirror":false}},"attacks":[{"kind":"small_print","presentations":20,"#,
                    r#""let_in":0},{"kind":"large_print","presentations":20,"let_in":3}],"visits":[{"time":"day","#,
                    r#""visits":20,"refused":1}],"is_complete":true}"#
                ),
            ),
        ),
        (EventKind::StoreLost { detail: detail("full") }, json("store_lost", r#""detail":"full""#)),
        (EventKind::StoreBack { detail: detail("2 events") }, json("store_back", r#""detail":"2 events""#)),
        (EventKind::TrailBroken { detail: detail("event 3") }, json("trail_broken", r#""detail":"event 3""#)),
        (EventKind::Erased, json("erased", "")),
        (
            EventKind::Denied(Denial::Repeated {
                reason: DenialReason::Unknown,
                evidence: face(),
                count: 112,
                until: "2026-11-24T08:16:00Z".parse().unwrap(),
            }),
            json(
                "denied",
                &format!(r#""reason":"unknown",{FACE},"count":112,"until":"2026-11-24T08:16:00Z""#),
            ),
        ),
    ];
    for (name, reason) in [
        ("unknown", DenialReason::Unknown),
        ("ambiguous", DenialReason::Ambiguous),
        ("low_quality", DenialReason::LowQuality),
        ("too_far", DenialReason::TooFar),
        ("static_face", DenialReason::StaticFace),
        ("several_faces", DenialReason::SeveralFaces),
        ("cool_down", DenialReason::CoolDown),
        ("same_visit", DenialReason::SameVisit),
        ("disabled_person", DenialReason::DisabledPerson),
        ("alike", DenialReason::Alike),
        ("outside_hours", DenialReason::OutsideHours),
        ("no_hours", DenialReason::NoHours),
        ("clock_implausible", DenialReason::ClockImplausible),
        ("paused", DenialReason::Paused),
        ("locked", DenialReason::Locked),
        ("locked_down", DenialReason::LockedDown),
    ] {
        let json = json("denied", &format!(r#""reason":"{name}","person":"Zoë",{FACE}"#));
        events.push((EventKind::Denied(refused(reason)), json));
    }
    events
}

fn read(json: &str) -> Result<Event, serde_json::Error> {
    serde_json::from_str(json)
}

fn error(json: &str) -> String {
    read(json).unwrap_err().to_string()
}

#[test]
fn each_kind_has_its_stable_json_and_reads_back() {
    let events = events();
    for (kind, json) in &events {
        let event = event(kind.clone());
        assert_eq!(serde_json::to_string(&event).unwrap(), *json);
        assert_eq!(read(json).unwrap(), event);
    }
    for name in EventName::ALL {
        assert!(events.iter().any(|(kind, _)| kind.name() == name), "{name}");
    }
}

#[test]
fn a_measure_that_is_not_a_number_is_null() {
    let quality = Quality { size: f32::NAN, yaw: f32::INFINITY, ..Quality::default() };
    let evidence = Evidence { quality, similarity: Some(Similarity(f32::NAN)), ..face() };
    let kind = EventKind::Granted(Grant::Face { person: None, evidence });
    let fields = concat!(
        r#""reason":"granted","track":3,"similarity":null,"cosine":0.84,"second":0.1,"threshold":0.56,"quality":{"exposure":0.0,"#,
        r#""pitch":0.0,"roll":0.0,"sharpness":0.0,"size":null,"yaw":null},"faces_in_view":2,"frames":3,"#,
        r#""latency_ms":213.45678900000001,"model":"0123456789abcdef""#
    );
    let json = json("granted", fields);
    assert_eq!(serde_json::to_string(&event(kind)).unwrap(), json);
    let EventKind::Granted(Grant::Face { evidence, .. }) = read(&json).unwrap().kind else { panic!() };
    assert!(evidence.quality.size.is_nan() && evidence.quality.yaw.is_nan());
    assert_eq!(evidence.similarity, None);
}

#[test]
fn fields_of_a_newer_program_are_ignored_and_its_kinds_and_reasons_are_errors() {
    let newer = json("relay_on", r#""person":"Ada","line":4,"quality":{"size":1.0,"glare":0.5}"#);
    assert_eq!(read(&newer).unwrap(), event(EventKind::RelayOn));
    assert!(error(&json("relay_hums", "")).contains("relay_hums"));
    assert!(error(&json("denied", r#""reason":"too_loud""#)).contains("too_loud"));
}

#[test]
fn a_liveness_test_without_its_counts_is_no_event() {
    let without = json("liveness_tested", r#""uid":998"#);
    assert!(error(&without).contains("the event liveness_tested has no liveness"));
}

#[test]
fn an_object_without_the_fields_of_its_kind_is_no_event() {
    assert!(error(&json("denied", FACE)).contains("the event denied has no reason"));
    assert!(error(&json("denied", r#""reason":"unknown""#)).contains("the event denied has no latency_ms"));
    assert!(error(&json("camera_lost", "")).contains("the event camera_lost has no detail"));
    assert!(error(&json("mode_changed", r#""uid":0"#)).contains("the event mode_changed has no mode"));
    let endless = error(&json("mode_changed", r#""mode":"held_open""#));
    assert!(endless.contains("the event mode_changed has no until"), "{endless}");
    assert!(error(&json("mode_changed", r#""mode":"ajar""#)).contains("ajar"));
    assert!(error(&json("granted", r#""reason":"command""#)).contains("the event granted has no uid"));
    let swapped = error(&json("granted", &format!(r#""reason":"unknown",{FACE}"#)));
    assert!(swapped.contains("the event granted has the reason of another kind: unknown"), "{swapped}");
    let swapped = error(&json("denied", &format!(r#""reason":"request_to_exit",{FACE}"#)));
    assert!(
        swapped.contains("the event denied has the reason of another kind: request_to_exit"),
        "{swapped}"
    );
    for field in ["track", "quality", "faces_in_view", "frames", "latency_ms", "model"] {
        let fields = format!(r#""reason":"granted",{FACE}"#).replace(field, "other");
        assert_eq!(error(&json("granted", &fields)), format!("the event granted has no {field}"));
    }
    for latency in ["-1.0", "1e300"] {
        let fields = format!(r#""reason":"granted",{FACE}"#).replace("213.45678900000001", latency);
        assert!(error(&json("granted", &fields)).contains("not a length of time"), "{latency}");
    }
}

proptest! {
    /// An event that waits in the store is read and written again before it is sent.
    #[test]
    fn a_latency_reads_back_to_the_nanosecond(nanoseconds in 0u64..86_400_000_000_000) {
        let latency = Duration::from_nanos(nanoseconds);
        let kind = EventKind::Granted(Grant::Face { person: None, evidence: Evidence { latency, ..face() } });
        let json = serde_json::to_string(&event(kind.clone())).unwrap();
        prop_assert_eq!(read(&json).unwrap().kind, kind);
    }
}
