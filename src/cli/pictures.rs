//! The pictures that a verb was given: files, and folders with all that is below them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use ostiary_core::{Crop, Frame};
use ostiary_pictures::read_picture;

/// What counts as a picture in a folder; a file that is named is read whatever it is called.
const ENDINGS: [&str; 3] = ["jpg", "jpeg", "png"];

/// The files, and the pictures below the folders, each folder in the order of names. A folder without any is an
/// error.
pub fn pictures(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            let before = found.len();
            below(path, &mut found)?;
            if found.len() == before {
                bail!("{}: no picture (.jpg, .jpeg, .png) in this folder or below it", path.display());
            }
        } else {
            found.push(path.clone());
        }
    }
    Ok(found)
}

fn below(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let entries = std::fs::read_dir(folder).and_then(|entries| entries.collect::<std::io::Result<Vec<_>>>());
    let mut entries = entries.with_context(|| format!("cannot list {}", folder.display()))?;
    entries.sort_by_key(std::fs::DirEntry::path);
    for entry in entries {
        let path = entry.path();
        if path.is_dir() {
            below(&path, found)?;
        } else if path
            .extension()
            .and_then(|e| e.to_str())
            .is_some_and(|e| ENDINGS.contains(&&*e.to_lowercase()))
        {
            found.push(path);
        }
    }
    Ok(())
}

/// Reads a crop that is already aligned: a picture of 112x112.
pub fn read_crop(path: &Path) -> Result<Crop> {
    let frame = read_picture(path)?;
    crop_of(&frame).with_context(|| {
        format!(
            "{}: is {}x{}; an aligned crop is {side}x{side}: leave out --aligned to find the face first",
            path.display(),
            frame.width(),
            frame.height(),
            side = Crop::SIDE
        )
    })
}

/// The frame as an aligned crop, where it has the size of one.
pub fn crop_of(frame: &Frame) -> Option<Crop> {
    let side = Crop::SIDE as u32;
    (frame.width() == side && frame.height() == side).then(|| Crop::from_rgb(frame.rgb())).flatten()
}

/// A bar on standard error, where that is a terminal and there is more than one thing to do.
pub fn progress(count: usize) -> ProgressBar {
    if count < 2 {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} {per_sec} {eta}");
    ProgressBar::new(count as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
