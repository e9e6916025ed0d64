//! The commands that process pictures, with the bundled portraits and the shipped models, and with damaged ones.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use assert_cmd::cargo::cargo_bin_cmd;
use image::{Rgb, RgbImage};
use ostiary_config::Config;
use ostiary_core::{Crop, sha256};
use ostiary_pictures::read_picture;
use ostiary_pipeline::FaceEncoder;
use ostiary_testkit::{calibration, models_with, portrait};
use serde_json::Value;
use tempfile::TempDir;

const MODELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/models");

/// Runs a command with the models of a folder and without the installed configuration. Asserts that it does not panic.
fn run_with(models: &Path, arguments: &[&dyn AsRef<OsStr>]) -> Output {
    let mut ostiary = cargo_bin_cmd!("ostiary");
    ostiary.args(["--config", "/dev/null", "--models"]).arg(models);
    for argument in arguments {
        ostiary.arg(argument);
    }
    let output = ostiary.output().unwrap();
    assert!(!error(&output).contains("panicked"), "{}", error(&output));
    output
}

/// Runs a command with the shipped models. The arguments can be strings and paths.
macro_rules! run {
    ($($argument:expr),+ $(,)?) => { run_with(Path::new(MODELS), &[$(&$argument),+]) };
}

mod enrollment;
mod face_faults;
mod idle_door;
mod model_files;

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn error(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The JSON objects in standard output, one per line.
fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The only JSON object in standard output.
fn line(output: &Output) -> Value {
    let [line] = lines(output).try_into().unwrap_or_else(|lines| panic!("{lines:?}, {}", error(output)));
    line
}

fn keys(object: &Value) -> BTreeSet<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

fn numbers(array: &Value) -> Vec<f64> {
    array.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn cosine(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Makes a picture without a face.
fn faceless(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("wall.png");
    RgbImage::from_fn(320, 240, |x, y| Rgb([(x / 2) as u8 + 60, (y / 2) as u8 + 60, 120]))
        .save(&path)
        .unwrap();
    path
}

/// Makes unreadable pictures, each with a part of the error that it must give.
fn bad_pictures(folder: &TempDir) -> Vec<(PathBuf, &'static str)> {
    let whole = fs::read(portrait("obama.jpg")).unwrap();
    let files: [(&str, &[u8], &str); 6] = [
        ("torn.jpg", &whole[..whole.len() / 2], "truncated"),
        ("empty.jpg", b"", "empty"),
        ("text.jpg", b"this is not a picture", "no picture that can be read"),
        (
            "apple.jpg",
            b"\0\0\0\x24ftypheic\0\0\0\0mif1heic",
            "it is a HEIC picture, which is not read; save it as JPEG",
        ),
        ("huge.png", &png_header(60_000, 60_000), "megapixels"),
        ("header.png", &png_header(64, 64), "damaged"),
    ];
    let mut pictures: Vec<(PathBuf, &str)> = files
        .into_iter()
        .map(|(name, bytes, word)| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            (path, word)
        })
        .collect();
    pictures.push((folder.path().join("missing.jpg"), "no such file"));
    let pipe = folder.path().join("pipe.jpg");
    if !pipe.exists() {
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    }
    pictures.push((pipe, "not a regular file"));
    pictures
}

/// A PNG file that ends before the pixel data.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut header = b"IHDR".to_vec();
    header.extend([width.to_be_bytes(), height.to_be_bytes()].concat());
    header.extend([8, 2, 0, 0, 0]);
    let crc = !header.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    });
    let data = b"\0\0\x10\0IDAT";
    [&b"\x89PNG\r\n\x1a\n\0\0\0\x0d"[..], &header, &crc.to_be_bytes(), data].concat()
}

/// Saves the aligned face of a portrait as a PNG file.
fn aligned(folder: &TempDir, name: &str) -> PathBuf {
    aligned_picture(folder, &portrait(name), name)
}

