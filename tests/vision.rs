//! The commands that process pictures, with the bundled portraits and the shipped models, and with damaged ones.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

use std::collections::BTreeSet;
use std::fs;
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
fn run_with(models: &Path, arguments: &[&dyn AsRef<std::ffi::OsStr>]) -> Output {
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
    let files: [(&str, &[u8], &str); 5] = [
        ("torn.jpg", &whole[..whole.len() / 2], "truncated"),
        ("empty.jpg", b"", "empty"),
        ("text.jpg", b"this is not a picture", "neither a JPEG nor a PNG"),
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

/// A portrait that is turned upside down.
fn turned(folder: &TempDir, name: &str) -> PathBuf {
    let path = folder.path().join(format!("turned-{name}"));
    image::open(portrait(name)).unwrap().rotate180().save(&path).unwrap();
    path
}

#[test]
fn a_head_that_is_not_upright_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let [hopper, obama] = ["hopper.jpg", "obama.jpg"].map(|name| turned(&folder, name));
    let bank = folder.path().join("people.sqlite");
    for more in ["--json", "--force"] {
        let output = run!("enroll", "Ada", hopper, more, "--facebank", bank);
        assert_eq!(code(&output), 1);
        assert!(error(&output).contains("upside down"), "{}", error(&output));
        assert!(!error(&output).contains("--force"), "it does not help: {}", error(&output));
    }
    let output = run!("verify", hopper, obama);
    assert_eq!(code(&output), 2);
    assert!(error(&output).contains("upside down"), "{}", error(&output));
}

/// A portrait whose pixels at these positions are painted.
fn painted(folder: &TempDir, name: &str, color: [u8; 3], covers: impl Fn(f64, f64) -> bool) -> PathBuf {
    let mut picture = image::open(portrait("hopper.jpg")).unwrap().to_rgb8();
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        if covers(f64::from(x), f64::from(y)) {
            *pixel = Rgb(color);
        }
    }
    let path = folder.path().join(name);
    picture.save(&path).unwrap();
    path
}

/// The pictures of a person with dark glasses and with a light blue mask, drawn over a portrait. A black mask would look like a head
/// that is not upright.
fn covered(folder: &TempDir) -> [PathBuf; 2] {
    let found = line(&run!("detect", "--json", portrait("hopper.jpg")));
    let landmark = |index: usize| {
        let point = &found["faces"][0]["landmarks"][index];
        (number(&point[0]), number(&point[1]))
    };
    let (eyes, mouth) = ([landmark(0), landmark(1)], [landmark(3), landmark(4)]);
    let width = eyes[1].0 - eyes[0].0;
    let is_glass = |x: f64, y: f64| eyes.iter().any(|eye| (x - eye.0).hypot(y - eye.1) < 0.36 * width);
    let is_mask = |x: f64, y: f64| {
        (x - (mouth[0].0 + mouth[1].0) / 2.0).abs() < 0.7 * width
            && (mouth[0].1 - 0.45 * width..mouth[0].1 + 0.6 * width).contains(&y)
    };
    [
        painted(folder, "glasses.png", [12, 10, 14], is_glass),
        painted(folder, "mask.png", [150, 180, 210], is_mask),
    ]
}

#[test]
fn a_covered_face_is_enrolled_only_by_force() {
    let folder = tempfile::tempdir().unwrap();
    for (picture, fault) in covered(&folder).into_iter().zip(["eyes_covered", "mouth_covered"]) {
        let found = line(&run!("detect", "--json", picture));
        assert_eq!(found["faces"][0]["covered"], fault);
        let bank = folder.path().join(format!("{fault}.sqlite"));
        let output = run!("enroll", "Ada", picture, "--facebank", bank);
        assert_eq!(
            (code(&output), error(&output).contains("covered: take off")),
            (1, true),
            "{}",
            error(&output)
        );
        let output = run!("enroll", "Ada", picture, "--facebank", bank, "--force");
        assert_eq!(code(&output), 0, "{fault}: {}", error(&output));
    }
}

