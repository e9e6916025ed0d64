//! A picture file or a folder of pictures as a source.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ostiary_core::Frame;
use ostiary_pictures::{PictureError, folder_entries, is_named_as_picture, read_picture};

use super::{CaptureError, FrameSource, Next};

/// One picture, or the pictures of a folder, sorted by name, each once.
///
/// A file that cannot be read is an error that is not transient, because the same file would fail again. The next call
/// continues with the next file.
pub struct Images {
    path: PathBuf,
    files: Vec<PathBuf>,
    next: usize,
    fps: u32,
}

impl Images {
    /// Opens a picture or a folder. `fps` determines the times of the frames. Subfolders are not read.
    pub fn open(path: &Path, fps: u32) -> Result<Self, CaptureError> {
        let files = if path.is_dir() { pictures_in(path)? } else { vec![path.to_owned()] };
        if files.is_empty() {
            return Err(CaptureError::NoPictures { path: path.to_owned() });
        }
        Ok(Self { path: path.to_owned(), files, next: 0, fps: fps.max(1) })
    }
}

fn pictures_in(folder: &Path) -> Result<Vec<PathBuf>, CaptureError> {
    let not_listed = |error: std::io::Error| PictureError::Unreadable {
        path: folder.to_owned(),
        why: format!("the folder cannot be listed ({error}); check its owner and mode"),
    };
    // A recording can have one picture several times, by links: each is a frame.
    let mut files = folder_entries(folder).map_err(not_listed)?.files;
    files.retain(|path| is_named_as_picture(path) && path.is_file());
    Ok(files)
}

impl FrameSource for Images {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, CaptureError> {
        let Some(path) = self.files.get(self.next) else { return Ok(Next::End) };
        let sequence = self.next as u64;
        self.next += 1;
        *frame = read_picture(path)?;
        frame.sequence = sequence;
        frame.time = Duration::from_secs_f64(sequence as f64 / f64::from(self.fps));
        Ok(Next::Frame)
    }

    fn is_live(&self) -> bool {
        false
    }

    fn frozen_after(&self) -> Option<Duration> {
        None
    }

    fn describe(&self) -> String {
        match self.files.len() {
            1 => format!("picture {}", self.path.display()),
            count => format!("folder {}, {count} pictures", self.path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(path: &Path, level: u8) {
        image::RgbImage::from_pixel(4, 2, image::Rgb([level; 3])).save(path).unwrap();
    }

    #[test]
    fn a_folder_gives_its_pictures_in_order_and_continues_after_a_broken_file() {
        let folder = tempfile::tempdir().unwrap();
        picture(&folder.path().join("c.png"), 30);
        picture(&folder.path().join("a.PNG"), 10);
        std::fs::write(folder.path().join("b.jpg"), b"broken").unwrap();
        std::fs::write(folder.path().join("notes.txt"), b"no picture").unwrap();
        std::fs::write(folder.path().join("._c.png"), b"left by another program").unwrap();
        let mut source = Images::open(folder.path(), 10).unwrap();
        assert!(source.describe().contains("3 pictures"));
        let mut frame = Frame::default();
        assert_eq!(source.next(&mut frame).unwrap(), Next::Frame);
        assert_eq!((frame.rgb()[0], frame.sequence, frame.time), (10, 0, Duration::ZERO));
        assert!(source.next(&mut frame).unwrap_err().to_string().contains("b.jpg"));
        assert_eq!(source.next(&mut frame).unwrap(), Next::Frame);
        assert_eq!((frame.rgb()[0], frame.sequence, frame.time), (30, 2, Duration::from_millis(200)));
        assert_eq!(source.next(&mut frame).unwrap(), Next::End);
        assert_eq!(source.next(&mut frame).unwrap(), Next::End);
    }

    #[test]
    fn a_folder_without_pictures_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = Images::open(folder.path(), 10).err().unwrap();
        assert!(matches!(error, CaptureError::NoPictures { .. }));
    }
}
