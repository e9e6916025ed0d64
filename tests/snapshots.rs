//! What users and their scripts rely on, as text in tests/snapshots/: help, configuration and events. A change of it shows in
//! a diff; `INSTA_UPDATE=always cargo nextest run --test snapshots` accepts it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

use std::fmt::Write;
use std::time::Duration;

use assert_cmd::cargo::cargo_bin_cmd;
use clap::{Command, CommandFactory};
use insta::assert_snapshot;
use jiff::Timestamp;
use ostiary::cli::Cli;
use ostiary_access::{CommandName, DenialReason, ModeName, NetworkRules};
use ostiary_config::{CameraKind, LivenessLevel};
use ostiary_core::{ModelId, Quality, Similarity, TrackId};
use ostiary_events::{
    Action, Administration, AttackCount, AttackKind, Denial, Event, EventKind, EventName, Evidence, Grant,
    LivenessReport, TestCamera, TestConditions, User, VisitCount, VisitTime, sentence,
};

/// Standard output of a command that succeeds.
fn printed(arguments: &[&str]) -> String {
    let output = cargo_bin_cmd!("ostiary").args(arguments).env_clear().output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The words of each command that is not hidden, the program itself first.
fn commands(command: &Command, path: &[String], found: &mut Vec<Vec<String>>) {
    found.push(path.to_vec());
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        commands(below, &[path, &[below.get_name().to_owned()]].concat(), found);
    }
}

#[test]
fn help_of_every_command() {
    let mut paths = Vec::new();
    commands(&Cli::command(), &[], &mut paths);
    assert!(paths.len() > 20, "{paths:?}");
    let mut text = String::new();
    for path in paths {
        let mut arguments: Vec<&str> = path.iter().map(String::as_str).collect();
        arguments.push("--help");
        writeln!(text, "$ ostiary {}\n{}", arguments.join(" "), printed(&arguments)).unwrap();
    }
    assert_snapshot!(text);
}

#[test]
fn the_default_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ostiary.toml");
    std::fs::write(&file, "").unwrap();
    let file = file.to_str().unwrap();
    assert_snapshot!("config_show", printed(&["config", "show", "--config", file]));
    assert_snapshot!("config_show_origin", printed(&["config", "show", "--origin", "--config", file]));
    assert_snapshot!("config_show_json", printed(&["config", "show", "--json", "--config", file]));
}

