//! V4L2 devices, and the formats, sizes and rates that they offer.

#![expect(
    unsafe_code,
    reason = "the library's query of the device's name panics; this module makes the system call"
)]

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use v4l::capability::Flags;
use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::FrameSizeEnum;
use v4l::v4l_sys::v4l2_capability;
use v4l::video::Capture;
use v4l::{Device, FourCC, Fraction, v4l2};

use super::CaptureError;
use super::format_select::{FORMATS, FormatOffer, SizeRange};

/// A camera, for `ostiary cameras`.
#[derive(Debug, Clone, Serialize)]
pub struct DeviceInfo {
    /// The path of the device: `/dev/video0`.
    pub path: PathBuf,
    /// A link that does not depend on the order in which cameras are plugged in (`/dev/v4l/by-id`).
    pub by_id: Option<PathBuf>,
    /// The name of the camera.
    pub name: String,
    /// The name of its driver.
    pub driver: String,
    /// Its pixel formats.
    pub formats: Vec<FormatInfo>,
    /// The error if the device could not be opened, so that its formats are not known.
    pub problem: Option<String>,
}

/// A pixel format of a camera.
#[derive(Debug, Clone, Serialize)]
pub struct FormatInfo {
    /// The FourCC: `YUYV`.
    pub format: String,
    /// Whether Ostiary can convert it.
    pub usable: bool,
    /// Its sizes.
    pub sizes: Vec<SizeInfo>,
    /// The range, if the camera scales to any size in a range; `sizes` then has its smallest and its largest size.
    pub range: Option<SizeRange>,
}

/// A size of a format and its rates.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SizeInfo {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Frames per second, fastest first.
    pub fps: Vec<f64>,
}

/// The cameras of this host, in the order of their numbers. Devices that do not stream pictures (decoders, metadata) are left
/// out. Devices that cannot be opened are listed with the reason.
pub fn list_devices() -> Vec<DeviceInfo> {
    let entries = std::fs::read_dir("/dev").into_iter().flatten().flatten();
    let mut numbers: Vec<u32> =
        entries.filter_map(|entry| entry.file_name().to_str()?.strip_prefix("video")?.parse().ok()).collect();
    numbers.sort_unstable();
    numbers.into_iter().filter_map(|number| inspect(Path::new(&format!("/dev/video{number}")))).collect()
}

fn inspect(path: &Path) -> Option<DeviceInfo> {
    let mut info = DeviceInfo {
        path: path.to_owned(),
        by_id: stable_link(path, Path::new("/dev/v4l/by-id")),
        name: String::new(),
        driver: String::new(),
        formats: Vec::new(),
        problem: None,
    };
    match open(path) {
        Ok((device, identity)) => {
            info.formats = formats(&device);
            (info.name, info.driver) = (identity.name, identity.driver);
        }
        Err(CaptureError::NotCapture { .. } | CaptureError::Absent { .. }) => return None,
        Err(error) => {
            let number = path.file_name().unwrap_or_default();
            let name = Path::new("/sys/class/video4linux").join(number).join("name");
            info.name = std::fs::read_to_string(name).unwrap_or_default().trim().to_owned();
            info.problem = Some(error.to_string());
        }
    }
    Some(info)
}

/// The first link in `folder` to `path`.
fn stable_link(path: &Path, folder: &Path) -> Option<PathBuf> {
    let real = path.canonicalize().ok()?;
    let links = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    links.filter(|link| link.canonicalize().is_ok_and(|to| to == real)).min()
}

/// The names that a device reports.
pub struct Identity {
    pub name: String,
    pub driver: String,
}

/// Opens a device that can stream single-plane video.
pub fn open(path: &Path) -> Result<(Device, Identity), CaptureError> {
    let name = path.display().to_string();
    let device = Device::with_path(path).map_err(|error| from_io(&name, &error))?;
    let mut capability = std::mem::MaybeUninit::<v4l2_capability>::zeroed();
    // The library's query panics if a driver truncated a name within a UTF-8 character.
    // SAFETY: the descriptor is open as long as `device` exists. QUERYCAP writes at most one `v4l2_capability`, and
    // `capability` has that size. The type is plain data, for which all zeros are valid.
    let capability = unsafe {
        let result =
            v4l2::ioctl(device.handle().fd(), v4l2::vidioc::VIDIOC_QUERYCAP, capability.as_mut_ptr().cast());
        result.map(|()| capability.assume_init())
    };
    let Ok(capability) = capability else { return Err(CaptureError::NotCapture { name }) };
    let flags = Flags::from(capability.device_caps);
    if !flags.contains(Flags::VIDEO_CAPTURE | Flags::STREAMING) {
        return Err(CaptureError::NotCapture { name });
    }
    Ok((device, Identity { name: text(&capability.card), driver: text(&capability.driver) }))
}

/// The text of a field of fixed size, up to its first zero byte.
fn text(bytes: &[u8]) -> String {
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).trim().to_owned()
}

/// The error for a failed system call on a camera.
pub fn from_io(name: &str, error: &io::Error) -> CaptureError {
    let name = name.to_owned();
    match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENXIO) => CaptureError::Absent { name },
        Some(libc::ENODEV) => CaptureError::Unplugged { name },
        Some(libc::EBUSY) => CaptureError::Busy { name },
        Some(libc::EACCES | libc::EPERM) => CaptureError::Permission { name },
        Some(libc::ENOTTY) => CaptureError::NotCapture { name },
        Some(libc::ENOSPC) => {
            let why = "the USB bus has no bandwidth left for it; use another port or a smaller size".into();
            CaptureError::Device { name, why }
        }
        _ => CaptureError::Device { name, why: error.to_string() },
    }
}

