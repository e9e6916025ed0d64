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
use ostiary_facebank::{DaemonLock, Facebank, FacebankError, PhotoHash, Template};
use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

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
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 4).unwrap();
    let error = Facebank::open(&path).err().unwrap();
    assert!(matches!(error, FacebankError::Newer { found: 4, known: 3, .. }), "{error}");
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
    let refused = facebank.reembed(&other_model(), &[], embed).unwrap_err();
    let FacebankError::NoCrops { people, .. } = refused else { panic!("{refused}") };
    assert_eq!(people, ["Ann", "Bob"]);
    facebank.remove("Ann").unwrap();
    facebank.remove("Bob").unwrap();

    let mut calls = 0;
    let broken = facebank.reembed(&other_model(), &[], |crop| {
        calls += 1;
        match calls {
            1 => embed(crop),
            _ => Err(ostiary_engine::EngineError::Run { model: "m".into(), why: "broken".into() }.into()),
        }
    });
    assert!(matches!(broken, Err(FacebankError::Embed(_))));
    facebank.gallery(&model()).unwrap();

    assert_eq!(facebank.reembed(&other_model(), &[], embed).unwrap(), 2);
    let gallery = facebank.gallery(&other_model()).unwrap();
    assert!(gallery.best(&mean_of(&[1020, 1021])).unwrap().similarity.0 > 0.999);
    assert_eq!(facebank.reembed(&other_model(), &[], embed).unwrap(), 0);
}

#[test]
fn templates_of_two_models_are_stored_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let mut facebank = Facebank::open(&two_people(&folder)).unwrap();
    facebank.enroll("Carl", &model(), &[with_crop(20), template(21)]).unwrap();
    let embed = |crop: &Crop| Ok(embedding(1000 + u64::from(crop.rgb()[0])));
    let without = ["ANN".to_owned(), "Bob".to_owned()];
    assert_eq!(facebank.reembed(&other_model(), &without, embed).unwrap(), 1);
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
    let FacebankError::NoCrops { people, .. } = facebank.reembed(&other_model(), &[], embed).unwrap_err()
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
    let made = facebank.reembed(&other_model(), &without, |_| panic!("there is no crop")).unwrap();
    assert_eq!(made, 0);
    assert!(facebank.gallery(&other_model()).unwrap().is_empty());
    facebank.enroll("Ann", &other_model(), &[template(7)]).unwrap();
    assert_eq!(facebank.gallery(&other_model()).unwrap().len(), 1);
}

#[test]
fn a_file_with_other_tables_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.sqlite");
    let statements = [
        // A query of this view never ends.
        "DROP TABLE people;
         CREATE VIEW people AS WITH RECURSIVE ids(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM ids)
             SELECT id, 'p' || id AS name, 'p' || id AS folded, 1 AS enabled, NULL AS grouped,
                 '2026-01-02T03:04:05Z' AS created FROM ids",
        "CREATE TRIGGER t AFTER INSERT ON people BEGIN UPDATE people SET enabled = 1; END",
        "ALTER TABLE photos ADD COLUMN big TEXT AS (hex(zeroblob(100000000)))",
    ];
    for statements in statements {
        let _ = std::fs::remove_file(&path);
        drop(Facebank::open(&path).unwrap());
        Connection::open(&path).unwrap().execute_batch(statements).unwrap();
        for opened in [Facebank::open(&path), Facebank::open_read_only(&path)] {
            let error = opened.err().unwrap();
            assert!(matches!(error, FacebankError::NotAFacebank { .. }), "{error}");
            assert!(error.to_string().contains("tables"), "{error}");
        }
    }
}

/// Makes a facebank of schema version 1.
fn create_version_1(path: &Path) {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE people (
                 id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, folded TEXT NOT NULL UNIQUE,
                 enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)), grouped TEXT, created TEXT NOT NULL
             ) STRICT;
             CREATE TABLE templates (
                 id INTEGER PRIMARY KEY, person INTEGER NOT NULL REFERENCES people (id) ON DELETE CASCADE,
                 embedding BLOB NOT NULL, model TEXT NOT NULL, photo BLOB NOT NULL CHECK (length(photo) = 32),
                 crop BLOB, created TEXT NOT NULL, UNIQUE (person, photo)
             ) STRICT;
             PRAGMA application_id = 0x4f535459;
             PRAGMA user_version = 1;",
        )
        .unwrap();
    for (person, name) in [(4, "Ann"), (7, "Bob")] {
        let values = (person, name, name.to_lowercase());
        connection
            .execute("INSERT INTO people VALUES (?1, ?2, ?3, 1, NULL, '2026-01-02T03:04:05Z')", values)
            .unwrap();
    }
    for (person, seed, crop) in [(4, 1, None), (4, 2, Some(vec![2; Crop::BYTES])), (7, 3, None)] {
        let embedding: Vec<u8> =
            embedding(seed).values().iter().flat_map(|value| value.to_le_bytes()).collect();
        let photo = PhotoHash::of(&seed.to_le_bytes()).0;
        connection
            .execute(
                "INSERT INTO templates (person, embedding, model, photo, crop, created)
                 VALUES (?1, ?2, ?3, ?4, ?5, '2026-01-02T03:04:05Z')",
                (person, embedding, model().0, photo, crop),
            )
            .unwrap();
    }
}

