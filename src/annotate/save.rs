//! Saves frames as picture files.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder, ImageFormat};
use ostiary_core::Frame;

/// JPEG quality, 0 to 100, without visible compression in faces.
const JPEG_QUALITY: u8 = 92;

/// Why a frame could not be saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The extension is not that of a supported format.
    #[error("{path}: a picture is saved as .jpg, .jpeg or .png; end the name with one", path = .path.display())]
    Extension {
        /// The file.
        path: PathBuf,
    },
    /// The encoder failed, for example for a frame without pixels.
    #[error("{path}: a frame of {width}x{height} pixels cannot be saved", path = .path.display())]
    Encode {
        /// The file.
        path: PathBuf,
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
        /// The error of the encoder.
        source: image::ImageError,
    },
    /// The file cannot be written.
    #[error("{path}: cannot be written; check the folder, its permissions and the free space on its disk", path = .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
}

/// Saves a frame as JPEG or PNG, by the extension of the name. An existing file is overwritten.
///
/// # Errors
/// The extension is another one, or the frame cannot be encoded or written.
pub fn save(frame: &Frame, path: &Path) -> Result<(), SaveError> {
    let mut bytes = Cursor::new(Vec::new());
    let (width, height) = (frame.width(), frame.height());
    let encoded = match ImageFormat::from_path(path) {
        Ok(ImageFormat::Jpeg) => JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY).write_image(
            frame.rgb(),
            width,
            height,
            ExtendedColorType::Rgb8,
        ),
        Ok(ImageFormat::Png) => {
            PngEncoder::new(&mut bytes).write_image(frame.rgb(), width, height, ExtendedColorType::Rgb8)
        }
        _ => return Err(SaveError::Extension { path: path.to_owned() }),
    };
    encoded.map_err(|source| SaveError::Encode { path: path.to_owned(), width, height, source })?;
    std::fs::write(path, bytes.into_inner())
        .map_err(|source| SaveError::Write { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use ostiary_pictures::read_picture;

    use super::*;

    #[test]
    fn a_saved_frame_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let rgb: Vec<u8> = (0..40 * 30 * 3u32).map(|i| (i / 20) as u8).collect();
        let frame = Frame::from_rgb(40, 30, rgb).unwrap();
        let png = folder.path().join("door.png");
        save(&frame, &png).unwrap();
        assert_eq!(read_picture(&png).unwrap().rgb(), frame.rgb());
        let jpeg = folder.path().join("door.JPG");
        save(&frame, &jpeg).unwrap();
        let back = read_picture(&jpeg).unwrap();
        let worst = back.rgb().iter().zip(frame.rgb()).map(|(a, b)| a.abs_diff(*b)).max();
        assert!((back.width(), back.height()) == (40, 30) && worst < Some(60), "{worst:?}");
    }

    #[test]
    fn errors_name_the_file_and_say_how_to_fix_it() {
        let folder = tempfile::tempdir().unwrap();
        let frame = Frame::from_rgb(1, 1, vec![0; 3]).unwrap();
        let message =
            |frame: &Frame, name: &str| save(frame, &folder.path().join(name)).unwrap_err().to_string();
        for name in ["door", "door.gif", "door.txt"] {
            assert!(message(&frame, name).ends_with(&format!(
                "{name}: a picture is saved as .jpg, .jpeg or .png; end the name with one"
            )));
        }
        assert!(message(&frame, "no/door.png").contains("check the folder"));
        assert!(message(&Frame::default(), "door.jpg").contains("0x0"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no incomplete file is left");
    }
}
