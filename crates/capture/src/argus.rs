//! A Jetson's ribbon camera: GStreamer's `nvarguscamerasrc` gives frames in I420.

use std::io::{self, BufRead};
use std::os::fd::AsFd;
use std::time::Duration;

use ostiary_config::{Camera, SourceKind};
use ostiary_core::Frame;

use super::CaptureError;
use super::child::{self, Line, Program};
use super::child_source::{FrameProgram, Kind, Started};
use super::ribbon_camera::RibbonFrames;

/// GStreamer's program that runs a pipeline.
pub const GST_LAUNCH: Program = Program {
    name: "gst-launch-1.0",
    install: "run `apt install gstreamer1.0-tools`; nvarguscamerasrc comes with NVIDIA's package nvidia-l4t-gstreamer",
    version_option: "--version",
};

const FIX: &str = "check the camera's cable and `systemctl status nvargus-daemon`; in the service, the camera's devices are \
                   allowed by the drop-in argus.conf";

/// A ribbon camera of a Jetson.
pub struct Argus {
    /// The elements of the pipeline that give frames of any format in the memory of the processor.
    source: Vec<String>,
    frames: RibbonFrames,
}

impl Argus {
    /// The camera with this sensor number, in the size and rate of the configuration.
    ///
    /// # Errors
    /// Rows of this size would have padding.
    pub fn new(number: u32, camera: &Camera) -> Result<Self, CaptureError> {
        let frames = RibbonFrames::new(SourceKind::Argus(number), camera, false)?;
        let Camera { width, height, fps, .. } = *camera;
        let format = format!("video/x-raw(memory:NVMM),width={width},height={height},framerate={fps}/1");
        let elements = ["nvarguscamerasrc", &format!("sensor-id={number}"), "!", &format, "!", "nvvidconv"];
        Ok(Self { source: elements.map(str::to_owned).to_vec(), frames })
    }

    /// The pipeline, which writes frames to the open file `output`. Its last format is exactly that of the configuration, or it
    /// does not start.
    fn pipeline(&self, output: i32) -> Vec<String> {
        let (width, height) = (self.frames.width(), self.frames.height());
        let format = format!("video/x-raw,format=I420,width={width},height={height}");
        let rest = ["!".to_owned(), format, "!".to_owned(), "fdsink".to_owned(), format!("fd={output}")];
        self.source.iter().cloned().chain(rest).collect()
    }
}

impl FrameProgram for Argus {
    fn program(&self) -> Program {
        GST_LAUNCH
    }

    fn name(&self) -> String {
        self.frames.name()
    }

    fn describe(&self) -> String {
        self.frames.describe()
    }

    fn kind(&self) -> Kind {
        Kind::Camera
    }

    fn start(&self, _: Duration) -> Result<Started, CaptureError> {
        let failed = |error: io::Error| CaptureError::Program {
            name: self.name(),
            program: GST_LAUNCH.name,
            why: error.to_string(),
        };
        // The frames have a pipe of their own, because NVIDIA's element writes notes to standard output.
        let (frames, output) = io::pipe().map_err(failed)?;
        let (messages, notes) = io::pipe().map_err(failed)?;
        let mut command = child::command(GST_LAUNCH);
        let number = child::keep_open(&mut command, output.as_fd());
        command
            .arg("--quiet")
            .args(self.pipeline(number))
            .stdout(notes.try_clone().map_err(failed)?)
            .stderr(notes);
        let child = child::spawn(&mut command, GST_LAUNCH, &self.name())?;
        Ok(Started {
            child,
            frames: Box::new(frames),
            messages: Box::new(messages),
            judge: Box::new(judge),
            tunnel: None,
        })
    }

    fn read_frame(&self, output: &mut dyn BufRead, buffer: &mut Vec<u8>, _: &mut Frame) -> io::Result<bool> {
        self.frames.read(output, buffer)
    }

    fn convert_frame(&self, buffer: &[u8], frame: &mut Frame) -> io::Result<()> {
        self.frames.convert(buffer, frame)
    }

