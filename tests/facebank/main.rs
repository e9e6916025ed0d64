//! The facebank and `ostiary people`: stored data persists, failed operations change nothing, and errors name the fix. The
//! embeddings are synthetic; no test needs a face or a model.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]
#![expect(unsafe_code, reason = "processes under test get signals by the C library")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use assert_cmd::cargo::cargo_bin_cmd;
use ostiary_core::{Crop, Embedding, ModelId, PersonId};
use ostiary_facebank::{DaemonLock, Facebank, FacebankError, PersonSummary, PhotoHash, Template};
use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

mod commands;
mod processes;
mod versions;

/// The length of an embedding.
const LENGTH: usize = 128;

fn model() -> ModelId {
    ModelId("0123456789abcdef".into())
}

fn other_model() -> ModelId {
    ModelId("fedcba9876543210".into())
}

/// An embedding that depends only on the seed. Embeddings of different seeds are almost orthogonal.
fn embedding(seed: u64) -> Embedding {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let values: Vec<f32> = (0..LENGTH)
        .map(|_| {
            // xorshift64
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect();
    Embedding::normalized(&values).unwrap()
}

/// The template of a person with these embeddings.
fn mean_of(seeds: &[u64]) -> Embedding {
    let embeddings: Vec<Embedding> = seeds.iter().copied().map(embedding).collect();
    Embedding::mean(embeddings.iter().map(|embedding| (embedding, 1.0))).unwrap()
}

fn template(seed: u64) -> Template {
    Template {
        embedding: embedding(seed),
        photo: PhotoHash::of(&seed.to_le_bytes()),
        weight: 1.0,
        crop: None,
    }
}

fn with_crop(seed: u64) -> Template {
    let crop = Crop::from_rgb(&vec![seed as u8; Crop::BYTES]);
    Template { crop, ..template(seed) }
}

fn names(facebank: &Facebank) -> Vec<String> {
    facebank.people().unwrap().into_iter().map(|listed| listed.person.name).collect()
}

/// The path of a facebank with Ann (two templates) and Bob (one).
fn two_people(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("people.sqlite");
    let mut facebank = Facebank::open(&path).unwrap();
    facebank.enroll("Ann", &model(), &[template(1), template(2)]).unwrap();
    facebank.enroll("Bob", &model(), &[template(3)]).unwrap();
    path
}

#[test]
fn people_and_templates_are_stored() {
    let folder = tempfile::tempdir().unwrap();
    let facebank = Facebank::open_read_only(&two_people(&folder)).unwrap();
    facebank.check().unwrap();
    assert_eq!(names(&facebank), ["Ann", "Bob"]);
    let ann = facebank.show("ANN").unwrap();
    assert_eq!((ann.templates, ann.crops, ann.person.enabled), (2, 0, true));
    let gallery = facebank.gallery(&model()).unwrap();
    assert_eq!(gallery.photos(ann.person.id), Some(2));
    assert_eq!(gallery.best(&embedding(2)).unwrap().person, ann.person.id);
    let best = gallery.best(&mean_of(&[1, 2])).unwrap();
    assert_eq!(best.person, ann.person.id);
    assert!(best.similarity.0 > 0.999);
    assert!(best.second.unwrap().similarity.0 < 0.5);
    assert_eq!(gallery.person(best.person).unwrap().name, "Ann");
    assert!(gallery.person(PersonId(99)).is_none());
}

#[test]
fn the_frontal_aspect_of_the_latest_camera_pictures_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let mut facebank = Facebank::open(&two_people(&folder)).unwrap();
    let aspect = |facebank: &Facebank| facebank.show("Ann").unwrap().frontal_aspect;
    assert_eq!(aspect(&facebank), None);
    facebank.enroll_from_camera("Ann", &model(), &[template(5)], Some(0.93)).unwrap();
    // Photos say nothing about it, and neither does a change of the person or of the models.
    facebank.enroll("Ann", &model(), &[template(6)]).unwrap();
    facebank.enroll_from_camera("Ann", &model(), &[template(7)], None).unwrap();
    facebank.rename("Ann", "Anna").unwrap();
    facebank.rename("Anna", "Ann").unwrap();
    facebank.retain_models(&[other_model()]).unwrap();
    assert_eq!(aspect(&facebank), Some(0.93));
    // Pictures that are known already replace it too.
    facebank.reembed(&model(), &[], &[], |_| unreachable!("no crops")).unwrap();
    facebank.enroll_from_camera("Ann", &model(), &[template(5)], Some(0.9)).unwrap();
    let known = facebank.enroll_from_camera("Ann", &model(), &[template(5)], Some(1.01)).unwrap();
    assert_eq!((known.added, known.known, aspect(&facebank)), (0, 1, Some(1.01)));
    let gallery = facebank.gallery(&model()).unwrap();
    assert_eq!(gallery.frontal_aspect(known.person), Some(1.01));
    assert_eq!(gallery.frontal_aspect(PersonId(99)), None);

    for bad in [f32::NAN, f32::INFINITY, 0.0, 0.49, 2.01] {
        let error = facebank.enroll_from_camera("Ann", &model(), &[template(8)], Some(bad)).unwrap_err();
        assert!(matches!(error, FacebankError::BadAspect { .. }), "{error}");
        let error = facebank.enroll_from_camera("Eve", &model(), &[template(8)], Some(bad)).unwrap_err();
        assert!(error.to_string().contains("\"Eve\"") && error.to_string().contains("0.5 to 2"), "{error}");
    }
    assert_eq!((aspect(&facebank), names(&facebank).len()), (Some(1.01), 2));
    // A person who is removed and enrolled again is another one.
    facebank.remove("Ann").unwrap();
    facebank.enroll("Ann", &model(), &[template(5)]).unwrap();
    assert_eq!(aspect(&facebank), None);
}

#[test]
fn a_damaged_frontal_aspect_lets_nobody_in() {
    let folder = tempfile::tempdir().unwrap();
    let path = two_people(&folder);
    let connection = Connection::open(&path).unwrap();
    let set = |aspect: &str| {
        let statement = format!("UPDATE people SET frontal_aspect = {aspect} WHERE name = 'Bob'");
        connection.execute_batch(&statement)
    };
    assert!(set("3.0").is_err(), "the table refuses it");
    // As damage of the disk would.
    connection.execute_batch("PRAGMA ignore_check_constraints = ON").unwrap();
    let facebank = Facebank::open_read_only(&path).unwrap();
    for damaged in ["3.0", "-1.0", "0.1", "9e999"] {
        set(damaged).unwrap();
        let mut export = Vec::new();
        let errors = [
            facebank.gallery(&model()).unwrap_err(),
            facebank.people().unwrap_err(),
            facebank.export(&mut export, Path::new("memory")).unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, FacebankError::Corrupt { .. }), "{error}");
            assert!(error.to_string().contains("the frontal aspect of Bob"), "{error}");
        }
    }
    set("NULL").unwrap();
    assert_eq!(facebank.gallery(&model()).unwrap().len(), 2);
}

