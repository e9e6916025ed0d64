//! Tests from the publisher to the door: bundles are signed, served, pulled, activated and rolled back, through both programs and
//! a real web server.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

mod door;
mod new_models;
mod people;
mod publisher;
mod web_server;

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};

use door::{Done, Door, DoorSetup, portrait, repository_file, trainer};
use jiff::{SignedDuration, Timestamp};
use minisign::KeyPair;
use ostiary_core::sha256;
use ostiary_models::{BundleOrigin, Manifest, Release, Repository};
use publisher::{Publisher, change_manifest, copy_models, other_models, text};
use serde_json::{Value, json};
use web_server::{Fault, TlsServer};

#[test]
fn an_exported_network_is_published_and_activated() {
    let publisher = Publisher::new();
    let folder = publisher.folder.path();
    let sets = [people::few_portraits(folder), people::people(folder), people::strangers(folder)];
    let [calibrate, people, strangers] = sets.map(|path| text(&path));
    let setup = publisher.setup();
    let [network, detectors] =
        ["models/mobilefacenet.onnx", "models"].map(|file| text(&repository_file(file)));
    for (version, more) in [(1, &["--calibrate", calibrate.as_str(), "--augment", "12"][..]), (2, &[])] {
        let models = publisher.path(&format!("exported-{version}"));
        let output = text(&models);
        let export =
            ["export", &network, "--people", &people, &strangers, "--models", &detectors, "-o", &output];
        let exported = trainer(&[&export, more].concat());
        assert_eq!(exported.status.code(), Some(0), "{exported:?}");
        assert_eq!(publisher.publish(&models), version);
        assert_eq!(setup.models(&["pull"]).good()[0]["version"], version);
        assert_eq!(setup.models(&["verify"]).good()[0]["good"], true);
        assert_eq!(setup.models(&["activate"]).good()[0]["version"], version);
        setup.enroll("Ann", "obama.jpg");
        assert!(setup.identify("obama2.jpg").contains("Ann"));
        setup.forget("Ann");
    }

    // A model without a calibration cannot be published.
    let models = publisher.path("unmeasured");
    let exported = trainer(&["export", &network, "--models", &detectors, "-o", &text(&models)]);
    assert_eq!(exported.status.code(), Some(0), "{exported:?}");
    assert!(String::from_utf8_lossy(&exported.stdout).contains("export again with --people"));
    let (code, said) = publisher.try_publish(&models, &[]);
    assert!(code == Some(2) && said.contains("has no calibration"), "{said}");
}