#[test]
fn a_square_of_112_pixels_is_a_crop_only_if_it_is_named_so_and_shows_a_face() {
    let folder = tempfile::tempdir().unwrap();
    let bank = folder.path().join("people.sqlite");
    let gray = folder.path().join("gray.png");
    RgbImage::from_pixel(112, 112, Rgb([120; 3])).save(&gray).unwrap();
    for aligned in [false, true] {
        let mut arguments =
            vec!["enroll", "Grey", gray.to_str().unwrap(), "--facebank", bank.to_str().unwrap()];
        arguments.extend(aligned.then_some("--aligned"));
        let arguments: Vec<&dyn AsRef<std::ffi::OsStr>> =
            arguments.iter().map(|argument| argument as &dyn AsRef<std::ffi::OsStr>).collect();
        let output = run_with(Path::new(MODELS), &arguments);
        assert_eq!(code(&output), 1);
        assert!(error(&output).contains("no face found"), "{}", error(&output));
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

#[test]
fn enrolled_people_are_identified_and_others_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let bank = folder.path().join("people.sqlite");
    let output = run!(
        "enroll",
        "--json",
        "Barack Obama",
        portrait("obama.jpg"),
        portrait("obama3.jpg"),
        "--facebank",
        bank
    );
    assert_eq!(code(&output), 0, "{}", error(&output));
    let enrolled = line(&output);
    assert_eq!((&enrolled["person"], &enrolled["added"]), (&"Barack Obama".into(), &2.into()));
    assert_eq!(code(&run!("enroll", "Grace Hopper", portrait("hopper.jpg"), "--facebank", bank)), 0);

    // The same people as a folder of photos.
    let photos = folder.path().join("photos");
    for (name, files) in
        [("Barack Obama", &["obama.jpg", "obama3.jpg"][..]), ("Grace Hopper", &["hopper.jpg"])]
    {
        fs::create_dir_all(photos.join(name)).unwrap();
        for file in files {
            fs::copy(portrait(file), photos.join(name).join(file)).unwrap();
        }
    }
    let wall = faceless(&folder);
    for known in [&bank, &photos] {
        let output = run!("identify", "--json", portrait("obama2.jpg"), "--facebank", known);
        assert_eq!(code(&output), 0, "{}", error(&output));
        let found = line(&output);
        let fields = ["cosine", "margin", "person", "second", "similarity", "threshold", "verdict"];
        assert_eq!(keys(&found), fields.into());
        assert_eq!(found["verdict"], "known");
        assert_eq!(found["person"], "Barack Obama");
        assert!(number(&found["similarity"]) >= number(&found["threshold"]));
        assert!(number(&found["second"]) < 0.3);

        // The margin of the door applies too. With 0.9, the best candidate is not far enough above the second best.
        let strict = ["identify", "--set", "door.margin=0.9"];
        let output =
            run!(strict[0], strict[1], strict[2], "--json", portrait("obama2.jpg"), "--facebank", known);
        assert_eq!(code(&output), 1, "{}", error(&output));
        let found = line(&output);
        assert_eq!((&found["verdict"], &found["person"]), (&"ambiguous".into(), &Value::Null));
        let output = run!(strict[0], strict[1], strict[2], portrait("obama2.jpg"), "--facebank", known);
        assert!(String::from_utf8_lossy(&output.stdout).starts_with("ambiguous"), "{output:?}");

        let output = run!("identify", "--json", portrait("biden.jpg"), "--facebank", known);
        assert_eq!(code(&output), 1);
        assert_eq!(line(&output)["person"], Value::Null);
        assert_eq!(line(&output)["verdict"], "unknown");
        assert!(number(&line(&output)["similarity"]) < 0.3);

        let output = run!("identify", "--json", wall, "--facebank", known);
        assert_eq!(code(&output), 1);
        assert_eq!((&line(&output)["person"], &line(&output)["similarity"]), (&Value::Null, &Value::Null));
        for (bad, word) in bad_pictures(&folder) {
            let output = run!("identify", "--json", bad, "--facebank", known);
            assert_eq!(code(&output), 2);
            assert!(error(&output).contains(word) && error(&output).contains(bad.to_str().unwrap()));
        }
    }
}

#[test]
fn an_unsuitable_photo_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let bank = folder.path().join("people.sqlite");
    assert_eq!(code(&run!("enroll", "Barack Obama", portrait("obama.jpg"), "--facebank", bank)), 0);
    let small = folder.path().join("small.png");
    let photo = image::open(portrait("obama3.jpg")).unwrap();
    photo.resize(200, 300, image::imageops::FilterType::Triangle).save(&small).unwrap();
    let mut unsuitable = vec![
        (faceless(&folder), "no face"),
        (small, "come closer"),
        // Enrolled under another name.
        (portrait("obama2.jpg"), "looks like Barack Obama"),
    ];
    unsuitable.extend(bad_pictures(&folder).into_iter().filter(|(path, _)| path.exists()));
    for (photo, word) in unsuitable {
        let output = run!("enroll", "--json", "Somebody", photo, "--facebank", bank);
        assert_eq!(code(&output), 1, "{}", error(&output));
        let refused = line(&output);
        assert_eq!(refused["enrolled"], false);
        let problem = &refused["problems"][0];
        assert_eq!(problem["photo"], photo.to_str().unwrap());
        assert!(problem["problem"].as_str().unwrap().contains(word), "{refused}");
        assert!(error(&output).contains("nothing was stored"));
    }
    // Photos of two people are refused for one name.
    let output =
        run!("enroll", "Somebody", portrait("biden.jpg"), portrait("hopper.jpg"), "--facebank", bank);
    assert_eq!(code(&output), 1);
    assert!(error(&output).contains("does not look like the other photos"), "{}", error(&output));
    let listed = cargo_bin_cmd!("ostiary")
        .args(["people", "list", "--json", "--facebank"])
        .arg(&bank)
        .output()
        .unwrap();
    assert_eq!(line(&listed)["name"], "Barack Obama");
}

