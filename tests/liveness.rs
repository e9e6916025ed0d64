//! `ostiary liveness`: a test of liveness through the program, with a real record that is written while it runs.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use jiff::{SignedDuration, Timestamp};
use ostiary_access::{
    DecisionRules, DenialReason, LivenessEvidence, LivenessRules, NetworkRules, VisitRecord,
};
use ostiary_config as config;
use ostiary_config::{Door, LivenessLevel};
use ostiary_core::{ModelRole, Precision, TrackId};
use ostiary_events::{Denial, Event, EventKind, EventStore, Evidence, Grant, LivenessReport, Visit};
use ostiary_facebank::DaemonLock;
use ostiary_models::{Bundle, LivenessTest};
use ostiary_testkit::{evidence, moment};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const SPOOF: Option<DenialReason> = Some(DenialReason::Spoof);
const GRANTED: Option<DenialReason> = None;

/// A door: a configuration, the lock of a daemon, and its record.
struct TestDoor {
    folder: tempfile::TempDir,
    store: EventStore,
    lock: Option<DaemonLock>,
    /// The time of the next decision: in the future, so that it is later than the beginning of a part.
    next: Timestamp,
    tracks: u64,
}

impl TestDoor {
    fn new(level: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let text = format!(
            "[events]\npath = {:?}\n[facebank]\npath = {:?}\n[door]\naway_s = 1.0\n[liveness]\nlevel = {level:?}\n",
            path("events.sqlite"),
            path("facebank.sqlite")
        );
        fs::write(path("ostiary.toml"), text).unwrap();
        let lock = Some(DaemonLock::acquire(&path("facebank.sqlite")).unwrap());
        let config = config::Events { path: path("events.sqlite"), ..config::Events::default() };
        let store = EventStore::open(&config, false).unwrap();
        let next = Timestamp::now() + SignedDuration::from_secs(600);
        Self { store, lock, next, tracks: 0, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Records a decision as the door makes it at the level passive: a denial, or a grant.
    fn decide(&mut self, denial: Option<DenialReason>) {
        let models = Bundle::shipped(Precision::default()).unwrap();
        let test = models.entry(ModelRole::Liveness).unwrap().liveness.clone().unwrap();
        let network = NetworkRules::Scores {
            spoof_below: test.spoof_below,
            pass_from: test.pass_from,
            min_room: LivenessTest::MIN_ROOM,
        };
        let liveness = LivenessRules { level: LivenessLevel::Passive, network, can_prompt: false };
        let mut record = VisitRecord::new(DecisionRules::new(&Door::default(), liveness));
        let seen = LivenessEvidence { room: Some(2.4), score: Some(0.3), ..LivenessEvidence::default() };
        record.steps.extend([moment(seen)]);
        self.tracks += 1;
        let evidence = Evidence {
            track: TrackId(self.tracks),
            model: models.id(ModelRole::Embedder).unwrap(),
            visit: Some(Box::new(Visit { record, people: 1, fpir: None })),
            ..evidence()
        };
        let person = Some("Ann".to_owned());
        let kind = match denial {
            Some(reason) => EventKind::Denied(Denial::Face { reason, person, evidence, detail: None }),
            None => EventKind::Granted(Grant::Face { person, evidence }),
        };
        self.next += SignedDuration::from_secs(20);
        self.store.append(&mut Event::new(kind, self.next, "front")).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("ostiary"));
        command.arg("--config").arg(self.path("ostiary.toml")).args(arguments).stdin(Stdio::null());
        command
    }

    /// The exit code, standard output and standard error.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status.code().unwrap(), text(stdout), text(stderr))
    }

    fn reports(&self) -> Vec<LivenessReport> {
        let report = |event: Event| match event.kind {
            EventKind::LivenessTested { report, .. } => report,
            other => panic!("{other:?}"),
        };
        self.store.liveness_tests().unwrap().into_iter().map(report).collect()
    }
}

/// A test that runs.
struct RunningTest {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl RunningTest {
    fn start(door: &TestDoor, arguments: &[&str]) -> Self {
        let arguments = [&["--json", "liveness", "test"], arguments].concat();
        let mut child = door.command(&arguments).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output }
    }