fn formats(device: &Device) -> Vec<FormatInfo> {
    let descriptions = device.enum_formats().unwrap_or_default();
    let describe = |fourcc: FourCC| {
        let (mut sizes, mut range) = (Vec::new(), None);
        for size in device.enum_framesizes(fourcc).unwrap_or_default() {
            let mut add = |width, height| {
                sizes.push(SizeInfo { width, height, fps: rates(device, fourcc, width, height) });
            };
            match size.size {
                FrameSizeEnum::Discrete(size) => add(size.width, size.height),
                FrameSizeEnum::Stepwise(sizes) => {
                    add(sizes.min_width, sizes.min_height);
                    add(sizes.max_width, sizes.max_height);
                    range = Some(SizeRange {
                        min_width: sizes.min_width,
                        max_width: sizes.max_width,
                        step_width: sizes.step_width,
                        min_height: sizes.min_height,
                        max_height: sizes.max_height,
                        step_height: sizes.step_height,
                    });
                }
            }
        }
        let usable = FORMATS.iter().any(|(_, code)| **code == fourcc.repr);
        let format = String::from_utf8_lossy(&fourcc.repr).trim().to_owned();
        FormatInfo { format, usable, sizes, range }
    };
    descriptions.into_iter().map(|description| describe(description.fourcc)).collect()
}

/// The formats of a device that Ostiary can convert, with their sizes. For a format with a range of sizes, the size nearest to
/// the wanted one.
pub fn offers(device: &Device, width: u32, height: u32) -> Vec<FormatOffer> {
    let mut offers = Vec::new();
    for info in formats(device) {
        let Some((format, code)) =
            FORMATS.into_iter().find(|(_, code)| code.trim_ascii() == info.format.as_bytes())
        else {
            continue;
        };
        if let Some(range) = info.range {
            let (width, height) = range.nearest(width, height);
            let rates = rates(device, FourCC::new(code), width, height);
            offers.push(FormatOffer { format, width, height, rates });
        } else if info.sizes.is_empty() {
            // Old drivers list no sizes. They answer a request for a size with the nearest one.
            offers.push(FormatOffer { format, width, height, rates: Vec::new() });
        }
        let listed = info.sizes.into_iter();
        offers.extend(listed.map(|SizeInfo { width, height, fps }| FormatOffer {
            format,
            width,
            height,
            rates: fps,
        }));
    }
    offers
}

/// Rates of a format at a size, frames per second, fastest first. For a range of rates, both ends.
fn rates(device: &Device, fourcc: FourCC, width: u32, height: u32) -> Vec<f64> {
    let mut rates = Vec::new();
    for interval in device.enum_frameintervals(fourcc, width, height).unwrap_or_default() {
        match interval.interval {
            FrameIntervalEnum::Discrete(interval) => rates.extend(rate(interval)),
            FrameIntervalEnum::Stepwise(range) => {
                rates.extend(rate(range.min).into_iter().chain(rate(range.max)))
            }
        }
    }
    rates.sort_by(|left, right| right.total_cmp(left));
    rates.dedup();
    rates
}

/// Frames per second from the interval between frames, seconds; `None` if it is not a positive number.
pub fn rate(interval: Fraction) -> Option<f64> {
    let rate = f64::from(interval.denominator) / f64::from(interval.numerator);
    (rate.is_finite() && rate > 0.0).then_some(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_errors_are_mapped_to_variants() {
        let error_of = |code| from_io("/dev/video7", &io::Error::from_raw_os_error(code));
        assert!(matches!(error_of(libc::ENOENT), CaptureError::Absent { .. }));
        assert!(matches!(error_of(libc::ENODEV), CaptureError::Unplugged { .. }));
        assert!(matches!(error_of(libc::EBUSY), CaptureError::Busy { .. }));
        assert!(matches!(error_of(libc::EACCES), CaptureError::Permission { .. }));
        assert!(matches!(error_of(libc::EIO), CaptureError::Device { .. }));
        assert!(error_of(libc::EBUSY).is_transient() && !error_of(libc::EACCES).is_transient());
        assert!(error_of(libc::EBUSY).to_string().starts_with("/dev/video7: "));
    }

    #[test]
    fn names_end_at_the_first_zero_byte_and_may_be_truncated_within_a_character() {
        assert_eq!(text(b"uvcvideo\0\0junk"), "uvcvideo");
        assert_eq!(text(&[b'K', 0xC3]), "K\u{FFFD}");
    }

    #[test]
    fn a_file_that_is_no_camera_is_refused() {
        let error = open(Path::new("/dev/null")).err().unwrap();
        assert!(matches!(error, CaptureError::NotCapture { .. }), "{error}");
        let error = open(Path::new("/dev/video4711")).err().unwrap();
        assert!(matches!(error, CaptureError::Absent { .. }), "{error}");
    }

    #[test]
    fn the_stable_link_of_a_device_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let (device, links) = (folder.path().join("video0"), folder.path().join("by-id"));
        std::fs::write(&device, "").unwrap();
        std::fs::create_dir(&links).unwrap();
        assert_eq!(stable_link(&device, &links), None);
        std::os::unix::fs::symlink("../video0", links.join("usb-Maker_Camera-index0")).unwrap();
        assert_eq!(stable_link(&device, &links), Some(links.join("usb-Maker_Camera-index0")));
    }

    #[test]
    fn intervals_become_rates() {
        assert_eq!(rate(Fraction::new(1, 30)), Some(30.0));
        assert_eq!(rate(Fraction::new(0, 30)), None);
        assert_eq!(rate(Fraction::new(0, 0)), None);
    }
}
