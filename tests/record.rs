//! Reading the record of visits: `ostiary replay`, `ostiary explain` and `ostiary report`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use assert_cmd::cargo::cargo_bin_cmd;
use insta::assert_snapshot;
use jiff::{SignedDuration, Timestamp};
use ostiary::replay::{Changes, NotDecided, Present, Replay, Replayed};
use ostiary_access::{
    Access, ChallengeState, Decider, Decision, DenialReason, LivenessEvidence, LivenessRules, MAX_TURNS,
    NetworkRules, Observation, Reason, RecordedChallenge, RecordedTurn,
};
use ostiary_config as config;
use ostiary_config::{Door, LivenessLevel};
use ostiary_control::interface::VarlinkClientInterface;
use ostiary_control::{CallError, Client};
use ostiary_core::{
    Candidate, ChallengeFailure, Direction, Embedding, ModelId, ModelRole, PersonId, Precision, Quality,
    Score, Similarity, TrackId,
};
use ostiary_events::{DecisionDetails, Denial, DenialWindows, Event, EventKind, EventStore};
use ostiary_facebank::{Facebank, PhotoHash, Template};
use ostiary_models::{Bundle, ModelEntry};
use ostiary_pipeline::Thresholds;
use ostiary_testkit::{ffmpeg, repository_file, wait_for};
use serde_json::Value;

const PEOPLE: i64 = 5;
const PHOTOS: u32 = 5;
/// The numbers of an embedding of the program's own models.
const DIMENSIONS: usize = 192;

/// The embedder of the program's own models.
fn embedder() -> ModelEntry {
    let models = config::Models { dir: Some(repository_file("models")), ..Default::default() };
    let bundle = Bundle::find(&models, Precision::Int8).unwrap();
    bundle.entry(ModelRole::Embedder).unwrap().clone()
}

/// The embedding of a person, who is like nobody else.
fn embedding(person: i64) -> Embedding {
    let mut values = [0.0; DIMENSIONS];
    values[person as usize] = 1.0;
    Embedding::normalized(&values).unwrap()
}

/// Plays visits at a door with five people, one after the other, and gives the events of its decisions.
struct Visits {
    decider: Decider,
    now: Duration,
    track: u64,
    random: u64,
    threshold: f32,
    model: ModelId,
    start: Timestamp,
    /// How long nobody is in view after the next visit.
    pause: Duration,
    /// What is known of whether the next visitors are people, and their challenge.
    liveness: LivenessEvidence,
    challenge: Option<RecordedChallenge>,
}

impl Visits {
    fn new() -> Self {
        Self::at(LivenessLevel::Off)
    }

    /// Visits at a door with this level of liveness.
    fn at(level: LivenessLevel) -> Self {
        let entry = embedder();
        let thresholds = Thresholds::new(&entry, None).unwrap();
        Self {
            decider: Decider::new(
                &Door::default(),
                LivenessRules {
                    level,
                    network: NetworkRules::Scores { spoof_below: 0.1, pass_from: 0.5, min_room: 1.5 },
                    can_prompt: true,
                },
            ),
            now: Duration::from_secs(1),
            track: 0,
            random: 1,
            threshold: thresholds.threshold(PEOPLE as usize, PHOTOS as usize).similarity.0,
            model: entry.id(),
            start: "2026-11-02T08:00:00Z".parse().unwrap(),
            pause: Duration::from_secs(20),
            liveness: LivenessEvidence::default(),
            challenge: None,
        }
    }

