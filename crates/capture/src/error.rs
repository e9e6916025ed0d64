//! Why no frame came.

use std::path::PathBuf;

use ostiary_pictures::PictureError;

/// Why no frame came. Every message names the source and the mend; `name` is a device's path, a file's path
/// or a stream's address without its credentials.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    #[error(transparent)]
    Picture(#[from] PictureError),
    #[error("{path}: cannot be read as a video: {why}", path = .path.display())]
    Video { path: PathBuf, why: String },
    #[error("{path}: no such file or folder; check its name", path = .path.display())]
    Missing { path: PathBuf },
    #[error(
        "{path}: the folder holds no picture (.jpg, .jpeg, .png); put some there or choose another in \
         camera.source", path = .path.display()
    )]
    NoPictures { path: PathBuf },
    #[error("{name}: no such camera; plug it in, or choose one that `ostiary cameras` lists")]
    Absent { name: String },
    #[error("{name}: the camera is in use by another program; end that program (`fuser {name}` finds it)")]
    Busy { name: String },
    #[error("{name}: not permitted; add the user to the group that owns it (`usermod -aG video USER`)")]
    Permission { name: String },
    #[error("{name}: not a camera that streams pictures; choose one that `ostiary cameras` lists")]
    NotCapture { name: String },
    #[error("{name}: {why}; `ostiary cameras` lists what it offers, and camera.format = \"auto\" chooses")]
    NoFormat { name: String, why: String },
    #[error("{name}: the camera was unplugged; plug it in again")]
    Unplugged { name: String },
    #[error("{name}: no frame for {seconds:.1} s; check the cable, the network and the camera")]
    Stalled { name: String, seconds: f64 },
    #[error("{name}: connecting, no picture yet; if it stays so, check its address and the network")]
    Connecting { name: String },
    #[error("{name}: a torn frame was skipped ({why}); if it goes on, check the cable and the USB hub")]
    Torn { name: String, why: String },
    #[error("{name}: the stream broke: {why}; check its address, its credentials and the network")]
    Broken { name: String, why: String },
    #[error("{name}: the camera failed: {why}; unplug it and plug it in again")]
    Device { name: String, why: String },
    #[error("{name}: playing it needs {program}, which is not installed; `apt install ffmpeg`")]
    NoFfmpeg { name: String, program: &'static str },
    #[error("{name}: {program} cannot be run: {why}")]
    Program { name: String, program: &'static str, why: String },
    #[error("{key} = {value}: {why}")]
    Setting { key: &'static str, value: String, why: String },
}

impl CaptureError {
    /// True where trying again later can succeed (unplugged, busy, stalled), false where it cannot (no such
    /// format, not a picture).
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Absent { .. }
            | Self::Busy { .. }
            | Self::Unplugged { .. }
            | Self::Stalled { .. }
            | Self::Connecting { .. }
            | Self::Torn { .. }
            | Self::Broken { .. }
            | Self::Device { .. } => true,
            Self::Picture(_)
            | Self::Video { .. }
            | Self::Missing { .. }
            | Self::NoPictures { .. }
            | Self::Permission { .. }
            | Self::NotCapture { .. }
            | Self::NoFormat { .. }
            | Self::NoFfmpeg { .. }
            | Self::Program { .. }
            | Self::Setting { .. } => false,
        }
    }
}
