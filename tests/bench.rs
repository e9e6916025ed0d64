//! `ostiary bench` through the program. The tests check the form of the results, not the times.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

use std::path::{Path, PathBuf};

use assert_cmd::cargo::cargo_bin_cmd;
use serde_json::Value;

/// Runs `ostiary bench`. Returns the exit code, standard output and standard error.
fn bench(arguments: &[&str]) -> (i32, String, String) {
    let mut command = cargo_bin_cmd!("ostiary");
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("OSTIARY_")) {
        command.env_remove(name);
    }
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let empty_config = tempfile::NamedTempFile::new().unwrap();
    command.arg("bench").args(arguments).arg("--models").arg(models).arg("--config").arg(empty_config.path());
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// The JSON object that is printed. Checks the fields that all benchmarks have.
fn report(arguments: &[&str], runs: u64, threads: u64) -> Value {
    let (code, out, err) = bench(&[arguments, &["--json"]].concat());
    assert_eq!(code, 0, "{err}");
    assert_eq!(out.lines().count(), 1, "{out}");
    let report: Value = serde_json::from_str(&out).unwrap();
    let number = |key: &str| report[key].as_f64().unwrap_or_else(|| panic!("{key} is missing in {out}"));
    assert!(number("median_ms") > 0.0);
    assert!(number("median_ms") <= number("p95_ms") && number("p95_ms") <= number("p99_ms"), "{out}");
    assert!(number("peak_rss_mb") > 1.0 && number("cores") >= 1.0, "{out}");
    assert_eq!((&report["runs"], &report["threads"]), (&runs.into(), &threads.into()), "{out}");
    assert_eq!(report["what"], arguments[0]);
    assert!(!report["cpu"].as_str().unwrap().is_empty());
    report
}

/// Makes a picture without a face.
fn picture(folder: &Path, width: u32, height: u32) -> PathBuf {
    let path = folder.join(format!("{width}x{height}.png"));
    let pixel = |x: u32, y: u32| image::Rgb([(x * 255 / width) as u8, (y * 255 / height) as u8, 99]);
    image::RgbImage::from_fn(width, height, pixel).save(&path).unwrap();
    path
}

#[test]
fn an_embedding_is_timed() {
    report(&["embed", "--runs", "7"], 7, 1);
    let report = report(&["embed", "--runs", "2", "--threads", "2"], 2, 2);
    assert_eq!(report["input"], "a synthetic face");
    let report = self::report(&["embed", "--runs", "2", "--faces", "5"], 2, 1);
    assert_eq!(report["input"], "5 times a synthetic face");
    // Four together and one alone, in 8 bits: the same bytes.
    assert!((report["cosine_to_alone"].as_f64().unwrap() - 1.0).abs() < 1e-6, "{report}");
}

#[test]
fn an_aligned_face_is_accepted_and_a_picture_without_a_face_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let aligned = picture(folder.path(), 112, 112).display().to_string();
    let report = report(&["embed", "--runs", "1", "--image", &aligned], 1, 1);
    assert_eq!(report["input"], format!("a face of {aligned}"));
    let faceless = picture(folder.path(), 200, 160).display().to_string();
    let (code, out, err) = bench(&["embed", "--image", &faceless]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("no face; choose another picture"), "{err}");
}

#[test]
fn presentation_attack_detection_is_timed() {
    let report = report(&["liveness", "--runs", "3"], 3, 1);
    assert_eq!(report["input"], "a synthetic face");
    let portrait = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/self-test/portraits/obama.jpg");
    let report = self::report(&["liveness", "--runs", "1", "--image", portrait.to_str().unwrap()], 1, 1);
    assert!(report["input"].as_str().unwrap().ends_with("obama.jpg"), "{report}");
}

#[test]
fn a_detection_is_timed() {
    let demo = report(&["detect", "--runs", "2"], 2, 1);
    let input = "the demo's picture (640x480, 1 faces of 40 pixels and more)";
    assert_eq!(demo["input"], input);
    let folder = tempfile::tempdir().unwrap();
    let path = picture(folder.path(), 160, 120).display().to_string();
    let report = report(&["detect", "--runs", "2", "--min-face", "40", "--image", &path], 2, 1);
    assert_eq!(report["input"], format!("{path} (160x120, 0 faces of 40 pixels and more)"));
}

#[test]
fn the_pipeline_is_timed_on_a_short_video_and_on_a_picture() {
    let folder = tempfile::tempdir().unwrap();
    let video = folder.path().join("door.mkv");
    let made = std::process::Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=160x120:rate=10:duration=0.5"])
        .arg(&video)
        .status();
    assert!(made.expect("these tests need ffmpeg: apt install ffmpeg").success());
    let picture = picture(folder.path(), 160, 120);
    for source in [&video, &picture] {
        let source = source.display().to_string();
        let report = report(&["pipeline", "--runs", "12", "--video", &source], 12, 1);
        let (detected, tracked) = (&report["detected_frames"], &report["tracked_frames"]);
        assert_eq!(detected.as_u64().unwrap() + tracked.as_u64().unwrap(), 12, "{report}");
        assert!(report["detected_median_ms"].as_f64().unwrap() > 0.0, "{report}");
        assert_eq!(report["tracked_median_ms"].is_null(), *tracked == 0, "{report}");
        assert!(report["input"].as_str().unwrap().contains("160x120"), "{report}");
    }
}

