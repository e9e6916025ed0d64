//! `ostiary events`: reading, following and verifying the record, through the program.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use ostiary_access::DenialReason;
use ostiary_config as config;
use ostiary_events::{Action, Administration, Denial, Event, EventKind, EventStore, Grant, User};
use ostiary_testkit::{TIMEOUT, evidence};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// A record in a folder.
struct Record {
    folder: tempfile::TempDir,
}

impl Record {
    fn new() -> Self {
        let record = Self { folder: tempfile::tempdir().unwrap() };
        let text = format!("[events]\npath = {:?}\n", record.path("events.sqlite"));
        fs::write(record.path("ostiary.toml"), text).unwrap();
        record
    }

    /// A record of three events: at 8, 9 and 10 o'clock UTC on 28 November 2026.
    fn with_events() -> Self {
        let record = Self::new();
        let mut store = record.open();
        let granted = Grant::Face { person: Some("Ann".into()), evidence: evidence() };
        append(&mut store, EventKind::Granted(granted), "2026-11-28T08:00:00Z");
        append(&mut store, unknown(), "2026-11-28T09:00:00Z");
        append(&mut store, EventKind::Locked { detail: "a \"fault\", twice".into() }, "2026-11-28T10:00:00Z");
        drop(store);
        record
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn open(&self) -> EventStore {
        let config = config::Events { path: self.path("events.sqlite"), ..config::Events::default() };
        EventStore::open(&config, false).unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("ostiary"));
        command.arg("--config").arg(self.path("ostiary.toml")).arg("events").args(arguments);
        command.stdin(Stdio::null()).env("TZ", "Europe/Berlin");
        command
    }

    /// The exit code, standard output and standard error.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status.code().unwrap(), text(stdout), text(stderr))
    }

    /// The ids of the events that are printed as JSON.
    fn ids(&self, arguments: &[&str]) -> Vec<u64> {
        let (code, out, err) = self.run(&[&["--json"], arguments].concat());
        assert_eq!(code, 0, "{err}");
        out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_u64().unwrap()).collect()
    }
}

fn append(store: &mut EventStore, kind: EventKind, time: &str) {
    store.append(&mut Event::new(kind, time.parse().unwrap(), "front")).unwrap();
}

fn unknown() -> EventKind {
    let (reason, evidence) = (DenialReason::Unknown, evidence());
    EventKind::Denied(Denial::Face { reason, person: None, evidence, detail: None })
}

#[test]
fn events_are_found_by_time_person_and_reason() {
    let record = Record::with_events();
    assert_eq!(record.ids(&[]), [1, 2, 3]);
    assert_eq!(record.ids(&["--since", "2026-11-28T09:00:00Z"]), [2, 3]);
    assert_eq!(record.ids(&["--since", "2026-11-28 09:00", "--until", "2026-11-28 10:30"]), [1, 2]);
    assert_eq!(record.ids(&["--until", "2026-11-28"]), [1, 2, 3]);
    assert_eq!(record.ids(&["--until", "2026-11-27"]), [0; 0]);
    assert_eq!(record.ids(&["--person", "Ann"]), [1]);
    assert_eq!(record.ids(&["--reason", "unknown"]), [2]);
    assert_eq!(record.ids(&["--reason", "granted", "--since", "2026-11-28T09:00:00Z"]), [0; 0]);
    assert_eq!(record.ids(&["--limit", "2"]), [2, 3]);
}

#[test]
fn a_person_is_found_by_the_name_before_a_renaming() {
    let record = Record::with_events();
    let (user, detail) =
        (User::Process { uid: 0, sudo_uid: None }, Some(Administration::renamed_to("Annabel")));
    let renamed = Administration { action: Action::Renamed, person: Some("Ann".into()), detail, user };
    let granted = Grant::Face { person: Some("Annabel".into()), evidence: evidence() };
    let mut store = record.open();
    append(&mut store, EventKind::Administered(renamed), "2026-11-28T11:00:00Z");
    append(&mut store, EventKind::Granted(granted), "2026-11-28T12:00:00Z");
    drop(store);
    for name in ["Ann", "Annabel"] {
        assert_eq!(record.ids(&["--person", name]), [1, 4, 5], "{name}");
    }
    assert_eq!(record.ids(&["--person", "Ann", "--limit", "1"]), [5]);
    assert_eq!(record.ids(&["--person", "Annabel", "--until", "2026-11-28T10:00:00Z"]), [1]);
}