/// Saves the aligned face of a picture as a PNG file of this name.
fn aligned_picture(folder: &TempDir, picture: &Path, name: &str) -> PathBuf {
    let mut config = Config::default();
    config.models.dir = Some(MODELS.into());
    let frame = read_picture(picture).unwrap();
    let crop = FaceEncoder::load(&config).unwrap().most_probable(&frame).unwrap().unwrap().crop;
    let path = folder.path().join(name).with_extension("png");
    let side = Crop::SIDE as u32;
    RgbImage::from_raw(side, side, crop.rgb().to_vec()).unwrap().save(&path).unwrap();
    path
}

#[test]
fn detect_prints_one_object_with_fixed_fields_for_each_picture() {
    let file = portrait("hopper.jpg");
    let output = run!("detect", "--json", file);
    assert_eq!(code(&output), 0);
    let found = line(&output);
    assert_eq!(keys(&found), ["faces", "file", "height", "width"].into());
    assert_eq!(found["file"], file.to_str().unwrap());
    assert_eq!((found["width"].as_u64(), found["height"].as_u64()), (Some(512), Some(600)));
    let [face] = found["faces"].as_array().unwrap().as_slice() else { panic!("{found}") };
    assert_eq!(keys(face), ["box", "covered", "cut_off", "landmarks", "quality", "score"].into());
    let [x, y, width, height] = numbers(&face["box"]).try_into().unwrap();
    assert!((0.9..=1.0).contains(&number(&face["score"])));
    let landmarks: Vec<Vec<f64>> = face["landmarks"].as_array().unwrap().iter().map(numbers).collect();
    assert_eq!(landmarks.len(), 5);
    for point in &landmarks {
        assert!(point.len() == 2 && point[0] > x && point[0] < x + width, "{face}");
        assert!(point[1] > y && point[1] < y + height, "{face}");
    }
    // Left eye, right eye, nose, left and right corner of the mouth, as seen by the viewer.
    assert!(landmarks[0][0] < landmarks[1][0] && landmarks[3][0] < landmarks[4][0]);
    assert!(landmarks[1][1] < landmarks[2][1] && landmarks[2][1] < landmarks[3][1]);
    let quality = &face["quality"];
    assert_eq!(keys(quality), ["exposure", "pitch", "roll", "sharpness", "size", "yaw"].into());
    assert_eq!(number(&quality["size"]), width.min(height));
    assert!((0.0..=1.0).contains(&number(&quality["exposure"])));
}

#[test]
fn each_portrait_has_one_face() {
    let output = run!("detect", "--json", portrait(""));
    assert_eq!(code(&output), 0);
    let found = lines(&output);
    let mut files: Vec<PathBuf> =
        ["biden", "hopper", "obama", "obama2", "obama3"].map(|name| portrait(&format!("{name}.jpg"))).into();
    files.sort();
    assert_eq!(
        found.iter().map(|line| PathBuf::from(line["file"].as_str().unwrap())).collect::<Vec<_>>(),
        files
    );
    assert!(found.iter().all(|line| line["faces"].as_array().unwrap().len() == 1));
}

#[test]
fn bad_pictures_are_named_and_the_others_are_processed() {
    let folder = tempfile::tempdir().unwrap();
    let good = portrait("hopper.jpg");
    for verb in ["detect", "embed"] {
        for (bad, word) in bad_pictures(&folder) {
            let output = run!(verb, "--json", bad, good);
            assert_eq!(code(&output), 2);
            let [first, second] = lines(&output).try_into().unwrap();
            assert_eq!(keys(&first), ["error", "file"].into());
            assert_eq!(first["file"], bad.to_str().unwrap());
            let error = first["error"].as_str().unwrap();
            assert!(error.contains(bad.to_str().unwrap()) && error.contains(word), "{error}");
            assert_eq!(second["file"], good.to_str().unwrap());
            assert!(second.get("error").is_none());
        }
    }
    // As text: errors on standard error, the results on standard output.
    let (torn, _) = &bad_pictures(&folder)[0];
    let output = run!("detect", torn, good);
    assert_eq!(code(&output), 2);
    assert!(error(&output).contains("torn.jpg") && error(&output).contains("copy it again"));
    assert!(String::from_utf8_lossy(&output.stdout).contains("hopper.jpg: 1 face\n"));
}

