//! `ostiary doctor` reports faults of a door and changes nothing.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use assert_cmd::cargo::cargo_bin_cmd;
use ostiary_access::{DenialReason, ModeName};
use ostiary_config as config;
use ostiary_core::{ChannelOrder, Embedding, ModelId, ModelRole, Precision};
use ostiary_events::{Denial, Event, EventKind, EventStore, Grant, ReopeningStore};
use ostiary_facebank::{DaemonLock, Facebank, PhotoHash, Template};
use ostiary_models::{Bundle, Manifest};
use ostiary_mqtt::{DoorDescription, DoorSummary, ModelVersions, Mqtt};
use ostiary_testkit::{Broker, calibration, evidence, free_port, models_with, portrait, wait_for};
use serde_json::Value;

/// The checks in their order.
const CHECKS: [&str; 25] = [
    "config",
    "service",
    "control",
    "permissions",
    "disk",
    "clock",
    "temperature",
    "throttling",
    "kernels",
    "models",
    "facebank",
    "hours",
    "events",
    "strangers",
    "snapshots",
    "trail",
    "programs",
    "camera",
    "mode",
    "relay",
    "signals",
    "inputs",
    "broker",
    "watchdog",
    "liveness",
];

/// Checks whose findings depend on the computer that runs the tests.
const HOST_CHECKS: [&str; 6] = ["service", "disk", "temperature", "throttling", "kernels", "watchdog"];

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models")
}

/// A door in a temporary folder, with a picture as the camera and one enrolled person.
struct Door {
    folder: tempfile::TempDir,
    /// The models, with a calibration.
    models: tempfile::TempDir,
    settings: BTreeMap<String, String>,
}

fn template(name: &str) -> Template {
    let embedding = Embedding::normalized(&[1.0; 192]).unwrap();
    Template { embedding, photo: PhotoHash::of(name.as_bytes()), weight: 1.0, crop: None }
}

impl Door {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let door = Self { folder, models: models_with(Some(&calibration())), settings: BTreeMap::new() };
        let stripe = |x: u32| if (x / 4).is_multiple_of(2) { 60 } else { 0 };
        let picture =
            image::RgbImage::from_fn(64, 48, |x, y| image::Rgb([x as u8 * 3 + stripe(x), y as u8 * 5, 99]));
        picture.save(door.path("camera.png")).unwrap();
        let model = Bundle::open(&models(), Precision::default()).unwrap().id(ModelRole::Embedder).unwrap();
        door.enroll("Ann", &model);
        let paths = ["camera.png", "people.sqlite", "events.sqlite"].map(|name| door.path(name));
        let [camera, people, events] = paths.map(|path| path.display().to_string());
        let models = door.models.path().display().to_string();
        door.with("camera.source", &camera)
            .with("facebank.path", &people)
            .with("events.path", &events)
            .with("models.dir", &models)
    }

    fn enroll(&self, name: &str, model: &ModelId) {
        let mut facebank = Facebank::open(&self.path("people.sqlite")).unwrap();
        facebank.enroll(name, model, &[template(name)]).unwrap();
    }

    /// Sets a key. The value is a string unless it is a number or a boolean.
    fn with(mut self, key: &str, value: &str) -> Self {
        let is_literal = value.parse::<f64>().is_ok() || value.parse::<bool>().is_ok();
        let value = if is_literal { value.to_owned() } else { format!("{value:?}") };
        self.settings.insert(key.to_owned(), value);
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn doctor(&self, flags: &[&str]) -> (i32, String) {
        let file = self.path("ostiary.toml");
        let lines: Vec<String> =
            self.settings.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
        fs::write(&file, lines.concat()).unwrap();
        let mut command = cargo_bin_cmd!("ostiary");
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("OSTIARY_")) {
            command.env_remove(name);
        }
        let output = command.arg("doctor").arg("--config").arg(&file).args(flags).output().unwrap();
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    }

    /// The findings. Asserts their form, that all checks ran, and the exit code.
    fn findings(&self) -> Findings {
        let (code, out) = self.doctor(&["--json"]);
        let findings = Findings(out.lines().map(|line| serde_json::from_str(line).unwrap()).collect());
        let mut checks: Vec<&str> = Vec::new();
        for finding in &findings.0 {
            let object = finding.as_object().unwrap();
            checks.push(object["check"].as_str().unwrap());
            assert!(!object["found"].as_str().unwrap().is_empty());
            let keys: Vec<&str> = object.keys().map(String::as_str).collect();
            match object["status"].as_str().unwrap() {
                "ok" => assert_eq!(keys, ["check", "found", "status"], "{finding}"),
                "warning" | "fault" => {
                    assert_eq!(keys, ["check", "found", "mend", "status"], "{finding}");
                    assert!(!object["mend"].as_str().unwrap().is_empty());
                }
                other => panic!("{other} is no status"),
            }
        }
        checks.dedup();
        assert_eq!(checks, CHECKS);
        assert_eq!(code, i32::from(!findings.with("fault").is_empty()), "{out}");
        findings
    }

    /// The only fault: the name of its check, and its message.
    fn fault(&self) -> (String, String) {
        let findings = self.findings();
        let faults = findings.with("fault");
        assert_eq!(faults.len(), 1, "{faults:#?}");
        let text = |key: &str| faults[0][key].as_str().unwrap().to_owned();
        (text("check"), format!("{}; {}", text("found"), text("mend")))
    }

    /// Asserts that the only fault is of this check, and that its message contains all these parts.
    fn has_fault(&self, check: &str, parts: &[&str]) {
        let (found, message) = self.fault();
        assert_eq!(found, check, "{message}");
        assert!(parts.iter().all(|part| message.contains(part)), "{parts:?} is not all in {message:?}");
    }
}

