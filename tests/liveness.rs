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
use ostiary_control::Client;
use ostiary_control::interface::VarlinkClientInterface;
use ostiary_core::{ModelRole, Precision, TrackId};
use ostiary_events::{Denial, Event, EventKind, EventStore, Evidence, Grant, LivenessReport, Visit};
use ostiary_models::{Bundle, LivenessTest};
use ostiary_testkit::{evidence, moment, wait_for};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const SPOOF: Option<DenialReason> = Some(DenialReason::Spoof);
const GRANTED: Option<DenialReason> = None;

/// A running door without a camera, whose decisions the test writes into its record.
struct TestDoor {
    folder: tempfile::TempDir,
    daemon: Option<Child>,
    /// The time of the next decision: in the future, so that it is later than the beginning of a part.
    next: Timestamp,
    tracks: u64,
}

impl TestDoor {
    fn new(level: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let text = format!(
            "[events]\npath = {:?}\n[facebank]\npath = {:?}\n[camera]\nsource = {:?}\n[door]\naway_s = 0.5\n[liveness]\n\
             level = {level:?}\n",
            path("events.sqlite"),
            path("facebank.sqlite"),
            "/dev/v4l/by-id/none"
        );
        fs::write(path("ostiary.toml"), text).unwrap();
        let next = Timestamp::now() + SignedDuration::from_secs(600);
        let mut door = Self { next, tracks: 0, folder, daemon: None };
        door.start();
        door
    }

    /// Starts the door, and waits until it answers.
    fn start(&mut self) {
        let daemon = self.command(&["run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        self.daemon = Some(daemon);
        let socket = self.path("facebank.sqlite.control");
        wait_for("the door answers", || {
            let ended = self.daemon.as_mut().and_then(|daemon| daemon.try_wait().unwrap());
            assert_eq!(ended, None, "the door has ended");
            let Ok(Some(mut client)) = Client::connect(&socket) else { return false };
            client.door().get_state().call().is_ok()
        });
    }

    fn stop(&mut self) {
        let mut daemon = self.daemon.take().unwrap();
        kill_process(Pid::from_child(&daemon), Signal::TERM).unwrap();
        assert!(daemon.wait().unwrap().success());
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
        let events = config::Events { path: self.path("events.sqlite"), ..config::Events::default() };
        EventStore::append_once(&events, false, &mut Event::new(kind, self.next, "front")).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("ostiary"));
        command.arg("--config").arg(self.path("ostiary.toml")).args(arguments).stdin(Stdio::null());
        command.env_remove("NOTIFY_SOCKET").env_remove("SUDO_UID");
        command
    }

    /// The exit code, standard output and standard error.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status.code().unwrap(), text(stdout), text(stderr))
    }

    /// The events of tests, newest first.
    fn tests(&self) -> Vec<Event> {
        EventStore::open_read_only(&self.path("events.sqlite")).unwrap().liveness_tests().unwrap()
    }

    fn reports(&self) -> Vec<LivenessReport> {
        let report = |event: Event| match event.kind {
            EventKind::LivenessTested { report, .. } => report,
            other => panic!("{other:?}"),
        };
        self.tests().into_iter().map(report).collect()
    }
}

impl Drop for TestDoor {
    fn drop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
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
    let report = test.wait_for("report");
    assert_eq!(report["rates"][0]["interval"][1].as_f64().map(|end| (1000.0 * end).round()), Some(906.0));
    assert_eq!(test.wait_for("begin")["part"], "day");
    for denial in [GRANTED, SPOOF, GRANTED] {
        door.decide(denial);
        test.wait_for("visit");
    }
    test.wait_for("report");
    assert_eq!(test.exit_code(), Some(0));

    let reports = door.reports();
    let words: Vec<_> = reports.iter().map(|report| (report.to_string(), report.is_complete)).collect();
    let day = ("own visits by day 1 of 3 refused".to_owned(), true);
    assert_eq!(words, [day, ("small print 1 of 3 let in".to_owned(), true)]);
    let recorded = door.tests().remove(0);
    assert!(!serde_json::to_string(&recorded).unwrap().contains("Ann"), "it names nobody");
    let (code, _, err) = door.run(&["events", "verify"]);
    assert_eq!(code, 0, "{err}");

