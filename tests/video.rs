//! `ostiary video` with real ffmpeg, synthetic clips and a bundled portrait.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]
#![expect(unsafe_code, reason = "processes under test get signals by the C library")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use ostiary_capture::{FrameSource, Next, open_clip};
use ostiary_core::Frame;
use ostiary_testkit::{ffmpeg, portrait};
use serde_json::Value;
use tempfile::TempDir;

/// The streams of a kind (`v` or `a`) of a file, from ffprobe, with the number of their packets.
fn streams(path: &Path, kind: &str) -> Vec<Value> {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-count_packets", "-show_streams", "-of", "json", "-select_streams", kind])
        .arg(path)
        .output()
        .unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    serde_json::from_slice::<Value>(&output.stdout).unwrap()["streams"].as_array().unwrap().clone()
}

/// The duration of a stream, in seconds.
fn seconds(stream: &Value) -> f64 {
    stream["duration"].as_str().unwrap().parse().unwrap()
}

/// A working folder. Commands use the shipped models and a facebank that does not exist.
struct Workspace(TempDir);

impl Workspace {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn ostiary(&self) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("ostiary"));
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
        let facebank = format!("facebank.path={}", self.path("default.sqlite").display());
        command.current_dir(self.0.path()).arg("--models").arg(models).args(["--set", &facebank]);
        command
    }

    fn video(&self, arguments: &[&str]) -> Output {
        self.ostiary().arg("video").args(arguments).output().unwrap()
    }

    /// Runs a command that must fail, and returns its error. Asserts that it leaves no file.
    fn refused(&self, arguments: &[&str]) -> String {
        let before = self.files();
        let output = self.video(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}: {output:?}");
        assert_eq!(self.files(), before, "{arguments:?} leaves a file");
        String::from_utf8(output.stderr).unwrap()
    }

    /// The names and sizes of all files.
    fn files(&self) -> Vec<(String, u64)> {
        let entries = fs::read_dir(self.0.path()).unwrap().map(Result::unwrap);
        let mut files: Vec<_> = entries
            .map(|entry| (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().len()))
            .collect();
        files.sort();
        files
    }

    /// Makes a video of two seconds with sound, 20 frames per second.
    fn clip(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        let picture = "testsrc=size=160x120:rate=20:duration=2";
        ffmpeg(&["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=duration=2"], &path);
        path
    }

    /// Makes a video of a portrait: half a second, 10 frames per second.
    fn visit(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        let portrait = portrait("obama.jpg");
        let arguments = ["-loop", "1", "-framerate", "10", "-i", portrait.to_str().unwrap(), "-t", "0.5"];
        ffmpeg(&[&arguments[..], &["-vf", "scale=480:-2,crop=480:360:0:20"]].concat(), &path);
        path
    }
}

