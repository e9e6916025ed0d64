//! Frames into a video file, through a child `ffmpeg` that encodes them.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use ostiary_capture::ffmpeg;
use ostiary_core::Frame;
use tempfile::TempPath;

/// What the pictures pass through. The size is made even, since 4:2:0 halves it, and the colors are those
/// of HD television, as the tags below say, so that players need not guess.
const FILTER: &str = "pad=ceil(iw/2)*2:ceil(ih/2)*2,scale=out_color_matrix=bt709,format=yuv420p";
const COLORS: [&str; 6] = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"];
/// Fast, since the encoder shares its cores with the networks, and good enough to see a face well.
const CODEC: [&str; 6] = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "20"];

/// What is to be written.
pub struct Job<'a> {
    /// The file to be; its ending names the container.
    pub out: &'a Path,
    /// Whether a file that is there may be replaced.
    pub replace: bool,
    /// Frames a second.
    pub fps: f64,
    /// Where the sound comes from.
    pub sound: Option<Sound<'a>>,
}

/// The sound of a recorded file, or of a part of it. A file without sound brings none.
pub struct Sound<'a> {
    pub path: &'a Path,
    pub begin: Duration,
    pub duration: Option<Duration>,
}

/// Writes a video: H.264, with the sound as AAC. The file has its name only when it is whole; until then, and
/// where it never becomes whole, there is only a temporary one beside it, which is gone when the writer is.
pub struct VideoWriter {
    // In this order: the encoder has ended before its file is removed.
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
    pub fn start(job: &Job, frame: &Frame) -> Result<Self> {
        let out = job.out.to_owned();
        let folder = match out.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let ending = out.extension().unwrap_or_default().to_string_lossy();
        let file = tempfile::Builder::new()
            .prefix(".ostiary-")
            .suffix(&format!(".{ending}"))
            // What the user's umask leaves of it, as for any other file that a program makes.
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder)
            .with_context(|| format!("{}: its folder cannot be written to", out.display()))?
            .into_temp_path();
        let size = (frame.width(), frame.height());
        let encoder = Encoder::start(job, size, &file)?;
        let (replace, has_sound) = (job.replace, job.sound.is_some());
        Ok(Self { encoder, file, out, replace, has_sound, size, frames: 0 })
    }

    /// Writes the next frame. All have the size of the first.
    pub fn write(&mut self, frame: &Frame) -> Result<()> {
        let size = (frame.width(), frame.height());
        if size != self.size {
            let ((width, height), (was_width, was_height)) = (size, self.size);
            bail!("the picture's size changes from {was_width}x{was_height} to {width}x{height} on the way");
        }
        let written = self.encoder.input.as_mut().map(|input| input.write_all(frame.rgb()));
        self.frames += 1;
        match written {
            Some(Ok(())) => Ok(()),
            // The encoder has ended; it knows better why than the pipe does.
            Some(Err(error)) => Err(self.encoder.end().err().unwrap_or_else(|| error.into())),
            None => Err(anyhow!("ffmpeg takes no frames")),
        }
        .with_context(|| self.failed())
    }

    /// Waits until everything is encoded and on the disk, and gives the file its name.
    pub fn finish(mut self) -> Result<()> {
        let whole = self.encoder.end().and_then(|said| {
            std::fs::File::open(&self.file)?.sync_all()?;
            // ffmpeg 5 ends well even where the disk was full, so its word is not enough.
            match frames_of(&self.file)? {
                frames if frames == self.frames => Ok(()),
                _ if !said.is_empty() => Err(anyhow!("ffmpeg: {said}")),
                frames => Err(anyhow!("ffmpeg wrote {frames} of {} frames", self.frames)),
            }
        });
        whole.with_context(|| self.failed())?;
        let Self { file, out, .. } = self;
        let named = if self.replace { file.persist(&out) } else { file.persist_noclobber(&out) };
        named.with_context(|| format!("{}: cannot be given its name", out.display()))
    }

    fn failed(&self) -> String {
        let sound = if self.has_sound { ", or leave the sound out with --no-sound" } else { "" };
        format!("{}: cannot be written; check the space on its disk{sound}", self.out.display())
    }
}

/// The child, which is killed where it is still there at the end.
struct Encoder {
    child: Child,
    input: Option<ChildStdin>,
    listener: Option<JoinHandle<String>>,
}

impl Encoder {
    fn start(job: &Job, (width, height): (u32, u32), to: &Path) -> Result<Self> {
        let mut command = ffmpeg::command("ffmpeg");
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        command.args(["-nostdin", "-hide_banner", "-loglevel", "error", "-y"]);
        command.args(["-f", "rawvideo", "-pixel_format", "rgb24", "-video_size"]);
        command.arg(format!("{width}x{height}")).arg("-framerate").arg(job.fps.to_string());
        command.args(["-i", "pipe:0"]);
        if let Some(sound) = &job.sound {
            command.arg("-ss").arg(sound.begin.as_secs_f64().to_string());
            if let Some(duration) = sound.duration {
                command.arg("-t").arg(duration.as_secs_f64().to_string());
            }
            command.arg("-i").arg(ffmpeg::file_url(sound.path));
        }
        command.args(["-map", "0:v:0", "-vf", FILTER]).args(CODEC).args(COLORS);
        if job.sound.is_some() {
            // A question mark: a file without sound is none the worse.
            command.args(["-map", "1:a:0?", "-c:a", "aac"]);
        }
        command.args(["-movflags", "+faststart"]).arg(ffmpeg::file_url(to));
        let mut child = ffmpeg::spawn(&mut command, "ffmpeg", &job.out.display().to_string())?;
        let (input, complaints) = (child.stdin.take(), child.stderr.take());
        let mut encoder = Self { child, input, listener: None };
        // Somebody has to listen, or a child with much to say waits for ever.
        let (temporary, name) = (to.display().to_string(), job.out.display().to_string());
        let listen = move || {
            let mut line = ffmpeg::LastLine::default();
            complaints.into_iter().for_each(|complaints| line.read(complaints));
            line.0.replace(&temporary, &name)
        };
        encoder.listener = Some(std::thread::Builder::new().name("ffmpeg".into()).spawn(listen)?);
        Ok(encoder)
    }

    /// No more frames: waits for the child's end, and tells what it said last. That is the error where it did
    /// not end well.
    fn end(&mut self) -> Result<String> {
        drop(self.input.take());
        let status = self.child.wait()?;
        let said = self.listener.take().and_then(|listener| listener.join().ok()).unwrap_or_default();
        match (status.success(), said.is_empty()) {
            (true, _) => Ok(said),
            (false, true) => Err(anyhow!("ffmpeg ended with {status}")),
            (false, false) => Err(anyhow!("ffmpeg: {said}")),
        }
    }
}

/// Counts the frames that a finished file holds; one that cannot be read holds none.
fn frames_of(path: &Path) -> Result<u64> {
    let mut command = ffmpeg::command("ffprobe");
    command.args(["-v", "error", "-select_streams", "v:0", "-count_packets"]);
    command.args(["-show_entries", "stream=nb_read_packets", "-of", "csv=p=0"]).arg(ffmpeg::file_url(path));
    let answer = ffmpeg::spawn(&mut command, "ffprobe", &path.display().to_string())?.wait_with_output()?;
    let number = String::from_utf8_lossy(&answer.stdout);
    Ok(number.trim().trim_end_matches(',').parse().unwrap_or(0))
}

impl Drop for Encoder {
    fn drop(&mut self) {
        ffmpeg::kill(&mut self.child);
    }
}
