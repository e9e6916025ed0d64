//! A Raspberry Pi's ribbon camera: a script in the place of `rpicam-vid` checks its arguments, and plays recorded frames.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use assert_cmd::cargo::cargo_bin_cmd;
use ostiary_capture::{CaptureError, FrameSource, Next};
use ostiary_config::Camera;
use ostiary_core::Frame;
use ostiary_testkit::ffmpeg;

use super::{camera, children, open, rerun};

/// Set in the process whose `PATH` has the script.
const INSIDE: &str = "OSTIARY_TEST_RPICAM";
const ARGUMENTS: &str = "--camera 1 --width 64 --height 48 --framerate 20 --codec yuv420 --timeout 0 --nopreview --flush \
                         --output -";
/// A line of libcamera 0.3 on a Raspberry Pi 4.
const CONFIGURING: &str = "[0:42:17.011223344] [1234]  INFO Camera camera.cpp:1197 configuring streams: (0) SIZE-YUV420/sYCC \
                           (1) 2028x1520-SBGGR12_CSI2P/RAW";

/// Runs `test` in a process that finds a script `rpicam-vid` with these lines, which follow the check of the arguments and the
/// notes of libcamera about frames of this size.
fn with_script(name: &str, size: &str, lines: &str, test: impl FnOnce(Box<dyn FrameSource>)) {
    let camera = Camera { width: 64, height: 48, fps: 20, stall_s: 1.0, ..camera("rpicam:1") };
    if std::env::var_os(INSIDE).is_some() {
        return test(open(&camera).unwrap());
    }
    let folder = tempfile::tempdir().unwrap();
    let recorded = folder.path().join("recorded.yuv");
    let source = ["-f", "lavfi", "-i", "color=0x3060C0:size=64x48:rate=20:duration=0.5"];
    ffmpeg(&[&source[..], &["-pix_fmt", "yuvj420p", "-f", "rawvideo"]].concat(), &recorded);
    let script = folder.path().join("rpicam-vid");
    let notes = CONFIGURING.replace("SIZE", size);
    let text = format!(
        "#!/bin/sh\n[ \"$*\" = \"{ARGUMENTS}\" ] || {{ echo \"ERROR: wrong arguments $*\" >&2; exit 64; }}\n\
         echo '{notes}' >&2\nrecorded='{}'\n{lines}\n",
        recorded.display()
    );
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    run_inside(name, folder.path());
}

