//! Checks the camera or other frame source: the choice of the device, its formats, the picture and the frame rate.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ostiary_capture as capture;
use ostiary_capture::{CaptureError, DEFAULT_PASSWORD_FILE, DeviceInfo, FrameSource, Next, list_devices};
use ostiary_config::{Camera, SourceKind};
use ostiary_core::clock::{Clock, MonotonicClock};
use ostiary_core::{Frame, StreamAddress, redact};

use super::device_rules::DeviceRules;
use super::finding::{Finding, Status};
use super::host::Host;
use super::{CheckContext, Daemon, picture, upright};

/// The upper limit of the wait for a frame, in seconds, if `camera.stall_s` is longer.
const MAX_FRAME_WAIT_S: f64 = 10.0;
/// The time that a live camera has to adjust its exposure.
const EXPOSURE_SETTLE_TIME: Duration = Duration::from_secs(1);
/// The time in which frames are counted after that.
const COUNT_TIME: Duration = Duration::from_secs(2);
/// The time between two attempts to read the first frame.
const RETRY_INTERVAL: Duration = Duration::from_millis(200);
/// The least share of `camera.fps`. With fewer frames, decisions are slow.
const MIN_RATE_SHARE: f64 = 0.6;

/// The devices without which there is no ribbon camera of a Raspberry Pi: systemd's name of their driver, or their paths.
const RPICAM_DEVICES: &[&str] = &["char-media", "/dev/media"];
/// Those of a Jetson, whose names differ between its kernels.
const ARGUS_DEVICES: &[&str] = &["char-nvhost", "char-nvmap", "/dev/nvhost", "/dev/nvmap"];

const SOURCE_FIX: &str = "check camera.source; `ostiary cameras` lists cameras";

pub fn check(context: &CheckContext) -> Vec<Finding> {
    let camera = &context.config().camera;
    let devices = if camera.source.starts_with("/dev/") { list_devices() } else { Vec::new() };
    let mut findings = check_device(&camera.source, &devices);
    match SourceKind::of(&camera.source) {
        Ok(SourceKind::Stream(address)) => findings.extend(check_encryption(&address)),
        Ok(SourceKind::Rpicam(_)) => {
            findings.extend(check_drop_in(&context.host, &context.unit_name, "rpicam"))
        }
        Ok(SourceKind::Argus(_)) => {
            findings.extend(check_drop_in(&context.host, &context.unit_name, "argus"))
        }
        Ok(SourceKind::Device(_) | SourceKind::Path(_)) | Err(_) => {}
    }
    if let Some(path) = unreadable_password(camera) {
        findings.push(Finding::warning(
            format!("{}: this user may not read the password, so the camera was not checked", path.display()),
            "run `sudo ostiary doctor`",
        ));
        return findings;
    }
    match sample(camera) {
        Ok(sample) => {
            let limit = context.config().quality.min_sharpness;
            findings.push(picture::evaluate(&redact(&sample.name), &sample.frame, limit));
            findings.extend(upright::check(context.config(), &sample.frame));
            findings.extend(sample.rate.map(|rate| evaluate_rate(rate, camera.fps)));
        }
        Err(error) => findings.push(error_finding(error, context, &devices)),
    }
    findings
}

/// The file with the camera's password, if it exists and this user may not read it.
fn unreadable_password(camera: &Camera) -> Option<&Path> {
    camera.user.as_ref()?;
    let path = camera.password_file.as_deref().unwrap_or(Path::new(DEFAULT_PASSWORD_FILE));
    (path.exists() && File::open(path).is_err()).then_some(path)
}

/// A warning for a stream that others in the network can read.
fn check_encryption(address: &StreamAddress) -> Option<Finding> {
    let warning = address.unencrypted_warning()?;
    Some(Finding::warning(warning.found, warning.fix))
}

/// A fault if the service is installed and may not use the devices of this kind of ribbon camera.
fn check_drop_in(host: &Host, unit: &str, kind: &str) -> Option<Finding> {
    let name = format!("{kind}.conf");
    let devices = match kind {
        "rpicam" => RPICAM_DEVICES,
        _ => ARGUS_DEVICES,
    };
    let is_denied = |rules: DeviceRules| !rules.allow_one_of(devices);
    DeviceRules::of_service(host, unit).is_some_and(is_denied).then(|| {
        Finding::fault(
            format!("the service may not use the devices of {kind} cameras"),
            format!(
                "run `sudo install -D -m 644 /usr/share/ostiary/systemd/{name} /etc/systemd/system/{unit}.service.d/{name}`, \
                 then `sudo systemctl daemon-reload`"
            ),
        )
    })
}