#[test]
fn a_bundle_is_activated_and_rolled_back() {
    let publisher = Publisher::new();
    let setup = publisher.setup();
    setup.configure_more("[facebank]\nkeep_crops = true\n");
    setup.enroll("Ann", "obama.jpg");
    let shipped = setup.model_of("Ann");

    assert_eq!(publisher.publish(&repository_file("models")), 1);
    assert_eq!(publisher.publish(&other_models(publisher.folder.path())), 2);
    let pulled = setup.models(&["pull"]).good();
    assert_eq!(
        (&pulled[0]["version"], &pulled[0]["new"], &pulled[0]["fetched"]),
        (&2.into(), &true.into(), &9.into())
    );
    let again = setup.models(&["pull"]).good();
    assert_eq!((&again[0]["new"], &again[0]["fetched"]), (&false.into(), &0.into()));
    assert_eq!(setup.models(&["verify"]).good()[0]["good"], true);
    let listed = setup.models(&["list"]).good();
    assert_eq!(
        (&listed[0]["version"], &listed[0]["active"], &listed[0]["expired"]),
        (&2.into(), &false.into(), &false.into())
    );
    assert!(setup.identify("obama2.jpg").contains("Ann"), "a pulled bundle is not active");

    assert_eq!(setup.update_of(BundleOrigin::Program), Some(BundleOrigin::Store(2)));
    assert_eq!(setup.update_of(BundleOrigin::Folder), None, "models.dir overrides the store");

    let active = setup.models(&["activate"]).good();
    assert_eq!(
        (&active[0]["version"], &active[0]["templates"], &active[0]["daemon"]),
        (&2.into(), &1.into(), &false.into())
    );
    assert_eq!(active[0]["strangers"], Value::Array(Vec::new()));
    assert_ne!(active[0]["model"], shipped.as_str());
    assert!(setup.identify("obama2.jpg").contains("Ann"));
    let doctor = setup.doctor("models");
    assert!(doctor.contains("the models are bundle 2"), "{doctor}");

    // The third bundle: only new files are fetched.
    assert_eq!(publisher.publish(&repository_file("models")), 3);
    let third = setup.models(&["pull", "--activate"]).good();
    assert_eq!((&third[0]["version"], &third[0]["fetched"]), (&3.into(), &2.into()), "{third:?}");
    assert_eq!(
        (&third[1]["version"], &third[1]["templates"]),
        (&3.into(), &0.into()),
        "its templates exist already"
    );

    let back = setup.models(&["rollback"]).good();
    assert_eq!(
        (&back[0]["version"], &back[0]["templates"]),
        (&2.into(), &0.into()),
        "no person is enrolled again"
    );
    assert!(setup.identify("obama2.jpg").contains("Ann"));
    // A timer does not activate a withdrawn bundle again. An explicit command does.
    let unasked = setup.models(&["pull", "--activate"]).good();
    assert_eq!(unasked[1]["withdrawn"], true, "{unasked:?}");
    assert_eq!(setup.update_of(BundleOrigin::Store(2)), None, "a withdrawn bundle is no update");
    assert_eq!(setup.active(), Some(2));
    setup.models(&["activate", "3"]).good();
    assert_eq!(setup.active(), Some(3));
    setup.models(&["rollback"]).good();
    let shipped_again = setup.models(&["rollback"]).good();
    assert_eq!(shipped_again[0]["version"], Value::Null);
    assert!(setup.identify("obama2.jpg").contains("Ann"));
    assert!(setup.models(&["rollback"]).refused().contains("nothing to roll back"));
}

#[test]
fn only_releases_of_trusted_publishers_are_accepted() {
    let publisher = Publisher::new();
    let setup = publisher.setup();
    publisher.publish(&repository_file("models"));
    let refused = |wanted: &str| {
        let said = setup.models(&["pull"]).refused();
        assert!(said.contains(wanted), "{wanted}: {said}");
        assert!(setup.models(&["list"]).good().is_empty(), "no bundle is stored");
    };

    // A file that was altered on the server, at the same length.
    let manifest = publisher.path("www/files").join(&publisher.release().files[Manifest::FILE].sha256);
    let good = fs::read(&manifest).unwrap();
    let mut bad = good.clone();
    *bad.last_mut().unwrap() ^= 1;
    fs::write(&manifest, &bad).unwrap();
    refused("is not the file that was signed");
    bad.extend_from_slice(b"and more");
    fs::write(&manifest, &bad).unwrap();
    refused("is not the file that was signed");
    fs::write(&manifest, &good).unwrap();

    // The release altered, in its place and under its own hash.
    let file = publisher.release_file();
    let description = fs::read_to_string(&file).unwrap();
    let altered = description.replace("\"version\": 1", "\"version\": 9");
    assert_ne!(altered, description);
    fs::write(&file, &altered).unwrap();
    refused("is not the file that was signed");
    fs::write(&file, &description).unwrap();
    let signature = fs::read_to_string(publisher.path("www/current.minisig")).unwrap();
    let hash = |text: &str| sha256(text.as_bytes());
    fs::write(publisher.path("www/files").join(hash(&altered)), &altered).unwrap();
    let redirected = signature.replace(&hash(&description), &hash(&altered));
    fs::write(publisher.path("www/current.minisig"), redirected).unwrap();
    refused("the signature is of none of models.keys");
    for no_signature in ["", "untrusted comment: x\n", "<html>not found</html>", &"x".repeat(5000)] {
        fs::write(publisher.path("www/current.minisig"), no_signature).unwrap();
        refused("current.minisig");
    }
    fs::write(publisher.path("www/current.minisig"), &signature).unwrap();

    // Another publisher.
    let other = KeyPair::generate_unencrypted_keypair().unwrap().pk.to_base64();
    let stranger =
        DoorSetup::new(&format!("keys = [{other:?}]\nsource = {:?}\n", publisher.server.address()));
    assert!(stranger.models(&["pull"]).refused().contains("none of models.keys"));
    assert!(DoorSetup::new("").models(&["pull"]).error().contains("models.keys is not set"));

    // The published bundle is accepted.
    setup.models(&["pull", "--activate"]).good();
    // A file that is altered on the disk of the door is not used.
    let kept = setup.path("models/1/release.json");
    fs::write(&kept, altered).unwrap();
    assert!(
        setup.models(&["verify"]).code(1)[0]["problem"].as_str().unwrap().contains("none of models.keys")
    );
    let said = setup.run_error();
    assert!(said.contains("release.json") && said.contains("ostiary models rollback"), "{said}");
}