/// Makes a video that shows a picture.
fn video_of(folder: &TempDir, name: &str, picture: &Path) -> PathBuf {
    let video = folder.path().join(name);
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-loop", "1", "-framerate", "10", "-i"])
        .arg(picture)
        .args(["-t", "2.5", "-vf", "scale=320:-2", "-pix_fmt", "yuv420p"])
        .arg(&video)
        .output()
        .expect("these tests need ffmpeg: apt install ffmpeg");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    video
}

#[test]
fn a_person_is_enrolled_from_a_video_as_from_a_camera() {
    let folder = tempfile::tempdir().unwrap();
    let bank = folder.path().join("people.sqlite");
    let video = video_of(&folder, "person.mkv", &portrait("obama.jpg"));
    let output = run!(
        "enroll",
        "--json",
        "Barack Obama",
        "--camera",
        "--any-pose",
        "--source",
        video,
        "--facebank",
        bank
    );
    assert_eq!(code(&output), 0, "{}", error(&output));
    assert_eq!(line(&output)["enrolled"], true);
    assert!(error(&output).contains("hold still") && error(&output).contains("picture 3 of 3"));
    assert_eq!(code(&run!("identify", portrait("obama2.jpg"), "--facebank", bank)), 0);
    assert_eq!(code(&run!("identify", portrait("biden.jpg"), "--facebank", bank)), 1);

    let nobody = video_of(&folder, "nobody.mkv", &faceless(&folder));
    let output = run!("enroll", "Nobody", "--camera", "--source", nobody, "--facebank", bank);
    assert_eq!(code(&output), 2);
    for part in ["no face found", "nobody.mkv ended", "nothing was stored"] {
        assert!(error(&output).contains(part), "{}", error(&output));
    }
}