#[test]
fn folders_are_read_past_what_other_programs_left_and_each_once() {
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("photos");
    for name in ["Ada/1.jpg", "Ada/@eaDir/1.jpg/SYNOPHOTO_THUMB_M.jpg", "#recycle/2.jpg"] {
        fs::create_dir_all(photos.join(name).parent().unwrap()).unwrap();
        fs::copy(portrait("hopper.jpg"), photos.join(name)).unwrap();
    }
    fs::write(photos.join("Ada/._1.jpg"), b"\0\x05\x16\x07Mac OS X").unwrap();
    std::os::unix::fs::symlink("..", photos.join("Ada/up")).unwrap();
    let output = run!("detect", "--json", photos);
    assert_eq!((code(&output), lines(&output).len()), (0, 1), "{output:?}");

    // A name that cannot be printed is told, and the others are read.
    let bad = photos.join(OsStr::from_bytes(b"J\xfcrgen"));
    fs::create_dir(&bad).unwrap();
    let output = run!("detect", "--json", photos);
    assert_eq!((code(&output), lines(&output).len()), (1, 1), "{output:?}");
    assert!(error(&output).contains("the name is not UTF-8; rename it; passed over"), "{}", error(&output));
}

#[test]
fn faces_of_a_large_picture_are_reported_in_its_own_pixels() {
    let folder = tempfile::tempdir().unwrap();
    let portrait = image::open(portrait("hopper.jpg")).unwrap().to_rgb8();
    let mut large = RgbImage::new(4200, 4100);
    image::imageops::replace(&mut large, &portrait, 2000, 1000);
    let path = folder.path().join("large.jpg");
    large.save(&path).unwrap();
    let output = run!("detect", "--json", "--min-face", "60", path);
    assert_eq!(code(&output), 0, "{output:?}");
    let found = line(&output);
    assert_eq!((&found["width"], &found["height"]), (&4200.into(), &4100.into()));
    let face = numbers(&found["faces"][0]["box"]);
    // As in hopper.jpg itself, moved.
    for (value, expected) in face.iter().zip([2177.0, 1110.0, 175.0, 216.0]) {
        assert!((value - expected).abs() < 25.0, "{face:?}");
    }
}

#[test]
fn a_picture_without_a_face_is_not_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let wall = faceless(&folder);
    let output = run!("detect", "--json", wall, portrait("hopper.jpg"));
    assert_eq!((code(&output), lines(&output).len()), (1, 2));
    assert_eq!(lines(&output)[0]["faces"], Value::Array(Vec::new()));
    let output = run!("embed", "--json", wall);
    assert_eq!(code(&output), 1);
    assert_eq!(line(&output), serde_json::json!({ "file": wall.to_str().unwrap(), "error": "no face" }));
}

#[test]
fn a_folder_without_pictures_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("notes.txt"), "nothing to see").unwrap();
    for verb in ["detect", "embed"] {
        let output = run!(verb, folder.path());
        assert_eq!(code(&output), 2);
        assert!(error(&output).contains(folder.path().to_str().unwrap()), "{}", error(&output));
        assert!(error(&output).contains("no picture"), "{}", error(&output));
    }
}

