//! ffmpeg and ffprobe as child processes that end with the calling thread.

#![expect(
    unsafe_code,
    reason = "only a hook between fork and exec can tie the child's life to the calling thread"
)]

use std::ffi::OsString;
use std::io::{self, BufRead, ErrorKind, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ostiary_core::{Frame, redact};
use serde_json::Value;

use super::CaptureError;

/// The rate of a video whose file has none, frames per second: that of PAL television.
const DEFAULT_FPS: f64 = 25.0;
/// The rates that a file may have, frames per second; others are errors in its headers.
const PLAUSIBLE_FPS: std::ops::RangeInclusive<f64> = 0.01..=1000.0;
/// Size of the pieces in which a line of error output is read, bytes.
const MAX_LINE_SIZE: u64 = 1000;
/// Numbers in a PPM header that reach this value get no further digit.
const MAX_PPM_NUMBER: u32 = 100_000;

/// The input of ffmpeg.
#[derive(Debug, Clone)]
pub enum FfmpegInput {
    /// A live stream with this address.
    Stream(String),
    /// A recorded file.
    File(Recording),
}

/// A recorded file, or a part of it.
#[derive(Debug, Clone)]
pub struct Recording {
    /// The path of the file.
    pub path: std::path::PathBuf,
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

impl Recording {
    /// The position in the file of the first frame that is played, on the grid of the constant rate.
    pub fn first_frame(&self) -> Duration {
        let later = self.start.saturating_sub(self.begin);
        self.begin
            + Duration::try_from_secs_f64((later.as_secs_f64() * self.fps).round() / self.fps)
                .unwrap_or(later)
    }
}

impl FfmpegInput {
    /// Its name in messages, without credentials.
    pub fn name(&self) -> String {
        match self {
            Self::Stream(address) => redact(address),
            Self::File(file) => file.path.display().to_string(),
        }
    }

    /// Starts ffmpeg. Its standard output has the frames as binary PPM, one after another, its standard error the error
    /// messages. A recorded file is played from `from` after its first frame on, or after `begin`.
    ///
    /// The kernel kills the child when the calling thread ends.
    ///
    /// # Errors
    /// ffmpeg is not installed or cannot be started.
    pub fn start_decoder(&self, from: Duration) -> Result<Child, CaptureError> {
        let mut command = command("ffmpeg");
        command.args(["-nostdin", "-hide_banner", "-loglevel", "error"]);
        match self {
            Self::Stream(address) => {
                if address.starts_with("rtsp") {
                    command.args(["-rtsp_transport", "tcp"]);
                }
                command.args(["-fflags", "nobuffer", "-flags", "low_delay", "-i", address]);
            }
            Self::File(file) => {
                if file.realtime {
                    command.arg("-re");
                }
                let begin = if from.is_zero() { file.begin } else { file.first_frame() + from };
                if !begin.is_zero() {
                    command.arg("-ss").arg(begin.as_secs_f64().to_string());
                }
                command.arg("-i").arg(file_url(&file.path));
                if let Some(duration) = file.duration {
                    let played = begin.saturating_sub(file.begin);
                    command.arg("-t").arg(duration.saturating_sub(played).as_secs_f64().to_string());
                }
                // A constant rate, so that the number of a frame gives its position.
                command.arg("-vf").arg(format!("fps={}", file.fps));
            }
        }
        command.args(["-map", "0:V:0"]).args(passthrough_option(&self.name())?);
        command.args(["-f", "image2pipe", "-c:v", "ppm", "-pix_fmt", "rgb24", "pipe:1"]);
        spawn(&mut command, "ffmpeg", &self.name())
    }
}

/// The option with which ffmpeg neither repeats nor drops frames. Version 5.1 renamed it. `name` is that of the file in errors.
///
/// # Errors
/// ffmpeg is not installed or cannot be started.
pub fn passthrough_option(name: &str) -> Result<[&'static str; 2], CaptureError> {
    let (_, version) = output_of(command("ffmpeg").arg("-version"), "ffmpeg", name)?;
    let old = ["2.", "3.", "4.", "5.0"].iter().any(|old| {
        ["ffmpeg version ", "ffmpeg version n"]
            .iter()
            .any(|begin| version.starts_with(&format!("{begin}{old}")))
    });
    Ok(if old { ["-vsync", "passthrough"] } else { ["-fps_mode", "passthrough"] })
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
    let mut command = command("ffprobe");
    command.args(["-v", "error", "-select_streams", "V:0", "-show_entries", entries, "-of", "json"]);
    let (message, text) = output_of(command.arg(file_url(path)), "ffprobe", &name)?;
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

/// A command with piped output and without input. The kernel kills its process when the calling thread ends.
pub fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A process group of its own: an interrupt from the terminal reaches this program only, which ends the child.
    command.process_group(0);
    let parent = std::process::id();
    // SAFETY: between fork and exec only async-signal-safe calls are allowed. prctl and getppid are plain system calls, and
    // the closure allocates nothing.
    unsafe {
        command.pre_exec(move || {
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) != 0 {
                return Err(io::Error::last_os_error());
            }
            // If the parent ended before that call, no signal will arrive.
            if libc::getppid() as u32 != parent {
                return Err(io::Error::from_raw_os_error(libc::ESRCH));
            }
            Ok(())
        });
    }
    command
}

/// Starts a program. `name` is its input or output, for the error.
///
/// # Errors
/// The program is not installed or cannot be started.
pub fn spawn(command: &mut Command, program: &'static str, name: &str) -> Result<Child, CaptureError> {
    command.spawn().map_err(|error| match error.kind() {
        ErrorKind::NotFound => CaptureError::NoFfmpeg { name: name.to_owned(), program },
        _ => CaptureError::Program { name: name.to_owned(), program, why: error.to_string() },
    })
}

/// The time limit of a program that only reads the head of a file.
const RUN_TIMEOUT: Duration = Duration::from_secs(15);

/// Runs a program to its end. Returns the last line of its standard error, and its standard output.
fn output_of(
    command: &mut Command,
    program: &'static str,
    name: &str,
) -> Result<(String, String), CaptureError> {
    let mut child = spawn(command, program, name)?;
    let since = Instant::now();
    let failed = |why: String| CaptureError::Program { name: name.to_owned(), program, why };
    // Both outputs are shorter than the buffer of a pipe, so that the child can end before they are read.
    loop {
        match child.try_wait() {
            Ok(Some(_)) => break,
            Ok(None) if since.elapsed() < RUN_TIMEOUT => std::thread::sleep(Duration::from_millis(5)),
            Ok(None) => {
                kill(&mut child);
                return Err(CaptureError::Stalled {
                    name: name.to_owned(),
                    seconds: RUN_TIMEOUT.as_secs_f64(),
                });
            }
            Err(error) => {
                kill(&mut child);
                return Err(failed(error.to_string()));
            }
        }
    }
    let (mut text, mut message) = (Vec::new(), LastLine::default());
    if let Some(mut output) = child.stdout.take() {
        output.read_to_end(&mut text).map_err(|error| failed(error.to_string()))?;
    }
    if let Some(output) = child.stderr.take() {
        message.read(output);
    }
    Ok((message.0, String::from_utf8_lossy(&text).into_owned()))
}

/// Kills a child and waits for its end, so that no zombie process is left.
pub fn kill(child: &mut Child) {
    // Both fail only if the child has ended and was waited for before.
    let _ = child.kill();
    let _ = child.wait();
}

/// The last line of a program's output, without credentials.
#[derive(Debug, Default)]
pub struct LastLine(pub String);

impl LastLine {
    /// Reads the output to its end, and keeps its last line that is not empty.
    pub fn read(&mut self, output: impl Read) {
        let mut lines = io::BufReader::new(output);
        let mut line = Vec::new();
        // A line of any length is read in pieces of this size, so that memory is bounded.
        while let Ok(1..) = lines.by_ref().take(MAX_LINE_SIZE).read_until(b'\n', &mut line) {
            let text = String::from_utf8_lossy(&line);
            if !text.trim().is_empty() {
                self.0 = redact(text.trim());
            }
            line.clear();
        }
    }
}

/// Reads one binary PPM (`P6`, 8 bits per channel) into `frame`. Returns false at the end of the input.
///
/// # Errors
/// The input cannot be read, is no PPM, or is incomplete.
pub fn read_ppm(input: &mut impl BufRead, frame: &mut Frame) -> io::Result<bool> {
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
    fn the_last_line_that_is_not_empty_is_kept_without_credentials() {
        let mut line = LastLine::default();
        line.read(b"first\nrtsp://anna:pw@cam/x: refused\n\n".as_slice());
        assert_eq!(line.0, "rtsp://cam/x: refused");
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