#[test]
fn only_the_owner_can_read_the_facebank() {
    let folder = tempfile::tempdir().unwrap();
    let path = two_people(&folder);
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    let export = folder.path().join("export.jsonl");
    let facebank = Facebank::open_read_only(&path).unwrap();
    facebank.export_file(&export).unwrap();
    assert_eq!(mode(&export), 0o600);
    // A second export does not overwrite the first.
    assert!(facebank.export_file(&export).is_err());
}

#[test]
fn the_same_photo_is_stored_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut facebank = Facebank::open(&two_people(&folder)).unwrap();
    let again = facebank.enroll("ann", &model(), &[template(2), template(5), template(5)]).unwrap();
    assert_eq!((again.new, again.added, again.known), (false, 1, 2));
    assert_eq!(facebank.show("Ann").unwrap().templates, 3);
    assert!(facebank.has_photo("Ann", &template(5).photo, &model()).unwrap());
    assert!(!facebank.has_photo("Bob", &template(5).photo, &model()).unwrap());
}

#[test]
fn names_are_unique_in_any_case() {
    let folder = tempfile::tempdir().unwrap();
    let mut facebank = Facebank::open(&two_people(&folder)).unwrap();
    facebank.enroll("Zoë", &model(), &[template(8)]).unwrap();
    assert!(!facebank.enroll("ZOË", &model(), &[template(9)]).unwrap().new);
    assert!(matches!(facebank.rename("Ann", "bob"), Err(FacebankError::NameTaken { .. })));
    facebank.rename("Ann", "ANN").unwrap();
    assert_eq!(names(&facebank), ["ANN", "Bob", "Zoë"]);
    assert!(matches!(facebank.enroll("a\tb", &model(), &[template(9)]), Err(FacebankError::BadName { .. })));
    assert!(matches!(facebank.rename("Bob", ""), Err(FacebankError::BadName { .. })));
    assert!(matches!(facebank.enroll("Eve", &model(), &[]), Err(FacebankError::NoTemplate { .. })));
    let unknown = facebank.remove("Bobb").unwrap_err().to_string();
    assert!(unknown.contains("did you mean \"Bob\""), "{unknown}");
}