    /// The next of a series of numbers from 0 to 1 that looks random (Knuth's MMIX generator).
    fn random(&mut self) -> f32 {
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 40) as f32 / (1u64 << 24) as f32
    }

    /// A visit of a number of moments. Its similarity to `person` exceeds the threshold by about `excess`.
    fn visit(&mut self, person: i64, excess: f32, moments: u32, access: Access) -> Vec<Event> {
        self.track += 1;
        let (track, first_seen) = (TrackId(self.track), self.now);
        let mut events = Vec::new();
        for moment in 1..=moments {
            self.now += Duration::from_millis(200);
            let similarity = self.threshold + excess + 0.04 * (self.random() - 0.5);
            let score = |person, similarity| Score {
                person: PersonId(person),
                similarity: Similarity(similarity),
                cosine: Similarity(similarity + 0.12),
                threshold: Similarity(self.threshold),
                photos: PHOTOS,
            };
            let scores = [
                Some(score(person, similarity)),
                Some(score(person % PEOPLE + 1, similarity - 0.3)),
                Some(score((person + 1) % PEOPLE + 1, similarity - 0.4)),
            ];
            let face = Observation {
                track,
                first_seen,
                quality: Quality { size: 120.0, sharpness: 200.0, exposure: 0.5, ..Quality::default() },
                fault: None,
                embedded: true,
                moments: moment,
                candidate: Candidate::from_scores(scores),
                access,
                liveness: self.liveness,
            };
            let decisions = self.decider.observe(self.now, &[face]);
            events.extend(decisions.into_iter().map(|decision| self.event(decision)));
        }
        let ended = self.decider.track_ended(self.now, track);
        events.extend(ended.map(|decision| self.event(decision)));
        for _ in 0..self.pause.as_secs() {
            self.now += Duration::from_secs(1);
            assert!(self.decider.observe(self.now, &[]).is_empty());
        }
        self.now += Duration::from_secs(1);
        events
    }

    fn event(&self, mut decision: Decision) -> Event {
        decision.visit.challenge = self.challenge.clone();
        let time = self.start + SignedDuration::try_from(decision.time).unwrap();
        let details = DecisionDetails {
            person: decision.person.map(|person| format!("person {}", person.0)),
            detail: None,
            model: self.model.clone(),
            people: PEOPLE as u32,
            fpir: Some(0.0085),
        };
        Event::new(EventKind::decided(decision, details), time, "front")
    }

    /// Visits of strangers, each as similar to `person` as the others and a little more, with sums as the daemon records them.
    fn repeated(&mut self, person: i64, excess: f32, visits: usize) -> Vec<Event> {
        let mut windows = DenialWindows::default();
        let mut events = Vec::new();
        for visit in 0..visits {
            let excess = excess + 0.03 * visit as f32;
            for event in self.visit(person, excess, 10, Access::Allowed) {
                events.extend(windows.take(event, self.now));
            }
        }
        events.extend(windows.take_all());
        events
    }

    /// Visits of all kinds: people, some near the threshold, strangers, people outside their hours.
    fn mixed(&mut self, visits: usize) -> Vec<Event> {
        let mut events = Vec::new();
        for _ in 0..visits {
            let (kind, person) = (self.random(), 1 + (self.random() * PEOPLE as f32) as i64);
            let (excess, access) = match kind {
                kind if kind < 0.4 => (0.25, Access::Allowed),
                kind if kind < 0.6 => (0.02, Access::Allowed),
                kind if kind < 0.9 => (-0.3 * self.random(), Access::Allowed),
                _ => (0.2, Access::OutsideHours),
            };
            let moments = 1 + (self.random() * 20.0) as u32;
            // Some come back at once: in the same visit, within the cool-down, or within the memory of an unknown face.
            let pause = [2, 5, 20, 20, 20][(self.random() * 5.0) as usize];
            self.pause = Duration::from_secs(pause);
            events.extend(self.visit(person, excess, moments, access));
        }
        events
    }
}

/// A record of these events, and commands that read it.
struct Record {
    folder: tempfile::TempDir,
}

impl Record {
    fn new(events: Vec<Event>) -> Self {
        let record = Self { folder: tempfile::tempdir().unwrap() };
        let config = config::Events { path: record.path(), ..Default::default() };
        let mut store = EventStore::open(&config, false).unwrap();
        for mut event in events {
            store.append(&mut event).unwrap();
        }
        let model = embedder().id();
        let mut facebank = Facebank::open(&record.folder.path().join("facebank.sqlite")).unwrap();
        for person in 1..=PEOPLE {
            let template = Template {
                embedding: embedding(person),
                photo: PhotoHash::of(&person.to_le_bytes()),
                crop: None,
                weight: 1.0,
            };
            facebank.enroll(&format!("person {person}"), &model, &[template]).unwrap();
        }
        record
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("events.sqlite")
    }