/// Checks that the path of the device is stable, and that the device has a usable format.
fn check_device(source: &str, devices: &[DeviceInfo]) -> Vec<Finding> {
    let real = Path::new(source).canonicalize();
    // A missing device is reported when it is opened.
    let Some(device) = devices.iter().find(|device| real.as_ref().is_ok_and(|real| *real == device.path))
    else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    let file = Path::new(source).file_name().and_then(|name| name.to_str());
    let is_numbered =
        file.and_then(|name| name.strip_prefix("video")).is_some_and(|rest| rest.parse::<u32>().is_ok());
    if is_numbered && devices.len() > 1 {
        findings.push(Finding::warning(
            format!(
                "{source} ({}) is used, one of {} cameras; their numbers may change at every start",
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
            format!("{} offers only {}, which cannot be used", device.name, list(&rest)),
            "use a camera with YUYV, MJPG, NV12, GREY or RGB3, such as a USB webcam; for a ribbon camera set camera.source = \"rpicam:0\" or \"argus:0\"",
        ));
    }
    findings
}

/// The path by id, which does not change if cameras are connected in another order; otherwise the path of the device.
fn stable_path(device: &DeviceInfo) -> std::borrow::Cow<'_, str> {
    device.by_id.as_deref().unwrap_or(&device.path).to_string_lossy()
}

/// The finding for a source that gave no frame.
fn error_finding(error: CaptureError, context: &CheckContext, devices: &[DeviceInfo]) -> Finding {
    match (error, &context.daemon) {
        (CaptureError::Busy { name }, Some(daemon)) if may_hold_camera(daemon, &name, &context.host) => {
            Finding::ok(format!("{name}: in use by the running daemon ({daemon})"))
        }
        (CaptureError::Busy { name }, _) => busy_camera(&name, &context.host),
        (CaptureError::Absent { name }, _) => missing_camera(&name, devices),
        (CaptureError::Missing { path }, _) => {
            Finding::fault(format!("{}: no such file or folder", path.display()), SOURCE_FIX)
        }
        (error, _) => Finding::from_error(Status::Fault, &error, SOURCE_FIX),
    }
}

/// Whether the daemon has the camera open. True also if its open files cannot be read. A daemon can run without the camera
/// and wait for it while another program uses it.
fn may_hold_camera(daemon: &Daemon, name: &str, host: &Host) -> bool {
    let open = daemon.pid.and_then(|pid| host.open_files(pid));
    open.is_none_or(|open| open.contains(&resolve(name)))
}

/// The path of the device, with links resolved.
fn resolve(name: &str) -> PathBuf {
    Path::new(name).canonicalize().unwrap_or_else(|_| name.into())
}

/// The finding for a camera that does not exist. It names the cameras that do.
fn missing_camera(name: &str, devices: &[DeviceInfo]) -> Finding {
    if devices.is_empty() {
        return Finding::fault(
            format!("{name}: no such camera, and there is no other capture device under /dev"),
            "plug in a USB camera and check `dmesg`; for a ribbon camera set camera.source = \"rpicam:0\" or \"argus:0\"",
        );
    }
    let others: Vec<_> = devices.iter().map(stable_path).collect();
    Finding::fault(
        format!("{name}: no such camera"),
        format!("set camera.source to one of {}", others.join(", ")),
    )
}

/// The finding for a camera that another process uses.
fn busy_camera(name: &str, host: &Host) -> Finding {
    let device = resolve(name);
    let holders = host.holders(|open| open == device);
    let shown: Vec<String> = holders.iter().map(ToString::to_string).collect();
    match holders.first() {
        Some(holder) => Finding::fault(
            format!("{name}: the camera is in use by {}", shown.join(" and ")),
            format!("end it: stop its service, or `kill {}`", holder.pid),
        ),
        None => Finding::fault(
            format!("{name}: the camera is in use by another program"),
            "run `sudo ostiary doctor` to see which one, and end it",
        ),
    }
}