#[test]
fn the_id_of_a_removed_person_is_not_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = two_people(&folder);
    let mut facebank = Facebank::open(&path).unwrap();
    let bob = facebank.show("Bob").unwrap().person.id;
    facebank.remove("Bob").unwrap();
    drop(facebank);
    let mut facebank = Facebank::open(&path).unwrap();
    let carl = facebank.enroll("Carl", &model(), &[template(7)]).unwrap().person;
    assert!(carl > bob);
    assert!(facebank.gallery(&model()).unwrap().best(&embedding(3)).unwrap().similarity.0 < 0.5);
}

#[test]
fn the_gallery_has_the_state_and_group_of_a_person() {
    let folder = tempfile::tempdir().unwrap();
    let mut facebank = Facebank::open(&two_people(&folder)).unwrap();
    facebank.set_enabled("Ann", false).unwrap();
    facebank.set_group("Ann", Some("cleaners")).unwrap();
    let gallery = facebank.gallery(&model()).unwrap();
    // A disabled person is still recognized, so that the refusal can name them.
    let ann = gallery.person(gallery.best(&embedding(1)).unwrap().person).unwrap();
    assert_eq!((ann.enabled, ann.group.as_deref()), (false, Some("cleaners")));
    facebank.set_enabled("Ann", true).unwrap();
    facebank.set_group("Ann", None).unwrap();
    let ann = facebank.show("Ann").unwrap().person;
    assert_eq!((ann.enabled, ann.group), (true, None));
}

#[test]
fn a_running_daemon_detects_changes_by_other_processes() {
    let folder = tempfile::tempdir().unwrap();
    let path = two_people(&folder);
    let mut daemon = Facebank::open_read_only(&path).unwrap();
    let mut writer = Facebank::open(&path).unwrap();
    assert!(!daemon.has_changed().unwrap());
    writer.enroll("Carl", &model(), &[template(4)]).unwrap();
    assert!(!writer.has_changed().unwrap());
    assert!(daemon.has_changed().unwrap());
    assert!(!daemon.has_changed().unwrap());
    assert_eq!(daemon.gallery(&model()).unwrap().len(), 3);
    // A backup that replaces the file is another file.
    let other = folder.path().join("other.sqlite");
    Facebank::open(&other).unwrap().enroll("Dora", &model(), &[template(6)]).unwrap();
    fs::rename(&other, &path).unwrap();
    assert!(daemon.has_changed().unwrap());
    assert_eq!(names(&daemon), ["Dora"]);
    fs::remove_file(&path).unwrap();
    assert!(matches!(daemon.has_changed(), Err(FacebankError::Missing { .. })));
}

#[test]
fn a_missing_an_empty_and_a_foreign_file_give_different_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.sqlite");
    assert!(matches!(Facebank::open_read_only(&path), Err(FacebankError::Missing { .. })));
    // A process that is killed before it creates the tables leaves an empty file.
    fs::write(&path, b"").unwrap();
    assert!(matches!(Facebank::open_read_only(&path), Err(FacebankError::Missing { .. })));
    assert!(Facebank::open(&path).unwrap().people().unwrap().is_empty());
    assert!(Facebank::open_read_only(&path).unwrap().people().unwrap().is_empty());

    let text = folder.path().join("notes.txt");
    fs::write(&text, "no database at all, but long enough to look at".repeat(100)).unwrap();
    let other = folder.path().join("other.sqlite");
    Connection::open(&other).unwrap().execute_batch("CREATE TABLE songs (title TEXT)").unwrap();
    for foreign in [&text, &other] {
        let before = fs::read(foreign).unwrap();
        for opened in [Facebank::open(foreign), Facebank::open_read_only(foreign)] {
            let error = opened.err().unwrap();
            assert!(matches!(error, FacebankError::NotAFacebank { .. }), "{error}");
            assert!(error.to_string().contains(foreign.to_str().unwrap()), "{error}");
        }
        assert_eq!(fs::read(foreign).unwrap(), before);
    }
    let nowhere = folder.path().join("absent/people.sqlite");
    assert!(matches!(Facebank::open(&nowhere), Err(FacebankError::CannotOpen { .. })));
}