    /// A command with a configuration file for this record.
    fn configured(&self, models: PathBuf) -> Command {
        let [facebank, file] = ["facebank.sqlite", "ostiary.toml"].map(|name| self.folder.path().join(name));
        let text = format!(
            "[facebank]\npath = {facebank:?}\n[events]\npath = {:?}\nkeep_grants_days = 3650\n[engine]\n\
             precision = \"int8\"\n[liveness]\nlevel = \"off\"\n",
            self.path()
        );
        fs::write(&file, text).unwrap();
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("ostiary"));
        command.env("TZ", "UTC").env_remove("NOTIFY_SOCKET").stdin(Stdio::null());
        command.arg("--config").arg(file).arg("--models").arg(models);
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let path = |key: &str, name: &str| format!("{key}={}", self.folder.path().join(name).display());
        let mut command = cargo_bin_cmd!("ostiary");
        command.args(arguments).env_clear().env("TZ", "UTC").current_dir(self.folder.path());
        command.arg("--models").arg(repository_file("models")).args(["--set", "engine.precision=int8"]);
        command.args(["--set", &path("events.path", "events.sqlite")]);
        command.args(["--set", &path("facebank.path", "facebank.sqlite")]);
        command.output().unwrap()
    }

    fn text(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let output = self.run(&[arguments, &["--json"]].concat());
        assert_ne!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn nothing_changed() -> Replay {
    Replay::new(Changes::default(), Present::default())
}

#[test]
fn ten_thousand_visits_are_decided_again_as_they_were() {
    let events = Visits::new().mixed(10_000);
    assert!(events.len() > 5_000, "{}", events.len());
    let mut replay = nothing_changed();
    for event in &events {
        let (recorded, _) = event.kind.face().unwrap();
        assert_eq!(replay.next(event), Some(Replayed::Decided(Some(recorded))), "{event:?}");
    }
}

#[test]
fn a_stored_record_is_decided_again_as_it_was() {
    let record = Record::new(Visits::new().mixed(100));
    let found = record.json(&["replay"]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["others"], 0);
    assert!(found[0]["same"].as_u64().unwrap() > 50);
    assert_eq!(record.json(&["replay", "--since", "2999-01-01"])[0]["same"], 0);
}

#[test]
fn changed_keys_change_the_decisions_that_they_decide() {
    let mut visits = Visits::new();
    let clear = visits.visit(1, 0.3, 6, Access::Allowed);
    visits.pause = Duration::from_secs(5);
    let near = visits.visit(2, 0.03, 8, Access::Allowed);
    let again = visits.visit(2, 0.2, 6, Access::Allowed);
    let record = Record::new([clear, near, again].concat());
    let changed = |set: &str| {
        let mut lines = record.json(&["replay", "--set", set]);
        lines.pop();
        let change = |line: &Value| {
            let reason = |key: &str| line[key].as_str().unwrap_or("none").to_owned();
            (line["id"].as_u64().unwrap(), reason("recorded"), reason("replayed"))
        };
        lines.iter().map(change).collect::<Vec<_>>()
    };
    let expected = |id, recorded: &str, replayed: &str| (id, recorded.to_owned(), replayed.to_owned());
    assert_eq!(changed("door.cooldown_s=1"), [expected(3, "cool_down", "granted")]);
    // The second is no grant any more, and so the third is no cool-down.
    let stricter = changed("door.fpir=0.001");
    assert_eq!(stricter.len(), 2, "{stricter:?}");
    assert_eq!((stricter[0].0, &*stricter[0].1), (2, "granted"));
    assert_eq!(stricter[1], expected(3, "cool_down", "granted"));
    assert_eq!(changed("door.margin=0.05"), []);
    assert_eq!(record.run(&["replay", "--set", "door.cooldown_s=1"]).status.code(), Some(1));
}

#[test]
fn changed_numbers_of_moments_hours_and_alike_people_change_decisions() {
    let mut visits = Visits::new();
    let events = [
        // A clear match, at the third moment.
        visits.visit(1, 0.075, 4, Access::Allowed),
        // A stranger, after eight moments.
        visits.visit(2, -0.25, 10, Access::Allowed),
        visits.visit(3, 0.3, 6, Access::OutsideHours),
        visits.visit(4, 0.3, 6, Access::Alike),
    ];
    let record = Record::new(events.concat());
    let changed = |set: &str| {
        let mut lines = record.json(&["replay", "--set", set]);
        lines.pop();
        lines.iter().map(|line| (line["id"].as_u64(), line["replayed"].clone())).collect::<Vec<_>>()
    };
    let too_few: Vec<_> = [1, 3, 4].map(|id| (Some(id), Value::Null)).into();
    assert_eq!(changed("door.frames=5"), too_few, "the record ends with the decision");
    assert_eq!(changed("door.frames=3"), []);
    assert_eq!(changed("door.unknown_after=20"), [(Some(2), Value::Null)]);
    assert_eq!(changed("hours.cleaners=[\"always\"]"), [(Some(3), "granted".into())]);
    assert_eq!(changed("door.alike=allow"), [(Some(4), "granted".into())]);
}

#[test]
fn keys_that_act_on_what_is_not_recorded_are_refused() {
    let record = Record::new(Visits::new().mixed(5));
    for (code, set, why) in [
        (2, "camera.rotate=90", "camera.rotate cannot be changed in a replay"),
        // The models say no, as those of a running door do.
        (1, "door.fpir=1e-5", "door.fpir = 0.00001"),
        (2, "door.fpri=0.01", "door.fpir"),
    ] {
        let output = record.run(&["replay", "--set", set]);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{error}");
        assert!(error.contains(why), "{error}");
    }
    let output = record.run(&["replay", "--since", "soon"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("not a time"));
}

#[test]
fn decisions_are_explained() {
    let mut visits = Visits::new();
    let events = [
        visits.visit(1, 0.3, 6, Access::Allowed),
        visits.visit(2, -0.2, 10, Access::Allowed),
        visits.visit(3, 0.3, 6, Access::OutsideHours),
    ];
    let record = Record::new(events.concat());
    let mut text = String::new();
    for id in ["1", "2", "3"] {
        text += &record.text(&["explain", id]);
        text.push('\n');
    }
    assert_snapshot!(text);
    assert_eq!(record.text(&["explain"]), record.text(&["explain", "3"]));
    let json = &record.json(&["explain", "1"])[0];
    assert_eq!(json["visit"]["record"]["steps"].as_array().unwrap().len(), 2);
    let output = record.run(&["explain", "77"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("no decision about a face with the id 77"));
    assert_eq!(output.status.code(), Some(1));
}

/// A turn to the left that went this far, and was seen if it went far enough.
fn turn(shift: f32) -> RecordedTurn {
    let seen_ms = (shift > 0.14).then_some(1900);
    RecordedTurn { direction: Direction::Left, asked_ms: 700, seen_ms, shift: Some(shift) }
}

#[test]
fn each_layer_of_liveness_is_explained_with_its_number() {
    let seen = |room, score, challenge| LivenessEvidence { room: Some(room), score: Some(score), challenge };
    let explained = |level, liveness, challenge| {
        let mut visits = Visits::at(level);
        (visits.liveness, visits.challenge) = (liveness, challenge);
        let events = visits.visit(1, 0.3, 12, Access::Allowed);
        Record::new(events).text(&["explain"])
    };
    let passive = LivenessLevel::Passive;
    let spoof = explained(passive, seen(2.7, 0.031, ChallengeState::NotAsked), None);
    assert!(spoof.contains("Did not open: a picture of person 1 was shown"), "{spoof}");
    assert!(
        spoof.contains("the median score of 5 frames is 0.031 (0.5 needed, a picture below 0.1): an attack"),
        "{spoof}"
    );
    let near = explained(passive, seen(1.2, 0.9, ChallengeState::NotAsked), None);
    assert!(near.contains("fits 1.2 times into the picture (1.5 needed): says nothing"), "{near}");
    assert!(
        near.contains("Step back so that your shoulders are in the picture")
            || near.contains("step back so that"),
        "{near}"
    );
    let challenge = RecordedChallenge {
        turns: [turn(0.21), turn(0.05)].into_iter().collect(),
        relative_aspect: Some(0.97),
        losses: 0,
        elapsed_ms: 8100,
    };
    let failed = ChallengeState::Failed(ChallengeFailure::TimedOut);
    let active = explained(LivenessLevel::Active, seen(2.7, 0.9, failed), Some(challenge));
    assert!(
        active.contains("left by 0.21 of the distance between the eyes after 1.2 s, left, not made by 0.05"),
        "{active}"
    );
    assert!(active.contains("the face 0.97 times as wide as at enrollment"), "{active}");
    assert!(active.contains("The head was not turned as asked in time"), "{active}");
    let granted = explained(passive, seen(2.7, 0.9, ChallengeState::NotAsked), None);
    assert!(
        granted.contains("the median score of 5 frames is 0.900") && granted.contains(": passes."),
        "{granted}"
    );
}

#[test]
fn a_lower_level_of_liveness_is_decided_again_and_a_higher_one_is_not() {
    let mut visits = Visits::at(LivenessLevel::Passive);
    visits.liveness = LivenessEvidence { room: Some(2.7), score: Some(0.03), ..LivenessEvidence::default() };
    let events = visits.visit(1, 0.3, 6, Access::Allowed);
    let replayed = |level: &str| {
        let mut config = config::Config::default();
        config.liveness.level = serde_json::from_value(level.into()).unwrap();
        let changes = Changes::new(["liveness.level"], &config).unwrap();
        Replay::new(changes, Present::default()).next(&events[0])
    };
    assert_eq!(replayed("passive"), Some(Replayed::Decided(Some(Reason::Denied(DenialReason::Spoof)))));
    assert_eq!(replayed("off"), Some(Replayed::Decided(Some(Reason::Granted))));
    let not_measured = NotDecided::LowerLevel(LivenessLevel::Passive);
    assert_eq!(replayed("active"), Some(Replayed::NotDecided(not_measured)));
}

#[test]
fn a_report_counts_visits_strangers_and_second_tries() {
    let mut visits = Visits::new();
    visits.pause = Duration::from_secs(600);
    let mut events = Vec::new();
    for _ in 0..4 {
        events.extend(visits.visit(1, 0.3, 6, Access::Allowed));
        events.extend(visits.visit(2, -0.3, 10, Access::Allowed));
    }
    // Person 3 is not recognized, and comes again at once.
    visits.pause = Duration::from_secs(20);
    events.extend(visits.visit(3, -0.1, 10, Access::Allowed));
    events.extend(visits.visit(3, 0.3, 8, Access::Allowed));
    let record = Record::new(events);
    let report = &record.json(&["report"])[0];
    assert_eq!((&report["visits"], &report["granted"]), (&10.into(), &5.into()));
    assert_eq!(report["denied"], serde_json::json!({ "unknown": 5 }));
    assert_eq!(report["strangers"]["visits"], 4);
    assert!(report["strangers"]["supported_fpir"].as_f64().unwrap() > 0.5);
    let people = report["people"].as_array().unwrap();
    let rates: Vec<_> =
        people.iter().map(|person| (person["visits"].clone(), person["refused"].clone())).collect();
    assert_eq!(rates, [(4.into(), 0.into()), (2.into(), 1.into())]);
    assert!(!report["other_fpir"].as_array().unwrap().is_empty());
    assert_eq!(report["weeks"][0]["begins"], "2026-11-02");

    let page = record.folder.path().join("report.html");
    let text = record.text(&["report", "--html", page.to_str().unwrap()]);
    assert!(
        text.contains("were refused: 4. If no stranger is among the 5 grants, this door lets in"),
        "{text}"
    );
    assert!(!text.contains("further denials"), "{text}");
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("<svg") && page.contains("person 3") && !page.contains("<script"), "{page}");
    let empty = Record::new(Vec::new());
    assert_eq!(empty.text(&["report"]), "The record has no visit yet.\n");
}

#[test]
fn repeated_denials_are_one_visit_that_is_explained_and_decided_again() {
    let mut visits = Visits::new();
    visits.pause = Duration::from_secs(3);
    let mut events = visits.repeated(2, -0.15, 4);
    assert_eq!(events.len(), 2, "{events:?}");
    assert!(matches!(events[1].kind, EventKind::Denied(Denial::Repeated { count: 3, .. })));
    visits.pause = Duration::from_secs(600);
    // The same person is let in at once.
    events.extend(visits.visit(2, 0.3, 8, Access::Allowed));
    let record = Record::new(events);

    let explained = record.text(&["explain", "2"]);
    assert!(explained.starts_with("Event 2, "), "{explained}");
    assert!(
        explained.contains("most similar to person 2") && explained.contains("was too low by"),
        "{explained}"
    );

    let report = &record.json(&["report"])[0];
    assert_eq!(
        (&report["visits"], &report["repeated"], &report["granted"]),
        (&3.into(), &2.into(), &1.into())
    );
    assert_eq!(report["denied"], serde_json::json!({ "unknown": 2 }));
    let person = &report["people"][0];
    assert_eq!((&person["visits"], &person["refused"]), (&3.into(), &2.into()), "both came before the grant");
    assert_eq!(report["strangers"]["visits"], 0);
    let page = record.folder.path().join("report.html");
    let text = record.text(&["report", "--html", page.to_str().unwrap()]);
    let page = std::fs::read_to_string(page).unwrap();
    for (text, lines) in [
        (&text, ["summed with one of these visits: 2", "are not decided again: 2."]),
        (&page, ["summed with one of these visits</td><td>2</td>", "are not decided again: 2."]),
    ] {
        assert!(lines.iter().all(|line| text.contains(line)), "{text}");
    }

    let replayed = &record.json(&["replay"])[0];
    assert_eq!(
        (&replayed["same"], &replayed["others"], &replayed["repeated"]),
        (&3.into(), &0.into(), &2.into())
    );
    assert_eq!(record.json(&["replay", "--until", "2026-11-02 08:00"])[0]["same"], 0);
    // Each of the four is an attempt to be taken for person 2: the way in pauses after four, and not after five.
    let paused = |attempts: u32| {
        let set = format!("lockout.attempts={attempts}");
        let mut lines = record.json(&["replay", "--set", &set]);
        lines.pop();
        lines.iter().map(|line| (line["id"].clone(), line["replayed"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(paused(4), [(3.into(), "paused".into())]);
    assert_eq!(paused(5), []);
}

#[test]
fn a_visit_far_below_the_threshold_is_a_strangers_although_the_nearest_person_comes_next() {
    let mut visits = Visits::new();
    let mut events = visits.visit(4, -0.25, 10, Access::Allowed);
    events.extend(visits.visit(4, 0.3, 8, Access::Allowed));
    let report = &Record::new(events).json(&["report"])[0];
    let person = &report["people"][0];
    assert_eq!((&person["visits"], &person["refused"]), (&1.into(), &0.into()));
    let strangers = &report["strangers"];
    assert_eq!((&strangers["visits"], &strangers["nearest"]["event"]), (&1.into(), &1.into()));
}

#[test]
fn a_record_that_does_not_exist_begins_with_the_daemon() {
    let record = Record::new(Vec::new());
    std::fs::remove_file(record.path()).unwrap();
    for command in ["events", "explain", "replay", "report"] {
        let output = record.run(&[command]);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains("the record begins with the first start of the daemon"), "{error}");
    }
}

#[test]
fn the_record_of_a_visit_is_at_most_4_kilobytes() {
    let mut visits = Visits::at(LivenessLevel::Passive);
    // The longest numbers, and as many turns as two tries of a challenge have.
    visits.liveness = LivenessEvidence {
        room: Some(1.712),
        score: Some(0.512),
        challenge: ChallengeState::Failed(ChallengeFailure::WrongTurnAgain),
    };
    visits.challenge = Some(RecordedChallenge {
        turns: [turn(-0.123); MAX_TURNS].into_iter().collect(),
        relative_aspect: Some(0.987),
        losses: 2,
        elapsed_ms: 8123,
    });
    for event in visits.mixed(200) {
        let visit = event.kind.face().unwrap().1.visit.clone().unwrap();
        let length = serde_json::to_string(&visit).unwrap().len();
        assert!(length <= 4096, "{length}");
    }
}

/// A door that runs before an empty place and has this record.
struct RunningDoor<'a> {
    record: &'a Record,
    daemon: Child,
}

impl<'a> RunningDoor<'a> {
    fn start(record: &'a Record) -> Self {
        let video = record.folder.path().join("empty.mkv");
        ffmpeg(&["-f", "lavfi", "-i", "color=c=gray:s=320x240:r=2:d=300"], &video);
        let source = format!("camera.source={}", video.display());
        let mut command = record.configured(repository_file("models"));
        command.args(["run", "--set", &source, "--set", "camera.realtime=true"]);
        let log = record.folder.path().join("door.log");
        let daemon = command.stdout(Stdio::null()).stderr(fs::File::create(&log).unwrap()).spawn().unwrap();
        let mut door = Self { record, daemon };
        wait_for("the door answers", || {
            let ended = door.daemon.try_wait().unwrap();
            assert!(ended.is_none(), "{}", fs::read_to_string(&log).unwrap());
            door.client().is_some()
        });
        door
    }

    fn client(&self) -> Option<Client> {
        let socket = self.record.folder.path().join("facebank.sqlite.control");
        let mut client = Client::connect(&socket).ok()??;
        client.door().get_state().call().is_ok_and(|reply| reply.state.camera).then_some(client)
    }
}

impl Drop for RunningDoor<'_> {
    fn drop(&mut self) {
        self.daemon.kill().unwrap();
        self.daemon.wait().unwrap();
    }
}

/// What a command prints and its exit code; JSON lines are read.
fn said(mut command: Command, arguments: &[&str]) -> (String, Vec<Value>, Option<i32>) {
    let output = command.args(arguments).output().unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    let lines = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    (text, lines, output.status.code())
}

/// Whether two values are equal but for the last digits of their numbers.
fn is_close(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            (one.as_f64().unwrap() - other.as_f64().unwrap()).abs() < 1e-9
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_close(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, one)| other.get(key).is_some_and(|other| is_close(one, other)))
        }
        _ => one == other,
    }
}