#[test]
fn a_facebank_of_version_1_is_migrated_completely() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.sqlite");
    create_version_1(&path);
    // A daemon that only reads can be the first to open it, and two processes can open it at the same time.
    let open = || Facebank::open_read_only(&path).unwrap();
    let (one, other) = thread::scope(|scope| {
        let one = scope.spawn(open);
        (open(), one.join().unwrap())
    });
    assert_eq!(one.people().unwrap(), other.people().unwrap());
    one.check().unwrap();
    let ann = one.show("Ann").unwrap();
    assert_eq!((ann.person.id, ann.templates, ann.crops, ann.models), (PersonId(4), 2, 1, vec![model().0]));
    let gallery = one.gallery(&model()).unwrap();
    for (seeds, person) in [(&[1, 2][..], 4), (&[3], 7)] {
        let best = gallery.best(&mean_of(seeds)).unwrap();
        assert!(best.person == PersonId(person) && best.similarity.0 > 0.999);
        assert!(seeds.iter().all(|seed| gallery.best(&embedding(*seed)).unwrap().person == PersonId(person)));
    }
    let mut facebank = Facebank::open(&path).unwrap();
    assert!(facebank.has_photo("Ann", &template(2).photo, &model()).unwrap());
    assert!(!facebank.enroll("Bob", &model(), &[template(9)]).unwrap().new);
    let embed = |crop: &Crop| Ok(embedding(1000 + u64::from(crop.rgb()[0])));
    assert_eq!(facebank.reembed(&other_model(), &["Bob".to_owned()], embed).unwrap(), 1);
}

/// Makes a facebank of the newest schema into one of version 2, which has no weights.
fn to_version_2(path: &Path) {
    Connection::open(path)
        .unwrap()
        .execute_batch("ALTER TABLE photos DROP COLUMN weight; PRAGMA user_version = 2;")
        .unwrap();
}

#[test]
fn a_facebank_of_version_2_is_migrated_in_one_transaction_with_full_weights() {
    let folder = tempfile::tempdir().unwrap();
    let path = two_people(&folder);
    let best = |facebank: &Facebank| facebank.gallery(&model()).unwrap().best(&embedding(1)).unwrap();
    let before = best(&Facebank::open(&path).unwrap());
    to_version_2(&path);
    let migrated = Facebank::open_read_only(&path).unwrap();
    assert_eq!(best(&migrated), before);
    migrated.check().unwrap();
    drop(migrated);

    // A migration that fails leaves version 2.
    to_version_2(&path);
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let busy = schema_of(&path);
    assert!(Facebank::open(&path).is_err());
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(schema_of(&path), busy);
    assert_eq!(best(&Facebank::open(&path).unwrap()), before);
}