#[test]
fn events_are_printed_as_sentences_and_as_a_table() {
    let record = Record::with_events();
    let (code, out, _) = record.run(&[]);
    assert_eq!(code, 0);
    let lines: Vec<_> = out.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[0].starts_with("2026-11-28 09:00:00 CET  Let Ann in: "), "{out}");
    let (code, out, _) = record.run(&["--csv"]);
    assert_eq!((code, out.matches("\r\n").count(), out.lines().count()), (0, 4, 4));
    assert!(out.starts_with("id,time,kind,door,reason,person,"), "{out}");
    assert!(out.contains("3,2026-11-28T10:00:00Z,locked,front,"), "{out}");
    assert!(out.contains(",\"a \"\"fault\"\", twice\","), "{out}");
    let mut store = record.open();
    append(&mut store, EventKind::Locked { detail: "=HYPERLINK(1)".into() }, "2026-11-28T11:00:00Z");
    drop(store);
    let (_, out, _) = record.run(&["--csv", "--limit", "1"]);
    assert!(out.contains(",'=HYPERLINK(1),"), "{out}");
}

#[test]
fn bad_values_are_named() {
    let record = Record::with_events();
    for (arguments, said) in [
        (&["--since", "yesterday"] as &[&str], "--since yesterday: not a time"),
        (&["--until", "25:00"], "--until 25:00"),
        (
            &["--reason", "unkown"],
            "--reason unkown: there is no such reason; the reasons are granted, request_to_exit, command, unknown",
        ),
        (&["--limit", "0"], "--limit"),
        (&["--since", "2026-11-28", "--until", "2026-11-20"], "is not before --until"),
        (&["--csv", "--json"], "--csv and --json"),
        (&["verify", "--head", "/no/such/head"], "/no/such/head"),
    ] {
        let (code, out, err) = record.run(arguments);
        assert_eq!((code, out.is_empty()), (2, !arguments.contains(&"--json")), "{arguments:?}: {err}");
        assert!(err.contains(said), "{arguments:?}: {err}");
    }
    let nobody = "nobody named \"Anne\" is in the record";
    let (code, out, err) = record.run(&["--person", "Anne"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.starts_with(&format!("refused: {nobody}")), "{err}");
    let (code, out, err) = record.run(&["--person", "Anne", "--json"]);
    let line: Value = serde_json::from_str(&out).unwrap();
    assert!(
        code == 1 && line["refused"].as_str().unwrap().starts_with(nobody) && err.contains(nobody),
        "{out}{err}"
    );
    let empty = Record::new();
    let (code, _, err) = empty.run(&[]);
    assert!(code == 2 && err.contains("events.sqlite"), "{err}");
}

/// A run of `events --follow`, and its next line.
fn follow(record: &Record, arguments: &[&str]) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut child = record.command(arguments).stdout(Stdio::piped()).spawn().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    (child, output)
}

fn next_id(output: &mut impl BufRead) -> u64 {
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    serde_json::from_str::<Value>(&line).unwrap()["id"].as_u64().unwrap()
}

fn exit_code(child: &mut Child) -> Option<i32> {
    let deadline = Instant::now() + TIMEOUT;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let _ = child.kill();
    panic!("it does not end");
}

