//! Tests of `ostiary-trainer prepare` through the binary.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use assert_cmd::cargo::{cargo_bin, cargo_bin_cmd};
use common::tree;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{FilterType, blur};
use image::{DynamicImage, Rgb, RgbImage};
use ostiary_testkit::repository_file;
use serde_json::Value;

fn prepare(source: &Path, output: &Path, more: &[&str]) -> Output {
    let mut command = cargo_bin_cmd!("ostiary-trainer");
    command.arg("prepare").arg(source).arg("-o").arg(output).args(more);
    command.arg("--models").arg(repository_file("models")).output().unwrap()
}

fn done(source: &Path, output: &Path, more: &[&str]) -> Value {
    let output = prepare(source, output, &[more, &["--json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn jpeg(picture: &DynamicImage, quality: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    picture.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, quality)).unwrap();
    bytes
}

/// A picture of random bright and dark tiles, different for each number.
fn tiles(number: u64) -> DynamicImage {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let tiles: Vec<u8> = (0..14 * 14)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            40 + (state >> 56) as u8 / 2
        })
        .collect();
    let tile = |x: u32, y: u32| tiles[(y / 8 * 14 + x / 8) as usize];
    RgbImage::from_fn(112, 112, |x, y| Rgb([tile(x, y); 3])).into()
}

/// Writes a set of `people` with `pictures` crops each, some of which are duplicates or damaged.
fn aligned_set(folder: &Path, people: u64, pictures: u64) {
    for person in 0..people {
        let own = folder.join(format!("person {person:03}"));
        fs::create_dir_all(&own).unwrap();
        for number in 0..pictures {
            let what = if number % 10 == 9 { number - 1 } else { number };
            let mut bytes = jpeg(&tiles(person * 1000 + what), 90);
            if number % 15 == 14 {
                bytes.truncate(bytes.len() / 2);
            }
            fs::write(own.join(format!("{number:03}.jpg")), bytes).unwrap();
        }
    }
}

fn rejected(output: &Path) -> BTreeMap<String, String> {
    let lines = fs::read_to_string(output.join("rejected.jsonl")).unwrap();
    let line = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| line[key].as_str().unwrap().to_owned();
        (format!("{}/{}", text("person"), text("picture")), text("rejected"))
    };
    lines.lines().map(line).collect()
}