#[test]
fn a_damaged_file_is_an_error_and_not_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(two_people(&folder)).unwrap();
    let path = folder.path().join("damaged.sqlite");
    let read = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let facebank = Facebank::open_read_only(&path)?;
        facebank.check()?;
        facebank.people()?;
        facebank.gallery(&model())
    };
    let error = read(&whole[..whole.len() / 2]).unwrap_err();
    assert!(matches!(error, FacebankError::Corrupt { .. }), "{error}");
    assert!(error.to_string().contains("restore a backup"), "{error}");
    assert!(read(&whole[..50]).is_err());
    // Each block is overwritten in turn. Damage of unused space is not detected; damage of used space must be.
    let mut detected = 0;
    for block in 0..whole.len() / 256 {
        let mut bytes = whole.clone();
        bytes[block * 256..][..256].fill(0xa5);
        detected += usize::from(read(&bytes).is_err());
    }
    assert!(detected >= 10, "only {detected} of {} damaged blocks were detected", whole.len() / 256);
}

#[test]
fn a_template_with_an_invalid_embedding_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = two_people(&folder);
    let raw = Connection::open(&path).unwrap();
    raw.execute("UPDATE templates SET embedding = zeroblob(512) WHERE photo = 3", []).unwrap();
    let error = Facebank::open_read_only(&path).unwrap().gallery(&model()).unwrap_err();
    assert!(matches!(error, FacebankError::Corrupt { .. }), "{error}");
    assert!(error.to_string().contains("Bob"), "{error}");
}

#[test]
fn a_read_only_facebank_cannot_be_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = two_people(&folder);
    let mut reader = Facebank::open_read_only(&path).unwrap();
    assert!(matches!(reader.remove("Ann"), Err(FacebankError::ReadOnly { .. })));
    let enrolled = reader.enroll("Carl", &model(), &[template(4)]);
    assert!(matches!(enrolled, Err(FacebankError::ReadOnly { .. })));
    assert_eq!(names(&reader), ["Ann", "Bob"]);
    // The mode of the file has the same effect, except for root.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    if fs::OpenOptions::new().write(true).open(&path).is_err() {
        assert!(matches!(Facebank::open(&path), Err(FacebankError::ReadOnly { .. })));
        assert_eq!(names(&Facebank::open_read_only(&path).unwrap()), ["Ann", "Bob"]);
    }
}

#[test]
fn a_locked_facebank_is_busy_until_it_is_unlocked() {
    let folder = tempfile::tempdir().unwrap();
    let path = two_people(&folder);
    let mut facebank = Facebank::open(&path).unwrap();
    facebank.set_busy_timeout(Duration::from_millis(20)).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let error = facebank.enroll("Carl", &model(), &[template(4)]).unwrap_err();
    assert!(matches!(error, FacebankError::Busy { .. }), "{error}");
    assert!(matches!(facebank.people(), Err(FacebankError::Busy { .. })));
    other.execute_batch("ROLLBACK").unwrap();
    facebank.enroll("Carl", &model(), &[template(4)]).unwrap();
    assert_eq!(names(&facebank), ["Ann", "Bob", "Carl"]);
}

#[test]
fn a_newer_schema_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = two_people(&folder);
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 6).unwrap();
    let error = Facebank::open(&path).err().unwrap();
    assert!(matches!(error, FacebankError::Newer { found: 6, known: 5, .. }), "{error}");
    assert!(error.to_string().contains("update the program"), "{error}");
}