struct Findings(Vec<Value>);

impl Findings {
    fn with(&self, status: &str) -> Vec<&Value> {
        self.0.iter().filter(|finding| finding["status"] == status).collect()
    }

    /// The first finding of a check: its status and what was found.
    fn of(&self, check: &str) -> (&str, &str) {
        let finding = self.0.iter().find(|finding| finding["check"] == check).unwrap();
        (finding["status"].as_str().unwrap(), finding["found"].as_str().unwrap())
    }
}

/// The files of a folder with their contents.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// Makes an event store with one event.
fn record(path: &Path) -> EventStore {
    let config = config::Events { path: path.to_owned(), keep: 100, ..config::Events::default() };
    let mut store = EventStore::open(&config, false).unwrap();
    let time = "2026-11-24T08:15:00Z".parse().unwrap();
    store.append(&mut Event::new(granted("Ann"), time, "door")).unwrap();
    store
}

fn granted(person: &str) -> EventKind {
    EventKind::Granted(Grant::Face { person: Some(person.into()), evidence: evidence() })
}

#[test]
fn a_working_door_has_no_faults() {
    let broker = Broker::open();
    let door = Door::new()
        .with("mqtt.enabled", "true")
        .with("mqtt.host", "127.0.0.1")
        .with("mqtt.port", &broker.port().to_string());
    drop(record(&door.path("events.sqlite")));
    let findings = door.findings();
    let warnings: Vec<_> = findings.with("warning").into_iter().map(|finding| &finding["check"]).collect();
    let is_door_check = |check: &&Value| !HOST_CHECKS.contains(&check.as_str().unwrap());
    assert_eq!(
        warnings.into_iter().filter(is_door_check).collect::<Vec<_>>(),
        ["relay", "liveness", "liveness"]
    );
    assert_eq!(findings.of("config"), ("ok", "good"));
    for (check, part) in [
        ("facebank", "1 people, 1 of them enabled, 1 templates"),
        ("events", "1 events in total, the last at 2026-11-24T08:15:00Z: Let Ann in"),
        ("camera", "a frame of 64x48, brightness 0.4"),
        ("broker", "accepts the connection"),
        ("programs", "none is needed"),
        ("relay", "no relay: no door opens"),
        ("inputs", "none: no exit button and no door contact is set"),
        ("liveness", "a large print without a visible edge can open it"),
    ] {
        let (_, found) = findings.of(check);
        assert!(found.contains(part), "{check}: {found}");
    }
    let models = findings.0.iter().filter(|finding| finding["check"] == "models");
    let models: Vec<_> = models.map(|finding| finding["found"].as_str().unwrap()).collect();
    let [networks, portrait, golden, liveness, threshold] = models[..] else { panic!("{models:?}") };
    assert!(networks.starts_with("9 networks in "), "{networks}");
    assert_eq!(portrait, "the detector finds the face of the bundled portrait");
    assert_eq!(golden, "this processor gives the golden embedding bit for bit");
    assert_eq!(liveness, "this processor gives the golden outputs of presentation attack detection");
    assert_eq!(threshold, "threshold 0.450 for door.fpir 0.01");
}

