//! Writes frames to a video file with a child process `ffmpeg` that encodes them.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use ostiary_capture::child::{self, LastLine};
use ostiary_capture::ffmpeg::{self, FFMPEG, FFPROBE, Version};
use ostiary_core::Frame;
use tempfile::TempPath;

/// The filter of the frames. It makes the size even, because 4:2:0 halves it, and converts the colors to BT.709, as
/// [`COLORS`] declares to players.
const FILTER: &str = "pad=ceil(iw/2)*2:ceil(ih/2)*2,scale=out_color_matrix=bt709,format=yuv420p";
const COLORS: [&str; 6] = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"];
/// A fast preset, because the encoder shares the cores with the networks, and a quality at which faces are clear.
const CODEC: [&str; 6] = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "20"];

/// The output of a [`VideoWriter`].
pub struct OutputSettings<'a> {
    /// The output file; its extension selects the container.
    pub out: &'a Path,
    /// Whether an existing file may be replaced.
    pub replace: bool,
    /// Frames per second.
    pub fps: f64,
    /// The time from the beginning of the sound to the first frame.
    pub delay: Duration,
    /// The source of the sound; `None` writes no sound.
    pub sound: Option<Sound<'a>>,
}

/// The sound of a recorded file, or of a part of it. The file may have no sound.
pub struct Sound<'a> {
    pub path: &'a Path,
    pub begin: Duration,
    pub duration: Option<Duration>,
}

/// Writes a video: H.264, with the sound as AAC. Frames go to a temporary file in the same folder, which gets the name of
/// the output only when it is complete. If it never is, the temporary file is deleted when the writer is dropped.
pub struct VideoWriter {
    // Fields are dropped in this order: the encoder must have ended before its file is deleted.
    encoder: Encoder,
    file: TempPath,
    out: PathBuf,
    replace: bool,
    has_sound: bool,
    size: (u32, u32),
    frames: u64,
}

impl VideoWriter {
    /// Starts the encoder for frames of this frame's size.
    pub fn start(settings: &OutputSettings, frame: &Frame) -> Result<Self> {
        let out = settings.out.to_owned();
        let folder = match out.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let extension = out.extension().unwrap_or_default().to_string_lossy();
        let file = tempfile::Builder::new()
            .prefix(".ostiary-")
            .suffix(&format!(".{extension}"))
            // The user's umask restricts this, as for other new files.
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder)
            .with_context(|| format!("{}: the folder is not writable", out.display()))?
            .into_temp_path();
        let size = (frame.width(), frame.height());
        let encoder = Encoder::start(settings, size, &file)?;
        let (replace, has_sound) = (settings.replace, settings.sound.is_some());
        Ok(Self { encoder, file, out, replace, has_sound, size, frames: 0 })
    }

    /// Writes the next frame. All frames must have the size of the first.
    pub fn write(&mut self, frame: &Frame) -> Result<()> {
        let size = (frame.width(), frame.height());
        if size != self.size {
            let ((width, height), (was_width, was_height)) = (size, self.size);
            bail!(
                "the size of the frames changes from {was_width}x{was_height} to {width}x{height} within the video"
            );
        }
        let written = self.encoder.input.as_mut().map(|input| input.write_all(frame.rgb()));
        self.frames += 1;
        match written {
            Some(Ok(())) => Ok(()),
            // The encoder has ended. Its message says more than the error of the pipe.
            Some(Err(error)) => Err(self.encoder.end().err().unwrap_or_else(|| error.into())),
            None => Err(anyhow!("ffmpeg has no input")),
        }
        .with_context(|| self.failure_message())
    }

    /// Waits until everything is encoded and synced to the disk, and renames the file.
    pub fn finish(mut self) -> Result<()> {
        let complete = self.encoder.end().and_then(|message| {
            std::fs::File::open(&self.file)?.sync_all()?;
            // ffmpeg 5 exits with success even if the disk was full, so the frames are counted.
            match count_frames(&self.file)? {
                frames if frames == self.frames => Ok(()),
                _ if !message.is_empty() => Err(anyhow!("ffmpeg: {message}")),
                frames => Err(anyhow!("ffmpeg wrote {frames} of {} frames", self.frames)),
            }
        });
        complete.with_context(|| self.failure_message())?;
        let Self { file, out, .. } = self;
        let renamed = if self.replace { file.persist(&out) } else { file.persist_noclobber(&out) };
        renamed
            .with_context(|| format!("{}: the finished video cannot be renamed to this name", out.display()))
    }

    fn failure_message(&self) -> String {
        let sound = if self.has_sound { ", or leave the sound out with --no-sound" } else { "" };
        format!("{}: cannot be written; check the space on its disk{sound}", self.out.display())
    }
}