/// Each kind and each reason.
#[test]
fn events_in_json_and_in_words() {
    let evidence = Evidence {
        track: TrackId(3),
        similarity: Some(Similarity(0.75)),
        second: Some(Similarity(0.25)),
        cosine: Some(Similarity(0.875)),
        threshold: Some(Similarity(0.5)),
        quality: Quality { size: 120.0, ..Quality::default() },
        faces_in_view: 1,
        frames: 3,
        latency: Duration::from_micros(312_500),
        model: ModelId("0123456789abcdef".into()),
        visit: None,
    };
    let person = || Some("Ada".to_owned());
    let detail = || "what happened".to_owned();
    let mut kinds = vec![
        EventKind::Started { detail: detail() },
        EventKind::Stopped,
        EventKind::Granted(Grant::Face { person: person(), evidence: evidence.clone() }),
        EventKind::Granted(Grant::ExitButton),
        EventKind::Denied(Denial::ExitButton),
        EventKind::RelayOn,
        EventKind::RelayOff,
        EventKind::CameraLost { detail: detail() },
        EventKind::CameraBack,
        EventKind::Reloaded {
            model: Some(evidence.model.clone()),
            detail: detail(),
            user: Some(User::Process { uid: 998, sudo_uid: None }),
        },
        EventKind::ReloadRefused { detail: detail(), user: None },
        EventKind::RolledBack { detail: detail() },
        EventKind::Locked { detail: detail() },
        EventKind::DoorOpened { detail: None },
        EventKind::DoorOpened { detail: Some(detail()) },
        EventKind::DoorClosed { detail: None },
        EventKind::DoorClosed { detail: Some(detail()) },
        EventKind::DoorForced,
        EventKind::DoorHeld { detail: detail() },
        EventKind::InputsLost { detail: detail() },
        EventKind::InputsBack,
        EventKind::Lockout { person: person(), detail: detail() },
        EventKind::Lockout { person: None, detail: detail() },
        EventKind::LockoutEnded { person: person() },
        EventKind::LockoutEnded { person: None },
        EventKind::Granted(Grant::Command { user: User::Process { uid: 0, sudo_uid: Some(1000) } }),
        EventKind::ModeChanged {
            mode: ModeName::HeldOpen,
            until: Some(Timestamp::from_second(600).unwrap()),
            user: Some(User::Process { uid: 1000, sudo_uid: None }),
        },
        EventKind::ModeChanged {
            mode: ModeName::LockedDown,
            until: None,
            user: Some(User::Process { uid: 0, sudo_uid: Some(1000) }),
        },
        EventKind::ModeChanged { mode: ModeName::Normal, until: None, user: None },
        EventKind::CommandRefused {
            command: CommandName::Open,
            detail: detail(),
            user: User::Process { uid: 1000, sudo_uid: None },
        },
        EventKind::Administered(Administration {
            action: Action::Renamed,
            person: person(),
            detail: Some("now Ann".to_owned()),
            user: User::Process { uid: 0, sudo_uid: Some(1000) },
        }),
        EventKind::Administered(Administration {
            action: Action::Exported,
            person: None,
            detail: None,
            user: User::Process { uid: 998, sudo_uid: None },
        }),
        EventKind::LivenessTested {
            report: LivenessReport {
                conditions: TestConditions {
                    level: LivenessLevel::Active,
                    steps: Some(2),
                    network: NetworkRules::Scores { spoof_below: 0.125, pass_from: 0.5, min_room: 2.0 },
                    liveness_model: Some("fedcba9876543210".to_owned()),
                    embedder: evidence.model.to_string(),
                    detector: ["1111111111111111", "2222222222222222", "3333333333333333"].map(str::to_owned),
                    camera: TestCamera {
                        source: "/dev/video0".to_owned(),
                        kind: CameraKind::Color,
                        width: 640,
                        height: 480,
                        rotate: 90,
                        mirror: false,
                        region: Some([0, 0, 480, 320]),
                    },
                },
                attacks: vec![AttackCount { kind: AttackKind::LargePrint, presentations: 59, let_in: 0 }],
                visits: vec![VisitCount { time: VisitTime::Night, visits: 20, refused: 1 }],
                is_complete: true,
            },
            user: User::Process { uid: 998, sudo_uid: Some(1000) },
        },
        EventKind::StoreLost { detail: detail() },
        EventKind::StoreBack { detail: detail() },
        EventKind::TrailBroken { detail: detail() },
        EventKind::Erased,
        EventKind::Denied(Denial::Repeated {
            reason: DenialReason::Unknown,
            evidence: evidence.clone(),
            count: 112,
            until: jiff::Timestamp::from_second(58).unwrap(),
        }),
    ];
    for reason in DenialReason::ALL {
        let denied = |detail| {
            let (person, evidence) = (person(), evidence.clone());
            EventKind::Denied(Denial::Face { reason, person, evidence, detail })
        };
        kinds.extend([denied(None), denied(Some(detail()))]);
    }
    assert!(EventName::ALL.iter().all(|name| kinds.iter().any(|kind| kind.name() == *name)));
    let mut text = String::new();
    for kind in kinds {
        let event = Event { id: 7, ..Event::new(kind, jiff::Timestamp::UNIX_EPOCH, "front") };
        writeln!(text, "{}\n    {}", serde_json::to_string(&event).unwrap(), sentence(&event)).unwrap();
    }
    assert_snapshot!(text);
}
