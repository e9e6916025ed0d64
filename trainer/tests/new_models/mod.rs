//! Models that are new to a door: those that would take it down are refused before they are used, and those that do are
//! given up.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ostiary_config::Config;
use ostiary_core::{Precision, sha256};
use ostiary_models::{Bundle, Manifest, Release};
use ostiary_self_test::{Limits, SelfTest};
use prost::Message;
use serde_json::Value;
use tempfile::TempDir;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::{AttributeProto, GraphProto, ModelProto, NodeProto};

use crate::door::{Door, House, of_project, ostiary, portrait};
use crate::publisher::{Publisher, change_manifest, copy_models, other_models};
use crate::web_server::Fault;

/// The models that ship with one file changed, whose hash the manifest names.
struct Spoilt {
    _folder: TempDir,
    models: PathBuf,
    file: String,
}

impl Spoilt {
    fn new(file: &str, change: impl FnOnce(&mut GraphProto)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let models = folder.path().join("models");
        copy_models(&models);
        let mut network = ModelProto::decode(&fs::read(models.join(file)).unwrap()[..]).unwrap();
        change(network.graph.as_mut().unwrap());
        let bytes = network.encode_to_vec();
        change_manifest(&models, |manifest| {
            let entry = manifest.models.values_mut().find(|entry| entry.file == file).unwrap();
            entry.sha256 = sha256(&bytes);
        });
        fs::write(models.join(file), bytes).unwrap();
        Self { _folder: folder, models, file: file.to_owned() }
    }

    /// What is said of them by a verb that uses them, and by doctor.
    fn refused(&self, verb: &str, wanted: &str) {
        let run = |arguments: &[&str]| {
            let mut command = ostiary();
            command.arg("--models").arg(&self.models).args(arguments);
            if arguments == [verb] {
                command.arg(portrait("obama.jpg"));
            }
            let output = command.output().unwrap();
            let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            (output.status.code(), said)
        };
        let (code, said) = run(&[verb]);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(&self.file) && said.contains(wanted) && !said.contains("panicked"), "{said}");
        let (code, found) = run(&["doctor"]);
        assert!(code.is_some_and(|code| code < 3), "{code:?}: {found}");
        let finding = found.lines().any(|line| line.contains(&self.file) && line.contains(wanted));
        assert!(finding && !found.contains("panicked"), "{found}");
    }
}

/// A node that takes the pixels, and gives what was the first node's input.
fn first_node(graph: &mut GraphProto, operator: &str, attribute: Vec<AttributeProto>) {
    let input = graph.input[0].name.clone();
    for name in graph.node.iter_mut().flat_map(|node| &mut node.input).filter(|name| **name == input) {
        *name = "changed".into();
    }
    let node = NodeProto {
        name: "first".into(),
        op_type: operator.into(),
        input: vec![input],
        output: vec!["changed".into()],
        attribute,
        ..Default::default()
    };
    graph.node.insert(0, node);
}

fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        r#type: AttributeType::Ints as i32,
        ints: ints.into(),
        ..Default::default()
    }
}

#[test]
fn a_network_that_asks_for_too_much_is_an_error() {
    // A matrix without columns.
    let empty = Spoilt::new("rnet-int8.onnx", |graph| {
        let is_matrix = |node: &&NodeProto| node.op_type == "MatMul";
        let matrix = graph.node.iter().find(is_matrix).unwrap().input[1].clone();
        let weights = graph.node.iter().find(|node| node.output[0] == matrix).unwrap().input[0].clone();
        let tensor = graph.initializer.iter_mut().find(|tensor| tensor.name == weights).unwrap();
        tensor.dims[1] = 0;
        tensor.raw_data.clear();
    });
    empty.refused("detect", "which has nothing in it");

    // A shape whose numbers would be none at all, if they were counted in 64 bits.
    let wraps = Spoilt::new("mobilefacenet-int8.onnx", |graph| {
        let tensor = graph.initializer.iter_mut().find(|tensor| tensor.dims.len() == 4).unwrap();
        tensor.dims = vec![1 << 31, 1 << 31, 2, 2];
        tensor.raw_data.clear();
    });
    wraps.refused("embed", "tensor ");

    let pads = [0, 0, 200_000, 200_000, 0, 0, 200_000, 200_000];
    for file in ["onet.onnx", "pnet-int8.onnx"] {
        Spoilt::new(file, |graph| first_node(graph, "Pad", vec![ints("pads", &pads)]))
            .refused("detect", "first (Pad)");
    }
    Spoilt::new("onet.onnx", |graph| first_node(graph, "Loop", vec![])).refused("detect", "first (Loop)");
    // An axis that is taken thrice, which an engine would not expect.
    Spoilt::new("onet.onnx", |graph| first_node(graph, "Transpose", vec![ints("perm", &[0, 1, 1, 1])]))
        .refused("detect", "first (Transpose)");
}