#[test]
fn templates_of_another_model_are_never_compared() {
    let folder = tempfile::tempdir().unwrap();
    let mut facebank = Facebank::open(&two_people(&folder)).unwrap();
    let error = facebank.gallery(&other_model()).unwrap_err().to_string();
    for part in ["0123456789abcdef", "fedcba9876543210", "ostiary people reembed"] {
        assert!(error.contains(part), "{error}");
    }
    let enrolled = facebank.enroll("Carl", &other_model(), &[template(4)]);
    assert!(matches!(enrolled, Err(FacebankError::OtherModel { .. })));
    assert_eq!(names(&facebank), ["Ann", "Bob"]);
}

#[test]
fn reembedding_needs_every_crop_and_is_all_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut facebank = Facebank::open(&two_people(&folder)).unwrap();
    facebank.enroll("Carl", &model(), &[with_crop(20), with_crop(21)]).unwrap();
    let embed = |crop: &Crop| Ok(embedding(1000 + u64::from(crop.rgb()[0])));
    let refused = facebank.reembed(&other_model(), &[], &[], embed).unwrap_err();
    let FacebankError::NoCrops { people, .. } = refused else { panic!("{refused}") };
    assert_eq!(people, ["Ann", "Bob"]);
    facebank.remove("Ann").unwrap();
    facebank.remove("Bob").unwrap();

    let mut calls = 0;
    let broken = facebank.reembed(&other_model(), &[], &[], |crop| {
        calls += 1;
        match calls {
            1 => embed(crop),
            _ => Err(ostiary_engine::EngineError::Run { model: "m".into(), why: "broken".into() }.into()),
        }
    });
    assert!(matches!(broken, Err(FacebankError::Embed(_))));
    facebank.gallery(&model()).unwrap();

    assert_eq!(facebank.crops_to_embed(&other_model()).unwrap(), 2);
    assert_eq!(facebank.reembed(&other_model(), &[], &[], embed).unwrap(), 2);
    assert_eq!(facebank.crops_to_embed(&other_model()).unwrap(), 0);
    let gallery = facebank.gallery(&other_model()).unwrap();
    assert!(gallery.best(&mean_of(&[1020, 1021])).unwrap().similarity.0 > 0.999);
    assert_eq!(facebank.reembed(&other_model(), &[], &[], embed).unwrap(), 0);
}

#[test]
fn templates_of_a_compatible_model_stay_valid_for_photos_without_a_crop() {
    let folder = tempfile::tempdir().unwrap();
    let mut facebank = Facebank::open(&two_people(&folder)).unwrap();
    facebank.enroll("Carl", &model(), &[with_crop(20)]).unwrap();
    let embed = |crop: &Crop| Ok(embedding(1000 + u64::from(crop.rgb()[0])));
    let unrelated = ModelId("0000000000000000".into());
    assert!(matches!(
        facebank.reembed(&other_model(), std::slice::from_ref(&unrelated), &[], embed),
        Err(FacebankError::NoCrops { people, .. }) if people == ["Ann", "Bob"]
    ));
    let compatible = [unrelated, model()];
    let templates = facebank.gallery(&model()).unwrap();
    let made = facebank.reembed(&other_model(), &compatible, &[], embed).unwrap();
    let gallery = facebank.gallery(&other_model()).unwrap();
    assert_eq!(
        (made, gallery.len()),
        (
            facebank.embeddings("Ann", &model()).unwrap().len()
                + facebank.embeddings("Bob", &model()).unwrap().len()
                + 1,
            3
        )
    );
    for name in ["Ann", "Bob"] {
        let kept = facebank.embeddings(name, &model()).unwrap();
        assert_eq!(facebank.embeddings(name, &other_model()).unwrap(), kept);
    }
    // A photo with a crop is embedded again.
    assert_ne!(
        facebank.embeddings("Carl", &other_model()).unwrap(),
        facebank.embeddings("Carl", &model()).unwrap()
    );
    assert_eq!(facebank.gallery(&model()).unwrap().len(), templates.len());
    assert_eq!(facebank.reembed(&other_model(), &compatible, &[], embed).unwrap(), 0);
}