/// The child process. It is killed on drop if it still runs.
struct Encoder {
    child: Child,
    input: Option<ChildStdin>,
    /// Reads standard error, and returns its last line.
    stderr_reader: Option<JoinHandle<String>>,
}

impl Encoder {
    fn start(settings: &OutputSettings, (width, height): (u32, u32), to: &Path) -> Result<Self> {
        let mut command = child::command(FFMPEG);
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        command.args(["-nostdin", "-hide_banner", "-loglevel", "error", "-y"]);
        if settings.sound.is_some() && !settings.delay.is_zero() {
            command.arg("-itsoffset").arg(settings.delay.as_secs_f64().to_string());
        }
        command.args(["-f", "rawvideo", "-pixel_format", "rgb24", "-video_size"]);
        command.arg(format!("{width}x{height}")).arg("-framerate").arg(settings.fps.to_string());
        command.args(["-i", "pipe:0"]);
        // A file is entered at a picture. Before its first one, the sound must be read from the beginning.
        let is_entered = settings.delay.is_zero();
        if let Some(sound) = &settings.sound {
            if is_entered {
                command.arg("-ss").arg(sound.begin.as_secs_f64().to_string());
            }
            if let Some(duration) = sound.duration {
                let end = if is_entered { duration } else { sound.begin + duration };
                command.arg("-t").arg(end.as_secs_f64().to_string());
            }
            command.arg("-i").arg(ffmpeg::file_url(sound.path));
        }
        let name = settings.out.display().to_string();
        command.args(["-map", "0:v:0", "-vf", FILTER]).args(CODEC).args(COLORS);
        // Otherwise frames are repeated until the sound begins.
        command.args(ffmpeg::passthrough_option(&Version::of_ffmpeg(&name)?));
        if let Some(sound) = &settings.sound {
            // The question mark makes the sound optional.
            command.args(["-map", "1:a:0?", "-c:a", "aac"]);
            if !is_entered && !sound.begin.is_zero() {
                let begin = sound.begin.as_secs_f64();
                command.arg("-af").arg(format!("atrim=start={begin},asetpts=PTS-{begin}/TB"));
            }
        }
        command.args(["-movflags", "+faststart"]).arg(ffmpeg::file_url(to));
        let mut child = child::spawn(&mut command, FFMPEG, &name)?;
        let (input, stderr) = (child.stdin.take(), child.stderr.take());
        let mut encoder = Self { child, input, stderr_reader: None };
        // Standard error must be read, or a child that writes a lot blocks.
        let temporary = to.display().to_string();
        let read_stderr = move || {
            let mut line = LastLine::default();
            stderr.into_iter().for_each(|stderr| line.read(stderr));
            line.0.replace(&temporary, &name)
        };
        encoder.stderr_reader = Some(std::thread::Builder::new().name("ffmpeg".into()).spawn(read_stderr)?);
        Ok(encoder)
    }

    /// Closes the input, waits for the child's end, and returns the last line of its standard error. That line is the
    /// error if the child failed.
    fn end(&mut self) -> Result<String> {
        drop(self.input.take());
        let status = self.child.wait()?;
        let message = self.stderr_reader.take().and_then(|reader| reader.join().ok()).unwrap_or_default();
        match (status.success(), message.is_empty()) {
            (true, _) => Ok(message),
            (false, true) => Err(anyhow!("ffmpeg ended with {status}")),
            (false, false) => Err(anyhow!("ffmpeg: {message}")),
        }
    }
}

/// Counts the frames of a finished file; 0 if it cannot be read.
fn count_frames(path: &Path) -> Result<u64> {
    let mut command = child::command(FFPROBE);
    command.args(["-v", "error", "-select_streams", "v:0", "-count_packets"]);
    command.args(["-show_entries", "stream=nb_read_packets", "-of", "csv=p=0"]).arg(ffmpeg::file_url(path));
    let output = child::spawn(&mut command, FFPROBE, &path.display().to_string())?.wait_with_output()?;
    let number = String::from_utf8_lossy(&output.stdout);
    Ok(number.trim().trim_end_matches(',').parse().unwrap_or(0))
}

impl Drop for Encoder {
    fn drop(&mut self) {
        child::kill(&mut self.child);
    }
}