/// A portrait whose middle of the face is moved by shares of the distance between the eyes, the more the nearer to the nose: to the
/// landmarks, a head that is turned or raised.
fn with_moved_nose(picture: &RgbImage, landmarks: &Value, right: f32, down: f32) -> RgbImage {
    let point = |index: usize| [0, 1].map(|axis| landmarks[index][axis].as_f64().unwrap() as f32);
    let ([left_eye, _], [right_eye, _], [x, y]) = (point(0), point(1), point(2));
    let unit = right_eye - left_eye;
    // How far the movement reaches: less far in its own direction, so that eyes and mouth move less than the nose.
    let reach = if right == 0.0 { [1.6, 1.2] } else { [1.1, 1.6] };
    RgbImage::from_fn(picture.width(), picture.height(), |column, row| {
        let near = |distance: f32, reach: f32| (1.0 - (distance / (reach * unit)).powi(2)).max(0.0);
        let share = near(column as f32 - x, reach[0]) * near(row as f32 - y, reach[1]) * unit;
        let at = |position: f32, size: u32| (position.round().max(0.0) as u32).min(size - 1);
        let (from_x, from_y) = (column as f32 - right * share, row as f32 - down * share);
        *picture.get_pixel(at(from_x, picture.width()), at(from_y, picture.height()))
    })
}

#[test]
fn the_camera_enrollment_asks_for_poses_and_names_those_that_are_missing() {
    let folder = tempfile::tempdir().unwrap();
    let bank = folder.path().join("people.sqlite");
    let (small, original) = (folder.path().join("small.jpg"), image::open(portrait("obama.jpg")).unwrap());
    let straight = original.thumbnail(400, 500).to_rgb8();
    straight.save(&small).unwrap();
    let landmarks = line(&run!("detect", "--json", small))["faces"][0]["landmarks"].clone();
    let frames = folder.path().join("frames");
    fs::create_dir(&frames).unwrap();
    let show = |number: usize, picture: &RgbImage| {
        // A picture is taken after three equal frames, and half a second after the one before.
        for repeat in 0..20 {
            picture.save(frames.join(format!("{number}-{repeat:02}.jpg"))).unwrap();
        }
    };
    let poses = [(0.0, -0.25), (0.4, 0.0), (-0.4, 0.0), (0.0, -0.65), (0.0, 0.25)];
    for (number, (right, down)) in poses.into_iter().enumerate().take(3) {
        show(number, &with_moved_nose(&straight, &landmarks, right, down));
    }
    let enroll = || run!("enroll", "--json", "Ada", "--camera", "--source", frames, "--facebank", bank);
    let output = enroll();
    assert_eq!(code(&output), 2, "{}", error(&output));
    for part in
        ["look straight at the camera", "3 taken; missing: up, down", "--any-pose", "nothing was stored"]
    {
        assert!(error(&output).contains(part), "{part}: {}", error(&output));
    }
    for (number, (right, down)) in poses.into_iter().enumerate().skip(3) {
        show(number, &with_moved_nose(&straight, &landmarks, right, down));
    }
    let output = enroll();
    assert_eq!(code(&output), 0, "{}", error(&output));
    assert_eq!(line(&output)["templates"], 5);
    assert!(error(&output).contains("picture 5 of 7: lower the head a little"), "{}", error(&output));
}

/// A portrait that is cut off at the left eye.
fn cut_off(folder: &TempDir, name: &str) -> PathBuf {
    let picture = image::open(portrait(name)).unwrap().to_rgb8();
    let found = run!("detect", "--json", portrait(name));
    let face = &line(&found)["faces"][0];
    assert_eq!(face["cut_off"], false);
    // The left edge of the new picture is at the left eye.
    let left = face["landmarks"][0][0].as_f64().unwrap() as u32 - 2;
    let cut = folder.path().join("cut.png");
    image::imageops::crop_imm(&picture, left, 0, picture.width() - left, picture.height())
        .to_image()
        .save(&cut)
        .unwrap();
    cut
}

#[test]
fn a_face_at_the_edge_of_the_picture_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let bank = folder.path().join("people.sqlite");
    let cut = cut_off(&folder, "obama.jpg");
    assert_eq!(line(&run!("detect", "--json", cut))["faces"][0]["cut_off"], true);
    let output = run!("enroll", "Ada", cut, "--facebank", bank);
    assert_eq!(code(&output), 1);
    assert!(error(&output).contains("move into the picture"), "{}", error(&output));
}