#[test]
fn the_text_has_one_line_per_finding() {
    let (code, out) = Door::new().doctor(&[]);
    assert_eq!(code, 0, "{out}");
    let lines: Vec<&str> = out.lines().collect();
    for check in CHECKS {
        let line = lines.iter().find(|line| line.split_whitespace().nth(1) == Some(check)).unwrap();
        assert!(["ok ", "warning "].iter().any(|status| line.starts_with(status)), "{line}");
    }
    let relay = "warning  relay        no relay: no door opens; set relay.line to the GPIO line of the relay";
    assert!(lines.contains(&relay), "{out}");
}

#[test]
fn doctor_changes_no_file_and_does_not_disturb_the_daemon() {
    let door = Door::new();
    door.findings();
    let before = contents(door.folder.path());
    door.findings();
    assert_eq!(contents(door.folder.path()), before);

    let store = record(&door.path("events.sqlite"));
    let daemon = DaemonLock::acquire(&door.path("people.sqlite")).unwrap();
    let before: Vec<_> = contents(door.folder.path()).into_keys().collect();
    assert_eq!(door.findings().of("events").0, "ok");
    assert_eq!(contents(door.folder.path()).into_keys().collect::<Vec<_>>(), before);
    assert!(DaemonLock::acquire(&door.path("people.sqlite")).is_err());
    drop((daemon, store));
}

#[test]
fn a_record_that_was_changed_from_outside_is_a_fault() {
    let door = Door::new();
    let path = door.path("events.sqlite");
    drop(record(&path));
    assert_eq!(door.findings().of("trail"), ("ok", "1 events fit the trail of 1"));
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute("UPDATE events SET json = replace(json, 'Ann', 'Bob')", []).unwrap();
    drop(connection);
    door.has_fault("trail", &["event 1 was changed after it was recorded", "ostiary events verify"]);
}

#[test]
fn a_video_source_needs_ffmpeg_and_is_decoded() {
    let door = Door::new();
    let video = door.path("door.mkv");
    let made = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-f", "lavfi", "-i", "color=black:size=64x48:rate=10:duration=1"])
        .arg(&video)
        .status();
    assert!(made.expect("these tests need ffmpeg: apt install ffmpeg").success());
    let door = door.with("camera.source", &video.display().to_string());
    let findings = door.findings();
    assert!(findings.of("programs").1.starts_with("ffmpeg version "), "{:?}", findings.of("programs"));
    let (status, found) = findings.of("camera");
    assert_eq!(status, "warning", "{found}");
    assert!(found.contains("a frame of 64x48, brightness 0.0"), "{found}");

    fs::write(&video, "no video").unwrap();
    door.has_fault("camera", &["door.mkv", "cannot be read as a video"]);
}

#[test]
fn a_camera_that_sees_heads_upside_down_or_sideways_is_noticed() {
    let picture = image::open(portrait("obama.jpg")).unwrap();
    for (turned, rotate, expected) in [
        (picture.clone(), "0", None),
        (picture.rotate180(), "0", Some(("upside down", "camera.rotate = 180"))),
        (picture.rotate90(), "0", Some(("sideways", "camera.rotate = 270"))),
        // The camera is turned already, by too little.
        (picture.rotate180(), "90", Some(("sideways", "camera.rotate = 180"))),
    ] {
        let door = Door::new();
        turned.save(door.path("turned.png")).unwrap();
        let source = door.path("turned.png").display().to_string();
        let findings = door.with("camera.source", &source).with("camera.rotate", rotate).findings();
        let found =
            findings.0.iter().find(|finding| finding["found"].as_str().unwrap().contains("sees a head"));
        let parts = found.map(|finding| {
            assert_eq!((&finding["check"], &finding["status"]), (&"camera".into(), &"warning".into()));
            (finding["found"].as_str().unwrap(), finding["mend"].as_str().unwrap())
        });
        match (parts, expected) {
            (None, None) => {}
            (Some((found, fix)), Some((how, key))) => {
                assert!(found.contains(how) && fix.contains(key), "{fix}")
            }
            (parts, expected) => panic!("{parts:?} instead of {expected:?}"),
        }
    }
}