#[test]
fn old_expired_and_conflicting_releases_are_refused() {
    let publisher = Publisher::new();
    let setup = publisher.setup();
    publisher.publish(&repository_file("models"));
    let first = publisher.release();
    let old = fs::read(publisher.path("www/current.minisig")).unwrap();
    publisher.publish(&repository_file("models"));
    let second = fs::read(publisher.path("www/current.minisig")).unwrap();
    setup.models(&["pull"]).good();
    fs::write(publisher.path("www/current.minisig"), old).unwrap();
    let said = setup.models(&["pull"]).refused();
    assert!(said.contains("version 1 is offered") && said.contains("version 2"), "{said}");

    publisher.sign(&Release { version: 2, note: Some("another".into()), ..first.clone() });
    assert!(setup.models(&["pull"]).refused().contains("with other files"));

    let now = Timestamp::now();
    let hours = |hours| now.checked_add(SignedDuration::from_hours(hours)).unwrap();
    publisher.sign(&Release { version: 3, created: hours(-48), expires: hours(-1), ..first.clone() });
    assert!(setup.models(&["pull"]).refused().contains("version 3 has expired"));
    publisher.sign(&Release { version: 3, created: hours(30), expires: hours(60), ..first.clone() });
    let said = setup.models(&["pull"]).refused();
    assert!(said.contains("the clock says") && said.contains("set-ntp"), "{said}");
    publisher.sign(&Release { format: "ostiary-models-2".into(), version: 3, ..first });
    assert!(setup.models(&["pull"]).refused().contains("ostiary-models-1"));
    fs::write(publisher.path("www/current.minisig"), second).unwrap();
    setup.models(&["pull"]).good();
    assert_eq!(setup.models(&["list"]).good().len(), 1);
}

