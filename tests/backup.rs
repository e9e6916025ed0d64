//! `ostiary backup` and `ostiary restore`: a door is restored as it was, and an archive that is no backup changes nothing.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use ostiary_config as config;
use ostiary_core::{Embedding, ModelId, hex};
use ostiary_events::{Action, Event, EventFilter, EventKind, EventStore, StoreError};
use ostiary_facebank::{DaemonLock, Facebank, PhotoHash, Template};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tar::EntryType;

/// A door with two people and two events, whose files are all in one folder.
struct Door {
    folder: tempfile::TempDir,
}

fn model() -> ModelId {
    ModelId("model".into())
}

fn template(seed: u8) -> Template {
    let values: Vec<f32> = (0..192u8).map(|i| f32::from(i.wrapping_mul(seed) % 31) - 15.0).collect();
    Template {
        embedding: Embedding::normalized(&values).unwrap(),
        photo: PhotoHash::of(&[seed]),
        weight: 1.0,
        crop: None,
    }
}

impl Door {
    fn empty() -> Self {
        let door = Self { folder: tempfile::tempdir().unwrap() };
        let [people, events] = ["facebank.sqlite", "events.sqlite"].map(|name| door.path(name));
        let text = format!(
            "# The owner's words.\n[facebank]\npath = {people:?}\n[events]\npath = {events:?}\n[door]\nname = \"front\"\n"
        );
        fs::write(door.path("ostiary.toml"), text).unwrap();
        door
    }

    fn new(people: &[&str]) -> Self {
        let door = Self::empty();
        let mut facebank = Facebank::open(&door.path("facebank.sqlite")).unwrap();
        for (seed, name) in (3..).zip(people) {
            facebank.enroll(name, &model(), &[template(seed)]).unwrap();
        }
        let mut store = EventStore::open(&door.events(), false).unwrap();
        for detail in ["one", "two"] {
            let kind = EventKind::Started { detail: detail.into() };
            store.append(&mut Event::new(kind, jiff::Timestamp::now(), "front")).unwrap();
        }
        store.sign_head().unwrap().unwrap();
        fs::write(door.path("settings.toml"), "[door]\ncooldown_s = 7.0\n").unwrap();
        door
    }

    fn events(&self) -> config::Events {
        config::Events { path: self.path("events.sqlite"), ..config::Events::default() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("ostiary"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("OSTIARY_")) {
            command.env_remove(name);
        }
        command
            .arg("--config")
            .arg(self.path("ostiary.toml"))
            .arg("--settings")
            .arg(self.path("settings.toml"));
        command.args(arguments).stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status.code().unwrap(), text(stdout), text(stderr))
    }

    /// Saves the door in an archive, in another folder.
    fn backup(&self) -> (tempfile::TempDir, PathBuf) {
        let elsewhere = tempfile::tempdir().unwrap();
        let archive = elsewhere.path().join("door.tar.gz");
        let (code, _, err) = self.run(&["backup", archive.to_str().unwrap()]);
        assert_eq!((code, err.as_str()), (0, ""));
        (elsewhere, archive)
    }

    fn people(&self) -> Vec<(u64, String)> {
        let facebank = Facebank::open_read_only(&self.path("facebank.sqlite")).unwrap();
        let people = facebank.people().unwrap().into_iter();
        people.map(|listed| (listed.person.id.0.try_into().unwrap(), listed.person.name)).collect()
    }

    fn names(&self) -> Vec<String> {
        self.people().into_iter().map(|(_, name)| name).collect()
    }

    fn recorded(&self) -> Vec<Event> {
        let (store, mut found) = (EventStore::open_read_only(&self.events().path).unwrap(), Vec::new());
        store
            .find(&EventFilter::default(), None, |event| {
                found.push(event);
                Ok::<_, StoreError>(())
            })
            .unwrap();
        found
    }