#[test]
fn all_problems_of_the_configuration_are_reported_and_the_other_checks_run() {
    let door = Door::new().with("door.fpri", "1e-2").with("camera.fps", "1000");
    let findings = door.findings();
    let faults = findings.with("fault");
    let reported: Vec<_> =
        faults.iter().map(|finding| (&finding["check"], finding["found"].to_string())).collect();
    assert_eq!(reported.len(), 2, "{reported:?}");
    assert!(reported.iter().all(|(check, _)| *check == "config"));
    assert!(reported.iter().any(|(_, found)| found.contains("there is no door.fpri")), "{reported:?}");
    assert!(
        reported.iter().any(|(_, found)| found.contains("camera.fps = 1000 is not allowed")),
        "{reported:?}"
    );
    assert!(faults.iter().any(|fault| fault["mend"] == "did you mean door.fpir?"), "{faults:?}");
    assert_eq!(findings.of("camera").0, "ok");
    assert!(findings.of("facebank").1.contains("1 people"));
}

fn copy_models(to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(models()).unwrap().map(|entry| entry.unwrap()) {
        if entry.path().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

#[test]
fn an_altered_model_is_named() {
    let door = Door::new();
    let copy = door.path("models");
    copy_models(&copy);
    let mut bytes = fs::read(copy.join("onet.onnx")).unwrap();
    bytes[5000] ^= 1;
    fs::write(copy.join("onet.onnx"), bytes).unwrap();
    let door = door.with("models.dir", &copy.display().to_string());
    door.has_fault(
        "models",
        &["onet.onnx", "is not the file that the manifest names", "install the models again"],
    );

    fs::remove_file(copy.join("manifest.toml")).unwrap();
    door.has_fault("models", &["manifest.toml"]);
}

#[test]
fn the_golden_embedding_of_a_float_model_is_checked() {
    let findings = Door::new().with("engine.precision", "fp32").findings();
    let is_golden =
        |finding: &&Value| finding["found"].as_str().unwrap().contains("golden embedding (cosine ");
    assert_eq!(findings.with("ok").into_iter().filter(is_golden).count(), 1, "{:?}", findings.0);
}

#[test]
fn a_processor_with_other_results_is_a_fault() {
    let door = Door::new();
    let copy = door.path("models");
    copy_models(&copy);
    // A changed expected value has the same effect as a processor with other results.
    let manifest = copy.join("manifest.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    let begin = text.find("golden = [").unwrap();
    let end = begin + text[begin..].find(',').unwrap();
    let altered = format!("{}golden = [0.5{}", &text[..begin], &text[end..]);
    // The first golden embedding in the manifest is that of the float model.
    fs::write(&manifest, altered).unwrap();
    let door = door.with("models.dir", &copy.display().to_string()).with("engine.precision", "fp32");
    // There are more faults, because the template is of the 8-bit model.
    let faults = door.findings();
    let faults: Vec<_> = faults.with("fault").iter().map(|finding| finding["found"].to_string()).collect();
    assert!(faults.iter().any(|found| found.contains("does not give the golden embedding")), "{faults:?}");
}

#[test]
fn presentation_attack_detection_with_other_results_is_a_fault_and_without_a_network_a_warning() {
    let door = Door::new();
    let copy = door.path("models");
    copy_models(&copy);
    let path = copy.join(Manifest::FILE);
    let manifest: Manifest = toml::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let door = door.with("models.dir", &copy.display().to_string());
    let with = |change: &dyn Fn(&mut Manifest)| {
        let mut changed = manifest.clone();
        change(&mut changed);
        fs::write(&path, toml::to_string(&changed).unwrap()).unwrap();
    };
    let key = Precision::Int8.manifest_key(ModelRole::Liveness);
    with(&|manifest| manifest.models.get_mut(&key).unwrap().input.channels = ChannelOrder::Rgb);
    door.has_fault("models", &["golden output for the bundled portrait", "do not use these models"]);
    with(&|manifest| {
        manifest.models.get_mut(&key).unwrap().liveness.as_mut().unwrap().golden[0].output[0] += 1.0;
    });
    door.has_fault("models", &["golden output for the bundled portrait", "do not use these models"]);
    with(&|manifest| manifest.models.get_mut(&key).unwrap().liveness.as_mut().unwrap().golden.clear());
    door.has_fault("models", &["golden outputs are not at least one face"]);
    with(&|manifest| manifest.models.retain(|key, _| !key.starts_with("liveness")));
    let findings = door.findings();
    let is_missing =
        |finding: &&Value| finding["found"] == "the models have no network for presentation attack detection";
    assert_eq!(findings.with("warning").into_iter().filter(is_missing).count(), 1, "{:?}", findings.0);
}

#[test]
fn a_key_of_an_older_version_is_a_warning() {
    let findings = Door::new().with("door.far", "1e-3").findings();
    let (status, found) = findings.of("config");
    assert_eq!(status, "warning");
    assert!(found.contains("door.far is ignored: door.fpir has replaced it"), "{found}");
    let warning = findings.0.iter().find(|finding| finding["check"] == "config").unwrap();
    assert_eq!(warning["mend"], "remove it");
}

#[test]
fn a_rate_below_the_calibration_is_a_fault() {
    let door = Door::new();
    let thresholds = |door: &Door| {
        let findings = door.findings();
        let last = findings.0.iter().rfind(|finding| finding["check"] == "models").unwrap();
        (last["status"].clone(), last["found"].as_str().unwrap().to_owned())
    };
    assert_eq!(thresholds(&door), ("ok".into(), "threshold 0.450 for door.fpir 0.01".into()));
    let door = door.with("door.fpir", "0.001");
    assert_eq!(thresholds(&door), ("ok".into(), "threshold 0.500 for door.fpir 0.001 (extrapolated)".into()));
    door.with("door.fpir", "1e-4")
        .has_fault("models", &["door.fpir = 0.0001", "set door.fpir to 0.001 or more"]);
}

#[test]
fn models_without_a_calibration_are_a_warning() {
    let models = models_with(None);
    let findings = Door::new().with("models.dir", &models.path().display().to_string()).findings();
    let last = findings.0.iter().rfind(|finding| finding["check"] == "models").unwrap();
    assert_eq!(last["status"], "warning", "{last}");
    assert!(last["found"].as_str().unwrap().contains("the model has no calibration"), "{last}");
    assert_eq!(last["mend"], "activate a newer bundle of models, which has a calibration");
}

#[test]
fn a_missing_camera_is_named() {
    let door = Door::new().with("camera.source", "/dev/video987");
    door.has_fault("camera", &["/dev/video987: no such camera"]);
    let door = door.with("camera.source", "/nowhere/door.mp4");
    door.has_fault("camera", &["/nowhere/door.mp4: no such file", "camera.source"]);
}

#[test]
fn the_password_of_a_stream_is_not_printed() {
    let address = format!("rtsp://anna:s3cret'end mark@127.0.0.1:{}/main?key=t0ken", free_port());
    let door = Door::new().with("camera.source", &address);
    let findings = door.findings();
    assert_eq!(findings.of("camera").0, "fault");
    // Others can read the configuration file that this test wrote.
    assert_eq!(findings.of("permissions").0, "warning");
    let (_, text) = door.doctor(&[]);
    let shown = format!("{:?}{text}", findings.0);
    assert!(!["anna", "s3cret", "end mark", "t0ken"].iter().any(|secret| shown.contains(secret)), "{shown}");
}

#[test]
fn faults_of_the_facebank_are_reported() {
    let door = Door::new();
    let path = door.path("people.sqlite");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let open = door.findings();
    let warning = open.with("warning").into_iter().find(|warning| warning["check"] == "facebank").unwrap();
    assert_eq!(warning["mend"], format!("run `chmod 600 {}`", path.display()));

    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let mut facebank = Facebank::open(&path).unwrap();
    facebank.set_enabled("Ann", false).unwrap();
    assert_eq!(door.findings().of("facebank").0, "warning");
    facebank.remove("Ann").unwrap();
    drop(facebank);
    let empty = door.findings();
    assert_eq!(empty.of("facebank"), ("warning", &*format!("{}: nobody is enrolled", path.display())));

    door.enroll("Bob", &ModelId("0123456789abcdef".into()));
    door.has_fault("facebank", &["made by model 0123456789abcdef", "`ostiary people reembed`"]);

    let mut bytes = fs::read(&path).unwrap();
    bytes[4096..].fill(0x5a);
    fs::write(&path, bytes).unwrap();
    door.has_fault("facebank", &["people.sqlite", "the facebank is damaged", "restore a backup"]);

    fs::remove_file(&path).unwrap();
    let missing = door.findings();
    assert_eq!(missing.of("facebank").0, "warning");
    assert!(!path.exists(), "doctor creates none");
}

#[test]
fn people_without_a_frontal_aspect_are_named_if_the_challenge_needs_it() {
    let passive = Door::new();
    assert_eq!(passive.findings().of("facebank").0, "ok", "only the challenge needs it");
    let door = passive.with("liveness.level", "active");
    let model = Bundle::open(&models(), Precision::default()).unwrap().id(ModelRole::Embedder).unwrap();
    door.enroll("Bob", &model);
    let mut facebank = Facebank::open(&door.path("people.sqlite")).unwrap();
    facebank.enroll("Carl", &model, &[template("Carl")]).unwrap();
    facebank.set_enabled("Carl", false).unwrap();
    let warning = || -> Option<(String, String)> {
        let findings = door.findings();
        let is_aspect = |warning: &&Value| {
            warning["check"] == "facebank" && warning["found"].as_str().unwrap().contains("frontal aspect")
        };
        let warning = findings.with("warning").into_iter().find(is_aspect)?;
        Some(["found", "mend"].map(|key| warning[key].as_str().unwrap().to_owned()).into())
    };
    let (found, fix) = warning().unwrap();
    assert!(found.ends_with(": Ann, Bob"), "{found}");
    assert!(fix.contains("`ostiary enroll NAME --camera --any-pose`"), "{fix}");
    facebank.enroll_from_camera("Ann", &model, &[], Some(0.95)).unwrap();
    assert!(warning().unwrap().0.ends_with(": Bob"));
    facebank.enroll_from_camera("Bob", &model, &[], Some(1.04)).unwrap();
    assert_eq!(warning(), None);
}

#[test]
fn a_missing_gpio_chip_and_one_of_another_type_are_named() {
    let door = Door::new().with("relay.line", "17").with("relay.chip", "/dev/gpiochip987");
    door.has_fault("relay", &["no GPIO chip /dev/gpiochip987", "relay.chip"]);
    let door =
        door.with("relay.chip", "/dev/null").with("signals.yes_line", "22").with("signals.buzzer_line", "23");
    let findings = door.findings();
    let faults = findings.with("fault");
    let reported: Vec<_> = faults.iter().map(|fault| fault["found"].as_str().unwrap()).collect();
    assert_eq!(
        reported,
        ["relay", "yes lamp", "buzzer"].map(|what| format!("{what}: /dev/null is not a GPIO chip"))
    );

    let door = Door::new().with("inputs.exit_line", "23").with("relay.chip", "/dev/gpiochip987");
    door.has_fault("inputs", &["exit button: there is no GPIO chip /dev/gpiochip987", "relay.chip"]);
    let door = door.with("inputs.chip", "/dev/null").with("inputs.contact_line", "27");
    let findings = door.findings();
    let reported: Vec<_> =
        findings.with("fault").iter().map(|fault| fault["found"].as_str().unwrap()).collect();
    assert_eq!(
        reported,
        ["exit button", "door contact"].map(|what| format!("{what}: /dev/null is not a GPIO chip"))
    );
    assert!(findings.with("fault")[0]["mend"].as_str().unwrap().contains("inputs.chip"));
}

#[test]
fn another_door_of_the_same_name_is_found_at_the_broker() {
    let broker = Broker::open();
    let settings = config::Mqtt { host: "127.0.0.1".into(), port: broker.port(), ..config::Mqtt::default() };
    let door = Door::new()
        .with("mqtt.enabled", "true")
        .with("mqtt.host", &settings.host)
        .with("mqtt.port", &settings.port.to_string());
    // This door itself runs.
    let start = |path: PathBuf| {
        let config = config::Events { path, ..config::Events::default() };
        let models = ModelVersions { installed: "bundle 7".into(), latest: "bundle 7".into() };
        let summary =
            DoorSummary { people: 0, model: "0123".into(), models, temperature: None, household: None };
        let (name, mode) = ("door", ModeName::Normal);
        let description = DoorDescription {
            name,
            has_relay: false,
            has_contact: false,
            mode,
            console_address: None,
            summary,
        };
        let store = Arc::new(Mutex::new(ReopeningStore::open(&config, true).unwrap()));
        let running = Mqtt::start(&settings, description, store, Box::new(|_| {})).unwrap();
        let as_seen_by_others = || ostiary_mqtt::check(&settings, name, Path::new("third.sqlite")).unwrap();
        wait_for("the door is connected", as_seen_by_others);
        running
    };
    let own = start(door.path("events.sqlite"));
    assert_eq!(door.findings().of("broker").0, "ok");
    drop(own);
    let another = start(door.path("another.sqlite"));
    door.has_fault("broker", &["another door publishes as ostiary/door", "set door.name"]);
    // It may have been this door, on another machine.
    drop(another);
    assert_eq!(door.findings().of("broker").0, "ok");
}

#[test]
fn an_unreachable_broker_is_named() {
    let port = free_port().to_string();
    let door =
        Door::new().with("mqtt.enabled", "true").with("mqtt.host", "127.0.0.1").with("mqtt.port", &port);
    door.has_fault("broker", &[&format!("mqtt 127.0.0.1:{port}: not reachable"), "check mqtt.host"]);
}

#[test]
fn a_missing_events_folder_and_a_damaged_event_store_are_named() {
    let door = Door::new();
    let folder = door.path("missing");
    let away = folder.join("events.sqlite").display().to_string();
    let findings = door.with("events.path", &away).findings();
    let faults = findings.with("fault");
    let checks: Vec<_> = faults.iter().map(|fault| fault["check"].as_str().unwrap()).collect();
    assert_eq!(checks, ["permissions", "events"]);
    let shown = folder.display().to_string();
    assert!(faults.iter().all(|fault| fault["found"].as_str().unwrap().contains(&shown)), "{faults:?}");
    assert!(!folder.exists(), "doctor creates none");

    let door = Door::new();
    let path = door.path("events.sqlite");
    let mut text = String::from("SQLite format 3\0");
    text.extend(std::iter::repeat_n('Z', 8192));
    fs::write(&path, &text).unwrap();
    let findings = door.findings();
    let readable = findings.with("fault").into_iter().find(|fault| fault["check"] == "permissions").cloned();
    assert!(readable.unwrap()["found"].as_str().unwrap().contains("the record: others may read or change"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    door.has_fault("events", &["event store", "events.sqlite", "check the disk"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), text, "doctor does not change the file");
}

#[test]
fn a_password_file_that_others_can_read_is_named() {
    let door = Door::new();
    let secret = door.path("secret");
    fs::write(&secret, "pw").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
    let door = door.with("mqtt.username", "door").with("mqtt.password_file", &secret.display().to_string());
    door.has_fault("permissions", &["mqtt.password_file", "(mode 644)", "chmod 600"]);
}

#[test]
fn the_frame_rate_of_a_live_source_is_measured() {
    let door = Door::new();
    let video = door.path("door.mkv");
    let made = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=20"])
        .arg(&video)
        .status();
    assert!(made.expect("these tests need ffmpeg: apt install ffmpeg").success());
    let door = door.with("camera.source", &video.display().to_string()).with("camera.realtime", "true");
    let findings = door.findings();
    let camera: Vec<_> = findings.0.iter().filter(|finding| finding["check"] == "camera").collect();
    assert!(camera.iter().any(|finding| finding["found"].as_str().unwrap().contains("frames per second")));
}

/// The files of a bundle, by name.
fn unpack(bundle: &Path) -> BTreeMap<String, String> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(fs::File::open(bundle).unwrap()));
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        let mut text = String::new();
        // All files are text. Reading a picture as text would fail.
        entry.read_to_string(&mut text).unwrap();
        (name.strip_prefix("ostiary-support/").unwrap().to_owned(), text)
    });
    entries.collect()
}

#[test]
fn a_bundle_has_the_data_of_the_door_without_names_faces_and_secrets() {
    let door = Door::new();
    let model = Bundle::open(&models(), Precision::default()).unwrap().id(ModelRole::Embedder).unwrap();
    door.enroll("Zdenka Quillfeather", &model);
    let mut store = record(&door.path("events.sqlite"));
    let time = "2026-11-24T09:00:00Z".parse().unwrap();
    // A person who is not enrolled any more.
    let person = Some("Balthasar Oldname".to_owned());
    let detail = Some("balthasar came by".to_owned());
    let reason = DenialReason::CoolDown;
    let denied = EventKind::Denied(Denial::Face { reason, person, evidence: evidence(), detail });
    store.append(&mut Event::new(denied, time, "door")).unwrap();
    store.append(&mut Event::new(granted("Zdenka Quillfeather"), time, "door")).unwrap();
    drop(store);
    let secret = door.path("mqtt-password");
    fs::write(&secret, "pa55-of-broker").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let source = format!("rtsp://camuser:campa55'one pa55@127.0.0.1:{}/main?key=t0ken", free_port());
    let door = door
        .with("camera.source", &source)
        .with("mqtt.username", "brokeruser")
        .with("mqtt.password_file", &secret.display().to_string())
        .with("hours.Quillfeather", "x");
    let bundle = door.path("support.tar.gz");

    let (code, out) = door.doctor(&["--json", "--bundle", bundle.to_str().unwrap()]);
    assert_eq!(code, 1, "the camera is missing");
    let last: Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    assert_eq!(last["bundle"], bundle.to_str().unwrap());
    assert_eq!(bundle.metadata().unwrap().permissions().mode() & 0o777, 0o600);

    let files = unpack(&bundle);
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    let expected = [
        "README.txt",
        "cameras.jsonl",
        "config.jsonl",
        "events.jsonl",
        "findings.jsonl",
        "journal.jsonl",
        "machine.json",
        "manifest.toml",
    ];
    assert_eq!(names, expected);
    let everything = files.values().map(String::as_str).collect::<String>().to_lowercase();
    for hidden in [
        "zdenka",
        "quillfeather",
        "balthasar",
        "oldname",
        "pa55",
        "camuser",
        "brokeruser",
        "t0ken",
        // The values of the embeddings: 1 / sqrt(192).
        "0.07216",
    ] {
        assert!(!everything.contains(hidden), "{hidden} is in the bundle");
    }

    let objects = |file: &str| -> Vec<Value> {
        files[file].lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let persons: Vec<_> = objects("events.jsonl").iter().map(|event| event["person"].clone()).collect();
    assert_eq!(persons, ["(person 1)", "(person 2)", "(person 3)"]);
    assert!(objects("findings.jsonl").iter().any(|finding| finding["check"] == "camera"));
    assert_eq!(objects("machine.json")[0]["ostiary"], env!("CARGO_PKG_VERSION"));
    let config = objects("config.jsonl");
    let of = |key: &str| config.iter().find(|setting| setting["key"] == key).unwrap();
    assert_eq!(of("mqtt.username")["value"], "(set)");
    assert_eq!(of("mqtt.password_file")["value"], secret.to_str().unwrap());
    assert!(of("camera.source")["origin"].as_str().unwrap().contains("ostiary.toml:"));
    assert!(files["manifest.toml"].contains("[models.mobilefacenet]"));
}

#[test]
fn a_bundle_replaces_no_file_and_is_written_completely_or_not_at_all() {
    let door = Door::new();
    let bundle = door.path("support.tar.gz");
    let file = door.path("ostiary.toml");
    fs::write(&file, "").unwrap();
    let refused = |path: &Path, command: &mut Command| {
        let output =
            command.args(["doctor", "--config"]).arg(&file).arg("--bundle").arg(path).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{error}");
        error
    };
    let program = || Command::new(assert_cmd::cargo::cargo_bin!("ostiary"));

    fs::write(&bundle, "dear").unwrap();
    let error = refused(&bundle, &mut program());
    assert!(error.contains("already exists; give another name"), "{error}");
    assert_eq!(fs::read_to_string(&bundle).unwrap(), "dear");
    fs::remove_file(&bundle).unwrap();

    let error = refused(Path::new("/nowhere/support.tar.gz"), &mut program());
    assert!(error.contains("/nowhere/support.tar.gz cannot be written"), "{error}");

    // A limit on the size of files has the same effect as a disk that becomes full.
    let before = contents(door.folder.path());
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$@\"", "sh"]).arg(program().get_program());
    let error = refused(&bundle, &mut limited);
    assert!(error.contains("support.tar.gz cannot be written; free some space"), "{error}");
    assert_eq!(contents(door.folder.path()), before, "no file is left");
}