/// The decisions of a door whose camera shows a picture for two seconds, and which lets in the person of a bare portrait.
fn decisions(folder: &TempDir, enrolled: &str, picture: &Path) -> Vec<Value> {
    let stem = picture.file_stem().unwrap().to_str().unwrap();
    let [bank, events, frames] =
        ["bank", "events", "frames"].map(|of| folder.path().join(format!("{stem}.{of}")));
    let output = run!("enroll", "Ada", portrait(enrolled), "--facebank", bank);
    assert_eq!(code(&output), 0, "{}", error(&output));
    fs::create_dir(&frames).unwrap();
    for number in 0..50 {
        let frame = frames.join(format!("{number:02}")).with_extension(picture.extension().unwrap());
        fs::copy(picture, frame).unwrap();
    }
    let setting = |key: &str, path: &Path| format!("{key}={}", path.display());
    let [source, bank, events] =
        [setting("camera.source", &frames), setting("facebank.path", &bank), setting("events.path", &events)];
    let output = run!("run", "--json", "--set", source, "--set", bank, "--set", events);
    assert_eq!(code(&output), 0, "{}", error(&output));
    let is_decision = |event: &Value| event["kind"] == "granted" || event["kind"] == "denied";
    lines(&output).into_iter().filter(is_decision).collect()
}

#[test]
fn the_door_does_not_compare_a_face_that_is_covered_cut_off_or_not_upright() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["hopper.jpg", "obama.jpg"] {
        let bare = decisions(&folder, name, &portrait(name));
        assert_eq!(bare[0]["kind"], "granted", "{name}: {bare:?}");
    }
    let [glasses, mask] = covered(&folder);
    for (enrolled, picture) in [
        ("hopper.jpg", glasses),
        ("hopper.jpg", mask),
        ("obama.jpg", cut_off(&folder, "obama.jpg")),
        ("obama.jpg", turned(&folder, "obama.jpg")),
    ] {
        let found = decisions(&folder, enrolled, &picture);
        // A face that was compared is granted entry or is unknown.
        for decision in &found {
            assert_eq!(decision["reason"], "low_quality", "{}: {decision}", picture.display());
        }
    }
}

#[test]
fn an_aligned_face_that_is_covered_or_not_upright_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let bank = folder.path().join("people.sqlite");
    let crop_of = |picture: &Path| {
        let name = picture.file_stem().unwrap().to_str().unwrap();
        aligned_picture(&folder, picture, &format!("crop-{name}"))
    };
    let [glasses, mask] = covered(&folder).map(|picture| crop_of(&picture));
    for crop in [&glasses, &mask] {
        let output = run!("enroll", "Ada", "--aligned", crop, "--facebank", bank);
        assert_eq!((code(&output), error(&output).contains("covered")), (1, true), "{}", error(&output));
        assert!(error(&output).contains("--force"), "{}", error(&output));
    }
    let upside_down = crop_of(&turned(&folder, "obama.jpg"));
    for more in ["--json", "--force"] {
        let output = run!("enroll", "Ada", "--aligned", upside_down, more, "--facebank", bank);
        assert_eq!((code(&output), error(&output).contains("upside down")), (1, true), "{}", error(&output));
    }
    assert_eq!(code(&run!("enroll", "Ada", "--aligned", mask, "--force", "--facebank", bank)), 0);
    let output = run!("identify", "--aligned", upside_down, "--facebank", bank);
    assert_eq!((code(&output), error(&output).contains("upside down")), (2, true), "{}", error(&output));
}

/// The models of each precision.
const ROLES: [(&str, [&str; 4]); 2] = [
    ("int8", ["pnet-int8", "rnet-int8", "onet", "mobilefacenet-int8"]),
    ("fp32", ["pnet", "rnet", "onet", "mobilefacenet"]),
];

/// Copies the shipped models to a temporary folder.
fn models() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in fs::read_dir(MODELS).unwrap().map(|file| file.unwrap().path()).filter(|file| file.is_file()) {
        fs::copy(&file, folder.path().join(file.file_name().unwrap())).unwrap();
    }
    folder
}

