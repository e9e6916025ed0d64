//! Running ffmpeg and ffprobe as child processes that do not outlive us.

use std::ffi::OsString;
use std::io::{self, BufRead, ErrorKind, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ostiary_core::{Frame, redact};
use serde_json::Value;

use super::CaptureError;

/// What to play.
#[derive(Debug, Clone)]
pub enum Input {
    /// A live stream's address.
    Stream(String),
    /// A recorded file.
    File(Recording),
}

/// A recorded file, or a part of it.
#[derive(Debug, Clone)]
pub struct Recording {
    pub path: std::path::PathBuf,
    pub begin: Duration,
    pub duration: Option<Duration>,
    /// Frames a second.
    pub fps: f64,
    /// At the file's own speed, not as fast as can be.
    pub realtime: bool,
}

impl Input {
    /// What it is called in messages: without credentials.
    pub fn name(&self) -> String {
        match self {
            Self::Stream(address) => redact(address),
            Self::File(file) => file.path.display().to_string(),
        }
    }

    /// Starts ffmpeg with pictures (binary PPM, one after another) on its standard output and complaints on
    /// its standard error. `from` leaves out so much of a recorded file.
    ///
    /// The child is killed when the calling thread ends, however it ends.
    pub fn play(&self, from: Duration) -> Result<Child, CaptureError> {
        let mut command = program("ffmpeg");
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
                let begin = file.begin + from;
                if !begin.is_zero() {
                    command.arg("-ss").arg(begin.as_secs_f64().to_string());
                }
                command.arg("-i").arg(local(&file.path));
                if let Some(duration) = file.duration {
                    command.arg("-t").arg(duration.saturating_sub(from).as_secs_f64().to_string());
                }
                // An even rate, so that a frame's number gives its position.
                command.arg("-vf").arg(format!("fps={}", file.fps));
            }
        }
        command.args(["-map", "0:V:0"]).args(each_frame_once(&self.name())?);
        command.args(["-f", "image2pipe", "-c:v", "ppm", "-pix_fmt", "rgb24", "pipe:1"]);
        start(&mut command, "ffmpeg", &self.name())
    }
}

/// The option that keeps ffmpeg from repeating and dropping frames, which changed its name in version 5.1.
fn each_frame_once(name: &str) -> Result<[&'static str; 2], CaptureError> {
    let (_, version) = answer(program("ffmpeg").arg("-version"), "ffmpeg", name)?;
    let old = ["2.", "3.", "4.", "5.0"].iter().any(|old| {
        ["ffmpeg version ", "ffmpeg version n"]
            .iter()
            .any(|begin| version.starts_with(&format!("{begin}{old}")))
    });
    Ok(if old { ["-vsync", "passthrough"] } else { ["-fps_mode", "passthrough"] })
}

/// A path that ffmpeg takes for nothing but a path, whatever characters it holds.
pub fn local(path: &Path) -> OsString {
    let mut text = OsString::from("file:");
    text.push(path);
    text
}

/// What a recorded file holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Probe {
    /// Pixels, as the pictures come: upright, where the file says how it was held.
    pub width: u32,
    pub height: u32,
    /// Frames a second, above 0.
    pub fps: f64,
    pub duration: Option<Duration>,
}

/// Asks ffprobe about a file.
pub fn probe(path: &Path) -> Result<Probe, CaptureError> {
    let name = path.display().to_string();
    let failed = |why: String| CaptureError::Video { path: path.to_owned(), why };
    let entries = "stream=width,height,avg_frame_rate,r_frame_rate,duration:stream_tags=rotate\
                   :stream_side_data=rotation:format=duration";
    let mut command = program("ffprobe");
    command.args(["-v", "error", "-select_streams", "V:0", "-show_entries", entries, "-of", "json"]);
    let (complaint, text) = answer(command.arg(local(path)), "ffprobe", &name)?;
    if !complaint.is_empty() && !text.contains("\"streams\"") {
        return Err(failed(complaint.replace(&format!("file:{name}: "), "")));
    }
    let answer: Value =
        serde_json::from_str(&text).map_err(|error| failed(format!("ffprobe's answer is odd ({error})")))?;
    read_probe(&answer).map_err(failed)
}