/// The version of the schema and its statements.
fn schema_of(path: &Path) -> (i64, String) {
    let connection = Connection::open(path).unwrap();
    let version = connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    let query = "SELECT group_concat(sql) FROM sqlite_schema";
    (version, connection.query_row(query, [], |row| row.get(0)).unwrap())
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

    // An export of an earlier program has no weights.
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
    facebank.enroll("Carl", &model(), &[with_crop(30)]).unwrap();
    facebank.set_enabled("Bob", false).unwrap();
    facebank.set_group("Ann", Some("family")).unwrap();
    let mut text = Vec::new();
    assert_eq!(facebank.export(&mut text, Path::new("memory")).unwrap(), 3);

    let mut copy = Facebank::open(&folder.path().join("copy.sqlite")).unwrap();
    assert_eq!(copy.import(text.as_slice()).unwrap(), 3);
    assert_eq!(copy.people().unwrap(), facebank.people().unwrap());
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
    source.enroll("Carl", &model(), &[template(40)]).unwrap();
    let mut good = Vec::new();
    source.export(&mut good, Path::new("memory")).unwrap();
    let good = String::from_utf8(good).unwrap();
    let bad_lines = [
        "{".to_owned(),
        "[1, 2]".into(),
        good.replace("\"format\":2", "\"format\":3"),
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

#[test]
fn a_second_daemon_is_refused_from_another_process_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = two_people(&folder);
    let mut child = spawn_actor(&path, "daemon");
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    wait_for(&mut output, "locked");
    let refused = DaemonLock::acquire(&path).unwrap_err();
    assert!(matches!(refused, FacebankError::DaemonRunning { pid: Some(pid), .. } if pid == child.id()));
    assert!(refused.to_string().contains("people.sqlite"), "{refused}");
    // People can be enrolled while a daemon runs.
    Facebank::open(&path).unwrap().enroll("Carl", &model(), &[template(4)]).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    DaemonLock::acquire(&path).unwrap();
}

/// Ends processes that enroll people at different moments of their first two enrollments. Checks that the facebank has only
/// complete people, and all people whose enrollment was reported.
fn check_after_signal(signal: libc::c_int) {
    const ROUNDS: u32 = 25;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.sqlite");
    let mut reported = BTreeSet::new();
    let mut journals = 0;
    // The time of one enrollment depends on the machine and its load. The first round measures it.
    let mut enrollment = None;
    for round in 0..ROUNDS {
        let mut child = spawn_actor(&path, "enroll");
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        wait_for(&mut output, "begin");
        match enrollment {
            None => {
                let start = Instant::now();
                let line =
                    output.by_ref().map(|line| line.unwrap()).find(|line| line.starts_with("enrolled "));
                reported.extend(line.unwrap().strip_prefix("enrolled ").map(str::to_owned));
                enrollment = Some(start.elapsed());
            }
            Some(time) => std::thread::sleep(time * 2 * round / ROUNDS),
        }
        // SAFETY: kill takes no memory; the child has not been waited for, so the id is still its own.
        assert_eq!(unsafe { libc::kill(child.id() as libc::pid_t, signal) }, 0);
        let lines: Vec<String> = output.map(|line| line.unwrap()).collect();
        assert!(!child.wait().unwrap().success());
        reported.extend(lines.iter().filter_map(|line| line.strip_prefix("enrolled ").map(str::to_owned)));

        // A read-only facebank also rolls back an incomplete transaction.
        let open = if round % 2 == 0 { Facebank::open } else { Facebank::open_read_only };
        journals += usize::from(folder.path().join("people.sqlite-journal").exists());
        let facebank = open(&path).unwrap();
        facebank.check().unwrap();
        let people = facebank.people().unwrap();
        assert!(people.iter().all(|person| person.templates == TEMPLATES as usize), "{people:?}");
        let found: BTreeSet<String> = people.iter().map(|person| person.person.name.clone()).collect();
        assert!(reported.is_subset(&found), "lost: {:?}", reported.difference(&found).collect::<Vec<_>>());
        facebank.gallery(&model()).unwrap();
    }
    assert!(journals > 0, "no process was ended within a transaction");
}

#[test]
fn after_a_kill_the_facebank_has_only_complete_people() {
    check_after_signal(libc::SIGKILL);
}

#[test]
fn after_a_termination_the_facebank_has_only_complete_people() {
    check_after_signal(libc::SIGTERM);
}

/// The templates of one person. With their crops they are larger than SQLite's cache, so a transaction writes to the file
/// before the commit, and only the journal can roll it back.
const TEMPLATES: u64 = 100;

/// Runs [`actor`] of this test binary in another process.
fn spawn_actor(path: &Path, role: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "actor", "--nocapture", "--ignored"])
        .env("OSTIARY_TEST_FACEBANK", path)
        .env("OSTIARY_TEST_ROLE", role)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn wait_for(output: &mut impl Iterator<Item = std::io::Result<String>>, word: &str) {
    assert!(output.any(|line| line.unwrap() == word), "the other process ended early");
}

/// The other process of the tests above. It does nothing unless they start it.
#[test]
#[ignore = "the other process of other tests"]
fn actor() {
    let Some(path) = std::env::var_os("OSTIARY_TEST_FACEBANK").map(PathBuf::from) else { return };
    if std::env::var("OSTIARY_TEST_ROLE").unwrap() == "daemon" {
        let _lock = DaemonLock::acquire(&path).unwrap();
        println!("\nlocked");
        loop {
            std::thread::park();
        }
    }
    let mut facebank = Facebank::open(&path).unwrap();
    println!("\nbegin");
    for number in 0.. {
        let name = format!("{}-{number}", std::process::id());
        let templates: Vec<Template> = (0..TEMPLATES).map(|i| with_crop(number * TEMPLATES + i)).collect();
        facebank.enroll(&name, &model(), &templates).unwrap();
        println!("enrolled {name}");
    }
}

/// `ostiary people ARGS` on this facebank.
fn people(path: &Path, args: &[&str]) -> assert_cmd::assert::Assert {
    cargo_bin_cmd!("ostiary").arg("people").args(args).arg("--facebank").arg(path).assert()
}

