//! `ostiary video` through real ffmpeg, with clips made here and a portrait that ships.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use ostiary_capture::{FrameSource, Next, open_clip};
use ostiary_core::Frame;
use serde_json::Value;
use tempfile::TempDir;

/// Makes a file with ffmpeg.
fn ffmpeg(arguments: &[&str], to: &Path) {
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-y"])
        .args(arguments)
        .arg(to)
        .output()
        .expect("these tests need ffmpeg: apt install ffmpeg");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// What ffprobe says of a file's streams of a kind (`v` or `a`), its packets counted.
fn streams(path: &Path, kind: &str) -> Vec<Value> {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-count_packets", "-show_streams", "-of", "json", "-select_streams", kind])
        .arg(path)
        .output()
        .unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    serde_json::from_slice::<Value>(&output.stdout).unwrap()["streams"].as_array().unwrap().clone()
}

fn seconds(stream: &Value) -> f64 {
    stream["duration"].as_str().unwrap().parse().unwrap()
}

/// A folder to work in, with what every call needs: the models that ship and a facebank that is not there.
struct Place(TempDir);

impl Place {
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

    /// Runs to an error, and returns what it says.
    fn refused(&self, arguments: &[&str]) -> String {
        let before = self.files();
        let output = self.video(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}: {output:?}");
        assert_eq!(self.files(), before, "{arguments:?} leaves nothing behind");
        String::from_utf8(output.stderr).unwrap()
    }

    /// The names of all files with their sizes.
    fn files(&self) -> Vec<(String, u64)> {
        let entries = fs::read_dir(self.0.path()).unwrap().map(Result::unwrap);
        let mut files: Vec<_> = entries
            .map(|entry| (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().len()))
            .collect();
        files.sort();
        files
    }

    /// Two seconds of moving test picture with a tone, 20 frames a second.
    fn clip(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        let picture = "testsrc=size=160x120:rate=20:duration=2";
        ffmpeg(&["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=duration=2"], &path);
        path
    }

    /// Half a second of a person who looks into the camera, 10 frames a second.
    fn visit(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        let portrait = portrait("obama.jpg");
        let arguments = ["-loop", "1", "-framerate", "10", "-i", portrait.to_str().unwrap(), "-t", "0.5"];
        ffmpeg(&[&arguments[..], &["-vf", "scale=480:-2,crop=480:360:0:20"]].concat(), &path);
        path
    }
}

fn portrait(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("demo/portraits").join(name)
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

/// The mean distance of two pictures' levels, where both have pixels.
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
fn a_video_keeps_its_frames_its_rate_its_colors_and_its_sound() {
    let place = Place::new();
    // An odd size, which H.264 in 4:2:0 cannot have, and the rate of television.
    let picture = "smptebars=size=161x121:rate=30000/1001:duration=1";
    let input = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=duration=1", "-c:v", "ffv1"];
    ffmpeg(&input, &place.path("in.mkv"));
    for name in ["out.mp4", "out.mov", "out.mkv"] {
        let output = place.video(&["in.mkv", "-o", name]);
        assert!(output.status.success(), "{output:?}");
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(said, format!("{name}: 30 frames, 0 faces in 0 tracks\n"));
        let notice = String::from_utf8_lossy(&output.stderr);
        assert!(notice.contains("default.sqlite: no facebank, so everybody is unknown"), "{notice}");

        let out = place.path(name);
        let video = &streams(&out, "v")[0];
        assert_eq!((&video["codec_name"], &video["pix_fmt"]), (&"h264".into(), &"yuv420p".into()));
        assert_eq!((&video["width"], &video["height"]), (&162.into(), &122.into()));
        assert_eq!((&video["r_frame_rate"], &video["nb_read_packets"]), (&"30000/1001".into(), &"30".into()));
        assert_eq!(streams(&out, "a").len(), 1, "the sound is kept");
        let (before, after) = (frames(&place.path("in.mkv")), frames(&out));
        assert_eq!(after.len(), 30);
        assert!(distance(&before[29], &after[29]) < 4.0, "{}", distance(&before[29], &after[29]));
    }
    assert!(place.files().iter().all(|(name, _)| !name.starts_with('.')), "{:?}", place.files());
    let bytes = fs::read(place.path("out.mp4")).unwrap();
    let at = |atom: &[u8]| bytes.windows(4).position(|window| window == atom).unwrap();
    assert!(at(b"moov") < at(b"mdat"), "it plays while it is loaded");
    let mode = fs::metadata(place.path("out.mp4")).unwrap().permissions().mode();
    let ordinary = fs::metadata(place.path("in.mkv")).unwrap().permissions().mode();
    assert_eq!(mode, ordinary, "it may be read by whoever may read other files of the user");
}

#[test]
fn a_part_begins_and_ends_where_it_was_asked_to_with_its_sound() {
    let place = Place::new();
    let whole = frames(&place.clip("in.mp4"));
    let part = ["in.mp4", "--begin", "0.5", "--duration", "1"];
    let output = place.video(&[&part[..], &["-o", "out.mp4", "--json", "--frames"]].concat());
    let lines = lines(&output);
    assert_eq!(lines.len(), 21);
    let (first, last) = (&lines[0], &lines[19]);
    assert_eq!(first, &serde_json::json!({"frame": 0, "time": 0.5, "faces": []}));
    assert_eq!(last, &serde_json::json!({"frame": 19, "time": 1.45, "faces": []}));
    let summary = serde_json::json!({"in": "in.mp4", "out": "out.mp4", "frames": 20, "faces": 0, "tracks": 0,
        "people": []});
    assert_eq!(lines[20], summary);

    let out = place.path("out.mp4");
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

    assert!(place.video(&[&part[..], &["-o", "mute.mp4", "--no-sound"]].concat()).status.success());
    assert_eq!(streams(&place.path("mute.mp4"), "a").len(), 0);
}

#[test]
fn a_known_person_is_named_and_a_stranger_is_not() {
    let place = Place::new();
    place.visit("in.mp4");
    let mut enroll = place.ostiary();
    enroll.args(["enroll", "Barack", "--facebank", "people.sqlite"]).arg(portrait("obama2.jpg"));
    assert!(enroll.output().unwrap().status.success());
    let known = lines(&place.video(&[
        "in.mp4",
        "-o",
        "known.mp4",
        "--facebank",
        "people.sqlite",
        "--frames",
        "--json",
    ]));
    let unknown = lines(&place.video(&["in.mp4", "-o", "unknown.mp4", "--frames", "--json"]));
    assert_eq!((known.len(), unknown.len()), (6, 6));
    for (line, stranger) in known[..5].iter().zip(&unknown) {
        let (face, stranger) = (&line["faces"][0], &stranger["faces"][0]);
        assert_eq!((&line["faces"].as_array().unwrap().len(), &face["person"]), (&1, &"Barack".into()));
        assert!(face["similarity"].as_f64() > Some(0.5) && face["fault"].is_null(), "{face}");
        assert!(face["score"].as_f64() > Some(0.9), "{face}");
        assert_eq!((&face["box"], &face["track"]), (&stranger["box"], &known[0]["faces"][0]["track"]));
        assert!(stranger["person"].is_null() && stranger["similarity"].is_null(), "{stranger}");
    }
    let (summary, nobody) = (&known[5], &unknown[5]);
    let people = summary["people"].as_array().unwrap();
    assert_eq!((people.len(), &people[0]["person"], &people[0]["faces"]), (1, &"Barack".into(), &5.into()));
    assert_eq!(
        (&summary["faces"], &summary["tracks"], &nobody["people"]),
        (&5.into(), &1.into(), &Value::Array(vec![]))
    );

    // The box's left side, its colors blurred by 4:2:0: green for a known face, red for a stranger's.
    let bbox = |index: usize| known[4]["faces"][0]["box"][index].as_f64().unwrap();
    let (x, y) = (bbox(0).round() as usize, (bbox(1) + bbox(3) / 2.0) as usize);
    let color = |name: &str| {
        let frames = frames(&place.path(name));
        let at = (y * frames[4].width() as usize + x) * 3;
        [0, 1, 2].map(|channel| i32::from(frames[4].rgb()[at + channel]))
    };
    let ([r, g, _], [red, green, _]) = (color("known.mp4"), color("unknown.mp4"));
    assert!(g - r > green - red + 60, "{r} {g} against {red} {green}");
}

#[test]
fn what_is_wrong_is_said_before_any_work_and_nothing_is_written() {
    let place = Place::new();
    place.clip("in.mp4");
    fs::write(place.path("note.mp4"), "no video").unwrap();
    fs::write(place.path("there.mp4"), "precious").unwrap();
    fs::create_dir(place.path("folder.mp4")).unwrap();
    std::os::unix::fs::symlink(place.path("in.mp4"), place.path("link.mp4")).unwrap();
    ffmpeg(&["-f", "lavfi", "-i", "sine=duration=1"], &place.path("tone.mp4"));
    let cases: &[(&[&str], &str)] = &[
        (&["none.mp4", "-o", "out.mp4"], "none.mp4: No such file"),
        (&["note.mp4", "-o", "out.mp4"], "note.mp4: cannot be read as a video"),
        (&["tone.mp4", "-o", "out.mp4"], "tone.mp4: cannot be read as a video: there is no video in it"),
        (&[".", "-o", "out.mp4"], "cannot be read as a video: Is a directory"),
        (&["in.mp4", "-o", "out.mp4", "--begin", "2.5"], "lasts only 2.00 s, and 2.50 s should be skipped"),
        (&["in.mp4", "-o", "out.mp4", "--begin", "-1"], "give seconds, as in 12.5"),
        (&["in.mp4", "-o", "out.mp4", "--begin", "1e300"], "give seconds, as in 12.5"),
        (&["in.mp4", "-o", "out.mp4", "--duration", "nan"], "give seconds, as in 12.5"),
        (&["in.mp4", "-o", "out.mp4", "--duration", "0"], "give more seconds"),
        (&["in.mp4", "-o", "out.gif"], "out.gif: a video is written as .mp4, .mov or .mkv"),
        (&["in.mp4", "-o", "none/out.mp4"], "none/out.mp4: there is no folder none; make it first"),
        (&["in.mp4", "-o", "folder.mp4", "--force"], "folder.mp4: is a folder; name a file"),
        (&["in.mp4", "-o", "in.mp4", "--force"], "in.mp4: is the video that is to be read"),
        (&["in.mp4", "-o", "link.mp4", "--force"], "link.mp4: is the video that is to be read"),
        (&["link.mp4", "-o", "./in.mp4", "--force"], "in.mp4: is the video that is to be read"),
        (&["in.mp4", "-o", "there.mp4"], "there.mp4: is there already; choose another name, or replace it"),
        (&["in.mp4", "-o", "out.mp4", "--facebank", "none.sqlite"], "none.sqlite: there is no facebank"),
        (&["in.mp4", "-o", "out.mp4", "--facebank", "note.mp4"], "note.mp4: "),
    ];
    for (arguments, wanted) in cases {
        let said = place.refused(arguments);
        assert!(said.contains(wanted), "{arguments:?}: {said}");
    }
    let without =
        place.ostiary().args(["video", "in.mp4", "-o", "out.mp4"]).env("PATH", "").output().unwrap();
    let said = String::from_utf8_lossy(&without.stderr);
    assert!(without.status.code() == Some(2) && said.contains("apt install ffmpeg"), "{said}");
    assert!(!place.path("out.mp4").exists());

    assert!(place.video(&["in.mp4", "-o", "there.mp4", "--force"]).status.success());
    assert_eq!(streams(&place.path("there.mp4"), "v")[0]["nb_read_packets"], "40");
}

#[test]
fn an_encoder_that_dies_on_the_way_leaves_no_file() {
    let place = Place::new();
    place.clip("in.mp4");
    let before = place.files();
    // No file may grow beyond a block of 512 or 1024 bytes: the encoder is killed by a signal.
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -f 1; exec \"$0\" \"$@\""]).current_dir(place.0.path());
    let ostiary = place.ostiary();
    limited.arg(ostiary.get_program()).args(ostiary.get_args()).args(["video", "in.mp4", "-o", "out.mp4"]);
    let output = limited.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("out.mp4: cannot be written; check the space on its disk"), "{said}");
    assert!(said.contains("ffmpeg ended with signal"), "{said}");
    assert_eq!(place.files(), before);
}

