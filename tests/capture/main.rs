//! The frame sources, with real ffmpeg, files and sockets.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

mod ribbon_cameras;
mod streams;

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use assert_cmd::cargo::cargo_bin_cmd;
use ostiary_capture as capture;
use ostiary_capture::{CaptureError, FrameSource, Next};
use ostiary_config::Camera;
use ostiary_core::Frame;
use ostiary_core::clock::{Clock, MonotonicClock, VirtualClock};
use ostiary_testkit::ffmpeg;

/// Makes a video of one second, 64x48 pixels at 20 frames per second. It is lossless, so that pixels can be compared.
fn video(folder: &Path) -> PathBuf {
    let path = folder.join("door.mkv");
    ffmpeg(&["-f", "lavfi", "-i", "testsrc=size=64x48:rate=20:duration=1", "-c:v", "ffv1"], &path);
    path
}

fn open(camera: &Camera) -> Result<Box<dyn FrameSource>, CaptureError> {
    capture::open(camera, Arc::new(MonotonicClock::default()))
}

fn camera(source: impl AsRef<Path>) -> Camera {
    Camera { source: source.as_ref().display().to_string(), ..Camera::default() }
}

/// Reads all frames.
fn read_all(source: &mut dyn FrameSource) -> Vec<Frame> {
    let (mut frame, mut frames) = (Frame::default(), Vec::new());
    while source.next(&mut frame).unwrap() == Next::Frame {
        frames.push(frame.clone());
    }
    frames
}

/// Calls `next` until the source is connected, and returns the result.
fn first_result(source: &mut dyn FrameSource, frame: &mut Frame) -> Result<Next, CaptureError> {
    loop {
        match source.next(frame) {
            Err(CaptureError::Connecting { .. }) => {}
            result => return result,
        }
    }
}

/// The number of processes whose arguments contain a text.
fn count_processes(text: &str) -> usize {
    let arguments = |entry: std::fs::DirEntry| std::fs::read(entry.path().join("cmdline")).ok();
    let all = std::fs::read_dir("/proc").unwrap().flatten().filter_map(arguments);
    all.filter(|line| String::from_utf8_lossy(line).contains(text)).count()
}

/// The processes that this one has started and that run. Each test is a process of its own.
fn children() -> Vec<u32> {
    let own = std::process::id().to_string();
    let is_child = |pid: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // After the name, which is in parentheses and may have blanks: the state, and the parent.
        let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        fields.next().is_some_and(|state| state != "Z") && fields.next() == Some(&own)
    };
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(is_child).collect()
}

/// Runs one test of this file in another process.
fn rerun(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test]);
    command
}

#[test]
fn a_video_gives_all_frames_with_their_times() {
    let folder = tempfile::tempdir().unwrap();
    let path = video(folder.path());
    let mut source = open(&camera(&path)).unwrap();
    assert!(!source.is_live());
    assert_eq!(source.describe(), format!("video {} at 20/s", path.display()));
    let frames = read_all(&mut *source);
    assert_eq!(frames.len(), 20);
    for (number, frame) in frames.iter().enumerate() {
        assert_eq!((frame.width(), frame.height(), frame.sequence), (64, 48, number as u64));
        assert_eq!(frame.time, Duration::from_millis(50 * number as u64));
    }
    assert!(frames.windows(2).any(|pair| pair[0].rgb() != pair[1].rgb()), "the picture moves");
    assert_eq!(source.next(&mut Frame::default()).unwrap(), Next::End, "the end is permanent");
}

#[test]
fn the_rotation_of_a_video_is_applied() {
    let folder = tempfile::tempdir().unwrap();
    let (flat, upright) = (folder.path().join("flat.mp4"), folder.path().join("upright.mp4"));
    ffmpeg(&["-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=0.5", "-pix_fmt", "yuv420p"], &flat);
    ffmpeg(&["-i", flat.to_str().unwrap(), "-c", "copy", "-metadata:s:v:0", "rotate=90"], &upright);
    let mut clip = capture::open_clip(&upright, None, None).unwrap();
    assert_eq!((clip.width(), clip.height()), (48, 64));
    let frames = read_all(&mut clip);
    assert_eq!((frames[0].width(), frames[0].height()), (48, 64));
}