    /// Every file of the door, by name. Locks and what SQLite writes beside a file for a reader are no content.
    fn content(&self) -> BTreeMap<String, Vec<u8>> {
        let files = fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        files
            .filter(|path| ![".lock", "-shm", "-wal"].iter().any(|end| name(path).ends_with(end)))
            .map(|path| (name(&path), fs::read(&path).unwrap()))
            .collect()
    }
}

/// A file of an archive: its name, its type and its content.
type TarFile = (String, EntryType, Vec<u8>);

fn read_archive(path: &Path) -> Vec<TarFile> {
    let mut archive = tar::Archive::new(GzDecoder::new(File::open(path).unwrap()));
    let read = |entry: std::io::Result<tar::Entry<'_, _>>| {
        let mut entry: tar::Entry<'_, GzDecoder<File>> = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        let name = entry.path().unwrap().display().to_string();
        (name, entry.header().entry_type(), content)
    };
    archive.entries().unwrap().map(read).collect()
}

/// Writes an archive as nobody else would: any names and types.
fn write_archive(path: &Path, files: &[TarFile]) {
    let mut archive = tar::Builder::new(GzEncoder::new(File::create(path).unwrap(), Compression::fast()));
    for (name, kind, content) in files {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o600);
        if kind.is_symlink() {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_cksum();
        archive.append(&header, content.as_slice()).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap();
}

/// Changes the manifest of an archive that was read.
fn edit_manifest(files: &mut [TarFile], edit: impl FnOnce(&mut Value)) {
    let mut manifest: Value = serde_json::from_slice(&files[0].2).unwrap();
    edit(&mut manifest);
    files[0].2 = serde_json::to_vec(&manifest).unwrap();
}

fn entry(content: &[u8]) -> Value {
    serde_json::json!({ "size": content.len(), "sha256": hex(&Sha256::digest(content)) })
}

#[test]
fn a_door_is_restored_as_it_was() {
    let door = Door::new(&["Ann", "Ben"]);
    let (elsewhere, archive) = door.backup();
    assert_eq!(fs::metadata(&archive).unwrap().permissions().mode() & 0o777, 0o600);
    let names: Vec<_> = read_archive(&archive).into_iter().map(|(name, _, _)| name).collect();
    let expected = [
        "manifest.json",
        "etc/ostiary.toml",
        "events.sqlite",
        "events.sqlite.key",
        "facebank.sqlite",
        "settings.toml",
    ];
    assert_eq!(names, expected);
    assert_eq!(elsewhere.path().read_dir().unwrap().count(), 1, "no copy is left");
    let (code, _, err) = door.run(&["backup", archive.to_str().unwrap()]);
    assert!(code == 2 && err.contains("already exists"), "{err}");

    let before = (door.people(), fs::read(door.path("ostiary.toml")).unwrap());
    let (key, recorded) = (fs::read(door.path("events.sqlite.key")).unwrap(), door.recorded());
    assert_eq!(recorded.len(), 3, "the backup is an event, after the copy was made");
    Facebank::open(&door.path("facebank.sqlite")).unwrap().remove("Ann").unwrap();
    for name in ["events.sqlite", "events.sqlite.key", "settings.toml"] {
        fs::remove_file(door.path(name)).unwrap();
    }
    // The journal of another file must not be taken for one of the restored file.
    fs::write(door.path("facebank.sqlite-journal"), "a journal").unwrap();
    fs::write(door.path("ostiary.toml"), String::from_utf8(before.1.clone()).unwrap() + "frames = 5\n")
        .unwrap();
    let (code, out, err) = door.run(&["--json", "restore", archive.to_str().unwrap()]);
    assert_eq!(code, 0, "{err}");
    let restored: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&restored["restored"], &restored["people"]), (&true.into(), &2.into()));
    assert_eq!((door.people(), fs::read(door.path("ostiary.toml")).unwrap()), before);
    assert_eq!(fs::read(door.path("events.sqlite.key")).unwrap(), key);
    assert!(fs::read_to_string(door.path("settings.toml")).unwrap().contains("cooldown_s = 7.0"));
    let now = door.recorded();
    assert_eq!(now[..2], recorded[..2]);
    let EventKind::Administered(change) = &now[2].kind else { panic!("{now:?}") };
    assert_eq!(change.action, Action::Restored);
    assert!(change.detail.as_ref().unwrap().starts_with("2 people, backup of front, 20"), "{change:?}");
    let (code, out, _) = door.run(&["events", "verify"]);
    assert!(code == 0 && out.contains("3 events are kept of 3"), "{out}");
    let names: Vec<_> = door.content().into_keys().collect();
    let expected = ["events.sqlite", "events.sqlite.key", "facebank.sqlite", "ostiary.toml", "settings.toml"];
    assert_eq!(names, expected, "what was replaced is removed at the end");
    // A door whose disk is new has only the configuration.
    let fresh = Door::empty();
    let config = fs::read_to_string(fresh.path("ostiary.toml")).unwrap();
    let mut moved = read_archive(&archive);
    moved[1].2 = config.clone().into_bytes();
    edit_manifest(&mut moved, |manifest| {
        manifest["files"]["etc/ostiary.toml"] = entry(config.as_bytes());
        manifest["facebank"] = fresh.path("facebank.sqlite").to_str().unwrap().into();
    });
    let copy = elsewhere.path().join("moved.tar.gz");
    write_archive(&copy, &moved);
    let (code, _, err) = fresh.run(&["restore", copy.to_str().unwrap()]);
    assert_eq!(code, 0, "{err}");
    assert_eq!((fresh.people(), fresh.recorded().len()), (before.0, 3));
}