#[test]
fn an_encoder_that_says_all_is_well_is_not_believed() {
    let place = Place::new();
    place.clip("in.mp4");
    // As ffmpeg 5 does on a full disk: the file is cut, and it ends well.
    let program = place.path("ffmpeg");
    let script = "#!/bin/sh\nPATH=${PATH#*:}\nffmpeg \"$@\" || exit 1\nfor last; do :; done\n\
                  case $last in file:*) truncate -s -2000 \"${last#file:}\";; esac\n";
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let before = place.files();
    let path = format!("{}:{}", place.0.path().display(), std::env::var("PATH").unwrap());
    for out in ["out.mp4", "out.mkv"] {
        let output =
            place.ostiary().args(["video", "in.mp4", "--no-sound", "-o", out]).env("PATH", &path).output();
        let output = output.unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("of 40 frames"), "{said}");
        assert_eq!(place.files(), before);
    }
}

#[test]
fn an_interrupt_leaves_no_file() {
    let place = Place::new();
    // Long enough that it is still being written when its first bytes are seen.
    let picture = "testsrc=size=640x480:rate=25:duration=60";
    ffmpeg(&["-f", "lavfi", "-i", picture, "-preset", "ultrafast"], &place.path("in.mp4"));
    let before = place.files();
    let mut command = place.ostiary();
    command.args(["video", "in.mp4", "-o", "out.mp4"]).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    while place.files() == before {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it wrote anything");
        std::thread::sleep(Duration::from_millis(5));
    }
    // SAFETY: a signal to a child that was not waited for, so that its number is still its own.
    assert_eq!(unsafe { libc::kill(child.id() as i32, libc::SIGINT) }, 0);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("interrupted: out.mp4 is not written"), "{said}");
    assert_eq!(place.files(), before);
}