#[test]
fn a_clip_has_the_given_begin_and_duration() {
    let folder = tempfile::tempdir().unwrap();
    let path = video(folder.path());
    let whole = read_all(&mut capture::open_clip(&path, None, None).unwrap());
    let (begin, duration) = (Duration::from_millis(250), Duration::from_millis(500));
    let mut clip = capture::open_clip(&path, Some(begin), Some(duration)).unwrap();
    assert_eq!((clip.width(), clip.height(), clip.fps(), clip.frames()), (64, 48, 20.0, Some(10)));
    let frames = read_all(&mut clip);
    assert_eq!(frames.len(), 10);
    assert_eq!((frames[0].time, frames[9].time), (begin, Duration::from_millis(700)));
    assert_eq!(frames[0].rgb(), whole[5].rgb());
    assert_eq!(frames[9].rgb(), whole[14].rgb());
    let error = capture::open_clip(&path, Some(Duration::from_secs(5)), None).err().unwrap().to_string();
    assert!(error.contains("lasts only 1.00 s"), "{error}");
}

#[test]
fn frames_are_rotated_mirrored_and_cropped() {
    let folder = tempfile::tempdir().unwrap();
    let path = video(folder.path());
    let plain = read_all(&mut *open(&camera(&path)).unwrap());
    let turned = Camera { rotate: 90, mirror: true, region: Some([8, 16, 24, 32]), ..camera(&path) };
    let mut source = open(&turned).unwrap();
    let text = source.describe();
    assert!(text.ends_with("rotated 90 degrees, mirrored, cut to 24x32 at 8,16"), "{text}");
    let frames = read_all(&mut *source);
    assert_eq!((frames.len(), frames[3].width(), frames[3].height()), (20, 24, 32));
    assert_eq!((frames[3].sequence, frames[3].time), (plain[3].sequence, plain[3].time));
    let at = |frame: &Frame, x: usize, y: usize| {
        let byte = (y * frame.width() as usize + x) * 3;
        frame.rgb()[byte..byte + 3].to_vec()
    };
    for (x, y) in [(0, 0), (23, 0), (0, 31), (11, 7)] {
        // A rotation by 90 degrees and a mirroring swap x and y.
        assert_eq!(at(&frames[3], x, y), at(&plain[3], y + 16, x + 8));
    }
    let outside = Camera { region: Some([60, 0, 10, 10]), ..camera(&path) };
    let error = open(&outside).unwrap().next(&mut Frame::default()).unwrap_err();
    assert!(!error.is_transient() && error.to_string().contains("camera.region"), "{error}");
}

#[test]
fn in_real_time_a_video_is_live_and_late_frames_are_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(VirtualClock::default());
    clock.advance(Duration::from_secs(77));
    let camera = Camera { realtime: true, ..camera(video(folder.path())) };
    let mut source = capture::open(&camera, clock.clone()).unwrap();
    assert!(source.is_live());
    let mut frame = Frame::default();
    assert_eq!(source.next(&mut frame).unwrap(), Next::Frame);
    assert_eq!(frame.time, clock.now(), "live frames carry the clock's time");
    // The video continues while no frame is read, and only the newest frame is kept.
    let mut last = frame.sequence;
    while last < 19 {
        std::thread::sleep(Duration::from_millis(1500));
        assert_eq!(source.next(&mut frame).unwrap(), Next::Frame);
        assert!(frame.sequence > last, "frames {last} to {} were dropped", frame.sequence);
        last = frame.sequence;
    }
    assert_eq!(source.next(&mut frame).unwrap(), Next::End);
}