fn lines(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{output:?}");
    let text = std::str::from_utf8(&output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn frames(path: &Path) -> Vec<Frame> {
    let mut clip = open_clip(path, None, None).unwrap();
    let (mut frame, mut frames) = (Frame::default(), Vec::new());
    while clip.next(&mut frame).unwrap() == Next::Frame {
        frames.push(frame.clone());
    }
    frames
}

/// The mean absolute difference of the pixel values of two frames, in their common area.
fn distance(a: &Frame, b: &Frame) -> f64 {
    let (width, height) = (a.width().min(b.width()) as usize, a.height().min(b.height()) as usize);
    let row = |frame: &Frame, y: usize| {
        let from = y * frame.width() as usize * 3;
        frame.rgb()[from..from + width * 3].to_vec()
    };
    let distances =
        (0..height).flat_map(|y| row(a, y).into_iter().zip(row(b, y))).map(|(a, b)| a.abs_diff(b));
    distances.map(f64::from).sum::<f64>() / (width * height * 3) as f64
}

#[test]
fn frames_rate_colors_and_sound_of_a_video_are_kept() {
    let workspace = Workspace::new();
    // An odd size, which H.264 with 4:2:0 does not support, and a frame rate that is not a whole number.
    let picture = "smptebars=size=161x121:rate=30000/1001:duration=1";
    let input = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=duration=1", "-c:v", "ffv1"];
    ffmpeg(&input, &workspace.path("in.mkv"));
    for name in ["out.mp4", "out.mov", "out.mkv"] {
        let output = workspace.video(&["in.mkv", "-o", name]);
        assert!(output.status.success(), "{output:?}");
        let summary = String::from_utf8_lossy(&output.stdout);
        assert_eq!(summary, format!("{name}: 30 frames, 0 faces in 0 tracks\n"));
        let notice = String::from_utf8_lossy(&output.stderr);
        assert!(
            notice.contains("default.sqlite: there is no facebank, so all faces are unknown"),
            "{notice}"
        );

        let out = workspace.path(name);
        let video = &streams(&out, "v")[0];
        assert_eq!((&video["codec_name"], &video["pix_fmt"]), (&"h264".into(), &"yuv420p".into()));
        assert_eq!((&video["width"], &video["height"]), (&162.into(), &122.into()));
        assert_eq!((&video["r_frame_rate"], &video["nb_read_packets"]), (&"30000/1001".into(), &"30".into()));
        assert_eq!(streams(&out, "a").len(), 1, "the sound is kept");
        let (before, after) = (frames(&workspace.path("in.mkv")), frames(&out));
        assert_eq!(after.len(), 30);
        assert!(distance(&before[29], &after[29]) < 4.0, "{}", distance(&before[29], &after[29]));
    }
    assert!(workspace.files().iter().all(|(name, _)| !name.starts_with('.')), "{:?}", workspace.files());
    let bytes = fs::read(workspace.path("out.mp4")).unwrap();
    let at = |atom: &[u8]| bytes.windows(4).position(|window| window == atom).unwrap();
    assert!(
        at(b"moov") < at(b"mdat"),
        "the index is at the beginning, so that it plays while it is downloaded"
    );
    let mode = fs::metadata(workspace.path("out.mp4")).unwrap().permissions().mode();
    let default_mode = fs::metadata(workspace.path("in.mkv")).unwrap().permissions().mode();
    assert_eq!(mode, default_mode, "it has the mode of other new files");
}

#[test]
fn a_part_has_the_given_begin_and_duration_with_its_sound() {
    let workspace = Workspace::new();
    let whole = frames(&workspace.clip("in.mp4"));
    let part = ["in.mp4", "--begin", "0.5", "--duration", "1"];
    let output = workspace.video(&[&part[..], &["-o", "out.mp4", "--json", "--frames"]].concat());
    let lines = lines(&output);
    assert_eq!(lines.len(), 21);
    let (first, last) = (&lines[0], &lines[19]);
    assert_eq!(first, &serde_json::json!({"frame": 0, "time": 0.5, "faces": []}));
    assert_eq!(last, &serde_json::json!({"frame": 19, "time": 1.45, "faces": []}));
    let summary = serde_json::json!({"in": "in.mp4", "out": "out.mp4", "frames": 20, "faces": 0, "tracks": 0,
        "people": []});
    assert_eq!(lines[20], summary);

    let out = workspace.path("out.mp4");
    let (video, sound) = (&streams(&out, "v")[0], &streams(&out, "a")[0]);
    assert!((seconds(video) - 1.0).abs() < 0.001, "{video}");
    assert!((seconds(sound) - 1.0).abs() < 0.1, "{sound}");
    let shown = frames(&out);
    assert_eq!(shown.len(), 20);
    for (shown, from) in [(&shown[0], 10), (&shown[19], 29)] {
        let nearest =
            (0..40).min_by(|a, b| distance(&whole[*a], shown).total_cmp(&distance(&whole[*b], shown)));
        assert_eq!(nearest, Some(from));
    }

    assert!(workspace.video(&[&part[..], &["-o", "mute.mp4", "--no-sound"]].concat()).status.success());
    assert_eq!(streams(&workspace.path("mute.mp4"), "a").len(), 0);
}

#[test]
fn an_enrolled_person_is_named_and_an_unknown_person_is_not() {
    let workspace = Workspace::new();
    workspace.visit("in.mp4");
    let mut enroll = workspace.ostiary();
    enroll.args(["enroll", "Barack", "--facebank", "people.sqlite"]).arg(portrait("obama2.jpg"));
    assert!(enroll.output().unwrap().status.success());
    let known = lines(&workspace.video(&[
        "in.mp4",
        "-o",
        "known.mp4",
        "--facebank",
        "people.sqlite",
        "--frames",
        "--json",
    ]));
    let unknown = lines(&workspace.video(&["in.mp4", "-o", "unknown.mp4", "--frames", "--json"]));
    assert_eq!((known.len(), unknown.len()), (6, 6));
    for (line, unknown_face) in known[..5].iter().zip(&unknown) {
        let (face, unknown_face) = (&line["faces"][0], &unknown_face["faces"][0]);
        assert_eq!((&line["faces"].as_array().unwrap().len(), &face["person"]), (&1, &"Barack".into()));
        assert!(face["similarity"].as_f64() > Some(0.5) && face["fault"].is_null(), "{face}");
        assert!(face["score"].as_f64() > Some(0.9), "{face}");
        assert_eq!((&face["box"], &face["track"]), (&unknown_face["box"], &known[0]["faces"][0]["track"]));
        assert!(unknown_face["person"].is_null() && unknown_face["similarity"].is_null(), "{unknown_face}");
    }
    let (summary, nobody) = (&known[5], &unknown[5]);
    let people = summary["people"].as_array().unwrap();
    assert_eq!((people.len(), &people[0]["person"], &people[0]["faces"]), (1, &"Barack".into(), &5.into()));
    assert_eq!(
        (&summary["faces"], &summary["tracks"], &nobody["people"]),
        (&5.into(), &1.into(), &Value::Array(vec![]))
    );

    // A pixel of the left edge of the box, with colors blurred by 4:2:0: green for a known face, red for an unknown one.
    let bbox = |index: usize| known[4]["faces"][0]["box"][index].as_f64().unwrap();
    let (x, y) = (bbox(0).round() as usize, (bbox(1) + bbox(3) / 2.0) as usize);
    let color = |name: &str| {
        let frames = frames(&workspace.path(name));
        let at = (y * frames[4].width() as usize + x) * 3;
        [0, 1, 2].map(|channel| i32::from(frames[4].rgb()[at + channel]))
    };
    let ([r, g, _], [red, green, _]) = (color("known.mp4"), color("unknown.mp4"));
    assert!(g - r > green - red + 60, "{r} {g} against {red} {green}");
}

#[test]
fn invalid_arguments_are_refused_and_no_file_is_written() {
    let workspace = Workspace::new();
    workspace.clip("in.mp4");
    fs::write(workspace.path("note.mp4"), "no video").unwrap();
    fs::write(workspace.path("existing.mp4"), "precious").unwrap();
    fs::create_dir(workspace.path("folder.mp4")).unwrap();
    std::os::unix::fs::symlink(workspace.path("in.mp4"), workspace.path("link.mp4")).unwrap();
    ffmpeg(&["-f", "lavfi", "-i", "sine=duration=1"], &workspace.path("tone.mp4"));
    let cases: &[(&[&str], &str)] = &[
        (&["none.mp4", "-o", "out.mp4"], "none.mp4: No such file"),
        (&["note.mp4", "-o", "out.mp4"], "note.mp4: cannot be read as a video"),
        (&["tone.mp4", "-o", "out.mp4"], "tone.mp4: cannot be read as a video: there is no video in it"),
        (&[".", "-o", "out.mp4"], "cannot be read as a video: Is a directory"),
        (&["in.mp4", "-o", "out.mp4", "--begin", "2.5"], "lasts only 2.00 s, and 2.50 s should be skipped"),
        (&["in.mp4", "-o", "out.mp4", "--begin", "-1"], "give seconds, for example 12.5"),
        (&["in.mp4", "-o", "out.mp4", "--begin", "1e300"], "give seconds, for example 12.5"),
        (&["in.mp4", "-o", "out.mp4", "--duration", "nan"], "give seconds, for example 12.5"),
        (&["in.mp4", "-o", "out.mp4", "--duration", "0"], "give a longer duration"),
        (&["in.mp4", "-o", "out.gif"], "out.gif: this extension is not supported; use .mp4, .mov or .mkv"),
        (&["in.mp4", "-o", "none/out.mp4"], "none/out.mp4: there is no folder none; create it first"),
        (&["in.mp4", "-o", "folder.mp4", "--force"], "folder.mp4: is a folder; give a file"),
        (&["in.mp4", "-o", "in.mp4", "--force"], "in.mp4: is the input video"),
        (&["in.mp4", "-o", "link.mp4", "--force"], "link.mp4: is the input video"),
        (&["link.mp4", "-o", "./in.mp4", "--force"], "in.mp4: is the input video"),
        (
            &["in.mp4", "-o", "existing.mp4"],
            "existing.mp4: already exists; choose another name, or replace it",
        ),
        (&["in.mp4", "-o", "out.mp4", "--facebank", "none.sqlite"], "none.sqlite: there is no facebank"),
        (&["in.mp4", "-o", "out.mp4", "--facebank", "note.mp4"], "note.mp4: "),
    ];
    for (arguments, expected) in cases {
        let error = workspace.refused(arguments);
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
    let without =
        workspace.ostiary().args(["video", "in.mp4", "-o", "out.mp4"]).env("PATH", "").output().unwrap();
    let error = String::from_utf8_lossy(&without.stderr);
    assert!(without.status.code() == Some(2) && error.contains("apt install ffmpeg"), "{error}");
    assert!(!workspace.path("out.mp4").exists());

    assert!(workspace.video(&["in.mp4", "-o", "existing.mp4", "--force"]).status.success());
    assert_eq!(streams(&workspace.path("existing.mp4"), "v")[0]["nb_read_packets"], "40");
}

#[test]
fn a_killed_encoder_leaves_no_file() {
    let workspace = Workspace::new();
    workspace.clip("in.mp4");
    let before = workspace.files();
    // Files are limited to one block of 512 or 1024 bytes, so the encoder is killed by a signal.
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -f 1; exec \"$0\" \"$@\""]).current_dir(workspace.0.path());
    let ostiary = workspace.ostiary();
    limited.arg(ostiary.get_program()).args(ostiary.get_args()).args(["video", "in.mp4", "-o", "out.mp4"]);
    let output = limited.output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("out.mp4: cannot be written; check the space on its disk"), "{error}");
    assert!(error.contains("ffmpeg ended with signal"), "{error}");
    assert_eq!(workspace.files(), before);
}