/// A frame of a source, and its frame rate.
struct Sample {
    /// The description of the source.
    name: String,
    frame: Frame,
    /// Frames per second of a live source.
    rate: Option<f64>,
}

/// Opens the source and reads frames.
fn sample(config: &Camera) -> Result<Sample, CaptureError> {
    let config = Camera { stall_s: config.stall_s.min(MAX_FRAME_WAIT_S), ..config.clone() };
    let clock = Arc::new(MonotonicClock::default());
    let mut source = capture::open(&config, clock.clone())?;
    let mut frame = Frame::default();
    // Connecting to a stream takes longer than waiting for a frame.
    let limit = Duration::from_secs_f64(config.stall_s * 2.0);
    while let Err(error) = first_frame(&mut *source, &mut frame, &config) {
        let is_temporary = matches!(
            error,
            CaptureError::Connecting { .. }
                | CaptureError::Starting { .. }
                | CaptureError::DamagedFrame { .. }
        );
        if !is_temporary || clock.now() > limit {
            return Err(error);
        }
        thread::sleep(RETRY_INTERVAL);
    }
    let mut rate = None;
    if source.is_live() {
        let mut frames = |time| count_frames(&mut *source, &mut frame, &*clock, time);
        frames(EXPOSURE_SETTLE_TIME)?;
        let begin = clock.now();
        let counted = frames(COUNT_TIME)?;
        rate = Some(f64::from(counted) / (clock.now() - begin).as_secs_f64());
    }
    Ok(Sample { name: source.describe(), frame, rate })
}

fn first_frame(source: &mut dyn FrameSource, frame: &mut Frame, config: &Camera) -> Result<(), CaptureError> {
    match source.next(frame)? {
        Next::Frame => Ok(()),
        Next::End => Err(CaptureError::Video {
            path: config.source.as_str().into(),
            why: "there is no frame in it".into(),
        }),
    }
}

