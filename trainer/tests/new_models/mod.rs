//! New models of a door. Models that would crash it are refused before they are used, and models that do crash it are rolled back.

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

use crate::door::{Door, DoorSetup, ostiary, portrait, repository_file};
use crate::publisher::{Publisher, change_manifest, copy_models, other_models};
use crate::web_server::Fault;

/// The models that ship with one changed file, whose hash is in the manifest.
struct ChangedModels {
    _folder: TempDir,
    models: PathBuf,
    file: String,
}

impl ChangedModels {
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

    /// Asserts that a command that uses the models, and doctor, report an error.
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

/// Inserts a node between the input and the first node.
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
    let empty = ChangedModels::new("rnet-int8.onnx", |graph| {
        let is_matrix = |node: &&NodeProto| node.op_type == "MatMul";
        let matrix = graph.node.iter().find(is_matrix).unwrap().input[1].clone();
        let weights = graph.node.iter().find(|node| node.output[0] == matrix).unwrap().input[0].clone();
        let tensor = graph.initializer.iter_mut().find(|tensor| tensor.name == weights).unwrap();
        tensor.dims[1] = 0;
        tensor.raw_data.clear();
    });
    empty.refused("detect", "which has nothing in it");

    // A shape whose number of values overflows 64 bits to 0.
    let wraps = ChangedModels::new("mobilefacenet-int8.onnx", |graph| {
        let tensor = graph.initializer.iter_mut().find(|tensor| tensor.dims.len() == 4).unwrap();
        tensor.dims = vec![1 << 31, 1 << 31, 2, 2];
        tensor.raw_data.clear();
    });
    wraps.refused("embed", "tensor ");

    let pads = [0, 0, 200_000, 200_000, 0, 0, 200_000, 200_000];
    for file in ["onet.onnx", "pnet-int8.onnx"] {
        ChangedModels::new(file, |graph| first_node(graph, "Pad", vec![ints("pads", &pads)]))
            .refused("detect", "first (Pad)");
    }
    ChangedModels::new("onet.onnx", |graph| first_node(graph, "Loop", vec![]))
        .refused("detect", "first (Loop)");
    // An axis that occurs three times in a permutation.
    ChangedModels::new("onet.onnx", |graph| {
        first_node(graph, "Transpose", vec![ints("perm", &[0, 1, 1, 1])])
    })
    .refused("detect", "first (Transpose)");
}

/// The result of the self-test of the models that ship, with limits.
fn tested(memory: Option<u64>, wall: Duration) -> String {
    let bundle = Bundle::open(&repository_file("models"), Precision::Int8).unwrap();
    let program = PathBuf::from(ostiary().get_program());
    let limits = Limits { memory, cpu: Duration::from_secs(60), wall };
    let test = SelfTest::with_limits(program, &bundle, &Config::default(), limits);
    test.run(|| {}).map_or_else(|error| error.to_string(), |()| "good".into())
}

#[test]
fn a_test_that_exceeds_a_limit_reports_the_step_and_the_limit() {
    let long = Duration::from_secs(60);
    assert_eq!(tested(Some(1 << 30), long), "good");
    let said = tested(Some(48 << 20), long);
    assert!(said.contains("memory") || said.contains("allocate"), "{said}");
    let said = tested(None, Duration::from_millis(30));
    assert!(said.contains("did not get beyond") && said.contains("0.03 s"), "{said}");
}

/// Publishes a folder of models without any check.
fn publish_unchecked(publisher: &Publisher, models: &Path, version: u64) {
    publisher.publish(&repository_file("models"));
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
    // The first network gets the same value for every pixel. It is the float one, because the input of the 8-bit one is pixels.
    change_manifest(&models, |manifest| {
        manifest.models.remove("pnet-int8").unwrap();
        manifest.models.get_mut("pnet").unwrap().input.divisor = 1e9;
    });
    let (code, said) = publisher.try_publish(&models, &[]);
    assert!(code == Some(2) && said.contains("the detector finds"), "{said}");
    publish_unchecked(&publisher, &models, 2);
    let setup = publisher.setup();
    let said = setup.models(&["pull", "--activate"]).refused();
    assert!(said.contains("bundle 2") && said.contains("the detector finds 0 faces"), "{said}");
    assert!(setup.models(&["list"]).good().is_empty());

    // A network that the process of the self-test refuses.
    let changed = ChangedModels::new("onet.onnx", |graph| first_node(graph, "Loop", vec![]));
    publish_unchecked(&publisher, &changed.models, 3);
    let said = setup.models(&["pull", "--activate"]).refused();
    assert!(said.contains("bundle 3") && said.contains("onet.onnx") && said.contains("Loop"), "{said}");
    assert_eq!(setup.active(), None);
    assert!(fs::read_to_string(models.join(Manifest::FILE)).unwrap().contains("divisor"));
}

