//! The camera of a door under test: a folder of pictures, each of which is a frame.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::Result;

/// Frames a second of a visit: each picture is held for 0.2 s.
pub const FPS: u32 = 5;

/// A folder whose pictures are these, in this order. It replaces the one before.
pub fn with_links<'a>(work: &Path, photos: impl Iterator<Item = &'a PathBuf>) -> Result<PathBuf> {
    let folder = empty(work)?;
    for (number, photo) in photos.enumerate() {
        let extension = photo.extension().unwrap_or_default().to_string_lossy();
        let photo = std::path::absolute(photo)?;
        symlink(photo, folder.join(format!("{number:05}.{extension}")))?;
    }
    Ok(folder)
}

/// An empty folder. It replaces the one before.
pub fn empty(work: &Path) -> Result<PathBuf> {
    let folder = work.join("camera");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir(&folder)?;
    Ok(folder)
}