#[test]
fn no_password_is_in_a_backup() {
    let door = Door::new(&["Ann"]);
    let mut text = fs::read_to_string(door.path("ostiary.toml")).unwrap();
    text += "[camera]\nsource = \"rtsp://anna:s3cret@camera/main\"\n";
    fs::write(door.path("ostiary.toml"), text).unwrap();
    let (_elsewhere, archive) = door.backup();
    let files = read_archive(&archive);
    assert!(!files.iter().any(|(name, _, _)| name == "etc/ostiary.toml"));
    let has_secret = |content: &Vec<u8>| content.windows(6).any(|bytes| bytes == b"s3cret");
    assert!(!files.iter().any(|(_, _, content)| has_secret(content)));
    let manifest: Value = serde_json::from_slice(&files[0].2).unwrap();
    let left_out = manifest["left_out"].to_string();
    assert!(
        left_out.contains("ostiary.toml: an address in it has a login") && left_out.contains("passwords")
    );
    let (code, out, _) = door.run(&["restore", archive.to_str().unwrap()]);
    assert!(code == 0 && out.contains("It did not have") && out.contains("camera.password_file"), "{out}");
    assert!(fs::read_to_string(door.path("ostiary.toml")).unwrap().contains("s3cret"), "the file stays");
}

#[test]
fn a_running_door_is_saved_and_gets_people_but_is_not_replaced() {
    let (door, other) = (Door::new(&["Ann", "Ben"]), Door::new(&["Cy"]));
    let lock = DaemonLock::acquire(&door.path("facebank.sqlite")).unwrap();
    let (_elsewhere, archive) = door.backup();
    let before = door.content();
    let (code, out, err) = door.run(&["--json", "restore", archive.to_str().unwrap()]);
    let refused: Value = serde_json::from_str(&out).unwrap();
    assert!(
        code == 1 && refused["refused"].as_str().unwrap().contains("systemctl stop ostiary"),
        "{out} {err}"
    );
    assert_eq!(door.content(), before);
    let (_elsewhere, people) = other.backup();
    let (code, out, err) = door.run(&["restore", "--merge", people.to_str().unwrap()]);
    assert!(code == 0 && out.starts_with("added 1 person of the backup of front"), "{out} {err}");
    assert_eq!(door.names(), ["Ann", "Ben", "Cy"]);
    drop(lock);
    assert_eq!(door.run(&["restore", archive.to_str().unwrap()]).0, 0);
    assert_eq!(door.names(), ["Ann", "Ben"]);
}