#[test]
fn a_followed_frame_is_timed_with_and_without_an_embedding() {
    let without = report(&["follow", "--runs", "3"], 3, 1);
    assert_eq!(without["input"], "one face of the demo (640x480)");
    let with = report(&["follow", "--embed", "--runs", "3"], 3, 1);
    assert_eq!(with["input"], "one face of the demo (640x480, embedded in every frame)");
}

#[test]
fn every_visit_takes_the_same_frames() {
    let report = report(&["visit", "--runs", "2"], 2, 1);
    let frames = "6 frames with a face until it is let in, 4 frames without one";
    assert_eq!(report["input"], frames);
}

#[test]
fn the_door_is_timed_from_a_face_in_view_to_the_relay() {
    let report = report(&["door", "--runs", "3", "--warm-up", "2"], 3, 1);
    // A grant needs three frames, at 30 frames per second.
    assert!(report["median_ms"].as_f64().unwrap() >= 60.0, "{report}");
}

#[test]
fn the_text_is_one_line_with_the_engine_and_the_version() {
    let (code, out, _) = bench(&["detect", "--runs", "2"]);
    assert_eq!((code, out.lines().count()), (0, 1));
    assert!(
        out.starts_with("detect of the demo's picture (640x480") && out.contains("(2 runs, int8 on "),
        "{out}"
    );
    assert!(out.contains(concat!("ostiary ", env!("CARGO_PKG_VERSION"))), "{out}");
}

#[test]
fn invalid_arguments_are_refused() {
    for arguments in [
        &["embed", "--runs", "0"][..],
        &["embed", "--threads", "0"],
        &["detect", "--image", "/nowhere.png"],
        &["liveness", "--image", "/nowhere.png"],
        &["detect", "--min-face", "3"],
        &["pipeline"],
        &["door", "--runs", "0"],
        &["pipeline", "--video", "/nowhere.mp4"],
    ] {
        let (code, out, err) = bench(arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}");
        assert!(err.contains("error"), "{err}");
    }
}

#[test]
fn a_network_alone_is_timed() {
    let report = report(&["network", "--model", "onet", "--runs", "2", "--warm-up", "0"], 2, 1);
    assert_eq!(report["input"], "onet.onnx (48x48)");
    let pnet = self::report(&["network", "--model", "pnet", "--runs", "1"], 1, 1);
    assert_eq!(pnet["input"], "pnet-int8.onnx (192x144)");
}

#[test]
fn all_parts_are_measured_into_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("board.json");
    let (code, out, err) = bench(&["--board", "--runs", "1", "--output", path.to_str().unwrap()]);
    assert_eq!(code, 0, "{err}");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let parts = file["parts"].as_array().unwrap();
    assert_eq!(out.lines().filter(|line| line.contains(": median ")).count(), parts.len(), "{out}");
    let has = |command: &str| parts.iter().any(|part| part["command"] == command && part["runs"] == 1);
    assert!(has("embed --precision int8") && has("follow --embed") && has("visit"), "{file}");
    let board = &file["board"];
    assert_eq!(board["version"], env!("CARGO_PKG_VERSION"));
    let kernels = board["kernels"].as_str().unwrap();
    assert!(board["kernels_reason"].as_str().unwrap().contains(kernels), "{board}");
    assert!(board["before"].is_object() && board["after"].is_object(), "{board}");

    let (code, _, err) = bench(&["--board", "embed"]);
    assert!(code == 2 && err.contains("--board"), "{err}");
    assert_eq!(bench(&["--output", "x.json", "embed"]).0, 2);
}

#[test]
fn each_layer_of_a_quantized_network_is_timed() {
    let (code, out, _) = bench(&["kernels", "--runs", "2", "--json"]);
    let rows: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((code, rows.len()), (0, 64), "{out}");
    assert_eq!(rows[0]["kind"], "conv 3x3/2");
    assert_eq!(rows[0]["output"], serde_json::json!([64, 56, 56]));
    let shares: f64 = rows.iter().map(|row| row["share"].as_f64().unwrap()).sum();
    assert!((shares - 100.0).abs() < 0.1, "{shares}");

    let (code, _, err) = bench(&["kernels", "--model", "onet", "--runs", "2"]);
    assert!(code == 2 && err.contains("onet.onnx: is not quantized"), "{err}");
}

#[test]
fn both_precisions_are_timed() {
    for precision in ["int8", "fp32"] {
        let (code, out, err) = bench(&["embed", "--runs", "1", "--json", "--precision", precision]);
        assert_eq!(code, 0, "{err}");
        let report: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(report["precision"], precision);
    }
    assert_eq!(bench(&["embed", "--precision", "int4"]).0, 2);
}

#[test]
fn the_challenge_is_timed_without_networks() {
    let (code, out, err) = bench(&["challenge", "--runs", "3", "--json"]);
    assert_eq!(code, 0, "{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&report["what"], &report["runs"]), (&"challenge".into(), &3.into()));
}

#[test]
fn a_picture_of_the_live_view_is_timed_without_networks() {
    let (code, out, err) = bench(&["live", "--runs", "3", "--json"]);
    assert_eq!(code, 0, "{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&report["what"], &report["runs"], &report["engine"]),
        (&"live".into(), &3.into(), &Value::Null)
    );
    assert!(report["median_ms"].as_f64().unwrap() > 0.0, "{out}");
    let (_, text, _) = bench(&["live", "--runs", "3"]);
    assert!(text.starts_with("live of a synthetic picture of 640x480: median "), "{text}");
}