#[test]
fn templates_of_two_models_are_stored_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let mut facebank = Facebank::open(&two_people(&folder)).unwrap();
    facebank.enroll("Carl", &model(), &[with_crop(20), template(21)]).unwrap();
    let embed = |crop: &Crop| Ok(embedding(1000 + u64::from(crop.rgb()[0])));
    let without = ["ANN".to_owned(), "Bob".to_owned()];
    assert_eq!(facebank.reembed(&other_model(), &[], &without, embed).unwrap(), 1);
    assert_eq!(facebank.people_without_templates(&other_model()).unwrap(), ["Ann", "Bob"]);
    assert!(facebank.people_without_templates(&model()).unwrap().is_empty());
    let known = |facebank: &Facebank, model: &ModelId| facebank.gallery(model).unwrap().len();
    assert_eq!((known(&facebank, &model()), known(&facebank, &other_model())), (3, 1));
    let carl = facebank.show("Carl").unwrap();
    assert_eq!((carl.templates, carl.crops), (2, 1));
    assert_eq!(carl.models, [model().0, other_model().0]);

    // The same photo again, for the model that has no template of it.
    assert!(!facebank.has_photo("Ann", &template(1).photo, &other_model()).unwrap());
    let again = facebank.enroll("Ann", &other_model(), &[template(1)]).unwrap();
    assert_eq!((again.new, again.added), (false, 1));
    assert_eq!(facebank.show("Ann").unwrap().templates, 2, "photos, not templates");
    assert_eq!((known(&facebank, &model()), known(&facebank, &other_model())), (3, 2));
    assert_eq!(facebank.embeddings("Ann", &other_model()).unwrap().len(), 1);
    // Ann has a template of one photo, which is enough. Bob has none.
    let FacebankError::NoCrops { people, .. } =
        facebank.reembed(&other_model(), &[], &[], embed).unwrap_err()
    else {
        panic!("Bob has no template")
    };
    assert_eq!(people, ["Bob"]);

    // An export contains the templates of both models.
    let mut text = Vec::new();
    facebank.export(&mut text, Path::new("memory")).unwrap();
    let mut copy = Facebank::open(&folder.path().join("copy.sqlite")).unwrap();
    copy.import(text.as_slice()).unwrap();
    assert_eq!(copy.people().unwrap(), facebank.people().unwrap());
    assert_eq!((known(&copy, &model()), known(&copy, &other_model())), (3, 2));

    facebank.retain_models(&[other_model()]).unwrap();
    assert_eq!(known(&facebank, &other_model()), 2);
    assert!(matches!(facebank.gallery(&model()), Err(FacebankError::OtherModel { .. })));
    let (ann, bob) = (facebank.show("Ann").unwrap(), facebank.show("Bob").unwrap());
    assert_eq!((ann.templates, bob.templates), (1, 0), "photos without a template are deleted");
}

#[test]
fn the_model_in_use_may_have_no_templates() {
    let folder = tempfile::tempdir().unwrap();
    let mut facebank = Facebank::open(&two_people(&folder)).unwrap();
    let without = ["Ann".to_owned(), "Bob".to_owned()];
    let made = facebank.reembed(&other_model(), &[], &without, |_| panic!("there is no crop")).unwrap();
    assert_eq!(made, 0);
    assert!(facebank.gallery(&other_model()).unwrap().is_empty());
    facebank.enroll("Ann", &other_model(), &[template(7)]).unwrap();
    assert_eq!(facebank.gallery(&other_model()).unwrap().len(), 1);
}

#[test]
fn a_photo_of_better_quality_counts_more_and_weights_are_exported() {
    let folder = tempfile::tempdir().unwrap();
    let mut facebank = Facebank::open(&folder.path().join("people.sqlite")).unwrap();
    let weak = Template { weight: 0.25, ..template(2) };
    facebank.enroll("Ann", &model(), &[template(1), weak]).unwrap();
    let similarity = |facebank: &Facebank, seed| {
        facebank.gallery(&model()).unwrap().best(&embedding(seed)).unwrap().similarity.0
    };
    let (strong, weak) = (similarity(&facebank, 1), similarity(&facebank, 2));
    assert!(strong > 0.9 && weak < 0.5, "{strong} {weak}");
    let mut text = Vec::new();
    facebank.export(&mut text, Path::new("memory")).unwrap();
    let mut copy = Facebank::open(&folder.path().join("copy.sqlite")).unwrap();
    copy.import(text.as_slice()).unwrap();
    assert_eq!((similarity(&copy, 1), similarity(&copy, 2)), (strong, weak));

    // An export of an earlier program has no weights and no frontal aspect.
    assert!(!String::from_utf8_lossy(&text).contains("aspect"));
    let mut lines: Value = serde_json::from_slice(&text).unwrap();
    lines["format"] = 1.into();
    for template in lines["templates"].as_array_mut().unwrap() {
        template.as_object_mut().unwrap().remove("weight").unwrap();
    }
    let mut old = Facebank::open(&folder.path().join("old.sqlite")).unwrap();
    old.import(lines.to_string().as_bytes()).unwrap();
    assert!((similarity(&old, 1) - similarity(&old, 2)).abs() < 1e-6);
}