#[test]
fn faces_are_cropped_and_rejected_pictures_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let (set, output) = (folder.path().join("set"), folder.path().join("out"));
    let portrait =
        |file: &str| image::open(repository_file(&format!("crates/self-test/portraits/{file}"))).unwrap();
    let write = |file: &str, bytes: &[u8]| {
        let path = set.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    let hopper = portrait("hopper.jpg");
    write("Grace Hopper/1.jpg", &jpeg(&hopper, 95));
    // Saved again, smaller and coarser: the same picture.
    let smaller = hopper.resize(hopper.width() * 3 / 4, 10_000, FilterType::Triangle);
    write("Grace Hopper/2.jpg", &jpeg(&smaller, 70));
    write("Grace Hopper/blurred.jpg", &jpeg(&blur(&hopper, 12.0).into(), 95));
    write("Grace Hopper/far.png", &png(&hopper.thumbnail(60, 60)));
    write("Grace Hopper/torn.jpg", &jpeg(&hopper, 95)[..5000]);
    write("Grace Hopper/text.jpg", b"no picture");
    let dark = hopper.to_rgb8().pixels().flat_map(|pixel| pixel.0.map(|v| v / 24)).collect();
    let dark = RgbImage::from_raw(hopper.width(), hopper.height(), dark).unwrap();
    write("Grace Hopper/wall.jpg", &jpeg(&RgbImage::from_pixel(300, 300, Rgb([120; 3])).into(), 95));
    write("Joe Biden/1.png", &png(&portrait("biden.jpg")));
    write("Barack Obama/1.jpg", &jpeg(&portrait("obama.jpg"), 95));
    write("Barack Obama/2.jpg", &jpeg(&portrait("obama2.jpg"), 95));
    write("Nobody/dark.jpg", &jpeg(&dark.into(), 95));

    let report = done(&set, &output, &["--val", "0"]);
    let why = rejected(&output);
    let dark = why["Nobody/dark.jpg"].clone();
    assert!(["no_face", "too_dark"].contains(&dark.as_str()), "{dark}");
    let of_hopper: Vec<_> = why.iter().filter(|(file, _)| file.starts_with("Grace")).collect();
    assert_eq!(
        of_hopper.iter().map(|(file, why)| (&file[13..], why.as_str())).collect::<Vec<_>>(),
        [
            ("2.jpg", "copy"),
            ("blurred.jpg", "blurred"),
            ("far.png", "too_small"),
            ("text.jpg", "unreadable"),
            ("torn.jpg", "unreadable"),
            ("wall.jpg", "no_face"),
        ]
    );
    assert_eq!(report["people"], 4);
    assert_eq!((&report["pictures"], &report["kept"]), (&11.into(), &4.into()));
    assert_eq!((&report["train"]["people"], &report["val"]["people"]), (&3.into(), &0.into()));
    assert_eq!(report["people_without_picture"], 1);
    assert_eq!(report["rejected"]["unreadable"], 2);
    assert_eq!(report["rejected"]["copy"], 1);
    for file in ["Grace Hopper/1.jpg", "Joe Biden/1.png.jpg", "Barack Obama/1.jpg", "Barack Obama/2.jpg"] {
        let crop = image::open(output.join("train").join(file)).unwrap();
        assert_eq!((crop.width(), crop.height()), (112, 112));
    }

    // A second run prints the report as a table.
    let again = prepare(&set, &output, &["--val", "0"]);
    let table = String::from_utf8(again.stdout).unwrap();
    assert!(table.contains("unreadable") && table.contains("1 people have no kept picture"), "{table}");

    // With a limit of 0 every head is turned too far.
    let strict = folder.path().join("strict");
    let output = prepare(&set.join("Joe Biden"), &strict, &["--max-yaw", "0", "--json"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert_eq!(rejected(&strict)["1/1.png"], "turned_away");
}

fn png(picture: &DynamicImage) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

#[test]
fn landmarks_of_celeba_select_the_face() {
    let folder = tempfile::tempdir().unwrap();
    let set = folder.path().join("celeba");
    fs::create_dir_all(set.join("img_celeba")).unwrap();
    // Two faces side by side, the right one is larger. The list selects the left one, then a place without a face.
    let portrait = |file: &str, side| {
        let picture = image::open(repository_file(&format!("crates/self-test/portraits/{file}"))).unwrap();
        picture.resize_to_fill(side, side, FilterType::Triangle).into_rgb8()
    };
    let (left, right) = (portrait("hopper.jpg", 300), portrait("biden.jpg", 500));
    let mut both = RgbImage::new(800, 500);
    image::imageops::replace(&mut both, &left, 0, 0);
    image::imageops::replace(&mut both, &right, 300, 0);
    for file in ["1.jpg", "2.jpg"] {
        fs::write(set.join("img_celeba").join(file), jpeg(&both.clone().into(), 95)).unwrap();
    }
    fs::write(set.join("identity_CelebA.txt"), "1.jpg 7\n2.jpg 7\n").unwrap();
    let at = |x: u32, y: u32| format!("{x} {y} ").repeat(5);
    let landmarks = format!("2\nlefteye_x ...\n1.jpg {}\n2.jpg {}\n", at(150, 130), at(20, 480));
    fs::write(set.join("list_landmarks_celeba.txt"), landmarks).unwrap();
    let out = folder.path().join("out");
    done(&set, &out, &["--val", "0"]);
    assert_eq!(rejected(&out).into_iter().collect::<Vec<_>>(), [("7/2.jpg".into(), "other_face".into())]);

    let alone = folder.path().join("alone");
    fs::create_dir(&alone).unwrap();
    fs::write(alone.join("hopper.jpg"), jpeg(&left.into(), 95)).unwrap();
    let wanted = folder.path().join("wanted");
    done(&alone, &wanted, &["--val", "0"]);
    let [found, wanted] = [out.join("train/7/1.jpg"), wanted.join("train/hopper/hopper.jpg")]
        .map(|path| image::open(path).unwrap().into_rgb8());
    let off = found.iter().zip(wanted.iter()).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>();
    assert!(off / (found.len() as f64) < 12.0, "another face: {off}");
}

#[test]
fn a_killed_run_continues_to_the_same_files() {
    let folder = tempfile::tempdir().unwrap();
    let set = folder.path().join("set");
    aligned_set(&set, 40, 50);
    for format in ["folders", "recordio"] {
        let flags = ["--aligned", "--format", format, "--val", "30", "--threads", "2"];
        let whole = folder.path().join(format!("{format}-whole"));
        let report = done(&set, &whole, &flags);
        assert_eq!((&report["people"], &report["pictures"]), (&40.into(), &2000.into()));
        assert_eq!(report["rejected"]["unreadable"], 40 * 3);
        assert!(report["rejected"]["copy"].as_u64().unwrap() >= 40 * 4);
        assert!(report["val"]["people"].as_u64().unwrap() > 3);

        let output = folder.path().join(format);
        let mut kills = 0;
        // Each run is killed a little later than the one before, until one finishes.
        for wait in (0..).map(|run| Duration::from_millis(150 + 40 * run)) {
            let mut child = Command::new(cargo_bin!("ostiary-trainer"))
                .arg("prepare")
                .arg(&set)
                .arg("-o")
                .arg(&output)
                .args(flags)
                .stdout(Stdio::null())
                .spawn()
                .unwrap();
            std::thread::sleep(wait);
            child.kill().unwrap();
            if child.wait().unwrap().success() {
                break;
            }
            kills += 1;
            assert!(kills < 500, "no run finishes");
        }
        let journal = fs::read_to_string(output.join("journal.jsonl")).unwrap();
        assert!(kills > 0 && journal.lines().count() == 2001, "killed {kills} times");
        assert!(tree(&output) == tree(&whole), "{format}: other files after {kills} kills");

        // States that kills rarely hit: an incomplete line, and a missing report.
        let torn = journal.len() * 2 / 3;
        fs::write(output.join("journal.jsonl"), &journal[..torn]).unwrap();
        fs::remove_file(output.join("report.json")).unwrap();
        done(&set, &output, &flags);
        assert!(tree(&output) == tree(&whole), "{format}: other files after an incomplete line");
        fs::remove_file(output.join("report.json")).unwrap();
        done(&set, &output, &flags);
        assert!(tree(&output) == tree(&whole), "{format}: other files without the report");
    }
}

#[test]
fn records_have_the_same_pictures_as_folders() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    aligned_set(&at("set"), 6, 12);
    done(&at("set"), &at("folders"), &["--aligned", "--val", "0"]);
    done(&at("folders/train"), &at("records"), &["--aligned", "--val", "0", "--format", "recordio"]);
    done(&at("records/train"), &at("back"), &["--aligned", "--val", "0"]);
    let pictures = |folder: &str| -> BTreeMap<PathBuf, Vec<Vec<u8>>> {
        let mut people: BTreeMap<PathBuf, Vec<Vec<u8>>> = BTreeMap::new();
        for (path, bytes) in tree(&at(folder)) {
            people.entry(path.parent().unwrap().to_owned()).or_default().push(bytes);
        }
        people
    };
    assert_eq!(pictures("folders/train").len(), 6);
    assert!(pictures("folders/train") == pictures("back/train"));
    assert_eq!(fs::read_to_string(at("records/train/property")).unwrap(), "6,112,112\n");
    assert!(!at("records/val").exists());
}

#[test]
fn records_have_the_layout_of_insightface() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    aligned_set(&at("set"), 3, 12);
    let report = done(&at("set"), &at("out"), &["--aligned", "--val", "0", "--format", "recordio"]);
    // Follows the index, from record 0 to the records of identities to those of pictures.
    let reader = r#"
import struct
index = dict(map(int, line.split('\t')) for line in open('train.idx'))
rec = open('train.rec', 'rb').read()
def read(number):
    magic, word = struct.unpack_from('<II', rec, index[number])
    assert magic == 0xced7230a and word >> 29 == 0
    body = rec[index[number] + 8:][:word & (1 << 29) - 1]
    flag, label, id, id2 = struct.unpack_from('<IfQQ', body)
    labels = struct.unpack_from('<%df' % flag, body, 24) if flag else (label,)
    assert id == number
    return labels, body[24 + 4 * flag:]
(begin, end), rest = read(0)
assert rest == b'' and len(index) == end
pictures = 0
for identity, number in enumerate(range(int(begin), int(end))):
    (first, last), rest = read(number)
    assert rest == b'' and last > first
    for picture in range(int(first), int(last)):
        (label,), jpeg = read(picture)
        assert label == identity and jpeg[:2] == b'\xff\xd8' and jpeg[-2:] == b'\xff\xd9'
        pictures += 1
assert pictures == begin - 1
list = [line.rstrip('\n').split('\t') for line in open('train.lst')]
assert [int(line[0]) for line in list] == [*range(1, pictures + 1)]
print(pictures, int(end - begin))
"#;
    let read = Command::new("python3").arg("-c").arg(reader).current_dir(at("out/train")).output();
    let Ok(read) = read else {
        eprintln!("SKIPPED: python3 cannot be run, records are not read by Python");
        return;
    };
    assert!(read.status.success(), "{}", said(&read));
    let wanted = format!("{} 3\n", report["kept"]);
    assert_eq!(String::from_utf8(read.stdout).unwrap(), wanted);
}

