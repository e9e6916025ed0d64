//! The kinds of `camera.source`.

use std::fmt;
use std::path::{Path, PathBuf};

use ostiary_core::{AddressError, StreamAddress};

/// What `camera.source` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceKind {
    /// A device below `/dev`.
    Device(PathBuf),
    /// A ribbon camera of a Raspberry Pi, by libcamera's number: `rpicam:0`.
    Rpicam(u32),
    /// A ribbon camera of a Jetson, by its sensor number: `argus:0`.
    Argus(u32),
    /// A stream.
    Stream(StreamAddress),
    /// A video file, a picture, or a folder of pictures.
    Path(PathBuf),
}

/// Why a text is no source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// Not the address of a stream.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// After `rpicam:` or `argus:` there is no number of a camera.
    #[error(
        "after {prefix} comes the number of a camera from 0 to 15, as in \"{prefix}0\"; `ostiary cameras` lists cameras"
    )]
    Number {
        /// `rpicam:` or `argus:`.
        prefix: &'static str,
    },
}

/// More cameras than any board has.
const MAX_CAMERA: u32 = 15;

impl SourceKind {
    /// The kind of a `camera.source`. Whether it exists is not checked.
    ///
    /// # Errors
    /// A stream whose address is wrong, or a ribbon camera without a number.
    pub fn of(source: &str) -> Result<Self, SourceError> {
        if StreamAddress::is_address(source) {
            return Ok(Self::Stream(StreamAddress::parse(source)?));
        }
        let number = |prefix: &'static str| {
            let text = source.strip_prefix(prefix)?;
            let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let number = text.parse().ok().filter(|number| is_plain && *number <= MAX_CAMERA);
            Some(number.ok_or(SourceError::Number { prefix }))
        };
        if let Some(number) = number("rpicam:") {
            return Ok(Self::Rpicam(number?));
        }
        if let Some(number) = number("argus:") {
            return Ok(Self::Argus(number?));
        }
        let path = Path::new(source);
        Ok(if path.starts_with("/dev") { Self::Device(path.into()) } else { Self::Path(path.into()) })
    }

    /// Of which numbers the width and the height of the picture must be multiples, pixels; `None` if any size is allowed.
    /// The rows of other sizes have padding bytes between them, which the programs that give the frames do not tell.
    pub fn size_step(&self) -> Option<[u32; 2]> {
        match self {
            // The image processors of all Raspberry Pis align rows to 64 bytes, and chroma has half of luma's.
            Self::Rpicam(_) => Some([64, 2]),
            // GStreamer aligns rows to 4 bytes, and chroma has half of luma's.
            Self::Argus(_) => Some([8, 2]),
            Self::Device(_) | Self::Stream(_) | Self::Path(_) => None,
        }
    }
}

/// As `camera.source` has it, without the secrets of a stream's address.
impl fmt::Display for SourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(path) | Self::Path(path) => write!(f, "{}", path.display()),
            Self::Rpicam(number) => write!(f, "rpicam:{number}"),
            Self::Argus(number) => write!(f, "argus:{number}"),
            Self::Stream(address) => write!(f, "{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_shown_as_it_is_set_and_without_secrets() {
        for text in ["/dev/video0", "clips/a.mp4", "rpicam:0", "argus:15", "rtsp://cam:554/1"] {
            assert_eq!(SourceKind::of(text).unwrap().to_string(), text);
        }
        assert_eq!(SourceKind::of("rtsp://a:b@cam/user=c").unwrap().to_string(), "rtsp://cam/user=...");
    }

    #[test]
    fn a_source_is_told_by_its_begin() {
        assert_eq!(SourceKind::of("/dev/v4l/by-id/x"), Ok(SourceKind::Device("/dev/v4l/by-id/x".into())));
        assert_eq!(SourceKind::of("/devices/a.mp4"), Ok(SourceKind::Path("/devices/a.mp4".into())));
        assert_eq!(SourceKind::of("rpicam:0"), Ok(SourceKind::Rpicam(0)));
        assert_eq!(SourceKind::of("argus:15"), Ok(SourceKind::Argus(15)));
        assert!(matches!(SourceKind::of("rtsp://cam/1"), Ok(SourceKind::Stream(_))));
        for (text, prefix) in
            [("rpicam:", "rpicam:"), ("rpicam:+1", "rpicam:"), ("argus:16", "argus:"), ("argus:a", "argus:")]
        {
            assert_eq!(SourceKind::of(text), Err(SourceError::Number { prefix }), "{text}");
        }
        assert_eq!(SourceKind::of("rtsp://a:b#@cam"), Err(SourceError::Address(AddressError::Hash)));
    }
}