    fn failure(&self, why: String) -> CaptureError {
        CaptureError::CameraProgram { name: self.name(), program: GST_LAUNCH.name, why, fix: FIX }
    }
}

/// What a line of the output means. GStreamer reports an error in several lines, of which one says what it is. NVIDIA's element
/// writes many notes.
fn judge(line: &str) -> Line {
    const ERRORS: [&str; 5] =
        ["ERROR: from element", "erroneous pipeline", "no element", "Error generated", "(Argus) Error"];
    if ERRORS.iter().any(|error| line.contains(error)) { Line::redacted(line) } else { Line::Noise }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use ostiary_core::clock::MonotonicClock;

    use super::super::child_source::ChildSource;
    use super::super::{FrameSource, Next};
    use super::*;

    /// A camera with GStreamer's test picture in place of NVIDIA's source.
    fn test_camera(elements: &[&str], camera: &Camera) -> ChildSource {
        let source = elements.iter().map(|element| (*element).to_owned()).collect();
        let argus = Argus { source, ..Argus::new(0, camera).unwrap() };
        ChildSource::new(argus, Duration::from_secs(10), Arc::new(MonotonicClock::default()))
    }

    fn first_result(source: &mut ChildSource, frame: &mut Frame) -> Result<Next, CaptureError> {
        loop {
            match source.next(frame) {
                Err(CaptureError::Starting { .. }) => {}
                result => return result,
            }
        }
    }

    #[test]
    fn the_pipeline_has_size_rate_and_camera() {
        let camera = Camera { width: 1280, height: 720, fps: 15, ..Camera::default() };
        assert_eq!(
            Argus::new(1, &camera).unwrap().pipeline(7).join(" "),
            "nvarguscamerasrc sensor-id=1 ! video/x-raw(memory:NVMM),width=1280,height=720,framerate=15/1 ! nvvidconv ! \
             video/x-raw,format=I420,width=1280,height=720 ! fdsink fd=7"
        );
    }

    #[test]
    fn a_real_pipeline_gives_frames() {
        let camera = Camera { width: 328, height: 246, ..Camera::default() };
        let mut source = test_camera(&["videotestsrc", "is-live=true", "pattern=red"], &camera);
        assert!(source.is_live());
        assert_eq!(source.describe(), "camera argus:0, 328x246 at 30/s");
        let (mut frame, mut last) = (Frame::default(), None);
        for _ in 0..5 {
            assert_eq!(first_result(&mut source, &mut frame).unwrap(), Next::Frame);
            assert_eq!((frame.width(), frame.height()), (328, 246));
            assert!(last < Some(frame.sequence));
            last = Some(frame.sequence);
            for pixel in frame.rgb().chunks(3) {
                assert!(pixel[0] > 250 && pixel[1] < 5 && pixel[2] < 5, "{pixel:?}");
            }
        }
    }

    #[test]
    fn an_element_that_is_missing_is_named() {
        let mut source = test_camera(&["nvarguscamerasrc"], &Camera::default());
        let error = first_result(&mut source, &mut Frame::default()).unwrap_err();
        let text = error.to_string();
        assert!(error.is_transient() && text.contains("argus:0: gst-launch-1.0 failed"), "{text}");
        assert!(text.contains("nvarguscamerasrc") && text.contains("argus.conf"), "{text}");
    }

    #[test]
    fn a_pipeline_that_ends_is_reported_and_started_again() {
        let camera = Camera { width: 64, height: 64, ..Camera::default() };
        let mut source = test_camera(&["videotestsrc", "num-buffers=3"], &camera);
        let mut frame = Frame::default();
        let mut ends = 0;
        while ends < 2 {
            match first_result(&mut source, &mut frame) {
                Ok(next) => assert_eq!(next, Next::Frame),
                Err(error) => {
                    assert!(error.to_string().contains("it has ended"), "{error}");
                    ends += 1;
                }
            }
        }
        let begin = Instant::now();
        drop(source);
        assert!(begin.elapsed() < Duration::from_secs(5), "the child is killed");
    }
}
