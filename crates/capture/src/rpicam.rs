//! A Raspberry Pi's ribbon camera: `rpicam-vid` gives frames in I420.

use std::io::{self, BufRead};
use std::time::Duration;

use ostiary_config::{Camera, SourceKind};
use ostiary_core::Frame;

use super::CaptureError;
use super::child::{self, Line, Program};
use super::child_source::{FrameProgram, Kind, Started};
use super::ribbon_camera::{RibbonCamera, RibbonFrames};

/// The program of the Raspberry Pi's libcamera.
pub const RPICAM_VID: Program = Program {
    name: "rpicam-vid",
    install: "run `apt install rpicam-apps-lite` on Raspberry Pi OS",
    version_option: "--version",
};

const FIX: &str = "check that `rpicam-vid --list-cameras` lists the camera, and its cable; in the service, the camera's \
                   devices are allowed by the drop-in rpicam.conf";

/// A ribbon camera of a Raspberry Pi.
pub struct Rpicam {
    number: u32,
    frames: RibbonFrames,
}

impl Rpicam {
    /// The camera with this number, in the size and rate of the configuration.
    ///
    /// # Errors
    /// Rows of this size would have padding.
    pub fn new(number: u32, camera: &Camera) -> Result<Self, CaptureError> {
        // With this codec, libcamera gives the colors of JPEG.
        Ok(Self { number, frames: RibbonFrames::new(SourceKind::Rpicam(number), camera, true)? })
    }

    fn arguments(&self) -> Vec<String> {
        let mut arguments = Vec::new();
        for (option, value) in [
            ("--camera", self.number),
            ("--width", self.frames.width()),
            ("--height", self.frames.height()),
            ("--framerate", self.frames.fps()),
        ] {
            arguments.extend([option.to_owned(), value.to_string()]);
        }
        // A timeout of zero: it does not end by itself.
        let rest = ["--codec", "yuv420", "--timeout", "0", "--nopreview", "--flush", "--output", "-"];
        arguments.extend(rest.map(str::to_owned));
        arguments
    }
}

impl FrameProgram for Rpicam {
    fn program(&self) -> Program {
        RPICAM_VID
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
        let mut command = child::command(RPICAM_VID);
        command.args(self.arguments());
        let (width, height) = (self.frames.width(), self.frames.height());
        let judge = move |line: &str| judge(line, width, height);
        Started::with_frames_on_stdout(child::spawn(&mut command, RPICAM_VID, &self.name())?, judge)
    }

    fn read_frame(&self, output: &mut dyn BufRead, buffer: &mut Vec<u8>, _: &mut Frame) -> io::Result<bool> {
        self.frames.read(output, buffer)
    }

    fn convert_frame(&self, buffer: &[u8], frame: &mut Frame) -> io::Result<()> {
        self.frames.convert(buffer, frame)
    }

    fn failure(&self, why: String) -> CaptureError {
        CaptureError::CameraProgram { name: self.name(), program: RPICAM_VID.name, why, fix: FIX }
    }
}

/// What a line of the error output means. libcamera reports the size that it has chosen, as in `configuring streams: (0)
/// 640x480-YUV420/sYCC`. Frames of another size would be read as noise.
fn judge(line: &str, width: u32, height: u32) -> Line {
    if let Some((_, streams)) = line.split_once("configuring streams: (0) ") {
        let size = streams.split('-').next().unwrap_or_default();
        if size != format!("{width}x{height}") {
            return Line::Fatal(format!(
                "the camera gives frames of {size} pixels instead of {width}x{height}; set camera.width (a multiple of 64) and \
                 camera.height to a size that it has: `rpicam-vid --list-cameras` lists them"
            ));
        }
    }
    // It writes a line for each frame, and notes about its start.
    if line.starts_with('#') || line.contains(" INFO ") {
        return Line::Noise;
    }
    Line::redacted(line)
}

/// The cameras that `rpicam-vid` finds; none if it is not installed.
///
/// # Errors
/// It cannot be run or does not end.
pub fn list() -> Result<Vec<RibbonCamera>, CaptureError> {
    let mut command = child::command(RPICAM_VID);
    match child::output_of(command.arg("--list-cameras"), RPICAM_VID, "rpicam") {
        Ok(output) => Ok(read_list(&output.text)),
        Err(CaptureError::NoProgram { .. }) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Reads the list of cameras: a line for each camera with its number, sensor, size and place, and lines with its modes.
fn read_list(text: &str) -> Vec<RibbonCamera> {
    let camera = |line: &str| {
        let (number, rest) = line.split_once(" : ")?;
        let number: u32 = number.trim().parse().ok()?;
        let sensor = rest.split(" [").next().unwrap_or(rest).trim().to_owned();
        Some(RibbonCamera { source: format!("rpicam:{number}"), sensor })
    };
    text.lines().filter_map(camera).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_has_size_rate_and_camera() {
        let camera = Camera { width: 1280, height: 720, fps: 15, ..Camera::default() };
        let line = Rpicam::new(1, &camera).unwrap().arguments().join(" ");
        assert_eq!(
            line,
            "--camera 1 --width 1280 --height 720 --framerate 15 --codec yuv420 --timeout 0 --nopreview --flush --output -"
        );
        let error = Rpicam::new(1, &Camera { width: 800, ..camera }).err().unwrap().to_string();
        assert!(error.contains("camera.width = 800") && error.contains("multiple of 64"), "{error}");
    }

    #[test]
    fn another_size_is_fatal_and_notes_are_noise() {
        let line = |size: &str| {
            format!(
                "[1:2.3] [45] INFO Camera camera.cpp:1197 configuring streams: (0) {size}-YUV420/sYCC (1) 2028x1520-SBGGR"
            )
        };
        assert_eq!(judge(&line("640x480"), 640, 480), Line::Noise);
        let Line::Fatal(why) = judge(&line("1024x768"), 640, 480) else { panic!() };
        assert!(why.contains("1024x768 pixels instead of 640x480"), "{why}");
        assert!(why.contains("`rpicam-vid --list-cameras`") && why.contains("a multiple of 64"), "{why}");
        assert_eq!(judge("#12 (30.01 fps) exp 33239.00 ag 8.00 dg 1.01", 640, 480), Line::Noise);
        let message = "ERROR: *** no cameras available ***";
        assert_eq!(judge(message, 640, 480), Line::Message(message.into()));
    }

    #[test]
    fn the_list_of_cameras_is_read() {
        let text = "Available cameras\n-----------------\n\
            0 : imx708 [4608x2592 10-bit RGGB] (/base/soc/i2c0mux/i2c@1/imx708@1a)\n    \
            Modes: 'SRGGB10_CSI2P' : 1536x864 [120.13 fps - (768, 432)/3072x1728 crop]\n                             \
            2304x1296 [56.03 fps - (0, 0)/4608x2592 crop]\n\n\
            1 : ov5647 [2592x1944 10-bit GBRG] (/base/soc/i2c0mux/i2c@0/ov5647@36)\n";
        let camera =
            |source: &str, sensor: &str| RibbonCamera { source: source.into(), sensor: sensor.into() };
        assert_eq!(read_list(text), [camera("rpicam:0", "imx708"), camera("rpicam:1", "ov5647")]);
        assert!(read_list("No cameras available!\n").is_empty());
    }
}
