//! The camera, or what stands in for it: the one that is meant, with a format that can be used; frames come, as many
//! as are wanted, and something can be seen on them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ostiary_capture as capture;
use ostiary_capture::{CaptureError, DeviceInfo, FrameSource, Next, list_devices};
use ostiary_config::Camera;
use ostiary_core::clock::{Clock, MonotonicClock};
use ostiary_core::{Frame, redact};

use super::finding::{Finding, Status};
use super::host::Host;
use super::{Daemon, Door, picture};

/// The longest that is waited for a frame, whatever `camera.stall_s` says.
const PATIENCE_S: f64 = 10.0;
/// What a live camera is given to find its exposure.
const SETTLE: Duration = Duration::from_secs(1);
/// How long its frames are then counted.
const COUNT: Duration = Duration::from_secs(2);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(200);
/// Fewer frames than this share of those wanted make decisions late.
const ENOUGH: f64 = 0.6;

const MEND: &str = "check camera.source; `ostiary cameras` lists cameras";

pub fn check(door: &Door) -> Vec<Finding> {
    let camera = &door.config().camera;
    let devices = if camera.source.starts_with("/dev/") { list_devices() } else { Vec::new() };
    let mut findings = choice(&camera.source, &devices);
    match look(camera) {
        Ok(seen) => {
            let limit = door.config().quality.min_sharpness;
            findings.push(picture::judge(&redact(&seen.name), &seen.frame, limit));
            findings.extend(seen.rate.map(|rate| judge_rate(rate, camera.fps)));
        }
        Err(error) => findings.push(refusal(error, door, &devices)),
    }
    findings
}

/// Whether the device is the one that is meant whatever else is plugged in, and what it offers.
fn choice(source: &str, devices: &[DeviceInfo]) -> Vec<Finding> {
    let real = Path::new(source).canonicalize();
    // What is wrong with one that is not there, opening it tells.
    let Some(device) = devices.iter().find(|device| real.as_ref().is_ok_and(|real| *real == device.path))
    else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    let file = Path::new(source).file_name().and_then(|name| name.to_str());
    let numbered =
        file.and_then(|name| name.strip_prefix("video")).is_some_and(|rest| rest.parse::<u32>().is_ok());
    if numbered && devices.len() > 1 {
        findings.push(Finding::warning(
            format!(
                "{source} ({}) is used of {} cameras, and their numbers may change at every start",
                device.name,
                devices.len()
            ),
            match &device.by_id {
                Some(link) => format!("set camera.source = \"{}\"", link.display()),
                None => "set camera.source to its link below /dev/v4l/by-path".to_owned(),
            },
        ));
    }
    let (usable, rest): (Vec<_>, Vec<_>) = device.formats.iter().partition(|format| format.usable);
    let list = |formats: &[&capture::FormatInfo]| {
        formats.iter().map(|format| format.format.as_str()).collect::<Vec<_>>().join(", ")
    };
    if !usable.is_empty() {
        findings.push(Finding::ok(format!("{} offers {}", device.name, list(&usable))));
    } else if !rest.is_empty() {
        findings.push(Finding::fault(
            format!("{} offers {} only, and none of them can be used", device.name, list(&rest)),
            "use a camera with YUYV, MJPG, NV12, GREY or RGB3: any USB webcam; a ribbon camera needs a stream",
        ));
    }
    findings
}

/// The path that stays the same when cameras are plugged in another order, where there is one.
fn steady(device: &DeviceInfo) -> std::borrow::Cow<'_, str> {
    device.by_id.as_deref().unwrap_or(&device.path).to_string_lossy()
}

/// Why no frame came, and from whom to take the camera.
fn refusal(error: CaptureError, door: &Door, devices: &[DeviceInfo]) -> Finding {
    match (error, &door.daemon) {
        (CaptureError::Busy { name }, Some(daemon)) if may_have(daemon, &name, &door.host) => {
            Finding::ok(format!("{name}: in use by the running daemon ({daemon})"))
        }
        (CaptureError::Busy { name }, _) => taken(&name, &door.host),
        (CaptureError::Absent { name }, _) => absent(&name, devices),
        (CaptureError::Missing { path }, _) => {
            Finding::fault(format!("{}: no such file or folder", path.display()), MEND)
        }
        (error, _) => Finding::of_error(Status::Fault, &error, MEND),
    }
}

