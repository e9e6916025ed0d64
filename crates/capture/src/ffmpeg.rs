//! ffmpeg and ffprobe: video files, and the frames that ffmpeg writes.

use std::ffi::OsString;
use std::io::{self, BufRead, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ostiary_core::Frame;
use serde_json::Value;

use super::CaptureError;
use super::child::{self, Line, Output, Program};
use super::child_source::{FrameProgram, Kind, Started};
use super::format_select::rounded_rate;

const INSTALL: &str = "run `apt install ffmpeg`";
/// Decodes streams and videos, and writes videos.
pub const FFMPEG: Program = Program { name: "ffmpeg", install: INSTALL, version_option: "-version" };
/// Reads the properties of videos.
pub const FFPROBE: Program = Program { name: "ffprobe", install: INSTALL, version_option: "-version" };

/// The rate of a video whose file has none, frames per second: that of PAL television.
const DEFAULT_FPS: f64 = 25.0;
/// The rates that a file may have, frames per second; others are errors in its headers.
const PLAUSIBLE_FPS: std::ops::RangeInclusive<f64> = 0.01..=1000.0;
/// Numbers in a PPM header that reach this value get no further digit.
const MAX_PPM_NUMBER: u32 = 100_000;

/// A recorded file, or a part of it.
#[derive(Debug, Clone)]
pub struct Recording {
    /// The path of the file.
    pub path: PathBuf,
    /// The position in the file at which playing begins.
    pub begin: Duration,
    /// The time to play; `None` to the end of the file.
    pub duration: Option<Duration>,
    /// The position in the file of its first frame.
    pub start: Duration,
    /// Frames per second of the output.
    pub fps: f64,
    /// Whether to play at the file's own speed instead of as fast as possible.
    pub realtime: bool,
}

/// The arguments for what ffmpeg writes: all frames of the first video as binary PPM, which has the size of each frame.
///
/// # Errors
/// ffmpeg is not installed or cannot be run.
pub(super) fn output_arguments(version: &Version) -> impl Iterator<Item = &'static str> {
    let [option, value] = passthrough_option(version);
    ["-map", "0:V:0", option, value].into_iter().chain([
        "-f",
        "image2pipe",
        "-c:v",
        "ppm",
        "-pix_fmt",
        "rgb24",
        "pipe:1",
    ])
}

impl Recording {
    /// The position in the file of the first frame that is played, on the grid of the constant rate.
    pub fn first_frame(&self) -> Duration {
        let later = self.start.saturating_sub(self.begin);
        self.begin
            + Duration::try_from_secs_f64((later.as_secs_f64() * self.fps).round() / self.fps)
                .unwrap_or(later)
    }
}

impl FrameProgram for Recording {
    fn program(&self) -> Program {
        FFMPEG
    }

    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn describe(&self) -> String {
        let speed = if self.realtime { ", in real time" } else { "" };
        format!("video {} at {}/s{speed}", self.path.display(), rounded_rate(self.fps))
    }

    fn kind(&self) -> Kind {
        Kind::Recording { begin: self.first_frame(), fps: self.fps, realtime: self.realtime }
    }

    fn start(&self, from: Duration) -> Result<Started, CaptureError> {
        let mut command = child::command(FFMPEG);
        command.args(["-nostdin", "-hide_banner", "-loglevel", "error"]);
        if self.realtime {
            command.arg("-re");
        }
        let begin = if from.is_zero() { self.begin } else { self.first_frame() + from };
        if !begin.is_zero() {
            command.arg("-ss").arg(begin.as_secs_f64().to_string());
        }
        command.arg("-i").arg(file_url(&self.path));
        if let Some(duration) = self.duration {
            let played = begin.saturating_sub(self.begin);
            command.arg("-t").arg(duration.saturating_sub(played).as_secs_f64().to_string());
        }
        // A constant rate, so that the number of a frame gives its position.
        command.arg("-vf").arg(format!("fps={}", self.fps));
        command.args(output_arguments(&Version::of_ffmpeg(&self.name())?));
        Started::with_frames_on_stdout(child::spawn(&mut command, FFMPEG, &self.name())?, Line::redacted)
    }

    fn read_frame(&self, input: &mut dyn BufRead, _: &mut Vec<u8>, frame: &mut Frame) -> io::Result<bool> {
        read_ppm(input, frame)
    }

    fn failure(&self, why: String) -> CaptureError {
        CaptureError::Video { path: self.path.clone(), why }
    }
}

/// The option with which ffmpeg neither repeats nor drops frames.
pub fn passthrough_option(version: &Version) -> [&'static str; 2] {
    [if version.is_before(5, 1) { "-vsync" } else { "-fps_mode" }, "passthrough"]
}

/// The version of ffmpeg. One that is built from a repository has no number, and counts as new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version(Option<(u32, u32)>);