#[test]
fn the_validation_set_depends_on_the_seed() {
    let folder = tempfile::tempdir().unwrap();
    let set = folder.path().join("set");
    fs::create_dir(&set).unwrap();
    for number in 0..60 {
        fs::write(set.join(format!("{number}.jpg")), jpeg(&tiles(number), 90)).unwrap();
    }
    let files = |name: &str, seed: &str| {
        let output = folder.path().join(name);
        done(&set, &output, &["--aligned", "--val", "40", "--seed", seed]);
        let files = tree(&output).into_keys();
        files.filter(|file| file.starts_with("train") || file.starts_with("val")).collect::<Vec<_>>()
    };
    let first = files("a", "1");
    assert_eq!(first.len(), 60);
    assert_eq!(first, files("b", "1"));
    assert_ne!(first, files("c", "2"));
}

/// A JPEG with this many bytes of comments.
fn with_comment(jpeg: &[u8], bytes: usize) -> Vec<u8> {
    const MOST: usize = 65_000;
    let mut fat = jpeg[..2].to_vec();
    for _ in 0..bytes / MOST {
        fat.extend([0xff, 0xfe]);
        fat.extend((MOST as u16 + 2).to_be_bytes());
        fat.resize(fat.len() + MOST, b'x');
    }
    fat.extend(&jpeg[2..]);
    fat
}