/// A door that has activated new models, which are on probation.
fn changed_over(setup: &DoorSetup) -> (Door, Value) {
    setup.configure_more("[facebank]\nkeep_crops = true\n");
    setup.enroll("Ann", "obama.jpg");
    let door = Door::start(setup, &portrait("obama2.jpg"));
    door.event("started");
    let active = setup.models(&["pull", "--activate"]).good();
    assert_eq!((&active[1]["version"], &active[1]["daemon"]), (&1.into(), &true.into()), "{active:?}");
    assert_eq!(door.event("reloaded")["model"], active[1]["model"]);
    assert_eq!(setup.models(&["list"]).good()[0]["probation"], true);
    (door, active[1]["model"].clone())
}

#[test]
fn a_crash_on_probation_rolls_back_to_the_models_before() {
    let publisher = Publisher::new();
    publisher.publish(&other_models(publisher.folder.path()));
    let setup = publisher.setup();
    let (mut door, model) = changed_over(&setup);
    assert_eq!(door.granted_by(&model)["person"], "Ann");
    door.crash();

    let mut door = Door::start(&setup, &portrait("obama2.jpg"));
    let back = door.event("rolled_back");
    let detail = back["detail"].as_str().unwrap();
    assert!(detail.contains("bundle 1 was given up") && detail.contains("crashed"), "{detail}");
    let granted = door.event("granted");
    assert_eq!(granted["person"], "Ann");
    assert_ne!(granted["model"], model);
    assert_eq!(setup.active(), None);
    let unasked = setup.models(&["pull", "--activate"]).good();
    assert_eq!(unasked[1]["withdrawn"], true, "{unasked:?}");
    door.crash();
    // Models that are not on probation stay active after a crash.
    let mut door = Door::start(&setup, &portrait("obama2.jpg"));
    door.event("started");
    assert_ne!(door.event("granted")["model"], model);
    door.stop();
}

#[test]
fn a_stop_is_not_a_crash_and_only_a_repeated_power_cut_is_one() {
    let publisher = Publisher::new();
    publisher.publish(&other_models(publisher.folder.path()));
    let setup = publisher.setup();
    let (mut door, model) = changed_over(&setup);
    door.stop();
    for _ in 0..2 {
        let mut door = Door::start(&setup, &portrait("obama2.jpg"));
        assert_eq!(door.event("granted")["model"], model);
        door.stop();
    }
    let power_cut = || {
        let mut door = Door::start(&setup, &portrait("obama2.jpg"));
        assert_eq!(door.event("granted")["model"], model);
        door.crash();
        // The next boot has another boot id.
        let path = setup.path("models/probation.json");
        let mut probation: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert!(probation["running"].is_string());
        probation["running"] = "the boot before".into();
        fs::write(path, probation.to_string()).unwrap();
    };
    power_cut();
    assert_eq!(setup.active(), Some(1));
    power_cut();
    let mut door = Door::start(&setup, &portrait("obama2.jpg"));
    let detail = door.event("rolled_back")["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("went down 2 times"), "{detail}");
    assert_eq!(setup.active(), None);
    door.stop();
}

#[test]
fn other_commands_do_not_wait_for_a_slow_server() {
    /// Much longer than `list` and `activate` take.
    const SLOW: Duration = Duration::from_secs(25);
    let publisher = Publisher::new();
    let setup = publisher.setup();
    publisher.publish(&repository_file("models"));
    setup.models(&["pull"]).good();
    publisher.publish(&other_models(publisher.folder.path()));
    let slow = publisher.release().files[Manifest::FILE].sha256.clone();
    publisher.server.set_fault(&slow, Fault::Slow(SLOW), 1);

    let started = Instant::now();
    let pull = setup.models_meanwhile(&["pull"]);
    while !setup.path("models/incoming").exists() {
        assert!(started.elapsed() < SLOW, "the pull does not begin");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(setup.models(&["list"]).good()[0]["version"], 1);
    assert_eq!(setup.models(&["activate"]).good()[0]["version"], 1);
    assert!(setup.models(&["pull"]).error().contains("pull.lock"), "two transfers at once");
    assert!(!pull.is_finished() && started.elapsed() < SLOW, "{:?}", started.elapsed());
    assert_eq!(pull.join().unwrap().good()[0]["version"], 2);
    assert_eq!(setup.models(&["list"]).good().len(), 2);
}