/// Reads ffprobe's answer; the error says what is wrong with the file.
pub fn read_probe(answer: &Value) -> Result<Probe, String> {
    let stream = answer.pointer("/streams/0").ok_or("there is no video in it")?;
    let size = |key: &str| {
        let size = stream.get(key).and_then(Value::as_u64).and_then(|size| u32::try_from(size).ok());
        size.filter(|size| *size > 0).ok_or("its picture size is unknown; the file may be torn")
    };
    let (mut width, mut height) = (size("width")?, size("height")?);
    let side_data = stream.get("side_data_list").and_then(Value::as_array).into_iter().flatten();
    let rotation = side_data.filter_map(|data| data.get("rotation")).find_map(number).unwrap_or_else(|| {
        stream.pointer("/tags/rotate").and_then(number).unwrap_or(0.0) // where older versions say it
    });
    if (rotation / 90.0).round() as i64 % 2 != 0 {
        (width, height) = (height, width);
    }
    let rate = |key: &str| stream.get(key).and_then(Value::as_str).and_then(ratio);
    let fps = rate("avg_frame_rate").or_else(|| rate("r_frame_rate")).unwrap_or(25.0);
    let duration = stream.get("duration").or_else(|| answer.pointer("/format/duration"));
    let duration = duration.and_then(number).and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    Ok(Probe { width, height, fps, duration })
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

/// Reads `30000/1001`; nothing for rates that no camera has.
fn ratio(text: &str) -> Option<f64> {
    let (above, below) = text.split_once('/')?;
    let rate = above.parse::<f64>().ok()? / below.parse::<f64>().ok()?;
    (0.01..=1000.0).contains(&rate).then_some(rate)
}

/// A program that is killed when the calling thread ends, however it ends; it reads nothing, and what it writes
/// comes through pipes.
pub fn program(program: &str) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Its own group: an interrupt from the terminal is ours to handle, and to pass on.
    command.process_group(0);
    let parent = std::process::id();
    // SAFETY: between fork and exec only async-signal-safe calls may be made: prctl and getppid are bare
    // system calls, and nothing is allocated.
    unsafe {
        command.pre_exec(move || {
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) != 0 {
                return Err(io::Error::last_os_error());
            }
            // Whoever lost its parent before that call would never be told.
            if libc::getppid() as u32 != parent {
                return Err(io::Error::from_raw_os_error(libc::ESRCH));
            }
            Ok(())
        });
    }
    command
}

/// Starts a program; `name` is what it is to work on, for the error.
pub fn start(command: &mut Command, program: &'static str, name: &str) -> Result<Child, CaptureError> {
    command.spawn().map_err(|error| match error.kind() {
        ErrorKind::NotFound => CaptureError::NoFfmpeg { name: name.to_owned(), program },
        _ => CaptureError::Program { name: name.to_owned(), program, why: error.to_string() },
    })
}

/// How long a question may take that only looks at a file.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);

/// Runs a program to its end and returns the last line of its complaints, and its answer.
fn answer(
    command: &mut Command,
    program: &'static str,
    name: &str,
) -> Result<(String, String), CaptureError> {
    let mut child = start(command, program, name)?;
    let since = Instant::now();
    let failed = |why: String| CaptureError::Program { name: name.to_owned(), program, why };
    // Both answers are far shorter than a pipe holds, so that the child can end before they are read.
    loop {
        match child.try_wait() {
            Ok(Some(_)) => break,
            Ok(None) if since.elapsed() < ANSWER_LIMIT => std::thread::sleep(Duration::from_millis(5)),
            Ok(None) => {
                end(&mut child);
                return Err(CaptureError::Stalled {
                    name: name.to_owned(),
                    seconds: ANSWER_LIMIT.as_secs_f64(),
                });
            }
            Err(error) => {
                end(&mut child);
                return Err(failed(error.to_string()));
            }
        }
    }
    let (mut text, mut complaint) = (Vec::new(), LastLine::default());
    if let Some(mut output) = child.stdout.take() {
        output.read_to_end(&mut text).map_err(|error| failed(error.to_string()))?;
    }
    if let Some(output) = child.stderr.take() {
        complaint.read(output);
    }
    Ok((complaint.0, String::from_utf8_lossy(&text).into_owned()))
}