#[test]
fn people_are_merged_under_the_rules_of_people() {
    let (_a, people) = Door::new(&["Cy", "Dee"]).backup();
    let door = Door::new(&["Ann", "Capa"]);
    let (config, events) = (fs::read(door.path("ostiary.toml")).unwrap(), door.recorded());
    let (code, out, err) = door.run(&["--json", "restore", "--merge", people.to_str().unwrap()]);
    assert_eq!((code, out.as_str()), (0, "{\"merged\":2}\n"), "{err}");
    let expected = [(1, "Ann"), (2, "Capa"), (3, "Cy"), (4, "Dee")].map(|(id, name)| (id, name.to_owned()));
    assert_eq!(door.people(), expected, "with new ids");
    assert_eq!(fs::read(door.path("ostiary.toml")).unwrap(), config, "only people are added");
    let now = door.recorded();
    assert_eq!((&now[..2], now.len()), (&events[..2], 3));
    let EventKind::Administered(change) = &now[2].kind else { panic!("{now:?}") };
    assert_eq!(change.action, Action::Restored);
    assert!(change.detail.as_ref().unwrap().starts_with("2 people added, backup of front"), "{change:?}");
    let before = door.content();
    for (name, why) in
        [("cy", "already a person called"), ("\u{421}\u{430}\u{440}\u{430}", "looks like the name of")]
    {
        let (_b, archive) = Door::new(&["Eve", name]).backup();
        let (code, out, err) = door.run(&["restore", "--merge", archive.to_str().unwrap()]);
        assert_eq!((code, out.as_str()), (1, ""), "{err}");
        assert!(err.starts_with("refused: ") && err.contains(why), "{err}");
        assert_eq!(door.content(), before, "nobody was added, Eve neither");
    }
    let nobody = Door::empty();
    let (_c, archive) = nobody.backup();
    let (code, _, err) = door.run(&["restore", "--merge", archive.to_str().unwrap()]);
    assert!(code == 1 && err.contains("it has no people"), "{err}");
}

