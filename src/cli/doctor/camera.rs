//! The camera, or what stands in for it: a frame comes, in time, and something can be seen on it.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::Door;
use super::finding::{Finding, Status};
use crate::capture::{self, CaptureError, Frame, FrameSource, Next, needs_ffmpeg, redact};
use crate::clock::{Clock, MonotonicClock};
use crate::config::Camera;

/// The longest that is waited for a frame, whatever `camera.stall_s` says.
const PATIENCE_S: f64 = 10.0;
/// What a live camera is given to find its exposure.
const SETTLE: Duration = Duration::from_secs(1);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(200);
/// Mean luma beyond which nobody can be seen, whatever the light on the face.
const DARK: f32 = 0.05;
const BRIGHT: f32 = 0.95;

const MEND: &str = "check camera.source; `ostiary cameras` lists cameras";

pub fn check(door: &Door) -> Vec<Finding> {
    vec![verdict(look(&door.config().camera), door.daemon.as_deref())]
}

fn verdict(seen: Result<(String, Frame), CaptureError>, daemon: Option<&str>) -> Finding {
    match (seen, daemon) {
        (Ok((name, frame)), _) => judge(&name, &frame),
        (Err(CaptureError::Busy { name }), Some(daemon)) => {
            Finding::ok(format!("{name}: in use by the running daemon ({daemon})"))
        }
        (Err(CaptureError::Missing { path }), _) => {
            Finding::fault(format!("{}: no such file or folder", path.display()), MEND)
        }
        (Err(error), _) => Finding::of_error(Status::Fault, &error, MEND),
    }
}

/// The source's description, and a frame of it.
fn look(config: &Camera) -> Result<(String, Frame), CaptureError> {
    let config = Camera { stall_s: config.stall_s.min(PATIENCE_S), ..config.clone() };
    let clock = Arc::new(MonotonicClock::default());
    let mut source = capture::open(&config, clock.clone())?;
    let mut frame = Frame::default();
    // Connecting to a stream takes longer than a frame does.
    let limit = Duration::from_secs_f64(config.stall_s * 2.0);
    while let Err(error) = first(&mut *source, &mut frame, &config) {
        let passing = matches!(error, CaptureError::Connecting { .. } | CaptureError::Torn { .. });
        if !passing || clock.now() > limit {
            return Err(error);
        }
        thread::sleep(PAUSE);
    }
    let settled = clock.now() + SETTLE;
    while source.is_live() && clock.now() < settled && source.next(&mut frame)? == Next::Frame {}
    Ok((source.describe(), frame))
}

fn first(source: &mut dyn FrameSource, frame: &mut Frame, config: &Camera) -> Result<(), CaptureError> {
    match source.next(frame)? {
        Next::Frame => Ok(()),
        Next::End => Err(CaptureError::Video {
            path: config.source.as_str().into(),
            why: "there is no frame in it".into(),
        }),
    }
}

fn judge(name: &str, frame: &Frame) -> Finding {
    let brightness = brightness(frame);
    let found = format!(
        "{}: a frame of {}x{}, brightness {brightness:.2}",
        redact(name),
        frame.width(),
        frame.height()
    );
    match brightness {
        ..DARK => Finding::warning(found, "it is all but black: take off the lens cap, or light the place"),
        BRIGHT.. => Finding::warning(found, "it is all but white: turn the camera from the light"),
        _ => Finding::ok(found),
    }
}

/// Mean luma (BT.601), 0 to 1.
fn brightness(frame: &Frame) -> f32 {
    let pixels = frame.rgb().as_chunks::<3>().0;
    let luma = |pixel: &[u8; 3]| {
        let [r, g, b] = pixel.map(u64::from);
        299 * r + 587 * g + 114 * b
    };
    let sum: u64 = pixels.iter().map(luma).sum();
    (sum as f64 / (pixels.len().max(1) as f64 * 255_000.0)) as f32
}

pub fn check_ffmpeg(door: &Door) -> Vec<Finding> {
    let needed = needs_ffmpeg(&door.config().camera.source);
    if !needed {
        return vec![Finding::ok("not needed: camera.source is neither a stream nor a video")];
    }
    ["ffmpeg", "ffprobe"].into_iter().map(version).collect()
}

fn version(program: &str) -> Finding {
    let mut command = Command::new(program);
    match command.arg("-version").stdin(Stdio::null()).stderr(Stdio::null()).output() {
        Ok(output) if output.status.success() => {
            let said = String::from_utf8_lossy(&output.stdout);
            // "ffmpeg version 7.1 Copyright (c) ...", where the rest is of no interest.
            Finding::ok(said.split_whitespace().take(3).collect::<Vec<_>>().join(" "))
        }
        Ok(output) => Finding::fault(
            format!("{program} does not run ({})", output.status),
            "install it again: `apt install --reinstall ffmpeg`",
        ),
        Err(error) => Finding::fault(
            format!("{program} cannot be run ({error}), and camera.source needs it"),
            "`apt install ffmpeg`",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_camera_is_a_fault_unless_the_daemon_has_it() {
        let busy = || Err(CaptureError::Busy { name: "/dev/video0".into() });
        let alone = verdict(busy(), None);
        assert_eq!(alone.status, Status::Fault);
        assert!(alone.found.contains("in use by another program"), "{alone}");
        let kept = verdict(busy(), Some("process 7"));
        assert_eq!(kept, Finding::ok("/dev/video0: in use by the running daemon (process 7)"));
        let absent = Err(CaptureError::Absent { name: "/dev/video0".into() });
        assert_eq!(verdict(absent, Some("process 7")).status, Status::Fault);
    }

    #[test]
    fn black_and_white_pictures_are_told_from_those_that_show_something() {
        let frame = |level| Frame::from_rgb(4, 2, vec![level; 24]).unwrap();
        assert_eq!((brightness(&frame(0)), brightness(&frame(255))), (0.0, 1.0));
        assert_eq!(brightness(&Frame::from_rgb(1, 1, vec![0, 255, 0]).unwrap()), 0.587);
        for (level, status) in [(0, Status::Warning), (100, Status::Ok), (255, Status::Warning)] {
            assert_eq!(judge("camera", &frame(level)).status, status, "{level}");
        }
    }
}