/// Kills a child and waits for it, so that it does not linger.
pub fn end(child: &mut Child) {
    // Both fail only where the child has ended and was waited for already.
    let _ = child.kill();
    let _ = child.wait();
}

/// The last thing that a program said, with nothing secret in it.
#[derive(Debug, Default)]
pub struct LastLine(pub String);

impl LastLine {
    /// Reads to the end.
    pub fn read(&mut self, output: impl Read) {
        let mut lines = io::BufReader::new(output);
        let mut line = Vec::new();
        // Lines are cut, lest a program that never ends one fills the memory.
        while let Ok(1..) = lines.by_ref().take(1000).read_until(b'\n', &mut line) {
            let text = String::from_utf8_lossy(&line);
            if !text.trim().is_empty() {
                self.0 = redact(text.trim());
            }
            line.clear();
        }
    }
}

/// Reads one binary PPM into `frame`; false where the pictures have ended.
pub fn read_ppm(input: &mut impl BufRead, frame: &mut Frame) -> io::Result<bool> {
    if input.fill_buf()?.is_empty() {
        return Ok(false);
    }
    let wrong = || io::Error::new(ErrorKind::InvalidData, "ffmpeg sent something else than pictures");
    let mut magic = [0; 3];
    input.read_exact(&mut magic)?;
    if magic != *b"P6\n" {
        return Err(wrong());
    }
    let mut numbers = [0u32; 3];
    for number in &mut numbers {
        loop {
            let mut byte = [0];
            input.read_exact(&mut byte)?;
            match byte[0] {
                digit @ b'0'..=b'9' if *number < 100_000 => *number = *number * 10 + u32::from(digit - b'0'),
                b' ' | b'\n' => break,
                _ => return Err(wrong()),
            }
        }
    }
    let [width, height, depth] = numbers;
    let pixels = u64::from(width) * u64::from(height);
    if depth != 255 || pixels == 0 || pixels > ostiary_pictures::MAX_PIXELS {
        return Err(wrong());
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
    fn probes_are_read_with_their_rotation_and_rate() {
        let stream = json!({"width": 640, "height": 360, "avg_frame_rate": "30000/1001", "duration": "2.5",
            "side_data_list": [{}, {"rotation": -90}]});
        let probe = read_probe(&json!({"streams": [stream]})).unwrap();
        assert_eq!((probe.width, probe.height), (360, 640));
        assert!((probe.fps - 29.97).abs() < 0.01);
        assert_eq!(probe.duration, Some(Duration::from_millis(2500)));

        let stream = json!({"width": 640, "height": 360, "avg_frame_rate": "0/0", "r_frame_rate": "10/1"});
        let probe = read_probe(&json!({"streams": [stream], "format": {"duration": "N/A"}})).unwrap();
        assert_eq!((probe.width, probe.height, probe.fps, probe.duration), (640, 360, 10.0, None));

        assert!(read_probe(&json!({"streams": []})).unwrap_err().contains("no video"));
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
    fn the_last_line_that_says_something_is_kept_without_secrets() {
        let mut line = LastLine::default();
        line.read(b"first\nrtsp://anna:pw@cam/x: refused\n\n".as_slice());
        assert_eq!(line.0, "rtsp://cam/x: refused");
    }

    proptest! {
        #[test]
        fn torn_and_odd_pictures_are_errors_and_never_panics(
            bytes: Vec<u8>, length in 1usize..17, numbers in "[0-9 \n]{0,30}",
        ) {
            let mut frame = Frame::default();
            prop_assert!(read_ppm(&mut &b"P6\n2 1\n255\nabcdef"[..length.min(16)], &mut frame).is_err());
            let _ = read_ppm(&mut bytes.as_slice(), &mut frame);
            let _ = read_ppm(&mut format!("P6\n{numbers}").as_bytes(), &mut frame);
        }
    }
}