#[test]
fn what_is_no_good_backup_is_refused_and_changes_nothing() {
    let door = Door::new(&["Ann", "Ben"]);
    let (elsewhere, archive) = door.backup();
    let good = fs::read(&archive).unwrap();
    let files = read_archive(&archive);
    let position = |wanted: &str| files.iter().position(|(name, _, _)| name == wanted).unwrap();
    let facebank = position("facebank.sqlite");
    let file = elsewhere.path().join("bad.tar.gz");
    let bytes = |bytes: &[u8]| fs::write(&file, bytes).unwrap();
    let with = |edit: &dyn Fn(&mut Vec<TarFile>)| {
        let mut files = files.clone();
        edit(&mut files);
        write_archive(&file, &files);
    };
    let listed = |files: &mut Vec<TarFile>, name: &str, content: &[u8]| {
        files.push((name.to_owned(), EntryType::Regular, content.to_vec()));
        edit_manifest(files, |manifest| manifest["files"][name] = entry(content));
    };
    let replaced = |files: &mut Vec<TarFile>, n: usize, content: Vec<u8>| {
        let name = files[n].0.clone();
        edit_manifest(files, |manifest| manifest["files"][&name] = entry(&content));
        files[n].2 = content;
    };
    let zeros = |size: u64| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        std::io::copy(&mut std::io::repeat(0).take(size), &mut encoder).unwrap();
        encoder.finish().unwrap()
    };
    type Case<'a> = (&'a str, Box<dyn Fn() + 'a>, &'a str);
    let cases: Vec<Case<'_>> = vec![
        ("no archive", Box::new(|| bytes(b"a letter")), "not a backup"),
        ("empty", Box::new(|| bytes(b"")), "not a backup"),
        ("truncated at its begin", Box::new(|| bytes(&good[..20])), "not a backup"),
        ("truncated", Box::new(|| bytes(&good[..good.len() / 2])), "damaged"),
        ("truncated at its end", Box::new(|| bytes(&good[..good.len() - 600])), "damaged"),
        ("zeros", Box::new(|| bytes(&zeros(1 << 26))), "not a backup"),
        (
            "another program's",
            Box::new(|| {
                with(&|files| {
                    files.remove(0);
                })
            }),
            "does not begin with a manifest",
        ),
        (
            "another manifest",
            Box::new(|| with(&|files| files[0].2 = b"{\"name\": \"x\"}".to_vec())),
            "another program's",
        ),
        (
            "a later version",
            Box::new(|| {
                with(&|files| edit_manifest(files, |manifest| manifest["ostiary_backup"] = 2.into()))
            }),
            "update the program",
        ),
        (
            "the name of a door that changes a terminal",
            Box::new(|| {
                with(&|files| edit_manifest(files, |manifest| manifest["door"] = "\u{1b}[31mevil".into()))
            }),
            "as the name of its door",
        ),
        (
            "a field that changes a terminal",
            Box::new(|| {
                with(&|files| edit_manifest(files, |manifest| manifest["\u{1b}[31mevil"] = 1.into()))
            }),
            "unknown field",
        ),
        (
            "a path above",
            Box::new(|| with(&|files| listed(files, "../facebank.sqlite", b"x"))),
            "../facebank.sqlite",
        ),
        ("a path in /etc", Box::new(|| with(&|files| listed(files, "/etc/passwd", b"x"))), "/etc/passwd"),
        (
            "a path above in conf.d",
            Box::new(|| with(&|files| listed(files, "etc/conf.d/../../x.toml", b"x"))),
            "../../x.toml",
        ),
        (
            "a file that is not listed",
            Box::new(|| with(&|files| files.push(("models/x".into(), EntryType::Regular, b"x".to_vec())))),
            "does not list",
        ),
        ("a file twice", Box::new(|| with(&|files| files.push(files[facebank].clone()))), "does not list"),
        (
            "a link",
            Box::new(|| {
                with(&|files| {
                    files[facebank].1 = EntryType::Symlink;
                    files[facebank].2.clear();
                })
            }),
            "does not list as a file",
        ),
        (
            "a long name",
            Box::new(|| {
                with(&|files| {
                    files.insert(1, ("././@LongLink".into(), EntryType::GNULongName, b"../x\0".to_vec()))
                })
            }),
            "LongLink",
        ),
        (
            "a file that is missing",
            Box::new(|| {
                with(&|files| {
                    files.remove(facebank);
                })
            }),
            "facebank.sqlite is missing",
        ),
        (
            "another file",
            Box::new(|| {
                with(&|files| {
                    let last = files[facebank].2.len() - 1;
                    files[facebank].2[last] ^= 1;
                })
            }),
            "not the file that was saved",
        ),
        ("another size", Box::new(|| with(&|files| files[facebank].2.push(0))), "bytes and not"),
        (
            "a size that no disk has",
            Box::new(|| {
                with(&|files| {
                    edit_manifest(files, |manifest| {
                        manifest["files"]["facebank.sqlite"]["size"] = (1u64 << 60).into();
                    })
                })
            }),
            "are possible here",
        ),
        (
            "sizes whose sum overflows",
            Box::new(|| {
                with(&|files| {
                    edit_manifest(files, |manifest| {
                        for name in ["facebank.sqlite", "events.sqlite"] {
                            manifest["files"][name]["size"] = u64::MAX.into();
                        }
                    })
                })
            }),
            "are possible here",
        ),
        (
            "a facebank that is none",
            Box::new(|| {
                with(&|files| {
                    replaced(files, facebank, b"no database at all, but as long as one".repeat(200))
                })
            }),
            "damaged",
        ),
        (
            "the record in the place of the people",
            Box::new(|| {
                with(&|files| {
                    let events = files[position("events.sqlite")].2.clone();
                    replaced(files, facebank, events);
                })
            }),
            "damaged",
        ),
        (
            "a damaged page",
            Box::new(|| {
                with(&|files| {
                    let mut content = files[facebank].2.clone();
                    content[4096..4200].fill(0xff);
                    replaced(files, facebank, content);
                })
            }),
            "damaged",
        ),
        (
            "a key that is none",
            Box::new(|| with(&|files| replaced(files, position("events.sqlite.key"), b"x".to_vec()))),
            "not a key",
        ),
        (
            "a configuration with an error",
            Box::new(|| {
                with(&|files| replaced(files, position("etc/ostiary.toml"), b"[door]\nfpir = 7\n".to_vec()))
            }),
            "refuses the configuration",
        ),
        (
            "changed keys that may not be changed so",
            Box::new(|| {
                with(&|files| replaced(files, position("settings.toml"), b"[relay]\nline = 4\n".to_vec()))
            }),
            "settings.toml",
        ),
    ];
    let before = door.content();
    for (what, make, why) in cases {
        make();
        let begin = Instant::now();
        let (code, out, err) = door.run(&["restore", file.to_str().unwrap()]);
        assert_eq!((code, out.as_str()), (1, ""), "{what}: {err}");
        assert!(
            err.starts_with("refused: ") && err.contains(why) && err.contains("nothing was changed"),
            "{what}: {err}"
        );
        assert!(!err.contains('\u{1b}'), "{what}: {err:?}");
        assert!(begin.elapsed() < Duration::from_secs(20), "{what}");
        assert!(door.content() == before, "{what}: {:?}", door.content().keys());
    }
    let missing = elsewhere.path().join("missing.tar.gz");
    let (code, _, err) = door.run(&["restore", missing.to_str().unwrap()]);
    assert!(code == 2 && err.contains("missing.tar.gz"), "{err}");
    assert_eq!(door.run(&["restore", archive.to_str().unwrap()]).0, 0, "the good one is restored");
}