#[test]
fn new_events_are_printed_whether_the_daemon_ran_at_the_start_or_not() {
    let record = Record::with_events();
    let (mut child, mut output) = follow(&record, &["--json", "--follow", "--limit", "1"]);
    assert_eq!(next_id(&mut output), 3);
    for id in [4, 5] {
        // The store is opened and closed again, as by a daemon that restarts.
        let mut store = record.open();
        append(&mut store, unknown(), &Timestamp::now().to_string());
        drop(store);
        assert_eq!(next_id(&mut output), id);
    }
    let mut store = record.open();
    for id in [6, 7] {
        append(&mut store, unknown(), &Timestamp::now().to_string());
        assert_eq!(next_id(&mut output), id);
    }
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(exit_code(&mut child), Some(0));
}

#[test]
fn following_passes_over_events_that_do_not_fit() {
    let record = Record::with_events();
    let (mut child, mut output) = follow(&record, &["--json", "--follow", "--person", "Joe"]);
    let mut store = record.open();
    for person in ["Ann", "Joe", "Ann", "Joe"] {
        let granted = Grant::Face { person: Some(person.into()), evidence: evidence() };
        append(&mut store, EventKind::Granted(granted), &Timestamp::now().to_string());
    }
    assert_eq!([next_id(&mut output), next_id(&mut output)], [5, 7]);
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(exit_code(&mut child), Some(0));
}

#[test]
fn following_ends_when_nobody_reads() {
    let record = Record::with_events();
    let (mut child, output) = follow(&record, &["--follow"]);
    drop(output);
    assert_eq!(exit_code(&mut child), Some(0));
}

#[test]
fn the_record_is_verified_against_its_own_head_and_one_from_elsewhere() {
    let record = Record::with_events();
    let mut store = record.open();
    let head = store.sign_head().unwrap().unwrap();
    fs::write(record.path("head"), head.note()).unwrap();
    append(&mut store, unknown(), "2026-11-28T11:00:00Z");
    let head_file = record.path("head").display().to_string();
    let (code, out, err) = record.run(&["verify", "--head", &head_file]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("4 events are kept of 4") && out.contains("The given head has 3 events"), "{out}");
    drop(store);

    let connection = rusqlite::Connection::open(record.path("events.sqlite")).unwrap();
    connection.execute("UPDATE events SET json = replace(json, 'Ann', 'Bob')", []).unwrap();
    drop(connection);
    let (code, out, _) = record.run(&["verify"]);
    assert_eq!(code, 1);
    assert!(out.contains("event 1 was changed after it was recorded"), "{out}");
    let (code, out, _) = record.run(&["verify", "--json"]);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &report["fits"], &report["leaves"]), (1, &false.into(), &4.into()));

    // The head of another door, and a text that is no head.
    let other = Record::with_events();
    other.open().sign_head().unwrap().unwrap();
    let (code, out, _) = other.run(&["verify", "--head", &head_file]);
    assert!(code == 1 && out.contains("not signed by the key of this trail"), "{out}");
    fs::write(record.path("head"), "no head").unwrap();
    let (code, _, err) = record.run(&["verify", "--head", &head_file]);
    assert!(code == 2 && err.contains("not a signed head"), "{err}");
}

#[test]
fn a_person_is_erased_from_the_record() {
    let record = Record::with_events();
    let erase = record.command(&["erase", "Ann", "--json"]).output().unwrap();
    assert_eq!(erase.status.code(), Some(0), "{erase:?}");
    assert_eq!(serde_json::from_slice::<Value>(&erase.stdout).unwrap()["erased"], 1);
    let text =
        |arguments: &[&str]| String::from_utf8(record.command(arguments).output().unwrap().stdout).unwrap();
    let events = text(&[]);
    assert!(!events.contains("Ann") && events.contains("was erased by a command"), "{events}");
    assert!(events.contains("what the record said of a person was erased, 1 event."), "{events}");
    let verified = text(&["verify"]);
    assert!(
        verified.contains("4 events are kept of 4") && verified.contains("What 1 of them said"),
        "{verified}"
    );

    let nobody = record.command(&["erase", "Ann"]).output().unwrap();
    assert_eq!(nobody.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("Nobody named \"Ann\""), "{nobody:?}");
    let missing = Record::new().command(&["erase", "Ann"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(2), "{missing:?}");
}
