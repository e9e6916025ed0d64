//! Errors of the frame sources.

use std::path::PathBuf;

use ostiary_pictures::PictureError;

/// Why a source gave no frame. Each message names the source and says how to fix it.
///
/// In all variants `name` is a device's path, a file's path or a stream's address without its credentials, `path` a file or a
/// folder, `program` the name of an executable, and `why` the error of the system or of that program.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the comment of the enum describes the fields, which recur in its variants")]
pub enum CaptureError {
    /// A picture could not be decoded.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// A file is not a video, or cannot be decoded.
    #[error("{path}: cannot be read as a video: {why}", path = .path.display())]
    Video { path: PathBuf, why: String },
    /// The file or folder does not exist.
    #[error("{path}: no such file or folder; check its name", path = .path.display())]
    Missing { path: PathBuf },
    /// The folder has no pictures.
    #[error(
        "{path}: the folder contains no picture (.jpg, .jpeg, .png); put some there or set camera.source to \
         another folder", path = .path.display()
    )]
    NoPictures { path: PathBuf },
    /// The device does not exist.
    #[error("{name}: no such camera; plug it in, or choose one that `ostiary cameras` lists")]
    Absent { name: String },
    /// Another program streams from the device.
    #[error("{name}: the camera is in use by another program; end that program (`fuser {name}` finds it)")]
    Busy { name: String },
    /// The user may not open the device.
    #[error("{name}: not permitted; add the user to the group that owns it (`usermod -aG video USER`)")]
    Permission { name: String },
    /// The file is not a capture device.
    #[error("{name}: not a camera that streams pictures; choose one that `ostiary cameras` lists")]
    NotCapture { name: String },
    /// The camera has no usable pixel format.
    #[error("{name}: {why}; `ostiary cameras` lists its formats, and camera.format = \"auto\" chooses one")]
    NoFormat { name: String, why: String },
    /// The device is gone.
    #[error("{name}: the camera was unplugged; plug it in again")]
    Unplugged { name: String },
    /// The source gave no frame for `camera.stall_s` (`seconds`).
    #[error("{name}: no frame for {seconds:.1} s; check the cable, the network and the camera")]
    Stalled { name: String, seconds: f64 },
    /// The stream has not given its first frame yet.
    #[error("{name}: connecting, no frame yet; if this continues, check its address and the network")]
    Connecting { name: String },
    /// One frame was incomplete. The source continues.
    #[error(
        "{name}: an incomplete frame was skipped ({why}); if this continues, check the cable and the USB hub"
    )]
    DamagedFrame { name: String, why: String },
    /// The program of a camera runs and has not given its first frame yet.
    #[error("{name}: {program} has started, no frame yet; if this continues, check the camera's cable")]
    Starting { name: String, program: &'static str },
    /// The program of a camera runs and gave no frame for this time (`seconds`).
    #[error(
        "{name}: {program} gave no frame for {seconds:.1} s; check the camera's cable, and that no other program uses \
         the camera"
    )]
    NoFrames { name: String, program: &'static str, seconds: f64 },
    /// The program of a camera ended.
    #[error("{name}: {program} failed: {why}; {fix}")]
    CameraProgram { name: String, program: &'static str, why: String, fix: &'static str },
    /// The connection to a stream failed or ended.
    #[error("{name}: the stream failed: {why}; check its address, its credentials and the network")]
    Broken { name: String, why: String },
    /// Another error of the device.
    #[error("{name}: the camera failed: {why}; unplug it and plug it in again")]
    Device { name: String, why: String },
    /// A program is missing; `install` says how to install it.
    #[error("{name}: this source needs {program}, which is not installed; {install}")]
    NoProgram { name: String, program: &'static str, install: &'static str },
    /// A child process could not be started or failed.
    #[error("{name}: {program} cannot be run: {why}")]
    Program { name: String, program: &'static str, why: String },
    /// A setting has a value that is not allowed; `key` is its configuration key.
    #[error("{key} = {value}: {why}")]
    Setting { key: &'static str, value: String, why: String },
}

impl CaptureError {
    /// Whether a later attempt can succeed (camera unplugged, busy, stalled) without a change of the configuration or the file.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Absent { .. }
            | Self::Busy { .. }
            | Self::Unplugged { .. }
            | Self::Stalled { .. }
            | Self::Connecting { .. }
            | Self::Starting { .. }
            | Self::NoFrames { .. }
            | Self::CameraProgram { .. }
            | Self::DamagedFrame { .. }
            | Self::Broken { .. }
            | Self::Device { .. } => true,
            Self::Picture(_)
            | Self::Video { .. }
            | Self::Missing { .. }
            | Self::NoPictures { .. }
            | Self::Permission { .. }
            | Self::NotCapture { .. }
            | Self::NoFormat { .. }
            | Self::NoProgram { .. }
            | Self::Program { .. }
            | Self::Setting { .. } => false,
        }
    }
}