#[test]
fn memory_does_not_grow_with_the_set() {
    const BOUND_KB: u64 = 64_000;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("set")).unwrap();
    // 260 MB of pictures, and as much in records: more than four times the bound.
    let mut records = Vec::new();
    for number in 0..400 {
        let fat = with_comment(&jpeg(&tiles(number), 90), 650_000);
        fs::write(at("set").join(format!("{number}.jpg")), &fat).unwrap();
        let length = fat.len() + 24;
        records.extend(0xced7_230a_u32.to_le_bytes());
        records.extend((length as u32).to_le_bytes());
        records.extend(0u32.to_le_bytes());
        records.extend((number as f32).to_le_bytes());
        records.extend([0; 16]);
        records.extend(&fat);
        records.resize(records.len().next_multiple_of(4), 0);
    }
    assert!(records.len() as u64 / 1000 > 4 * BOUND_KB);
    fs::write(at("set.rec"), records).unwrap();
    let mut peaks = Vec::new();
    for (source, output, format) in [("set", "records", "recordio"), ("set.rec", "folders", "folders")] {
        let mut child = Command::new(cargo_bin!("ostiary-trainer"))
            .args(["prepare", "--aligned", "--val", "0", "--threads", "2", "--format", format])
            .arg(at(source))
            .arg("-o")
            .arg(at(output))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let status = format!("/proc/{}/status", child.id());
        let mut peak = 0;
        while child.try_wait().unwrap().is_none() {
            let text = fs::read_to_string(&status).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let size = line.and_then(|line| line.trim().split(' ').next()?.parse().ok());
            peak = peak.max(size.unwrap_or(0));
            std::thread::sleep(Duration::from_millis(2));
        }
        assert!(child.wait().unwrap().success());
        peaks.push(peak);
    }
    eprintln!("peak memory, kB: {peaks:?}");
    assert!(peaks.iter().all(|peak| (1..BOUND_KB).contains(peak)), "{peaks:?} kB");
}