/// The models that ship, tested within limits.
fn tested(memory: Option<u64>, wall: Duration) -> String {
    let bundle = Bundle::open(&of_project("models"), Precision::Int8).unwrap();
    let program = PathBuf::from(ostiary().get_program());
    let limits = Limits { memory, cpu: Duration::from_secs(60), wall };
    let test = SelfTest::with_limits(program, &bundle, &Config::default(), limits);
    test.run(|| {}).map_or_else(|error| error.to_string(), |()| "good".into())
}

#[test]
fn a_test_that_exceeds_its_limits_says_where_and_how() {
    let long = Duration::from_secs(60);
    assert_eq!(tested(Some(1 << 30), long), "good");
    let said = tested(Some(48 << 20), long);
    assert!(said.contains("memory") || said.contains("allocate"), "{said}");
    let said = tested(None, Duration::from_millis(30));
    assert!(said.contains("did not get beyond") && said.contains("0.03 s"), "{said}");
}

/// Publishes a folder of models as a publisher whose program checks nothing.
fn publish_unchecked(publisher: &Publisher, models: &Path, version: u64) {
    publisher.publish(&of_project("models"));
    let files: BTreeMap<String, _> = fs::read_dir(models)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let bytes = fs::read(entry.path()).unwrap();
            let hash = sha256(&bytes);
            fs::write(publisher.path("www/files").join(&hash), &bytes).unwrap();
            let part = ostiary_models::ReleaseFile { sha256: hash, size: bytes.len() as u64 };
            (entry.file_name().into_string().unwrap(), part)
        })
        .collect();
    publisher.sign(&Release { version, files, ..publisher.release() });
}

#[test]
fn models_that_find_nobody_are_not_kept() {
    let publisher = Publisher::new();
    let models = publisher.path("blind");
    copy_models(&models);
    // Every pixel is the same to the first network, in floats, for the one in bytes takes pixels as they are.
    change_manifest(&models, |manifest| {
        manifest.models.remove("pnet-int8").unwrap();
        manifest.models.get_mut("pnet").unwrap().input.divisor = 1e9;
    });
    let (code, said) = publisher.try_publish(&models, &[]);
    assert!(code == Some(2) && said.contains("the detector finds"), "{said}");
    publish_unchecked(&publisher, &models, 2);
    let house = publisher.house();
    let said = house.models(&["pull", "--activate"]).refused();
    assert!(said.contains("bundle 2") && said.contains("the detector finds 0 faces"), "{said}");
    assert!(house.models(&["list"]).good().is_empty());

    // And one that asks for too much, which the test's process reports.
    let spoilt = Spoilt::new("onet.onnx", |graph| first_node(graph, "Loop", vec![]));
    publish_unchecked(&publisher, &spoilt.models, 3);
    let said = house.models(&["pull", "--activate"]).refused();
    assert!(said.contains("bundle 3") && said.contains("onet.onnx") && said.contains("Loop"), "{said}");
    assert_eq!(house.active(), None);
    assert!(fs::read_to_string(models.join(Manifest::FILE)).unwrap().contains("divisor"));
}

