//! Video devices and what they offer.

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

/// A camera as `ostiary cameras` shows it.
#[derive(Debug, Clone, Serialize)]
pub struct DeviceInfo {
    pub path: PathBuf,
    /// A path that stays the same when cameras are plugged in another order.
    pub by_id: Option<PathBuf>,
    pub name: String,
    pub driver: String,
    pub formats: Vec<FormatInfo>,
    /// Why its formats are not known.
    pub problem: Option<String>,
}

/// A pixel format of a camera.
#[derive(Debug, Clone, Serialize)]
pub struct FormatInfo {
    /// Four characters, such as `YUYV`.
    pub format: String,
    /// True where Ostiary can use it.
    pub usable: bool,
    pub sizes: Vec<SizeInfo>,
    /// Where the camera scales to any size in a range; `sizes` then holds its ends.
    pub range: Option<SizeRange>,
}

/// A size of a format, pixels, and its rates, frames a second.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SizeInfo {
    pub width: u32,
    pub height: u32,
    pub fps: Vec<f64>,
}

/// Lists the cameras of this machine, in the order of their numbers. Devices that do not stream pictures
/// (decoders, metadata) are left out; those that cannot be opened are listed with the reason.
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
        by_id: alias(path, Path::new("/dev/v4l/by-id")),
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

/// The link in `folder` that leads to `path`.
fn alias(path: &Path, folder: &Path) -> Option<PathBuf> {
    let real = path.canonicalize().ok()?;
    let links = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    links.filter(|link| link.canonicalize().is_ok_and(|to| to == real)).min()
}

/// Who a device says it is.
pub struct Identity {
    pub name: String,
    pub driver: String,
}

/// Opens a device that can stream single-plane video.
pub fn open(path: &Path) -> Result<(Device, Identity), CaptureError> {
    let name = path.display().to_string();
    let device = Device::with_path(path).map_err(|error| from_io(&name, &error))?;
    let mut answer = std::mem::MaybeUninit::<v4l2_capability>::zeroed();
    // The library's own query panics where a driver cut a name within a character, so it is asked here.
    // SAFETY: the descriptor is open for as long as `device` lives, and QUERYCAP writes at most one
    // `v4l2_capability`, which `answer` holds; it is plain data, for which all zeros are valid.
    let answer = unsafe {
        let asked =
            v4l2::ioctl(device.handle().fd(), v4l2::vidioc::VIDIOC_QUERYCAP, answer.as_mut_ptr().cast());
        asked.map(|()| answer.assume_init())
    };
    let Ok(answer) = answer else { return Err(CaptureError::NotCapture { name }) };
    let flags = Flags::from(answer.device_caps);
    if !flags.contains(Flags::VIDEO_CAPTURE | Flags::STREAMING) {
        return Err(CaptureError::NotCapture { name });
    }
    Ok((device, Identity { name: text(&answer.card), driver: text(&answer.driver) }))
}

/// Text from a fixed field, up to its first zero.
fn text(bytes: &[u8]) -> String {
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).trim().to_owned()
}

/// What a failed system call on a camera means.
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

/// What a device offers of the formats that can be used, near a wanted size.
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
            // Old drivers do not list sizes; asked for one, they answer with the nearest.
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

/// Rates of a format at a size, fastest first; both ends where the camera gives a range.
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

/// Frames a second from the seconds between frames.
pub fn rate(interval: Fraction) -> Option<f64> {
    let rate = f64::from(interval.denominator) / f64::from(interval.numerator);
    (rate.is_finite() && rate > 0.0).then_some(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_apart() {
        let meaning = |code| from_io("/dev/video7", &io::Error::from_raw_os_error(code));
        assert!(matches!(meaning(libc::ENOENT), CaptureError::Absent { .. }));
        assert!(matches!(meaning(libc::ENODEV), CaptureError::Unplugged { .. }));
        assert!(matches!(meaning(libc::EBUSY), CaptureError::Busy { .. }));
        assert!(matches!(meaning(libc::EACCES), CaptureError::Permission { .. }));
        assert!(matches!(meaning(libc::EIO), CaptureError::Device { .. }));
        assert!(meaning(libc::EBUSY).is_transient() && !meaning(libc::EACCES).is_transient());
        assert!(meaning(libc::EBUSY).to_string().starts_with("/dev/video7: "));
    }

    #[test]
    fn names_end_at_their_first_zero_and_may_be_cut_within_a_character() {
        assert_eq!(text(b"uvcvideo\0\0junk"), "uvcvideo");
        assert_eq!(text(&[b'K', 0xC3]), "K\u{FFFD}");
    }

    #[test]
    fn what_is_no_camera_is_refused() {
        let error = open(Path::new("/dev/null")).err().unwrap();
        assert!(matches!(error, CaptureError::NotCapture { .. }), "{error}");
        let error = open(Path::new("/dev/video4711")).err().unwrap();
        assert!(matches!(error, CaptureError::Absent { .. }), "{error}");
    }

    #[test]
    fn the_steady_name_of_a_device_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let (device, links) = (folder.path().join("video0"), folder.path().join("by-id"));
        std::fs::write(&device, "").unwrap();
        std::fs::create_dir(&links).unwrap();
        assert_eq!(alias(&device, &links), None);
        std::os::unix::fs::symlink("../video0", links.join("usb-Maker_Camera-index0")).unwrap();
        assert_eq!(alias(&device, &links), Some(links.join("usb-Maker_Camera-index0")));
    }

    #[test]
    fn intervals_become_rates() {
        assert_eq!(rate(Fraction::new(1, 30)), Some(30.0));
        assert_eq!(rate(Fraction::new(0, 30)), None);
        assert_eq!(rate(Fraction::new(0, 0)), None);
    }
}