#[test]
fn an_interrupted_transfer_is_repeated() {
    let publisher = Publisher::new();
    let setup = publisher.setup();
    publisher.publish(&repository_file("models"));
    // One interruption in the middle of the largest file: the same command starts the file again.
    let largest = publisher.release().files["mobilefacenet.onnx"].sha256.clone();
    publisher.server.set_fault(&largest, Fault::Torn, 1);
    assert_eq!(setup.models(&["pull"]).good()[0]["fetched"], 10);

    // Repeated interruptions: no bundle is stored, and complete files are not fetched again.
    let setup = publisher.setup();
    publisher.server.set_fault(&largest, Fault::Torn, usize::MAX);
    let said = setup.models(&["pull"]).error();
    assert!(said.contains("the transfer ended after") || said.contains("disconnected"), "{said}");
    assert!(setup.models(&["list"]).good().is_empty());
    publisher.server.set_fault(&largest, Fault::Torn, 0);
    let fetched = setup.models(&["pull"]).good()[0]["fetched"].as_u64().unwrap();
    assert!((1..10).contains(&fetched), "{fetched}");
    setup.models(&["verify"]).good();

    // Temporary and permanent errors of the server.
    let setup = publisher.setup();
    publisher.server.set_fault(Repository::CURRENT, Fault::Unavailable, 1);
    setup.models(&["pull"]).good();
    publisher.server.set_fault(Repository::CURRENT, Fault::Missing, usize::MAX);
    assert!(setup.models(&["pull"]).error().contains("404"));
    // An endless response.
    publisher.server.set_fault(Repository::CURRENT, Fault::Endless, usize::MAX);
    assert!(setup.models(&["pull"]).refused().contains("current.minisig"));
    // No server.
    let nobody = format!("keys = [{:?}]\nsource = \"http://127.0.0.1:1/door\"\n", publisher.public);
    assert!(DoorSetup::new(&nobody).models(&["pull"]).error().contains("127.0.0.1:1"));
}

#[test]
fn a_server_is_authenticated_by_its_certificate() {
    let publisher = Publisher::new();
    publisher.publish(&repository_file("models"));
    let server = TlsServer::start(&publisher.path("www"), publisher.folder.path());
    let setup = publisher.setup();
    let source = server.address();
    setup.models_trusting(&server.authority, &["pull", &source]).good();
    assert_eq!(setup.models(&["verify"]).good()[0]["good"], true);

    let stranger = TlsServer::start(&publisher.path("www"), setup.path("").as_path());
    let said = setup.models_trusting(&stranger.authority, &["pull", &source]).error();
    assert!(said.contains("https://localhost") && said.contains("certificate"), "{said}");
    let nothing = setup.path("nothing.pem");
    fs::write(&nothing, "").unwrap();
    assert!(setup.models_trusting(&nothing, &["pull", &source]).error().contains("ca-certificates"));
}

#[test]
fn no_person_is_locked_out_without_notice() {
    let publisher = Publisher::new();
    let setup = publisher.setup();
    setup.enroll("Ann", "obama.jpg");
    publisher.publish(&other_models(publisher.folder.path()));
    let said = setup.models(&["pull", "--activate"]).refused();
    assert!(said.contains("Ann would not be known") && said.contains("--without NAME"), "{said}");
    assert_eq!(setup.active(), None);
    assert!(setup.identify("obama2.jpg").contains("Ann"));
    assert!(setup.models(&["activate", "--without", "Bob"]).refused().contains("Ann"));

    let active = setup.models(&["activate", "--without", "Ann"]).good();
    assert_eq!(active[0]["strangers"][0], "Ann");
    assert!(setup.doctor("facebank").contains("without a template of the model in use: Ann"));
    assert!(!setup.identify("obama2.jpg").contains("Ann"));
    setup.enroll("Ann", "obama.jpg");
    assert!(setup.identify("obama2.jpg").contains("Ann"));
    // A rollback needs no decision: the old templates still exist.
    assert_eq!(setup.models(&["rollback"]).good()[0]["strangers"], Value::Array(Vec::new()));
    assert!(setup.identify("obama2.jpg").contains("Ann"));

    setup.configure_more(&format!("[models]\ndir = {:?}\n", text(&repository_file("models"))));
    assert!(setup.models(&["activate"]).refused().contains("models.dir is set"));
}