#[test]
fn a_backup_is_whole_while_others_write() {
    let door = Door::new(&["Ann"]);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut facebank = Facebank::open(&door.path("facebank.sqlite")).unwrap();
            let mut store = EventStore::open(&door.events(), false).unwrap();
            for n in 0u32.. {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                // Each person has two photos, in one transaction.
                let templates = [0u8, 1].map(|photo| Template {
                    photo: PhotoHash::of(&[n.to_le_bytes().as_slice(), &[photo]].concat()),
                    ..template(5)
                });
                facebank.enroll(&format!("Person {n}"), &model(), &templates).unwrap();
                let kind = EventKind::Started { detail: n.to_string() };
                store.append(&mut Event::new(kind, jiff::Timestamp::now(), "front")).unwrap();
            }
        });
        for _ in 0..5 {
            let (elsewhere, archive) = door.backup();
            let copy = elsewhere.path().join("facebank.sqlite");
            let files = read_archive(&archive);
            let (_, _, content) = files.iter().find(|(name, _, _)| name == "facebank.sqlite").unwrap();
            File::create(&copy).unwrap().write_all(content).unwrap();
            let facebank = Facebank::open_read_only(&copy).unwrap();
            facebank.check().unwrap();
            let people = facebank.people().unwrap();
            assert!(people.iter().all(|listed| listed.person.name == "Ann" || listed.templates == 2));
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn only_the_door_that_was_saved_is_replaced() {
    let (front, back) = (Door::new(&["Ann", "Ben"]), Door::new(&["Cy"]));
    let (elsewhere, archive) = front.backup();
    let archive = archive.to_str().unwrap();
    let before = (front.content(), back.content());
    let refused = |arguments: &[&str], archive: &str| {
        let (code, out, err) = back.run(&[arguments, &["restore", archive]].concat());
        assert_eq!((code, out.as_str()), (1, ""), "{err}");
        assert!(err.contains("--merge") && err.contains("nothing was changed"), "{err}");
        for door in [&front, &back] {
            assert!(err.contains(door.folder.path().to_str().unwrap()), "both places: {err}");
        }
        assert!((front.content(), back.content()) == before, "{err}");
    };
    refused(&[], archive);
    refused(&["--door", "back"], archive);
    // An archive that says that it is of this door, whose configuration names a file of another one.
    let copy = elsewhere.path().join("made.tar.gz");
    let own = fs::read_to_string(back.path("ostiary.toml")).unwrap();
    for (section, key, name) in [
        ("facebank", "path", "facebank.sqlite"),
        ("events", "path", "events.sqlite"),
        ("models", "store", "models"),
    ] {
        let mut config: toml::Table = toml::from_str(&own).unwrap();
        let table = config.entry(section).or_insert_with(|| toml::Table::new().into());
        let path = front.path(name).to_str().unwrap().to_owned();
        table.as_table_mut().unwrap().insert(key.to_owned(), path.into());
        let text = toml::to_string(&config).unwrap();
        let mut files = read_archive(Path::new(archive));
        edit_manifest(&mut files, |manifest| {
            manifest["facebank"] = back.path("facebank.sqlite").to_str().unwrap().into();
            manifest["files"]["etc/ostiary.toml"] = entry(text.as_bytes());
        });
        files[1].2 = text.into_bytes();
        write_archive(&copy, &files);
        let (code, out, err) = back.run(&["restore", copy.to_str().unwrap()]);
        assert_eq!((code, out.as_str()), (1, ""), "{err}");
        assert!(err.contains(&format!("its {section}.{key} is {:?}", front.path(name))), "{err}");
        assert!((front.content(), back.content()) == before, "{err}");
    }
    // The door may have another name now.
    let text = fs::read_to_string(front.path("ostiary.toml")).unwrap();
    fs::write(front.path("ostiary.toml"), text.replace("\"front\"", "\"new\"")).unwrap();
    let (code, _, err) = front.run(&["restore", archive]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(fs::read_to_string(front.path("ostiary.toml")).unwrap(), text);
}

#[test]
fn parts_that_these_flags_do_not_restore_are_refused() {
    let door = Door::new(&["Ann"]);
    let (elsewhere, archive) = door.backup();
    let before = door.content();
    let run = |settings: bool, archive: &Path| {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("ostiary"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("OSTIARY_")) {
            command.env_remove(name);
        }
        command.arg("--config").arg(door.path("ostiary.toml"));
        if settings {
            command.arg("--settings").arg(door.path("settings.toml"));
        }
        let output = command.arg("restore").arg(archive).stdin(Stdio::null()).output().unwrap();
        assert!(door.content() == before);
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, err) = run(false, &archive);
    assert_eq!(code, 1, "{err}");
    assert!(
        err.contains("the backup has keys that `ostiary config set` changed, and with these flags"),
        "{err}"
    );
    assert!(err.contains("restore it with --settings FILE"), "{err}");

    let mut files = read_archive(&archive);
    let further = b"[door]\ncooldown_s = 9.0\n";
    files.push(("etc/conf.d/further.toml".to_owned(), EntryType::Regular, further.to_vec()));
    edit_manifest(&mut files, |manifest| manifest["files"]["etc/conf.d/further.toml"] = entry(further));
    let copy = elsewhere.path().join("further.tar.gz");
    write_archive(&copy, &files);
    let (code, err) = run(true, &copy);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("the backup has files of conf.d, and with these flags this door has none"), "{err}");
    assert!(err.contains("restore it without --config"), "{err}");
}

#[test]
fn what_an_interrupted_restore_has_left_is_named_and_stays() {
    let door = Door::new(&["Ann"]);
    let (_elsewhere, archive) = door.backup();
    let left = door.path("facebank.sqlite.before-restore");
    fs::write(&left, "the door before").unwrap();
    let (code, _, err) = door.run(&["restore", archive.to_str().unwrap()]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(err.matches(left.to_str().unwrap()).count(), 1, "{err}");
    assert_eq!(fs::read_to_string(&left).unwrap(), "the door before");
    assert_eq!(door.names(), ["Ann"]);
    let left = door.content().into_keys().filter(|name| name.contains("before-restore"));
    assert_eq!(left.collect::<Vec<_>>(), ["facebank.sqlite.before-restore"]);
}

#[test]
fn people_are_not_kept_in_silence() {
    let door = Door::empty();
    let (_elsewhere, archive) = door.backup();
    let archive = archive.to_str().unwrap();
    let (code, out, err) = door.run(&["restore", archive]);
    assert_eq!(code, 0, "{err}");
    assert!(out.starts_with("restored the configuration of the backup of front, "), "{out}");
    Facebank::open(&door.path("facebank.sqlite")).unwrap().enroll("Ann", &model(), &[template(3)]).unwrap();
    let before = door.content();
    let (code, out, err) = door.run(&["restore", archive]);
    assert_eq!((code, out.as_str()), (1, ""), "{err}");
    assert!(err.contains("the backup has no people, and this door has 1"), "{err}");
    assert!(door.content() == before);
    let (_elsewhere, archive) = door.backup();
    let (code, out, err) = door.run(&["restore", archive.to_str().unwrap()]);
    assert_eq!(code, 0, "{err}");
    assert!(out.starts_with("restored 1 person, "), "{out}");
}

#[test]
fn an_address_with_a_login_in_a_comment_stays_out() {
    let shipped = include_str!("../config/ostiary.toml");
    for (comment, is_saved) in [
        (shipped, true),
        ("rtsp://camera/main", true),
        ("rtsp://u:s3cret@h/", false),
        ("source = \"rtsp://u:s3c/ret@h\"", false),
        ("http://h/x?password=s3cret", false),
    ] {
        let door = Door::empty();
        let comment: String = comment.lines().map(|line| format!("# {line}\n")).collect();
        let text = fs::read_to_string(door.path("ostiary.toml")).unwrap() + &comment;
        fs::write(door.path("ostiary.toml"), text).unwrap();
        let (_elsewhere, archive) = door.backup();
        let files = read_archive(&archive);
        assert_eq!(files.iter().any(|(name, _, _)| name == "etc/ostiary.toml"), is_saved, "{comment}");
        let manifest = String::from_utf8(files[0].2.clone()).unwrap();
        assert_eq!(manifest.contains("perhaps in a comment"), !is_saved, "{manifest}");
    }
}

#[test]
fn other_keys_of_publishers_are_refused() {
    let door = Door::new(&["Ann"]);
    let (_elsewhere, archive) = door.backup();
    let text = fs::read_to_string(door.path("ostiary.toml")).unwrap();
    let key = "RWR99XgqhUHpZJv+khu8RYfyYAY4xjxNWET6oRlvOy7a/SzGLSlhZYad";
    fs::write(door.path("ostiary.toml"), text + &format!("[models]\nkeys = [{key:?}]\n")).unwrap();
    let before = door.content();
    let (code, out, err) = door.run(&["restore", archive.to_str().unwrap()]);
    assert_eq!((code, out.as_str()), (1, ""), "{err}");
    assert!(err.contains("models.keys in the backup is not that of this door"), "{err}");
    assert!(door.content() == before);
    let (_elsewhere, archive) = door.backup();
    let (code, _, err) = door.run(&["restore", archive.to_str().unwrap()]);
    assert_eq!(code, 0, "{err}");
}

#[test]
fn files_of_the_configuration_keep_mode_and_owner() {
    let door = Door::new(&["Ann"]);
    let (_elsewhere, archive) = door.backup();
    let file = door.path("ostiary.toml");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    // Only root can give a file away.
    let _ = chown(&file, Some(4321), Some(4322));
    let of = |file: &Path| fs::metadata(file).map(|file| (file.mode(), file.uid(), file.gid())).unwrap();
    let before = of(&file);
    fs::remove_file(door.path("settings.toml")).unwrap();
    let (code, _, err) = door.run(&["restore", archive.to_str().unwrap()]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(of(&file), before);
    assert_eq!(of(&door.path("settings.toml")).0 & 0o777, 0o644);
    assert_eq!(of(&door.path("facebank.sqlite")).0 & 0o777, 0o600);
}