#[test]
fn an_import_restores_the_exported_people() {
    let folder = tempfile::tempdir().unwrap();
    let mut facebank = Facebank::open(&two_people(&folder)).unwrap();
    facebank.enroll_from_camera("Carl", &model(), &[with_crop(30)], Some(0.93)).unwrap();
    facebank.set_enabled("Bob", false).unwrap();
    facebank.set_group("Ann", Some("family")).unwrap();
    let mut text = Vec::new();
    assert_eq!(facebank.export(&mut text, Path::new("memory")).unwrap(), 3);

    let mut copy = Facebank::open(&folder.path().join("copy.sqlite")).unwrap();
    assert_eq!(copy.import(text.as_slice()).unwrap(), 3);
    assert_eq!(copy.people().unwrap(), facebank.people().unwrap());
    assert_eq!(copy.show("Carl").unwrap().frontal_aspect, Some(0.93));
    for seed in [1, 2, 3, 30] {
        let best = |facebank: &Facebank| facebank.gallery(&model()).unwrap().best(&embedding(seed)).unwrap();
        assert_eq!(best(&copy).person, best(&facebank).person);
        assert!((best(&copy).similarity.0 - best(&facebank).similarity.0).abs() < 1e-6);
    }
    let carl = |text: &[u8]| -> Value {
        serde_json::from_slice(text.split(|byte| *byte == b'\n').nth(2).unwrap()).unwrap()
    };
    let mut again = Vec::new();
    copy.export(&mut again, Path::new("memory")).unwrap();
    assert!(carl(&text)["templates"][0]["crop"].is_string());
    assert_eq!(carl(&again)["templates"][0]["crop"], carl(&text)["templates"][0]["crop"]);
}

#[test]
fn a_bad_import_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut facebank = Facebank::open(&two_people(&folder)).unwrap();
    let mut source = Facebank::open(&folder.path().join("source.sqlite")).unwrap();
    source.enroll_from_camera("Carl", &model(), &[template(40)], Some(0.875)).unwrap();
    let mut good = Vec::new();
    source.export(&mut good, Path::new("memory")).unwrap();
    let good = String::from_utf8(good).unwrap();
    let bad_lines = [
        "{".to_owned(),
        "[1, 2]".into(),
        good.replace("\"format\":3", "\"format\":4"),
        good.replace("\"frontal_aspect\":0.875", "\"frontal_aspect\":2.5"),
        good.replace("\"frontal_aspect\":0.875", "\"frontal_aspect\":-0.875"),
        good.replace("\"weight\":1.0", "\"weight\":1.5"),
        good.replace("\"weight\":1.0", "\"weight\":0.0"),
        good.replace("Carl", "Ca\\u0007rl"),
        good.replace("\"embedding\":[", "\"embedding\":[9.0,"),
        good.replace("\"photo\":\"", "\"photo\":\"zz"),
        good.replace("\"templates\":[{", "\"unknown\":1,\"templates\":[{"),
        good.replace("Carl", "ANN"),
        good.replace("Carl", "Eve").replace("0123456789abcdef", "fedcba9876543210"),
    ];
    for bad in bad_lines {
        assert_ne!(bad, good);
        let error = facebank.import(format!("{good}{bad}\n").as_bytes()).unwrap_err();
        if let FacebankError::BadExport { line, .. } = error {
            assert!(line >= 2, "{bad}");
        }
        assert_eq!(names(&facebank), ["Ann", "Bob"], "{bad}");
    }
    facebank.import(good.as_bytes()).unwrap();
}