    /// The next object of this kind.
    fn wait_for(&mut self, event: &str) -> Value {
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the output ends before {event}");
            let object: Value = serde_json::from_str(&line).unwrap();
            if object["event"] == event {
                return object;
            }
        }
    }

    fn exit_code(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

#[test]
fn a_test_counts_what_the_door_decides_and_its_report_is_part_of_the_trail() {
    let mut door = TestDoor::new("passive");
    let kinds = ["--kind", "small_print", "--kind", "day", "--presentations", "3"];
    let mut test = RunningTest::start(&door, &kinds);
    assert_eq!(test.wait_for("begin")["part"], "small_print");
    for (denial, counted, counts) in [
        (SPOOF, "new", (1, 0)),
        (Some(DenialReason::Unknown), "no", (1, 0)),
        (GRANTED, "new", (2, 1)),
        (Some(DenialReason::Paused), "no", (2, 1)),
        (Some(DenialReason::NotLive), "new", (3, 1)),
    ] {
        door.decide(denial);
        let visit = test.wait_for("visit");
        assert_eq!(visit["visit"]["counted"], counted, "{visit}");
        assert_eq!(
            (visit["presentations"].as_u64(), visit["errors"].as_u64()),
            (Some(counts.0), Some(counts.1))
        );
    }
    assert_eq!(test.wait_for("begin")["part"], "day");
    for denial in [GRANTED, SPOOF, GRANTED] {
        door.decide(denial);
        test.wait_for("visit");
    }
    let report = test.wait_for("report");
    assert_eq!(report["rates"][0]["interval"][1].as_f64().map(|end| (1000.0 * end).round()), Some(906.0));
    assert_eq!(test.exit_code(), Some(0));

    let reports = door.reports();
    assert_eq!(reports.len(), 1);
    assert_eq!(reports[0].to_string(), "small print 1 of 3 let in, own visits by day 1 of 3 refused");
    assert!(reports[0].is_complete);
    let recorded = door.store.liveness_tests().unwrap().remove(0);
    assert!(!serde_json::to_string(&recorded).unwrap().contains("Ann"), "it names nobody");
    let (code, _, err) = door.run(&["events", "verify"]);
    assert_eq!(code, 0, "{err}");

    let (code, out, err) = door.run(&["liveness", "show"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("small print: 1 of 3 let in, APCER 33.3 % (0.8 to 90.6 %)"), "{out}");
    assert!(
        out.contains("Not tested: large print, bent print, folded print, phone, film on a tablet."),
        "{out}"
    );
    for (set, change) in [
        ("camera.rotate=90", "camera.rotate"),
        ("camera.source=\"rtsp://u:p@cam/1\"", "camera.source"),
        ("camera.region=[0, 0, 320, 480]", "camera.region"),
        ("engine.precision=\"fp32\"", "the network for liveness"),
    ] {
        let (code, out, err) = door.run(&["liveness", "show", "--set", set]);
        assert_eq!(code, 1, "{set}: {err}");
        assert!(out.contains("It is void: ") && out.contains(change), "{set}: {out}");
    }

    let findings = |set: &str| {
        let (_, out, _) = door.run(&["--json", "doctor", "--set", set]);
        let lines = out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let found: Vec<String> =
            lines.filter(|line| line["check"] == "liveness").map(|line| line["found"].to_string()).collect();
        found.join("\n")
    };
    let found = findings("camera.rotate=0");
    assert!(found.contains("small print 1 of 3 let in (at most 90.6 %)"), "{found}");
    let found = findings("camera.rotate=180");
    assert!(found.contains("is void: camera.rotate changed since"), "{found}");
}

#[test]
fn what_was_counted_is_recorded_when_a_test_is_interrupted() {
    let mut door = TestDoor::new("passive");
    let mut test = RunningTest::start(&door, &["--kind", "phone"]);
    test.wait_for("begin");
    door.decide(SPOOF);
    test.wait_for("visit");
    kill_process(Pid::from_child(&test.child), Signal::INT).unwrap();
    assert_eq!(test.wait_for("report")["report"]["is_complete"], false);
    assert_eq!(test.exit_code(), Some(1));
    let reports = door.reports();
    assert_eq!((reports[0].to_string(), reports[0].is_complete), ("phone 0 of 1 let in".to_owned(), false));
}

#[test]
fn a_test_in_which_nothing_was_counted_records_nothing() {
    let door = TestDoor::new("passive");
    let mut test = RunningTest::start(&door, &["--kind", "phone"]);
    test.wait_for("begin");
    kill_process(Pid::from_child(&test.child), Signal::TERM).unwrap();
    assert_eq!(test.exit_code(), Some(1));
    assert_eq!(door.reports(), []);
}

#[test]
fn a_test_ends_when_its_conditions_change() {
    let mut door = TestDoor::new("passive");
    let mut test = RunningTest::start(&door, &["--kind", "phone"]);
    test.wait_for("begin");
    door.decide(SPOOF);
    test.wait_for("visit");
    let text = fs::read_to_string(door.path("ostiary.toml")).unwrap();
    fs::write(door.path("ostiary.toml"), text.replace("[liveness]", "[camera]\nmirror = true\n[liveness]"))
        .unwrap();
    let reloaded = EventKind::Reloaded { model: None, detail: "1 person".into(), user: None };
    door.store.append(&mut Event::new(reloaded, door.next, "front")).unwrap();
    let notice = test.wait_for("notice");
    assert!(notice["text"].as_str().unwrap().contains("camera.mirror changed"), "{notice}");
    assert_eq!(test.exit_code(), Some(1));
    assert_eq!(door.reports().len(), 1);
}

/// On a terminal, which `script` provides.
#[test]
fn on_a_terminal_enter_begins_and_ends_a_part() {
    let mut door = TestDoor::new("passive");
    let program = assert_cmd::cargo::cargo_bin!("ostiary");
    let line = format!(
        "{} --config {} liveness test --kind large_print --kind phone",
        program.display(),
        door.path("ostiary.toml").display()
    );
    let mut child = Command::new("script")
        .args(["-qefc", &line, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut keyboard, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut shown = Vec::new();
    let mut wait_for = |text: &str| {
        let mut byte = [0];
        while !String::from_utf8_lossy(&shown).contains(text) {
            assert_eq!(output.read(&mut byte).unwrap_or(0), 1, "the output ends before {text:?}");
            shown.push(byte[0]);
        }
        shown.clear();
    };
    wait_for("Enter begins");
    keyboard.write_all(b"\n").unwrap();
    wait_for("Counting begins");
    door.decide(SPOOF);
    wait_for("refused as a picture");
    keyboard.write_all(b"\n").unwrap();
    wait_for("0 of 1 prove only that the share is at most 97.5 %");
    wait_for("Enter begins");
    keyboard.write_all(b"s\n").unwrap();
    wait_for("large print: 0 of 1 let in");
    wait_for("Recorded as event");
    assert_eq!(child.wait().unwrap().code(), Some(1), "not all was made");
    assert_eq!(door.reports()[0].to_string(), "large print 0 of 1 let in");
}

#[test]
fn a_test_that_cannot_begin_says_why() {
    let mut door = TestDoor::new("passive");
    let test: &[&str] = &["liveness", "test", "--kind", "phone"];
    for (arguments, said) in [
        (&["liveness", "test"] as &[&str], "standard input is not a terminal"),
        (&["liveness", "test", "--kind", "mask"], "small_print, large_print, bent_print, folded_print"),
        (&["liveness", "test", "--kind", "phone", "--presentations", "0"], "--presentations"),
        (&[test, &["--set", "liveness.level=\"off\""]].concat(), "liveness.level is \"off\""),
        (&[test, &["--set", "liveness.level=\"active\""]].concat(), "no output that asks people"),
    ] {
        let (code, out, err) = door.run(arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}: {err}");
        assert!(err.contains(said), "{arguments:?}: {err}");
    }
    door.lock = None;
    let (code, _, err) = door.run(test);
    assert!(code == 2 && err.contains("no door runs") && err.contains("systemctl start"), "{err}");
    door.lock = Some(DaemonLock::acquire(&door.path("facebank.sqlite")).unwrap());
    fs::remove_file(door.path("events.sqlite")).unwrap();
    let (code, _, err) = door.run(test);
    assert!(code == 2 && err.contains("events.sqlite"), "{err}");
    // No record, no test.
    let (code, _, err) = door.run(&["liveness", "show"]);
    assert!(code == 2 && err.contains("events.sqlite"), "{err}");
}