#[test]
fn a_truncated_file_of_a_successful_encoder_is_detected() {
    let workspace = Workspace::new();
    workspace.clip("in.mp4");
    // Like ffmpeg 5 on a full disk: the file is truncated, and the exit code is 0.
    let program = workspace.path("ffmpeg");
    let script = "#!/bin/sh\nPATH=${PATH#*:}\nffmpeg \"$@\" || exit 1\nfor last; do :; done\n\
                  case $last in file:*) truncate -s -2000 \"${last#file:}\";; esac\n";
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let before = workspace.files();
    let path = format!("{}:{}", workspace.0.path().display(), std::env::var("PATH").unwrap());
    for out in ["out.mp4", "out.mkv"] {
        let output = workspace
            .ostiary()
            .args(["video", "in.mp4", "--no-sound", "-o", out])
            .env("PATH", &path)
            .output();
        let output = output.unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains("of 40 frames"), "{error}");
        assert_eq!(workspace.files(), before);
    }
}

#[test]
fn an_interrupt_leaves_no_file() {
    let workspace = Workspace::new();
    // Long enough that it is still written when the test sends the signal.
    let picture = "testsrc=size=640x480:rate=25:duration=60";
    ffmpeg(&["-f", "lavfi", "-i", picture, "-preset", "ultrafast"], &workspace.path("in.mp4"));
    let before = workspace.files();
    let mut command = workspace.ostiary();
    command.args(["video", "in.mp4", "-o", "out.mp4"]).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    while workspace.files() == before {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it wrote a file");
        std::thread::sleep(Duration::from_millis(5));
    }
    // SAFETY: kill(2) has no memory effects; the child was not waited for, so the process id is still valid.
    assert_eq!(unsafe { libc::kill(child.id() as i32, libc::SIGINT) }, 0);
    let output = child.wait_with_output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("interrupted: out.mp4 is not written"), "{error}");
    assert_eq!(workspace.files(), before);
}