/// Counts the frames within a time; the last one stays in `frame`. Torn frames do not count.
fn count_frames(
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

fn evaluate_rate(rate: f64, expected: u32) -> Finding {
    let found = format!("{rate:.1} frames per second, {expected} are configured");
    if rate >= f64::from(expected) * MIN_RATE_SHARE {
        return Finding::ok(found);
    }
    Finding::warning(
        found,
        "add light (cameras expose longer in the dark), use a separate USB port and camera.format = \"auto\", or set \
         camera.fps to what the camera supports",
    )
}

#[cfg(test)]
mod tests {
    use ostiary_capture::FormatInfo;

    use super::super::host::host_with_files;
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
    fn a_camera_in_use_is_reported_with_the_process() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let name = file.path().display().to_string();
        let finding = busy_camera(&name, &Host::local());
        assert_eq!(finding.status, Status::Fault);
        assert!(finding.found.contains(&format!("in use by process {}", std::process::id())), "{finding}");
        let finding = busy_camera("/nowhere", &Host::with_root(Path::new("/nowhere")));
        assert!(finding.found.contains("in use by another program"), "{finding}");
        assert!(finding.fix.unwrap().contains("sudo ostiary doctor"));
    }

    #[test]
    fn a_daemon_that_waits_for_the_camera_does_not_hold_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let name = file.path().display().to_string();
        let daemon = Daemon { pid: Some(std::process::id()) };
        assert!(may_hold_camera(&daemon, &name, &Host::local()));
        assert!(!may_hold_camera(&daemon, "/dev/video987", &Host::local()));
        assert!(
            may_hold_camera(&Daemon { pid: None }, "/dev/video987", &Host::local()),
            "its open files cannot be read"
        );
    }

    #[test]
    fn one_of_several_cameras_should_be_set_by_its_stable_path() {
        // `/dev/null` stands for an existing device.
        let existing = Path::new("/dev/null");
        let link = "/dev/v4l/by-id/usb-A-index0";
        let one = device(existing, Some(link), &[("YUYV", true), ("MJPG", true), ("H264", false)]);
        let other = device(Path::new("/dev/video9"), Some("/dev/v4l/by-id/usb-B-index0"), &[("YUYV", true)]);
        assert_eq!(
            check_device("/dev/null", std::slice::from_ref(&one)),
            [Finding::ok("Webcam offers YUYV, MJPG")]
        );
        assert_eq!(
            check_device("/dev/null", &[one, other.clone()]).len(),
            1,
            "its name has no number that could change"
        );
        let folder = tempfile::tempdir().unwrap();
        let node = folder.path().canonicalize().unwrap().join("video0");
        std::fs::write(&node, "").unwrap();
        let numbered = device(&node, Some(link), &[("YUYV", true)]);
        let findings = check_device(&node.display().to_string(), &[numbered, other.clone()]);
        assert_eq!(findings.len(), 2);
        assert!(findings[0].found.contains("is used, one of 2 cameras"), "{}", findings[0]);
        assert_eq!(findings[0].fix.as_deref(), Some("set camera.source = \"/dev/v4l/by-id/usb-A-index0\""));
        assert!(check_device("/dev/video4711", std::slice::from_ref(&other)).is_empty());
        let missing = missing_camera("/dev/video4711", &[other]).to_string();
        assert!(missing.ends_with("no such camera; set camera.source to one of /dev/v4l/by-id/usb-B-index0"));
    }

    #[test]
    fn a_missing_camera_and_one_without_a_usable_format_are_reported() {
        assert!(missing_camera("/dev/video4711", &[]).found.contains("there is no other capture device"));
        let raw = check_device("/dev/null", &[device(Path::new("/dev/null"), None, &[("pRAA", false)])]);
        assert_eq!(raw[0].status, Status::Fault);
        assert!(raw[0].found.contains("offers only pRAA"), "{}", raw[0]);
        // A device that cannot be opened has no formats.
        assert!(check_device("/dev/null", &[device(Path::new("/dev/null"), None, &[])]).is_empty());
    }

    #[test]
    fn a_stream_without_encryption_is_a_warning() {
        let check = |text: &str| check_encryption(&StreamAddress::parse(text).unwrap());
        let warning = check("rtsp://anna:s3cret@cam/main").unwrap();
        assert!(warning.found.contains("rtsp://cam/main") && !warning.found.contains("s3cret"), "{warning}");
        assert!(warning.fix.unwrap().contains("rtsps://"));
        assert!(check("http://10.0.0.7/video").unwrap().fix.unwrap().contains("https://"));
        assert_eq!(check("rtsps://cam/main"), None);
        assert_eq!(check("rtsp://127.0.0.1:8554/cam"), None, "it does not leave this host");
    }

    #[test]
    fn the_drop_in_of_a_ribbon_camera_is_needed_where_the_service_is() {
        let unit = "/usr/lib/systemd/system/ostiary.service";
        let check = |files: &[(&str, &str)]| check_drop_in(&host_with_files(files).1, "ostiary", "rpicam");
        assert_eq!(check(&[]), None);
        let service = include_str!("../../../systemd/ostiary.service");
        let fault = check(&[(unit, service)]).unwrap();
        assert!(
            fault.fix.as_ref().unwrap().contains("/etc/systemd/system/ostiary.service.d/rpicam.conf"),
            "{fault}"
        );
        let drop_in = "/etc/systemd/system/ostiary.service.d/rpicam.conf";
        assert_eq!(check(&[(unit, service), (drop_in, include_str!("../../../systemd/rpicam.conf"))]), None);
        assert!(check(&[(unit, service), (drop_in, "")]).is_some(), "it allows nothing");
        let by_hand = "/etc/systemd/system/ostiary.service.d/override.conf";
        let allowed = "[Service]\nDeviceAllow = /dev/media0 rw\n";
        assert_eq!(check(&[(unit, service), (by_hand, allowed)]), None, "it is allowed in another way");
        let jetson = check_drop_in(
            &host_with_files(&[(unit, service), (by_hand, include_str!("../../../systemd/argus.conf"))]).1,
            "ostiary",
            "argus",
        );
        assert_eq!(jetson, None);
    }

    #[test]
    fn a_low_frame_rate_is_a_warning() {
        assert_eq!(evaluate_rate(29.97, 30), Finding::ok("30.0 frames per second, 30 are configured"));
        assert_eq!(evaluate_rate(18.0, 30).status, Status::Ok);
        assert_eq!(evaluate_rate(7.5, 30).status, Status::Warning);
    }
}
