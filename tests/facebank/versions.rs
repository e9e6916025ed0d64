//! Files of other programs and of earlier versions.

use super::*;

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
    assert_eq!(facebank.reembed(&other_model(), &[], &["Bob".to_owned()], embed).unwrap(), 1);
}

/// Makes a facebank of the newest schema into one of version 2, which has no weights.
fn to_version_2(path: &Path) {
    Connection::open(path)
        .unwrap()
        .execute_batch(
            "ALTER TABLE photos DROP COLUMN weight;
             ALTER TABLE people DROP COLUMN frontal_aspect;
             PRAGMA user_version = 2;",
        )
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

/// Makes a facebank of schema version 3 with two people.
fn create_version_3(path: &Path) {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE people (
                 id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, folded TEXT NOT NULL UNIQUE,
                 enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)), grouped TEXT, created TEXT NOT NULL
             ) STRICT;
             CREATE TABLE models ( id TEXT NOT NULL PRIMARY KEY ) STRICT, WITHOUT ROWID;
             CREATE TABLE photos (
                 id INTEGER PRIMARY KEY, person INTEGER NOT NULL REFERENCES people (id) ON DELETE CASCADE,
                 hash BLOB NOT NULL CHECK (length(hash) = 32), crop BLOB, created TEXT NOT NULL, UNIQUE (person, hash)
             ) STRICT;
             CREATE TABLE templates (
                 photo INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
                 model TEXT NOT NULL REFERENCES models (id), embedding BLOB NOT NULL, PRIMARY KEY (photo, model)
             ) STRICT, WITHOUT ROWID;
             ALTER TABLE photos ADD COLUMN weight REAL NOT NULL DEFAULT 1 CHECK (weight > 0 AND weight <= 1);
             INSERT INTO people VALUES (4, 'Ann', 'ann', 1, 'staff', '2026-01-02T03:04:05Z'),
                 (7, 'Bob', 'bob', 0, NULL, '2026-01-02T03:04:05Z');
             PRAGMA application_id = 0x4f535459;
             PRAGMA user_version = 3;",
        )
        .unwrap();
    connection.execute("INSERT INTO models VALUES (?1)", [model().0]).unwrap();
    for (person, seed) in [(4, 1u32), (7, 3)] {
        let embedding: Vec<u8> =
            embedding(seed.into()).values().iter().flat_map(|value| value.to_le_bytes()).collect();
        let photo = (seed, person, PhotoHash::of(&u64::from(seed).to_le_bytes()).0);
        connection
            .execute("INSERT INTO photos VALUES (?1, ?2, ?3, NULL, '2026-01-02T03:04:05Z', 0.5)", photo)
            .unwrap();
        connection
            .execute("INSERT INTO templates VALUES (?1, ?2, ?3)", (seed, model().0, embedding))
            .unwrap();
    }
}

#[test]
fn people_of_version_3_are_migrated_without_a_frontal_aspect_and_can_get_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.sqlite");
    create_version_3(&path);
    // The daemon only reads, and can be the first to open it.
    let migrated = Facebank::open_read_only(&path).unwrap();
    migrated.check().unwrap();
    let listed = migrated.people().unwrap();
    let fields = |listed: &PersonSummary| {
        let PersonSummary { person, templates, frontal_aspect, .. } = listed;
        (person.name.clone(), person.enabled, person.group.clone(), *templates, *frontal_aspect)
    };
    let expected =
        [("Ann".to_owned(), true, Some("staff".to_owned()), 1, None), ("Bob".into(), false, None, 1, None)];
    assert!(listed.iter().map(fields).eq(expected), "{listed:?}");
    let gallery = migrated.gallery(&model()).unwrap();
    assert_eq!(gallery.best(&embedding(3)).unwrap().person, PersonId(7));
    assert_eq!(gallery.frontal_aspect(PersonId(4)), None);
    assert_eq!(schema_of(&path).0, 5);
    drop(migrated);
    let mut facebank = Facebank::open(&path).unwrap();
    facebank.enroll_from_camera("Ann", &model(), &[template(9)], Some(0.95)).unwrap();
    let gallery = facebank.gallery(&model()).unwrap();
    assert_eq!([4, 7].map(|id| gallery.frontal_aspect(PersonId(id))), [Some(0.95), None]);
}

/// The version of the schema and its statements.
fn schema_of(path: &Path) -> (i64, String) {
    let connection = Connection::open(path).unwrap();
    let version = connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    let query = "SELECT group_concat(sql) FROM sqlite_schema";
    (version, connection.query_row(query, [], |row| row.get(0)).unwrap())
}