#[test]
fn the_sound_stays_in_step_with_pictures_that_begin_later() {
    let work = Workspace::new();
    let (picture, sound) = ("testsrc=size=160x120:rate=20:duration=1", "sine=duration=2.5");
    let arguments = ["-itsoffset", "1.5", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound];
    ffmpeg(
        &[&arguments[..], &["-map", "0:v", "-map", "1:a", "-c:v", "libx264"]].concat(),
        &work.path("late.mkv"),
    );
    // With the beginning skipped, less or more than the pictures are late.
    for (begin, late) in [("0", 1.5), ("1", 0.5), ("2", 0.0)] {
        let output =
            work.video(&["late.mkv", "-o", "out.mkv", "--force", "--begin", begin, "--frames", "--json"]);
        let first = lines(&output).swap_remove(0);
        let start = |kind: &str| {
            streams(&work.path("out.mkv"), kind)[0]["start_time"].as_str().unwrap().parse::<f64>().unwrap()
        };
        assert!((start("v") - start("a") - late).abs() < 0.06, "{begin}: {} {}", start("v"), start("a"));
        let position = begin.parse::<f64>().unwrap() + late;
        assert!((first["time"].as_f64().unwrap() - position).abs() < 0.06, "{first}");
    }
}

#[test]
fn a_pipe_is_no_video() {
    let work = Workspace::new();
    assert!(Command::new("mkfifo").arg(work.path("in.mp4")).status().unwrap().success());
    assert!(work.refused(&["in.mp4", "-o", "out.mp4"]).contains("it is not a regular file"));
}