fn json(path: &Path, args: &[&str]) -> Vec<Value> {
    let output = people(path, &[args, &["--json"]].concat()).success().get_output().stdout.clone();
    String::from_utf8(output).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn error(path: &Path, args: &[&str]) -> String {
    let output = people(path, args).code(2).get_output().stderr.clone();
    String::from_utf8(output).unwrap()
}

#[test]
fn the_people_commands_change_the_facebank() {
    let folder = tempfile::tempdir().unwrap();
    let path = two_people(&folder);
    let listed = json(&path, &["list"]);
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0]["name"], "Ann");
    assert_eq!(listed[0]["templates"], 2);
    assert_eq!(listed[0]["models"][0], model().0);
    assert_eq!(json(&path, &["rename", "ann", "Ann Lee"])[0]["name"], "Ann Lee");
    assert_eq!(json(&path, &["disable", "Ann Lee"])[0]["enabled"], false);
    assert_eq!(json(&path, &["enable", "Ann Lee"])[0]["enabled"], true);
    assert_eq!(json(&path, &["group", "Bob", "cleaners"])[0]["group"], "cleaners");
    assert_eq!(json(&path, &["group", "Bob", "CleanerS"])[0]["group"], "cleaners", "one group in any case");
    assert_eq!(json(&path, &["group", "Bob"])[0]["group"], Value::Null);
    assert_eq!(json(&path, &["show", "bob"])[0]["name"], "Bob");
    assert_eq!(json(&path, &["remove", "bob"])[0]["removed"], "Bob");
    assert_eq!(json(&path, &["list"]).len(), 1);
    let output = people(&path, &["list"]).success().get_output().stdout.clone();
    assert!(String::from_utf8(output).unwrap().starts_with("Ann Lee  enabled   2 templates"));
}

#[test]
fn export_and_import_copy_all_people() {
    let folder = tempfile::tempdir().unwrap();
    let path = two_people(&folder);
    let everyone = |path: &Path| Facebank::open_read_only(path).unwrap().people().unwrap();
    let copy = folder.path().join("copy.sqlite");
    let export = folder.path().join("export.jsonl");
    let file = export.to_str().unwrap();
    assert_eq!(json(&path, &["export", "-o", file])[0]["exported"], 2);
    assert_eq!(json(&copy, &["import", file])[0]["imported"], 2);
    assert_eq!(everyone(&copy), everyone(&path));
    // Export to standard output, and import from standard input.
    let lines = people(&path, &["export"]).success().get_output().stdout.clone();
    assert_eq!(lines, fs::read(&export).unwrap());
    let piped = folder.path().join("piped.sqlite");
    let mut import = cargo_bin_cmd!("ostiary");
    import.args(["people", "import", "-", "--facebank"]).arg(&piped).write_stdin(lines).assert().success();
    assert_eq!(everyone(&piped), everyone(&path));
    assert!(error(&copy, &["import", file]).contains("already a person called \"Ann\""));
}

#[test]
fn errors_name_the_subject_and_the_fix() {
    let folder = tempfile::tempdir().unwrap();
    let path = two_people(&folder);
    assert!(error(&path, &["show", "Anne"]).contains("did you mean \"Ann\""));
    assert!(error(&path, &["rename", "Ann", "Bob"]).contains("\"Bob\""));
    assert!(error(&path, &["rename", "Ann", "a\nb"]).contains("control characters"));
    let absent = folder.path().join("absent.sqlite");
    for verb in [&["list"][..], &["remove", "Ann"], &["reembed"]] {
        assert!(error(&absent, verb).contains("ostiary enroll"), "{verb:?}");
    }
    assert!(error(&absent, &["import", "/no/such/export"]).contains("/no/such/export"));
    assert!(!absent.exists());
}

#[test]
fn enroll_refuses_invalid_arguments() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.sqlite");
    let enroll = |args: &[&str]| {
        let output = cargo_bin_cmd!("ostiary").arg("enroll").args(args).arg("--facebank").arg(&path).assert();
        String::from_utf8(output.code(2).get_output().stderr.clone()).unwrap()
    };
    assert!(enroll(&["Ann"]).contains("give photos, or --camera"));
    assert!(enroll(&[" ", "a.jpg"]).contains("it is empty"));
    assert!(enroll(&["Ann", "a.jpg", "--camera"]).contains("--camera"));
    assert!(enroll(&["Ann", "--from", "photos"]).contains("--from"));
    assert!(enroll(&[]).contains("NAME"));
    assert!(enroll(&["Ann", "a.jpg", "--timeout", "5"]).contains("--timeout"));
    assert!(enroll(&["Ann", "--source", "x.mp4"]).contains("--camera"));
    assert!(enroll(&["Ann", "/no/such/photo.jpg"]).contains("/no/such/photo.jpg"));
    assert!(!path.exists());
}