/// Replaces the file of a model, and its hash in the manifest.
fn replace(folder: &Path, role: &str, bytes: &[u8]) {
    let file = folder.join(role).with_extension("onnx");
    let manifest = folder.join("manifest.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    let changed = text.replace(&sha256(&fs::read(&file).unwrap()), &sha256(bytes));
    assert!(changed != text || sha256(&fs::read(&file).unwrap()) == sha256(bytes));
    fs::write(manifest, changed).unwrap();
    fs::write(file, bytes).unwrap();
}

/// Embeds a portrait with these models. Asserts that it fails with an error that contains all parts.
fn refused(models: &Path, precision: &str, parts: &[&str]) {
    let setting = models.with_extension("toml");
    fs::write(&setting, format!("[engine]\nprecision = {precision:?}")).unwrap();
    let output = run_with(models, &[&"embed", &"--config", &setting, &portrait("hopper.jpg")]);
    fs::remove_file(setting).unwrap();
    let message = error(&output);
    assert_eq!(code(&output), 2, "{message}");
    assert!(output.stdout.is_empty());
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in {message}");
    }
}

#[test]
fn a_folder_without_a_valid_manifest_is_named() {
    let empty = tempfile::tempdir().unwrap();
    refused(&empty.path().join("absent"), "int8", &["absent/manifest.toml", "install the models again"]);
    refused(empty.path(), "int8", &["manifest.toml", "install the models again"]);
    let text = fs::read_to_string(Path::new(MODELS).join("manifest.toml")).unwrap();
    for broken in [
        String::new(),
        "not a manifest".into(),
        text[..text.len() / 2].into(),
        text.replace("format = 2", "format = 99"),
        text.replace("[models.onet", "[models.other"),
        text.replace("onet.onnx", "../onet.onnx"),
        text.replace("channels = \"RGB\"", "channels = \"CMYK\""),
    ] {
        let folder = models();
        assert_ne!(broken, text);
        fs::write(folder.path().join("manifest.toml"), broken).unwrap();
        refused(folder.path(), "int8", &["manifest.toml", "install the models again"]);
    }
}

#[test]
fn a_model_file_that_is_missing_truncated_or_altered_is_named() {
    for (precision, role) in ROLES.iter().flat_map(|(precision, roles)| roles.map(|role| (precision, role))) {
        let folder = models();
        let file = folder.path().join(role).with_extension("onnx");
        let named = [file.to_str().unwrap(), "install the models again"];
        let whole = fs::read(&file).unwrap();
        fs::write(&file, &whole[..whole.len() / 2]).unwrap();
        refused(folder.path(), precision, &named);
        let mut altered = whole;
        let middle = altered.len() / 2;
        altered[middle] ^= 1;
        fs::write(&file, altered).unwrap();
        refused(folder.path(), precision, &named);
        fs::remove_file(&file).unwrap();
        refused(folder.path(), precision, &named);
    }
}

#[test]
fn an_invalid_network_with_the_right_hash_is_refused() {
    for (precision, role) in ROLES.iter().flat_map(|(precision, roles)| roles.map(|role| (precision, role))) {
        let whole = fs::read(Path::new(MODELS).join(role).with_extension("onnx")).unwrap();
        for bytes in [&b""[..], b"this is no network", &[0xff; 4096], &whole[..whole.len() / 2]] {
            let folder = models();
            replace(folder.path(), role, bytes);
            refused(folder.path(), precision, &[&format!("{role}.onnx"), "install the models again"]);
        }
    }
}

#[test]
fn a_model_in_the_place_of_another_is_refused() {
    for (precision, roles) in ROLES {
        let pairs = roles.into_iter().flat_map(|role| roles.map(|other| (role, other)));
        for (role, other) in pairs.filter(|(role, other)| role != other) {
            let folder = models();
            replace(
                folder.path(),
                role,
                &fs::read(Path::new(MODELS).join(other).with_extension("onnx")).unwrap(),
            );
            refused(
                folder.path(),
                precision,
                &[&format!("{role}.onnx"), "not the model that its role needs"],
            );
        }
    }
}