    let (code, out, err) = door.run(&["liveness", "show"]);
    assert_eq!(code, 0, "{err}");
    let shown = door.run(&["--json", "liveness", "show"]);
    door.stop();
    assert_eq!(
        door.run(&["liveness", "show"]),
        (0, out.clone(), String::new()),
        "the same without a running door"
    );
    assert_eq!(door.run(&["--json", "liveness", "show"]), shown);
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
    for (number, signal) in [Signal::INT, Signal::KILL].into_iter().enumerate() {
        let mut test = RunningTest::start(&door, &["--kind", "phone"]);
        test.wait_for("begin");
        door.decide(SPOOF);
        test.wait_for("visit");
        kill_process(Pid::from_child(&test.child), signal).unwrap();
        if signal == Signal::INT {
            assert_eq!(test.wait_for("report")["report"]["is_complete"], false);
        }
        assert_eq!(test.exit_code(), (signal == Signal::INT).then_some(1));
        wait_for("the report is recorded", || door.reports().len() > number);
        let report = &door.reports()[0];
        assert_eq!((report.to_string(), report.is_complete), ("phone 0 of 1 let in".to_owned(), false));
    }
}

#[test]
fn a_test_in_which_nothing_was_counted_records_nothing() {
    let door = TestDoor::new("passive");
    let mut test = RunningTest::start(&door, &["--kind", "phone"]);
    test.wait_for("begin");
    // One test at a time.
    let (code, _, err) = door.run(&["liveness", "test", "--kind", "day"]);
    assert!(code == 1 && err.contains("a test of liveness runs already"), "{code}: {err}");
    kill_process(Pid::from_child(&test.child), Signal::TERM).unwrap();
    assert_eq!(test.exit_code(), Some(1));
    assert_eq!(door.reports(), []);
}

#[test]
fn a_test_ends_when_its_conditions_change_or_the_door_stops() {
    let mut door = TestDoor::new("passive");
    let mut test = RunningTest::start(&door, &["--kind", "phone"]);
    test.wait_for("begin");
    door.decide(SPOOF);
    test.wait_for("visit");
    let text = fs::read_to_string(door.path("ostiary.toml")).unwrap();
    fs::write(door.path("ostiary.toml"), text.replace("[camera]", "[camera]\nmirror = true")).unwrap();
    let (code, _, err) = door.run(&["door", "reload"]);
    assert_eq!(code, 0, "{err}");
    let notice = test.wait_for("notice");
    assert!(notice["text"].as_str().unwrap().contains("camera.mirror changed"), "{notice}");
    assert_eq!(test.exit_code(), Some(1));
    assert_eq!(door.reports().len(), 1);

    let mut test = RunningTest::start(&door, &["--kind", "phone"]);
    test.wait_for("begin");
    door.decide(SPOOF);
    test.wait_for("visit");
    door.stop();
    let notice = test.wait_for("notice");
    assert!(notice["text"].as_str().unwrap().contains("the door stops"), "{notice}");
    assert_eq!(test.wait_for("report")["report"]["is_complete"], false);
    assert_eq!(test.exit_code(), Some(1));
    assert_eq!(door.reports().len(), 2);
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
    wait_for("Enter ends this part");
    wait_for("Counting begins");
    door.decide(SPOOF);
    wait_for("refused as a picture");
    keyboard.write_all(b"\n").unwrap();
    wait_for("0 of 1 prove only that the share is at most 97.5 %");
    wait_for("large print: 0 of 1 let in");
    wait_for("Recorded as event");
    wait_for("Enter begins");
    keyboard.write_all(b"s\n").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "not all was made");
    assert_eq!(door.reports()[0].to_string(), "large print 0 of 1 let in");
}

#[test]
fn a_test_that_cannot_begin_says_why() {
    let mut door = TestDoor::new("off");
    let test: &[&str] = &["liveness", "test", "--kind", "phone"];
    for (arguments, code, said) in [
        (&["liveness", "test"] as &[&str], 2, "standard input is not a terminal"),
        (&["liveness", "test", "--kind", "mask"], 2, "small_print, large_print, bent_print, folded_print"),
        (&["liveness", "test", "--kind", "phone", "--presentations", "0"], 2, "--presentations"),
        (test, 1, "liveness.level is \"off\""),
    ] {
        let (found, out, err) = door.run(arguments);
        assert_eq!((found, out.as_str()), (code, ""), "{arguments:?}: {err}");
        assert!(err.contains(said), "{arguments:?}: {err}");
    }
    let text = fs::read_to_string(door.path("ostiary.toml")).unwrap();
    fs::write(door.path("ostiary.toml"), text.replace("level = \"off\"", "level = \"active\"")).unwrap();
    assert_eq!(door.run(&["door", "reload"]).0, 0);
    let (code, _, err) = door.run(test);
    assert!(code == 1 && err.contains("no output that asks people"), "{err}");
    door.stop();
    let (code, _, err) = door.run(test);
    assert!(code == 2 && err.contains("no door runs") && err.contains("start its service"), "{err}");
    fs::remove_file(door.path("events.sqlite")).unwrap();
    let (code, _, err) = door.run(&["liveness", "show"]);
    assert!(code == 2 && err.contains("events.sqlite"), "{err}");
}