#[test]
fn a_file_that_is_not_a_video_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let check_error = |path: &Path| {
        let error = open(&camera(path)).err().unwrap();
        assert!(!error.is_transient());
        let text = error.to_string();
        assert!(text.contains(path.file_name().unwrap().to_str().unwrap()), "{text}");
        assert!(text.contains("cannot be read as a video"), "{text}");
        text
    };
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    check_error(&file("text.mp4", b"this is no video"));
    check_error(&file("empty.mp4", b""));
    let whole = folder.path().join("whole.mp4");
    ffmpeg(&["-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=1"], &whole);
    let bytes = std::fs::read(&whole).unwrap();
    check_error(&file("torn.mp4", &bytes[..bytes.len() / 2]));
    let sound = folder.path().join("sound.wav");
    ffmpeg(&["-f", "lavfi", "-i", "sine=duration=0.1"], &sound);
    let text = check_error(&sound);
    assert!(text.contains("no video"), "{text}");

    let missing = open(&camera(folder.path().join("missing.mp4"))).err().unwrap();
    assert!(matches!(missing, CaptureError::Missing { .. }), "{missing}");
    let absent = open(&camera("/dev/video4711")).err().unwrap();
    assert!(absent.is_transient() && absent.to_string().contains("/dev/video4711"), "{absent}");
    let wrong = open(&camera("/dev/null")).err().unwrap();
    assert!(matches!(wrong, CaptureError::NotCapture { .. }), "{wrong}");
    let never = open(&Camera { stall_s: f64::NAN, ..camera("rtsp://x") }).err().unwrap();
    assert!(never.to_string().contains("camera.stall_s"), "{never}");
}

#[test]
fn a_stream_that_never_answers_is_stalled_and_its_child_is_killed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mark = format!("127.0.0.1:{}/silent", listener.local_addr().unwrap().port());
    let camera = Camera { stall_s: 0.5, ..camera(format!("http://anna:s3cret@{mark}")) };
    let mut source = open(&camera).unwrap();
    assert!(source.is_live());
    let start = Instant::now();
    let error = first_result(&mut *source, &mut Frame::default()).unwrap_err();
    assert!(matches!(error, CaptureError::Stalled { .. }) && error.is_transient(), "{error}");
    assert!(start.elapsed() >= Duration::from_millis(500));
    for text in [error.to_string(), format!("{error:?}"), source.describe()] {
        assert!(text.contains(&mark) && !text.contains("s3cret") && !text.contains("anna"), "{text}");
    }
    assert!(children().is_empty(), "the child of the stalled stream was killed");

    let error = source.next(&mut Frame::default()).unwrap_err();
    assert!(error.is_transient(), "the next call connects again: {error}");
}

#[test]
fn a_dropped_source_kills_its_child() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mark = format!("http://127.0.0.1:{}/silent", listener.local_addr().unwrap().port());
    let mut source = open(&Camera { stall_s: 600.0, ..camera(&mark) }).unwrap();
    let error = source.next(&mut Frame::default()).unwrap_err();
    assert!(matches!(error, CaptureError::Connecting { .. }), "{error}");
    while children().is_empty() {
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(source);
    assert!(children().is_empty());
}

#[test]
fn a_refused_connection_is_an_error_without_the_password() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut source = open(&camera(format!("rtsp://anna:s3cret@127.0.0.1:{port}/main?token=t0ken"))).unwrap();
    for _ in 0..2 {
        let error = first_result(&mut *source, &mut Frame::default()).unwrap_err();
        assert!(matches!(error, CaptureError::Broken { .. }) && error.is_transient(), "{error}");
        let text = error.to_string();
        assert!(text.contains("refused"), "{text}");
        assert!(!text.contains("s3cret") && !text.contains("anna") && !text.contains("t0ken"), "{text}");
    }
}

/// Serves a video over HTTP to one client, as a network camera does, and closes the connection.
fn serve(mut connection: TcpStream, path: &Path) {
    let head = b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=ffmpeg\r\n\r\n";
    std::io::Write::write_all(&mut connection, head).unwrap();
    let mut child = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "quiet", "-re", "-i"])
        .arg(path)
        .args(["-c:v", "mjpeg", "-f", "mpjpeg", "pipe:1"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // The client may close the connection before the end of the video.
    let _ = std::io::copy(&mut child.stdout.take().unwrap(), &mut connection);
    child.wait().unwrap();
}

#[test]
fn an_interrupted_stream_is_connected_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = video(folder.path());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/video", listener.local_addr().unwrap());
    std::thread::scope(|scope| {
        scope.spawn(|| (0..2).for_each(|_| serve(listener.accept().unwrap().0, &path)));
        let mut source = open(&camera(&address)).unwrap();
        let (mut frame, mut losses, mut last) = (Frame::default(), 0, None);
        loop {
            match source.next(&mut frame) {
                Ok(Next::Frame) => {
                    assert_eq!((frame.width(), frame.height()), (64, 48));
                    assert!(last < Some(frame.sequence), "sequence numbers continue");
                    last = Some(frame.sequence);
                    if losses > 0 {
                        break;
                    }
                }
                Ok(Next::End) => panic!("a live stream does not end"),
                Err(error) => {
                    assert!(error.is_transient(), "{error}");
                    losses += usize::from(last.is_some());
                }
            }
        }
    });
}