/// Whether the daemon is who has the camera, as far as can be seen: it may run and wait for it, while another has it.
fn may_have(daemon: &Daemon, name: &str, host: &Host) -> bool {
    let open = daemon.pid.and_then(|pid| host.open_files(pid));
    open.is_none_or(|open| open.contains(&real(name)))
}

/// The device's own node, where the name is a link.
fn real(name: &str) -> PathBuf {
    Path::new(name).canonicalize().unwrap_or_else(|_| name.into())
}

/// Names those that are there instead.
fn absent(name: &str, devices: &[DeviceInfo]) -> Finding {
    if devices.is_empty() {
        return Finding::fault(
            format!("{name}: no such camera, and no other: no device under /dev streams pictures"),
            "plug a USB camera in and look at `dmesg`; a ribbon camera needs a stream",
        );
    }
    let others: Vec<_> = devices.iter().map(steady).collect();
    Finding::fault(
        format!("{name}: no such camera"),
        format!("set camera.source to one of {}", others.join(", ")),
    )
}

fn taken(name: &str, host: &Host) -> Finding {
    let real = real(name);
    let holders = host.holders(|open| open == real);
    let shown: Vec<String> = holders.iter().map(ToString::to_string).collect();
    match holders.first() {
        Some(holder) => Finding::fault(
            format!("{name}: the camera is in use by {}", shown.join(" and ")),
            format!("end it: stop its service, or `kill {}`", holder.pid),
        ),
        None => Finding::fault(
            format!("{name}: the camera is in use by another program"),
            "`sudo ostiary doctor` says by which; end it",
        ),
    }
}

/// What was seen of a source.
struct Seen {
    /// The source's description.
    name: String,
    frame: Frame,
    /// Frames a second of a live source.
    rate: Option<f64>,
}