fn run_inside(name: &str, folder: &Path) {
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let output =
        rerun(&format!("ribbon_cameras::{name}")).env(INSIDE, "1").env("PATH", path).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

/// The first result that is not that the program is starting.
fn next(source: &mut dyn FrameSource, frame: &mut Frame) -> Result<Next, CaptureError> {
    loop {
        let begin = Instant::now();
        let result = source.next(frame);
        assert!(begin.elapsed() < Duration::from_secs(5), "the watchdog needs an answer");
        if !matches!(result, Err(CaptureError::Starting { .. })) {
            return result;
        }
    }
}

#[test]
fn recorded_frames_are_played_and_the_end_is_reported() {
    let name = "recorded_frames_are_played_and_the_end_is_reported";
    with_script(
        name,
        "64x48",
        "cat $recorded; sleep 0.5; echo 'ERROR: *** camera timed out ***' >&2; exit 1",
        |mut source| {
            assert!(source.is_live() && source.frozen_after().is_some());
            assert_eq!(source.describe(), "camera rpicam:1, 64x48 at 20/s");
            let mut frame = Frame::default();
            for _ in 0..2 {
                assert_eq!(next(&mut *source, &mut frame).unwrap(), Next::Frame);
                assert_eq!((frame.width(), frame.height()), (64, 48));
                for (level, expected) in frame.rgb().iter().zip([0x30, 0x60, 0xC0].into_iter().cycle()) {
                    assert!(level.abs_diff(expected) < 6, "{level:x} instead of {expected:x}");
                }
                let error = loop {
                    match next(&mut *source, &mut frame) {
                        Ok(next) => assert_eq!(next, Next::Frame),
                        Err(error) => break error,
                    }
                };
                let text = error.to_string();
                assert!(error.is_transient() && text.contains("rpicam:1: rpicam-vid failed"), "{text}");
                assert!(
                    text.contains("*** camera timed out ***") && text.contains("--list-cameras"),
                    "{text}"
                );
            }
        },
    );
}

#[test]
fn frames_that_are_not_needed_are_discarded() {
    with_script(
        "frames_that_are_not_needed_are_discarded",
        "64x48",
        "for frame in 1 2 3 4 5; do head -c 4608 $recorded; sleep 0.1; done; echo 'ERROR: done' >&2; exit 1",
        |mut source| {
            source.set_interval(Duration::from_secs(60));
            let mut frame = Frame::default();
            assert_eq!(next(&mut *source, &mut frame).unwrap(), Next::Frame);
            assert_eq!(frame.sequence, 0);
            let error = next(&mut *source, &mut frame).unwrap_err().to_string();
            assert!(error.contains("done"), "{error}");
            // Begun again, it gives every frame: the number goes on after those that were discarded.
            source.set_interval(Duration::ZERO);
            assert_eq!(next(&mut *source, &mut frame).unwrap(), Next::Frame);
            assert_eq!(frame.sequence, 5);
            assert_eq!(next(&mut *source, &mut frame).unwrap(), Next::Frame);
        },
    );
}

#[test]
fn a_program_that_hangs_is_killed_and_named() {
    with_script("a_program_that_hangs_is_killed_and_named", "64x48", "exec sleep 600", |mut source| {
        let error = next(&mut *source, &mut Frame::default()).unwrap_err();
        assert!(matches!(error, CaptureError::NoFrames { .. }) && error.is_transient(), "{error}");
        assert!(error.to_string().contains("rpicam-vid gave no frame for 2.0 s"), "{error}");
        assert!(children().is_empty(), "it was killed");
    });
}

#[test]
fn frames_of_another_size_are_refused() {
    let name = "frames_of_another_size_are_refused";
    with_script(name, "640x480", "exec cat /dev/zero", |mut source| {
        let mut frame = Frame::default();
        let error = loop {
            if let Err(error) = next(&mut *source, &mut frame) {
                break error.to_string();
            }
        };
        assert!(
            error.contains("640x480 pixels instead of 64x48") && error.contains("camera.width"),
            "{error}"
        );
        assert!(children().is_empty(), "it was killed");
    });
}

#[test]
fn a_short_last_frame_is_reported_with_its_size() {
    with_script(
        "a_short_last_frame_is_reported_with_its_size",
        "64x48",
        "head -c 5000 $recorded",
        |mut source| {
            let mut frame = Frame::default();
            let error = loop {
                if let Err(error) = next(&mut *source, &mut frame) {
                    break error.to_string();
                }
            };
            assert!(error.contains("392 of the 4608 bytes of 64x48 pixels"), "{error}");
        },
    );
}

#[test]
fn ribbon_cameras_are_listed_as_they_are_set() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("rpicam-vid");
    let text = "#!/bin/sh\n[ \"$*\" = --list-cameras ] || exit 64\necho 'Available cameras'\n\
                echo '1 : imx708 [4608x2592 10-bit RGGB] (/base/soc/i2c0mux/i2c@1/imx708@1a)'\n";
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let cameras = |arguments: &[&str]| {
        let mut command = cargo_bin_cmd!("ostiary");
        let output = command.arg("cameras").args(arguments).env("PATH", folder.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let text = cameras(&[]);
    assert!(text.starts_with("rpicam:1  imx708\n"), "{text}");
    let json = cameras(&["--json"]);
    let listed = json.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let expected = serde_json::json!({"source": "rpicam:1", "sensor": "imx708"});
    assert_eq!(listed.filter(|camera| camera.get("source").is_some()).collect::<Vec<_>>(), [expected]);
}

#[test]
fn without_the_program_the_error_names_its_package() {
    for (source, package) in [("rpicam:0", "rpicam-apps-lite"), ("argus:0", "gstreamer1.0-tools")] {
        if std::env::var_os(INSIDE).is_some() {
            let error = next(&mut *open(&camera(source)).unwrap(), &mut Frame::default()).unwrap_err();
            assert!(matches!(error, CaptureError::NoProgram { .. }) && !error.is_transient(), "{error}");
            assert!(error.to_string().contains(package), "{error}");
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        let output = rerun("ribbon_cameras::without_the_program_the_error_names_its_package")
            .env(INSIDE, "1")
            .env("PATH", folder.path())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
    }
}