#[test]
fn unusable_models_are_neither_published_nor_stored() {
    let publisher = Publisher::new();
    let models = publisher.path("unusable");
    copy_models(&models);
    let refused = |wanted: &str| {
        let (code, said) = publisher.try_publish(&models, &[]);
        assert!(code == Some(2) && said.contains(wanted), "{wanted}: {said}");
        assert!(!publisher.path("www/current.minisig").exists());
    };
    let whole = fs::read_to_string(models.join(Manifest::FILE)).unwrap();
    change_manifest(&models, |manifest| {
        manifest.models.get_mut("mobilefacenet-int8").unwrap().golden[7] += 1e-6;
    });
    refused("does not give the golden embedding");
    change_manifest(&models, |manifest| {
        manifest.models.get_mut("mobilefacenet-int8").unwrap().golden.clear()
    });
    refused("no golden embedding");
    change_manifest(&models, |manifest| {
        manifest.models.remove("onet").unwrap();
    });
    refused("no model \"onet\"");
    fs::write(models.join(Manifest::FILE), &whole).unwrap();
    let onet = fs::read(models.join("onet.onnx")).unwrap();
    fs::write(models.join("onet.onnx"), &onet[..onet.len() / 2]).unwrap();
    refused("onet.onnx");
    fs::write(models.join("onet.onnx"), onet).unwrap();
    publisher.publish(&models);

    // A release without checks by the publisher, and a door that checks.
    let setup = publisher.setup();
    let mut release = publisher.release();
    let manifest = whole.replacen("golden = [-", "golden = [", 2).into_bytes();
    let part = release.files.get_mut(Manifest::FILE).unwrap();
    (part.sha256, part.size) = (sha256(&manifest), manifest.len() as u64);
    fs::write(publisher.path("www/files").join(&part.sha256), &manifest).unwrap();
    release.version = 2;
    publisher.sign(&release);
    let said = setup.models(&["pull"]).refused();
    assert!(said.contains("bundle 2") && said.contains("does not give the golden embedding"), "{said}");
    assert!(setup.models(&["list"]).good().is_empty());
}

#[test]
fn keys_can_have_passwords_and_continue_their_own_repository() {
    let publisher = Publisher::new();
    let file = |name: &str| text(&publisher.path(name));
    fs::write(publisher.path("password"), "open sesame\n").unwrap();
    let made = trainer(&["keys", "-o", &file("locked.key"), "--password-file", &file("password")]);
    assert_eq!(made.status.code(), Some(0), "{made:?}");
    let said = String::from_utf8(made.stdout).unwrap();
    let public = fs::read_to_string(publisher.path("locked.key.pub")).unwrap();
    assert!(said.contains(public.lines().nth(1).unwrap()));
    assert_eq!(trainer(&["keys", "-o", &file("locked.key")]).status.code(), Some(2), "no key is overwritten");

    let (models, out) = (text(&repository_file("models")), file("locked-www"));
    let publish = |more: &[&str]| {
        trainer(&[&["publish", &models, "-o", &out, "--key", &file("locked.key")], more].concat())
            .status
            .code()
    };
    assert_eq!(publish(&[]), Some(2), "the key needs its password");
    fs::write(publisher.path("wrong"), "open barley\n").unwrap();
    assert_eq!(publish(&["--password-file", &file("wrong")]), Some(2));
    assert_eq!(publish(&["--password-file", &file("password")]), Some(0));
    // With another key the versions would start again.
    let other = trainer(&["publish", &models, "-o", &out, "--key", &file("publisher.key")]);
    assert_eq!(other.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&other.stderr).contains("publish to another folder"));

    // A folder can be a source, and several keys can be trusted.
    let setup =
        DoorSetup::new(&format!("keys = [{:?}, {:?}]\n", publisher.public, public.lines().nth(1).unwrap()));
    assert!(setup.models(&["pull"]).error().contains("set models.source"));
    setup.models(&["pull", &out]).good();
}