/// A door that has changed over to new models, which are on probation.
fn changed_over(house: &House) -> (Door, Value) {
    house.configure_more("[facebank]\nkeep_crops = true\n");
    house.enroll("Ann", "obama.jpg");
    let door = Door::start(house, &portrait("obama2.jpg"));
    door.event("started");
    let active = house.models(&["pull", "--activate"]).good();
    assert_eq!((&active[1]["version"], &active[1]["daemon"]), (&1.into(), &true.into()), "{active:?}");
    assert_eq!(door.event("reloaded")["model"], active[1]["model"]);
    assert_eq!(house.models(&["list"]).good()[0]["probation"], true);
    (door, active[1]["model"].clone())
}

#[test]
fn a_crash_in_the_first_minutes_goes_back_to_the_models_before() {
    let publisher = Publisher::new();
    publisher.publish(&other_models(publisher.folder.path()));
    let house = publisher.house();
    let (mut door, model) = changed_over(&house);
    assert_eq!(door.granted_by(&model)["person"], "Ann");
    door.crash();

    let mut door = Door::start(&house, &portrait("obama2.jpg"));
    let back = door.event("rolled_back");
    let detail = back["detail"].as_str().unwrap();
    assert!(detail.contains("bundle 1 was given up") && detail.contains("crashed"), "{detail}");
    let granted = door.event("granted");
    assert_eq!(granted["person"], "Ann");
    assert_ne!(granted["model"], model);
    assert_eq!(house.active(), None);
    let unasked = house.models(&["pull", "--activate"]).good();
    assert_eq!(unasked[1]["withdrawn"], true, "{unasked:?}");
    door.crash();
    // Models that are not on probation stay, whatever happens.
    let mut door = Door::start(&house, &portrait("obama2.jpg"));
    door.event("started");
    assert_ne!(door.event("granted")["model"], model);
    door.stop();
}

#[test]
fn a_stop_is_no_crash_and_a_power_cut_one_only_if_it_is_repeated() {
    let publisher = Publisher::new();
    publisher.publish(&other_models(publisher.folder.path()));
    let house = publisher.house();
    let (mut door, model) = changed_over(&house);
    door.stop();
    for _ in 0..2 {
        let mut door = Door::start(&house, &portrait("obama2.jpg"));
        assert_eq!(door.event("granted")["model"], model);
        door.stop();
    }
    let power_cut = || {
        let mut door = Door::start(&house, &portrait("obama2.jpg"));
        assert_eq!(door.event("granted")["model"], model);
        door.crash();
        // The machine's next boot has another name.
        let path = house.path("models/probation.json");
        let mut probation: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert!(probation["running"].is_string());
        probation["running"] = "the boot before".into();
        fs::write(path, probation.to_string()).unwrap();
    };
    power_cut();
    assert_eq!(house.active(), Some(1));
    power_cut();
    let mut door = Door::start(&house, &portrait("obama2.jpg"));
    let detail = door.event("rolled_back")["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("went down 2 times"), "{detail}");
    assert_eq!(house.active(), None);
    door.stop();
}

#[test]
fn nobody_waits_for_a_slow_server_but_who_asked_it() {
    /// Far longer than to list and activate takes.
    const SLOW: Duration = Duration::from_secs(25);
    let publisher = Publisher::new();
    let house = publisher.house();
    publisher.publish(&of_project("models"));
    house.models(&["pull"]).good();
    publisher.publish(&other_models(publisher.folder.path()));
    let slow = publisher.release().files[Manifest::FILE].sha256.clone();
    publisher.server.set_fault(&slow, Fault::Slow(SLOW), 1);

    let started = Instant::now();
    let pull = house.models_meanwhile(&["pull"]);
    while !house.path("models/incoming").exists() {
        assert!(started.elapsed() < SLOW, "the pull does not begin");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(house.models(&["list"]).good()[0]["version"], 1);
    assert_eq!(house.models(&["activate"]).good()[0]["version"], 1);
    assert!(house.models(&["pull"]).error().contains("pull.lock"), "two transfers at once");
    assert!(!pull.is_finished() && started.elapsed() < SLOW, "{:?}", started.elapsed());
    assert_eq!(pull.join().unwrap().good()[0]["version"], 2);
    assert_eq!(house.models(&["list"]).good().len(), 2);
}