#[test]
fn names_of_earlier_versions_are_normalized_found_and_removable() {
    let folder = tempfile::tempdir().unwrap();
    let path = two_people(&folder);
    let earlier = |person: i64, name: &str| {
        // Earlier programs folded the case only.
        let values = (person, name, name.to_lowercase());
        let insert = "INSERT INTO people (id, name, folded, enabled, grouped, created)
             VALUES (?1, ?2, ?3, 1, NULL, '2026-01-02T03:04:05Z')";
        Connection::open(&path).unwrap().execute(insert, values).unwrap();
    };
    for (person, name) in [
        (10, "Zoe\u{308}"),
        (11, "ZO\u{eb}"),
        (12, "None"),
        (13, "\u{200b}"),
        (14, "Re\u{301}my"),
        (15, "\u{410}nn"),
        (16, "\u{202e}Eve"),
    ] {
        earlier(person, name);
    }
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 4).unwrap();
    let mut facebank = Facebank::open(&path).unwrap();
    facebank.check().unwrap();
    let id = |facebank: &Facebank, name: &str| facebank.id(name).unwrap().map(|person| person.0);
    // The first of two people with one name has it in all encodings; the second is found as it is stored.
    assert_eq!(facebank.show("ZOE\u{308}").unwrap().person.name, "Zo\u{eb}");
    for (name, person) in [
        ("zoe\u{308}", 10),
        ("Zo\u{eb}", 10),
        ("ZO\u{eb}", 11),
        ("none", 12),
        ("R\u{e9}my", 14),
        ("Re\u{301}my", 14),
        ("\u{410}nn", 15),
    ] {
        assert_eq!(id(&facebank, name), Some(person), "{name:?}");
    }
    let problems: Vec<String> =
        facebank.name_problems().unwrap().iter().map(|problem| problem.to_string()).collect();
    assert_eq!(problems.len(), 5, "{problems:?}");
    for part in ["look alike", "\"none\"", "shows nothing", "U+0410", "U+202E"] {
        assert!(problems.iter().any(|problem| problem.contains(part)), "{part}: {problems:?}");
    }
    facebank.rename("ZO\u{eb}", "Zo\u{eb} M\u{fc}ller").unwrap();
    for name in ["None", "\u{200b}", "\u{410}nn", "\u{202e}Eve"] {
        facebank.remove(name).unwrap();
    }
    assert!(facebank.name_problems().unwrap().is_empty());
    assert_eq!(id(&facebank, "ZO\u{eb}"), Some(10));
    let names: BTreeSet<String> =
        facebank.people().unwrap().into_iter().map(|listed| listed.person.name).collect();
    assert_eq!(names.len(), 5, "{names:?}");
}

#[test]
fn two_people_cannot_have_one_visible_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = two_people(&folder);
    let mut facebank = Facebank::open(&path).unwrap();
    facebank.enroll("Zoe\u{308}", &model(), &[template(20)]).unwrap();
    assert!(!facebank.enroll("ZO\u{eb}", &model(), &[template(21)]).unwrap().new, "one name");
    facebank.enroll("Capa", &model(), &[template(22)]).unwrap();
    let cyrillic = "\u{421}\u{430}\u{440}\u{430}";
    for error in [
        facebank.enroll(cyrillic, &model(), &[template(23)]).unwrap_err(),
        facebank.rename("Bob", cyrillic).unwrap_err(),
        facebank.check_name(cyrillic).unwrap_err(),
    ] {
        assert!(error.to_string().contains("looks like the name of \"Capa\""), "{error}");
    }
    facebank.rename("Capa", "CAPA").unwrap();
    let export = |name: &str| {
        let mut lines = Vec::new();
        facebank.export(&mut lines, Path::new("export")).unwrap();
        String::from_utf8(lines)
            .unwrap()
            .lines()
            .find(|line| line.contains("CAPA"))
            .unwrap()
            .replace("CAPA", name)
    };
    let mut other = Facebank::open(&folder.path().join("other.sqlite")).unwrap();
    assert_eq!(other.import(export("Ne\u{301}a").as_bytes()).unwrap(), 1);
    assert_eq!(other.people().unwrap()[0].person.name, "N\u{e9}a");
    for (name, part) in [("None", "none"), ("A\u{200b}", "U+200B"), ("N\u{e9}a", "already a person")] {
        assert!(other.import(export(name).as_bytes()).unwrap_err().to_string().contains(part), "{name:?}");
    }
}