#[test]
fn a_full_disk_stops_the_run_and_it_continues_with_room() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    aligned_set(&at("set"), 10, 30);
    fs::create_dir(at("out")).unwrap();
    // A small file system in its own mount namespace.
    let script = "mount -t tmpfs -o size=300k none out || exit 77\n\
                  \"$0\" prepare set -o out/to --aligned --val 0 2>&1; echo \"code $?\"\n\
                  mount -o remount,size=30M out\n\
                  \"$0\" prepare set -o out/to --aligned --val 0 --json && cp -r out/to kept";
    let run = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
        .arg(cargo_bin!("ostiary-trainer"))
        .current_dir(folder.path())
        .output();
    let output = match run {
        Ok(output) if output.status.code() != Some(77) && !said(&output).contains("unshare failed") => output,
        _ => return eprintln!("SKIPPED: no file system can be mounted here, a full disk is not tested"),
    };
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("the disk is full; make room") && text.contains("code 2"), "{text}");
    done(&at("set"), &at("whole"), &["--aligned", "--val", "0"]);
    assert!(tree(&at("kept/train")) == tree(&at("whole/train")));
}

#[test]
fn wrong_input_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    aligned_set(&at("set"), 2, 3);
    let refused = |output: &str, more: &[&str], part: &str| {
        let output = prepare(&at("set"), &at(output), more);
        assert_eq!(output.status.code(), Some(2), "{part}");
        assert!(said(&output).contains(part), "{}", said(&output));
    };
    refused("out", &["--val", "100"], "--val is 100");
    fs::create_dir(at("full")).unwrap();
    fs::write(at("full/thesis.tex"), "text").unwrap();
    refused("full", &["--aligned"], "is not empty");

    done(&at("set"), &at("out"), &["--aligned"]);
    refused("out", &["--aligned", "--seed", "2"], "begun with other settings");
    let journal = fs::File::options().append(true).open(at("out/journal.jsonl")).unwrap();
    journal.lock().unwrap();
    refused("out", &["--aligned"], "another prepare");
    drop(journal);
    fs::remove_file(at("out/report.json")).unwrap();
    fs::remove_file(at("set/person 001/002.jpg")).unwrap();
    refused("out", &["--aligned"], "fewer pictures");
    fs::write(at("set/person 000/0000.jpg"), "text").unwrap();
    refused("out", &["--aligned"], "the set has changed");

    // Pictures that are not aligned, with --aligned.
    let output =
        prepare(&repository_file("crates/self-test/portraits"), &at("wrong"), &["--aligned", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(rejected(&at("wrong"))["hopper/hopper.jpg"], "not_aligned");
}

#[test]
fn a_verification_set_becomes_folders_and_pairs() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    // ([b'1', b'2', b'3', b'4'], [True, False]), protocol 3.
    let pickle = b"\x80\x03](C\x011C\x012C\x013C\x014e](\x88\x89e\x86.";
    fs::write(at("lfw.bin"), pickle).unwrap();
    let report = done(&at("lfw.bin"), &at("out"), &[]);
    assert_eq!((&report["intra"], &report["inter"]), (&1.into(), &1.into()));
    let files: Vec<(String, String)> = tree(&at("out"))
        .into_iter()
        .map(|(path, bytes)| (path.display().to_string(), String::from_utf8(bytes).unwrap()))
        .collect();
    let wanted = [
        ("1/1_0001.jpg", "1"),
        ("1/1_0002.jpg", "2"),
        ("2a/2a_0001.jpg", "3"),
        ("2b/2b_0001.jpg", "4"),
        ("pairs.txt", "1\t1\n1\t1\t2\n2a\t1\t2b\t1\n"),
    ];
    assert_eq!(files, wanted.map(|(path, text)| (path.to_owned(), text.to_owned())));
}
