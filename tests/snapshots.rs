//! Snapshots of the text that users and scripts rely on: help, manual pages, configuration and events. They are in
//! tests/snapshots/. `INSTA_UPDATE=always cargo nextest run --test snapshots` accepts a change.

use std::fmt::Write;

use assert_cmd::cargo::cargo_bin_cmd;
use clap::{Command, CommandFactory};
use insta::assert_snapshot;
use ostiary::cli::Cli;
use ostiary_access::Reason;
use ostiary_events::{Event, EventKind, sentence};

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
fn manual_pages() {
    let folder = tempfile::tempdir().unwrap();
    clap_mangen::generate_to(Cli::command().disable_help_subcommand(true), folder.path()).unwrap();
    let mut pages: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.sort();
    let mut text = String::new();
    for page in pages {
        let content = std::fs::read_to_string(&page).unwrap();
        writeln!(text, "=== {}\n{content}", page.file_name().unwrap().display()).unwrap();
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

/// Each kind with and without the optional fields, and each reason.
#[test]
fn events_in_json_and_in_words() {
    let whole = Event {
        id: 7,
        person: Some("Ada".into()),
        track: Some(3),
        similarity: Some(0.75),
        second: Some(0.25),
        threshold: Some(0.5),
        quality: Some(serde_json::json!({ "size": 120.0 })),
        faces_in_view: Some(1),
        frames: Some(3),
        latency_ms: Some(312.5),
        model: Some("0123456789abcdef".into()),
        detail: Some("what happened".into()),
        ..Event::new(EventKind::Started, jiff::Timestamp::UNIX_EPOCH, "front")
    };
    let bare = Event::new(EventKind::Started, jiff::Timestamp::UNIX_EPOCH, "front");
    let mut events = Vec::new();
    for kind in EventKind::ALL {
        events.push(Event { kind, ..bare.clone() });
        events.push(Event { kind, ..whole.clone() });
    }
    for reason in Reason::ALL {
        let kind = if reason == Reason::Granted { EventKind::Granted } else { EventKind::Denied };
        events.push(Event { kind, reason: Some(reason), ..whole.clone() });
    }
    let mut text = String::new();
    for event in &events {
        writeln!(text, "{}\n    {}", serde_json::to_string(event).unwrap(), sentence(event)).unwrap();
    }
    assert_snapshot!(text);
}