#[test]
fn embeddings_have_unit_length_and_differ_between_people() {
    let output =
        run!("embed", "--json", portrait("obama.jpg"), portrait("obama2.jpg"), portrait("biden.jpg"));
    assert_eq!(code(&output), 0);
    let found = lines(&output);
    let embeddings: Vec<Vec<f64>> = found.iter().map(|line| numbers(&line["embedding"])).collect();
    for (line, embedding) in found.iter().zip(&embeddings) {
        assert_eq!(keys(line), ["embedding", "face", "file"].into());
        assert_eq!(keys(&line["face"]), ["box", "landmarks", "quality", "score"].into());
        assert_eq!(embedding.len(), 192);
        assert!((cosine(embedding, embedding) - 1.0).abs() < 1e-5);
    }
    assert!(cosine(&embeddings[0], &embeddings[1]) > 0.6);
    assert!(cosine(&embeddings[0], &embeddings[2]) < 0.3);
}

#[test]
fn an_aligned_crop_is_embedded_without_detection() {
    let folder = tempfile::tempdir().unwrap();
    let (photo, crop) = (portrait("hopper.jpg"), aligned(&folder, "hopper.jpg"));
    let detected = line(&run!("embed", "--json", photo));
    let output = run!("embed", "--json", "--aligned", crop);
    assert_eq!(code(&output), 0);
    assert_eq!(keys(&line(&output)), ["embedding", "file"].into());
    let similarity = cosine(&numbers(&detected["embedding"]), &numbers(&line(&output)["embedding"]));
    assert!((similarity - 1.0).abs() < 1e-5, "{similarity}");

    let output = run!("embed", "--json", "--aligned", photo);
    assert_eq!(code(&output), 2);
    let message = line(&output)["error"].as_str().unwrap().to_owned();
    for part in ["hopper.jpg", "512x600", "112x112", "--aligned"] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn verify_compares_two_pictures() {
    let folder = tempfile::tempdir().unwrap();
    for (a, b, same) in [
        ("obama.jpg", "obama2.jpg", true),
        ("obama3.jpg", "obama.jpg", true),
        ("obama.jpg", "biden.jpg", false),
        ("hopper.jpg", "obama2.jpg", false),
    ] {
        let output = run!("verify", "--json", portrait(a), portrait(b));
        let verification = line(&output);
        assert_eq!(keys(&verification), ["cosine", "same", "similarity", "threshold"].into());
        assert_eq!(verification["same"], same, "{a} {b}: {verification}");
        assert_eq!(number(&verification["similarity"]) >= number(&verification["threshold"]), same);
        assert_eq!(code(&output), i32::from(!same));
    }
    let (a, b) = (aligned(&folder, "obama.jpg"), aligned(&folder, "obama2.jpg"));
    assert_eq!(code(&run!("verify", "--aligned", a, b)), 0);
    assert_eq!(code(&run!("verify", "--aligned", a, portrait("obama.jpg"))), 2);

    let wall = faceless(&folder);
    let output = run!("verify", "--json", portrait("obama.jpg"), wall);
    assert_eq!(code(&output), 1);
    assert_eq!(line(&output), serde_json::json!({ "file": wall.to_str().unwrap(), "error": "no face" }));
    for (bad, word) in bad_pictures(&folder) {
        let output = run!("verify", portrait("obama.jpg"), bad);
        assert_eq!(code(&output), 2);
        assert!(error(&output).contains(word) && error(&output).contains(bad.to_str().unwrap()));
    }
}

#[test]
fn a_lower_fpir_gives_a_higher_threshold() {
    let models = models_with(Some(&calibration()));
    let verify = |fpir: &str| {
        let (rate, pictures) = (format!("door.fpir={fpir}"), [portrait("obama.jpg"), portrait("obama2.jpg")]);
        run_with(models.path(), &[&"verify", &"--json", &"--set", &rate, &pictures[0], &pictures[1]])
    };
    let threshold = |fpir: &str| number(&line(&verify(fpir))["threshold"]);
    assert!(threshold("1e-2") < threshold("1e-3"));
    let strictest = verify("1e-4");
    assert!(threshold("1e-3") <= number(&line(&strictest)["threshold"]));
    assert!(error(&strictest).contains("set door.fpir to 0.001 or more"), "{}", error(&strictest));
}