#[test]
fn children_are_killed_when_the_parent_is_killed() {
    const PLAY: &str = "OSTIARY_TEST_PLAY";
    if let Some(path) = std::env::var_os(PLAY) {
        let mut source = open(&Camera { realtime: true, ..camera(PathBuf::from(path)) }).unwrap();
        let mut frame = Frame::default();
        while source.next(&mut frame).unwrap() == Next::Frame {}
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.mkv");
    ffmpeg(&["-f", "lavfi", "-i", "testsrc=size=64x48:rate=20:duration=60", "-c:v", "ffv1"], &path);
    let mut child = rerun("children_are_killed_when_the_parent_is_killed")
        .env(PLAY, &path)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mark = format!("-re\0-i\0file:{}", path.display());
    while count_processes(&mark) == 0 {
        assert!(child.try_wait().unwrap().is_none(), "the process ended before it was killed");
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // The kernel kills the child. Its entry may remain for a moment, but not for the minute that the video lasts.
    let killed = Instant::now();
    while count_processes(&mark) > 0 {
        assert!(killed.elapsed() < Duration::from_secs(30), "ffmpeg still runs");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn without_ffmpeg_the_error_names_the_package() {
    const SOURCE: &str = "OSTIARY_TEST_WITHOUT_FFMPEG";
    if let Some(source) = std::env::var_os(SOURCE) {
        let error = open(&camera(PathBuf::from(source)))
            .and_then(|mut source| first_result(&mut *source, &mut Frame::default()))
            .unwrap_err();
        assert!(matches!(error, CaptureError::NoProgram { .. }) && !error.is_transient(), "{error}");
        assert!(error.to_string().contains("apt install ffmpeg"), "{error}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("any.mp4");
    std::fs::write(&path, "any").unwrap();
    for source in [path.as_os_str(), "rtsp://127.0.0.1:1/main".as_ref()] {
        let output = rerun("without_ffmpeg_the_error_names_the_package")
            .env(SOURCE, source)
            .env("PATH", folder.path())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
    }
}

#[test]
fn pictures_and_folders_are_frame_sources() {
    let folder = tempfile::tempdir().unwrap();
    let pattern = folder.path().join("face-%02d.png");
    ffmpeg(&["-f", "lavfi", "-i", "testsrc=size=64x48:rate=3:duration=1"], &pattern);
    std::fs::write(folder.path().join("face-02.jpg"), [0xFF, 0xD8, 0xFF]).unwrap();
    let mut source = open(&camera(folder.path())).unwrap();
    assert!(!source.is_live());
    let (mut frame, mut good, mut bad) = (Frame::default(), 0, Vec::new());
    loop {
        match source.next(&mut frame) {
            Ok(Next::Frame) => good += 1,
            Ok(Next::End) => break,
            Err(error) => bad.push(error.to_string()),
        }
    }
    assert_eq!((good, bad.len()), (3, 1));
    assert!(bad[0].contains("face-02.jpg"), "{}", bad[0]);
    let single = folder.path().join("face-01.png");
    assert_eq!(read_all(&mut *open(&camera(&single)).unwrap()).len(), 1);
    let read = ostiary_pictures::read_picture(&single).unwrap();
    assert_eq!((read.width(), read.height()), (64, 48));
}

#[test]
fn cameras_lists_all_devices() {
    let devices = capture::list_devices();
    let output = cargo_bin_cmd!("ostiary").arg("cameras").output().unwrap();
    let json = cargo_bin_cmd!("ostiary").args(["cameras", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(i32::from(devices.is_empty())));
    assert_eq!(json.status.code(), output.status.code());
    let lines = String::from_utf8_lossy(&json.stdout);
    assert_eq!(lines.lines().count(), devices.len());
    for line in lines.lines() {
        let device: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(device["path"].as_str().unwrap().starts_with("/dev/video"), "{line}");
        assert!(device["formats"].is_array(), "{line}");
    }
    if devices.is_empty() {
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.starts_with("No camera found"), "{text}");
    }
}