#[test]
fn a_running_door_reports_explains_and_replays_its_record_as_the_commands_do() {
    let record = Record::new(Visits::new().mixed(300));
    let commands: [&[&str]; 8] = [
        &["report"],
        &["report", "--json"],
        &["report", "--since", "2999-01-01", "--json"],
        &["explain", "7", "--json"],
        &["explain"],
        &["replay", "--json"],
        &["replay", "--since", "2026-11-02 08:30", "--set", "door.fpir=0.001", "--set", "door.cooldown_s=1"],
        &["replay", "--until", "2026-11-02", "--set", "hours.cleaners=[\"always\"]", "--json"],
    ];
    let refused: [&[&str]; 2] = [&["explain", "9999"], &["replay", "--set", "quality.min_size=90"]];
    let models = || repository_file("models");
    let by_files = commands.map(|command| said(record.configured(models()), command));
    let refused_by_files = refused.map(|command| said(record.configured(models()), command));
    let door = RunningDoor::start(&record);
    for (command, files) in commands.iter().zip(&by_files) {
        // Only the door has the models. Its report would lack rates, and the replay with another one would be an error.
        let asked = said(record.configured("/does/not/exist".into()), command);
        assert_eq!(asked.2, files.2, "{command:?}: {}", asked.0);
        if asked.1.is_empty() {
            assert_eq!(asked.0, files.0, "{command:?}");
        }
        let pairs = asked.1.iter().zip(&files.1);
        assert!(
            asked.1.len() == files.1.len() && pairs.into_iter().all(|(one, other)| is_close(one, other)),
            "{command:?}"
        );
    }
    assert!(by_files[1].1[0]["visits"].as_u64().unwrap() > 200, "more than one part of the record");
    assert!(!by_files[1].1[0]["other_fpir"].as_array().unwrap().is_empty());
    assert_eq!((by_files[5].2, by_files[6].2, by_files[7].2), (Some(0), Some(1), Some(1)));
    assert_eq!(refused.map(|command| said(record.configured(models()), command)), refused_by_files);
    let mut client = door.client().unwrap();
    assert!(is_close(&client.door().get_report(None).call().unwrap().report, &by_files[1].1[0]));
    // No call makes the door read other files.
    for (change, why) in [
        ("events.path=/etc/passwd", "its own record"),
        ("models.dir=/tmp", "its own record"),
        ("camera.password_file=/etc/shadow", "cannot be changed in a replay"),
        ("door.margin=x", "door.margin"),
        ("door", "door"),
    ] {
        let mut replay = client.door().replay(None, None, vec![change.to_owned()]);
        let refused = replay.more().unwrap().next().unwrap().map(drop).map_err(CallError::from);
        let Err(CallError::Refused { message }) = refused else { panic!("{change}: {refused:?}") };
        assert!(message.contains(why), "{message}");
    }
    // Another record is not that of the door.
    let other = Record::new(Visits::new().mixed(3));
    let other = format!("events.path={}", other.path().display());
    let own = said(record.configured(models()), &["--set", &other, "report", "--json"]);
    assert!((1..=3).contains(&own.1[0]["visits"].as_u64().unwrap()), "{}", own.0);
}