#[test]
fn a_running_daemon_changes_models_or_keeps_the_old_ones() {
    let publisher = Publisher::new();
    let setup = publisher.setup();
    setup.configure_more("[facebank]\nkeep_crops = true\n");
    setup.enroll("Ann", "obama.jpg");
    let shipped = setup.model_of("Ann");
    publisher.publish(&other_models(publisher.folder.path()));
    setup.models(&["pull"]).good();

    let mut door = Door::start(&setup, &portrait("obama2.jpg"));
    door.event("started");
    assert_eq!(door.event("granted")["model"], shipped.as_str());
    // The door tests new models with the running program, not with the file at its path.
    door.remove_program();

    // With a wrong configuration, the daemon and the disk keep the old models.
    let good = setup.configuration();
    setup.configure_more("[door]\nname = \"other\"\n");
    // The first attempt makes the template of Ann, and tells so before.
    let replies = setup.call("ActivateModels", &json!({ "without": [] }));
    assert_eq!(replies[0]["parameters"]["progress"], json!({ "done": 0, "of": 1 }), "{replies:?}");
    assert_eq!(replies.len(), 2, "{replies:?}");
    door.event("reload_refused");
    door.event("reload_refused");
    let said = setup.models(&["activate"]).refused();
    assert!(said.contains("the daemon keeps the old models") && said.contains("door.name"), "{said}");
    assert_eq!(setup.active(), None);
    // Two reloads, one to activate the bundle and one to go back: both find the wrong configuration.
    door.event("reload_refused");
    door.event("reload_refused");
    fs::write(setup.path("ostiary.toml"), good).unwrap();

    // The door answers from its own configuration.
    assert!(setup.models_by_sudo(&["pull"]).error().contains("models.keys is not set"));
    let row = |done: Done| {
        let rows = done.good();
        ["version", "active", "probation"].map(|key| rows[0][key].clone())
    };
    assert_eq!(row(setup.models_by_sudo(&["list"])), [json!(1), json!(false), json!(false)]);
    let active = setup.models_by_sudo(&["activate"]).good();
    assert_eq!(active[0]["daemon"], true);
    let reloaded = door.event("reloaded");
    assert_eq!(reloaded["model"], active[0]["model"]);
    let changed = door.event("administered");
    let user = ["action", "detail", "uid", "sudo_uid"].map(|key| changed[key].clone());
    let uid = fs::metadata(setup.path("ostiary.toml")).unwrap().uid();
    assert_eq!(user, [json!("models_changed"), json!("bundle 1"), json!(uid), json!(1234)]);
    assert_eq!(door.granted_by(&active[0]["model"])["person"], "Ann");
    assert_eq!(door.event("granted")["model"], active[0]["model"], "no later grant is by another model");

    assert_eq!(row(setup.models_by_sudo(&["list"])), [json!(1), json!(true), json!(true)]);
    let verified = setup.models_by_sudo(&["verify"]).good();
    assert_eq!((&verified[0]["version"], &verified[0]["good"]), (&1.into(), &true.into()));
    for verb in ["verify", "activate"] {
        assert!(setup.models_by_sudo(&[verb, "7"]).refused().contains("version 7 is not stored here"));
    }

    let back = setup.models_by_sudo(&["rollback"]).good();
    assert_eq!((&back[0]["model"], &back[0]["daemon"]), (&shipped.as_str().into(), &true.into()));
    assert!(setup.models_by_sudo(&["rollback"]).refused().contains("nothing to roll back"));
    door.event("reloaded");
    assert_eq!(door.granted_by(&back[0]["model"])["person"], "Ann");
    door.stop();
}

#[test]
fn root_leaves_the_files_of_the_door_to_their_owner() {
    let publisher = Publisher::new();
    let setup = publisher.setup();
    let owner = 4321;
    // Other users cannot give files away.
    if chown(setup.path(""), Some(owner), Some(owner)).is_err() {
        return;
    }
    chown(setup.path("ostiary.toml"), Some(owner), Some(owner)).unwrap();
    publisher.publish(&repository_file("models"));
    setup.models(&["pull", "--activate"]).good();
    setup.models(&["list"]).good();
    let mut folders = vec![setup.path("")];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let metadata = entry.metadata().unwrap();
            assert_eq!((metadata.uid(), metadata.gid()), (owner, owner), "{}", entry.display());
            seen += 1;
            if metadata.is_dir() {
                folders.push(entry);
            }
        }
    }
    assert!(seen > 12, "only {seen} files");
}