impl Version {
    /// The installed version. `name` is what it should decode, for the error.
    ///
    /// # Errors
    /// ffmpeg is not installed or cannot be run.
    pub fn of_ffmpeg(name: &str) -> Result<Self, CaptureError> {
        let mut command = child::command(FFMPEG);
        let output = child::output_of(command.arg(FFMPEG.version_option), FFMPEG, name)?;
        Ok(Self::parse(&output.text))
    }

    /// Reads the first line of `ffmpeg -version`.
    pub fn parse(text: &str) -> Self {
        let number = text.strip_prefix("ffmpeg version ").map(|rest| rest.trim_start_matches('n'));
        let mut parts = number.unwrap_or_default().split(|c: char| !c.is_ascii_digit());
        let mut part = || parts.next()?.parse().ok();
        Self(part().map(|major| (major, part().unwrap_or(0))))
    }

    /// Whether it is older than this version.
    pub fn is_before(&self, major: u32, minor: u32) -> bool {
        self.0.is_some_and(|version| version < (major, minor))
    }
}

/// The path as a URL, so that ffmpeg treats it as a path whatever characters it has.
pub fn file_url(path: &Path) -> OsString {
    let mut text = OsString::from("file:");
    text.push(path);
    text
}

/// The properties of a video file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Probe {
    /// Pixels, after the rotation that the file asks for.
    pub width: u32,
    /// Pixels, after the rotation that the file asks for.
    pub height: u32,
    /// Frames per second, above 0.
    pub fps: f64,
    /// The length of the video; `None` if the file does not have it.
    pub duration: Option<Duration>,
    /// The position in the file of the first frame: the pictures can begin after the sound.
    pub start: Duration,
}

/// Why ffprobe's output is not that of a video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// The file has no video stream.
    #[error("there is no video in it")]
    NoVideo,
    /// The width or the height is missing or zero.
    #[error("its picture size is unknown; the file may be incomplete")]
    UnknownSize,
}

/// The properties of a video file, from ffprobe.
///
/// # Errors
/// ffprobe is not installed or cannot be run, or the file is no video.
pub fn probe(path: &Path) -> Result<Probe, CaptureError> {
    let name = path.display().to_string();
    let failed = |why: String| CaptureError::Video { path: path.to_owned(), why };
    let entries = "stream=width,height,avg_frame_rate,r_frame_rate,duration,start_time:stream_tags=rotate\
                   :stream_side_data=rotation:format=duration,start_time";
    let mut command = child::command(FFPROBE);
    command.args(["-v", "error", "-select_streams", "V:0", "-show_entries", entries, "-of", "json"]);
    let Output { text, message, .. } = child::output_of(command.arg(file_url(path)), FFPROBE, &name)?;
    if !message.is_empty() && !text.contains("\"streams\"") {
        return Err(failed(message.replace(&format!("file:{name}: "), "")));
    }
    let output: Value = serde_json::from_str(&text)
        .map_err(|error| failed(format!("the output of ffprobe is not JSON ({error})")))?;
    read_probe(&output).map_err(|error| failed(error.to_string()))
}