fn look(config: &Camera) -> Result<Seen, CaptureError> {
    let config = Camera { stall_s: config.stall_s.min(PATIENCE_S), ..config.clone() };
    let clock = Arc::new(MonotonicClock::default());
    let mut source = capture::open(&config, clock.clone())?;
    let mut frame = Frame::default();
    // Connecting to a stream takes longer than a frame does.
    let limit = Duration::from_secs_f64(config.stall_s * 2.0);
    while let Err(error) = first(&mut *source, &mut frame, &config) {
        let passing = matches!(error, CaptureError::Connecting { .. } | CaptureError::DamagedFrame { .. });
        if !passing || clock.now() > limit {
            return Err(error);
        }
        thread::sleep(PAUSE);
    }
    let mut rate = None;
    if source.is_live() {
        let mut frames = |time| count(&mut *source, &mut frame, &*clock, time);
        frames(SETTLE)?;
        let begin = clock.now();
        let counted = frames(COUNT)?;
        rate = Some(f64::from(counted) / (clock.now() - begin).as_secs_f64());
    }
    Ok(Seen { name: source.describe(), frame, rate })
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

/// The frames that come within a time; the last of them stays. Torn ones do not count.
fn count(
    source: &mut dyn FrameSource,
    frame: &mut Frame,
    clock: &dyn Clock,
    time: Duration,
) -> Result<u32, CaptureError> {
    let (mut frames, end) = (0, clock.now() + time);
    while clock.now() < end {
        match source.next(frame) {
            Ok(Next::Frame) => frames += 1,
            Ok(Next::End) => break,
            Err(CaptureError::DamagedFrame { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(frames)
}

fn judge_rate(rate: f64, wanted: u32) -> Finding {
    let found = format!("{rate:.1} frames a second come, {wanted} are wanted");
    if rate >= f64::from(wanted) * ENOUGH {
        return Finding::ok(found);
    }
    Finding::warning(
        found,
        "light the place (in the dark cameras expose longer), use a USB port of its own and camera.format = \"auto\", \
         or set camera.fps to what the camera can",
    )
}

#[cfg(test)]
mod tests {
    use ostiary_capture::FormatInfo;

    use super::*;

    fn device(path: &Path, by_id: Option<&str>, formats: &[(&str, bool)]) -> DeviceInfo {
        let format = |(format, usable): &(&str, bool)| FormatInfo {
            format: (*format).to_owned(),
            usable: *usable,
            sizes: Vec::new(),
            range: None,
        };
        DeviceInfo {
            path: path.to_owned(),
            by_id: by_id.map(Into::into),
            name: "Webcam".into(),
            driver: "uvcvideo".into(),
            formats: formats.iter().map(format).collect(),
            problem: None,
        }
    }

    #[test]
    fn a_camera_that_another_has_is_told_with_who_it_is() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let name = file.path().display().to_string();
        let finding = taken(&name, &Host::this());
        assert_eq!(finding.status, Status::Fault);
        assert!(finding.found.contains(&format!("in use by process {}", std::process::id())), "{finding}");
        let finding = taken("/nowhere", &Host::at(Path::new("/nowhere")));
        assert!(finding.found.contains("in use by another program"), "{finding}");
        assert!(finding.mend.unwrap().contains("sudo ostiary doctor"));
    }

    #[test]
    fn a_daemon_that_waits_for_the_camera_does_not_have_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let name = file.path().display().to_string();
        let this = Daemon { pid: Some(std::process::id()) };
        assert!(may_have(&this, &name, &Host::this()));
        assert!(!may_have(&this, "/dev/video987", &Host::this()));
        assert!(may_have(&Daemon { pid: None }, "/dev/video987", &Host::this()), "it cannot be told");
    }

    #[test]
    fn one_of_several_cameras_should_be_named_so_that_it_stays_the_same() {
        // `/dev/null` stands for a node that is there under its own name.
        let real = Path::new("/dev/null");
        let link = "/dev/v4l/by-id/usb-A-index0";
        let one = device(real, Some(link), &[("YUYV", true), ("MJPG", true), ("H264", false)]);
        let other = device(Path::new("/dev/video9"), Some("/dev/v4l/by-id/usb-B-index0"), &[("YUYV", true)]);
        assert_eq!(
            choice("/dev/null", std::slice::from_ref(&one)),
            [Finding::ok("Webcam offers YUYV, MJPG")]
        );
        assert_eq!(choice("/dev/null", &[one, other.clone()]).len(), 1, "it has no number that could change");
        let folder = tempfile::tempdir().unwrap();
        let node = folder.path().canonicalize().unwrap().join("video0");
        std::fs::write(&node, "").unwrap();
        let numbered = device(&node, Some(link), &[("YUYV", true)]);
        let findings = choice(&node.display().to_string(), &[numbered, other.clone()]);
        assert_eq!(findings.len(), 2);
        assert!(findings[0].found.contains("is used of 2 cameras"), "{}", findings[0]);
        assert_eq!(findings[0].mend.as_deref(), Some("set camera.source = \"/dev/v4l/by-id/usb-A-index0\""));
        assert!(choice("/dev/video4711", std::slice::from_ref(&other)).is_empty());
        let stranger = absent("/dev/video4711", &[other]).to_string();
        assert!(
            stranger.ends_with("no such camera; set camera.source to one of /dev/v4l/by-id/usb-B-index0")
        );
    }

    #[test]
    fn no_camera_and_one_without_a_usable_format_are_told() {
        assert!(absent("/dev/video4711", &[]).found.contains("and no other"));
        let raw = choice("/dev/null", &[device(Path::new("/dev/null"), None, &[("pRAA", false)])]);
        assert_eq!(raw[0].status, Status::Fault);
        assert!(raw[0].found.contains("offers pRAA only"), "{}", raw[0]);
        // One that cannot be opened has none to tell.
        assert!(choice("/dev/null", &[device(Path::new("/dev/null"), None, &[])]).is_empty());
    }

    #[test]
    fn too_few_frames_are_told() {
        assert_eq!(judge_rate(29.97, 30), Finding::ok("30.0 frames a second come, 30 are wanted"));
        assert_eq!(judge_rate(18.0, 30).status, Status::Ok);
        assert_eq!(judge_rate(7.5, 30).status, Status::Warning);
    }
}