/// Parses the JSON output of ffprobe.
///
/// # Errors
/// The output has no video stream, or one without a size.
pub fn read_probe(output: &Value) -> Result<Probe, ProbeError> {
    let stream = output.pointer("/streams/0").ok_or(ProbeError::NoVideo)?;
    let size = |key: &str| {
        let size = stream.get(key).and_then(Value::as_u64).and_then(|size| u32::try_from(size).ok());
        size.filter(|size| *size > 0).ok_or(ProbeError::UnknownSize)
    };
    let (mut width, mut height) = (size("width")?, size("height")?);
    let side_data = stream.get("side_data_list").and_then(Value::as_array).into_iter().flatten();
    let rotation = side_data.filter_map(|data| data.get("rotation")).find_map(number).unwrap_or_else(|| {
        stream.pointer("/tags/rotate").and_then(number).unwrap_or(0.0) // older versions of ffprobe
    });
    if (rotation / 90.0).round() as i64 % 2 != 0 {
        (width, height) = (height, width);
    }
    let rate = |key: &str| stream.get(key).and_then(Value::as_str).and_then(ratio);
    let fps = rate("avg_frame_rate").or_else(|| rate("r_frame_rate")).unwrap_or(DEFAULT_FPS);
    let duration = stream.get("duration").or_else(|| output.pointer("/format/duration"));
    let duration = duration.and_then(number).and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    // The container begins with the earliest of its streams.
    let time = |pointer: &str| output.pointer(pointer).and_then(number);
    let start = match (time("/streams/0/start_time"), time("/format/start_time")) {
        (Some(video), Some(container)) => Duration::try_from_secs_f64(video - container).unwrap_or_default(),
        _ => Duration::ZERO,
    };
    Ok(Probe { width, height, fps, duration, start })
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

/// Parses `30000/1001`; `None` for a rate outside [`PLAUSIBLE_FPS`].
fn ratio(text: &str) -> Option<f64> {
    let (numerator, denominator) = text.split_once('/')?;
    let rate = numerator.parse::<f64>().ok()? / denominator.parse::<f64>().ok()?;
    PLAUSIBLE_FPS.contains(&rate).then_some(rate)
}

/// Reads one binary PPM (`P6`, 8 bits per channel) into `frame`. Returns false at the end of the input.
///
/// # Errors
/// The input cannot be read, is no PPM, or is incomplete.
pub fn read_ppm(input: &mut (impl BufRead + ?Sized), frame: &mut Frame) -> io::Result<bool> {
    if input.fill_buf()?.is_empty() {
        return Ok(false);
    }
    let not_ppm = || io::Error::new(ErrorKind::InvalidData, "the output of ffmpeg is not a PPM picture");
    let mut magic = [0; 3];
    input.read_exact(&mut magic)?;
    if magic != *b"P6\n" {
        return Err(not_ppm());
    }
    let mut numbers = [0u32; 3];
    for number in &mut numbers {
        loop {
            let mut bytes = [0];
            input.read_exact(&mut bytes)?;
            let [byte] = bytes;
            match byte {
                digit @ b'0'..=b'9' if *number < MAX_PPM_NUMBER => {
                    *number = *number * 10 + u32::from(digit - b'0')
                }
                b' ' | b'\n' => break,
                _ => return Err(not_ppm()),
            }
        }
    }
    let [width, height, depth] = numbers;
    let pixels = u64::from(width) * u64::from(height);
    if depth != 255 || pixels == 0 || pixels > ostiary_pictures::MAX_PIXELS {
        return Err(not_ppm());
    }
    frame.reshape(width, height);
    input.read_exact(frame.rgb_mut())?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_probe_has_its_rotated_size_and_its_rate() {
        let stream = json!({"width": 640, "height": 360, "avg_frame_rate": "30000/1001", "duration": "2.5",
            "side_data_list": [{}, {"rotation": -90}]});
        let probe = read_probe(&json!({"streams": [stream]})).unwrap();
        assert_eq!((probe.width, probe.height), (360, 640));
        assert!((probe.fps - 29.97).abs() < 0.01);
        assert_eq!(probe.duration, Some(Duration::from_millis(2500)));

        let stream = json!({"width": 640, "height": 360, "avg_frame_rate": "0/0", "r_frame_rate": "10/1"});
        let probe = read_probe(&json!({"streams": [stream], "format": {"duration": "N/A"}})).unwrap();
        assert_eq!(probe.start, Duration::ZERO);
        assert_eq!((probe.width, probe.height, probe.fps, probe.duration), (640, 360, 10.0, None));

        let starts = |video: &str, container: &str| {
            let stream = json!({"width": 4, "height": 2, "start_time": video});
            let output = json!({"streams": [stream], "format": {"start_time": container}});
            read_probe(&output).unwrap().start
        };
        assert_eq!(starts("2.5", "1.4"), Duration::from_secs_f64(2.5 - 1.4));
        assert_eq!(starts("1.4", "1.4"), Duration::ZERO);
        assert_eq!(starts("0.0", "1.4"), Duration::ZERO);

        assert!(read_probe(&json!({"streams": []})).unwrap_err().to_string().contains("no video"));
        assert!(read_probe(&json!({"streams": [{"width": 0, "height": 5}]})).is_err());
    }

    #[test]
    fn pictures_are_read_one_after_another() {
        let mut bytes: &[u8] = b"P6\n2 1\n255\nabcdefP6\n1 2\n255\nghijkl";
        let mut frame = Frame::default();
        assert!(read_ppm(&mut bytes, &mut frame).unwrap());
        assert_eq!((frame.width(), frame.height(), frame.rgb()), (2, 1, b"abcdef".as_slice()));
        assert!(read_ppm(&mut bytes, &mut frame).unwrap());
        assert_eq!((frame.width(), frame.height(), frame.rgb()), (1, 2, b"ghijkl".as_slice()));
        assert!(!read_ppm(&mut bytes, &mut frame).unwrap());
    }

    #[test]
    fn versions_are_compared() {
        let old = |text: &str| Version::parse(text).is_before(5, 1);
        assert!(old("ffmpeg version 4.4.2-0ubuntu0.22.04.1 Copyright") && old("ffmpeg version n5.0-static"));
        assert!(
            !old("ffmpeg version 5.1.9-0+deb12u1")
                && !old("ffmpeg version 12")
                && !old("ffmpeg version N-1234-gab")
        );
    }

    proptest! {
        #[test]
        fn incomplete_and_invalid_pictures_are_errors_without_a_panic(
            bytes: Vec<u8>, length in 1usize..17, numbers in "[0-9 \n]{0,30}",
        ) {
            let mut frame = Frame::default();
            prop_assert!(read_ppm(&mut &b"P6\n2 1\n255\nabcdef"[..length.min(16)], &mut frame).is_err());
            let _ = read_ppm(&mut bytes.as_slice(), &mut frame);
            let _ = read_ppm(&mut format!("P6\n{numbers}").as_bytes(), &mut frame);
        }
    }
}
