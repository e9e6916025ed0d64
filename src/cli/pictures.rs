//! Finds and reads the pictures that a command was given: files, and folders with their subfolders.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use ostiary_core::Crop;
use ostiary_pictures::read_picture;
use ostiary_pipeline::aligned_crop;

/// The file extensions of pictures in folders. A file that is named directly is read with any extension.
const PICTURE_EXTENSIONS: [&str; 3] = ["jpg", "jpeg", "png"];

/// Returns the files, and the pictures in and below the folders, sorted by name within each folder. A folder without
/// pictures is an error.
pub fn collect_pictures(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            let before = found.len();
            collect_from_folder(path, &mut found)?;
            if found.len() == before {
                bail!("{}: no picture (.jpg, .jpeg, .png) in this folder or below it", path.display());
            }
        } else {
            found.push(path.clone());
        }
    }
    Ok(found)
}

/// Adds the pictures in a folder and its subfolders to `found`.
fn collect_from_folder(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let entries = std::fs::read_dir(folder).and_then(|entries| entries.collect::<std::io::Result<Vec<_>>>());
    let mut entries = entries.with_context(|| format!("cannot list {}", folder.display()))?;
    entries.sort_by_key(std::fs::DirEntry::path);
    for entry in entries {
        let path = entry.path();
        if path.is_dir() {
            collect_from_folder(&path, found)?;
        } else if path
            .extension()
            .and_then(|e| e.to_str())
            .is_some_and(|e| PICTURE_EXTENSIONS.contains(&&*e.to_lowercase()))
        {
            found.push(path);
        }
    }
    Ok(())
}

/// Reads an aligned crop: a picture of 112x112 pixels.
pub fn read_crop(path: &Path) -> Result<Crop> {
    let frame = read_picture(path)?;
    aligned_crop(&frame).with_context(|| {
        format!(
            "{}: the picture is {}x{} pixels; an aligned crop is {side}x{side}: leave out --aligned to detect the face first",
            path.display(),
            frame.width(),
            frame.height(),
            side = Crop::SIDE
        )
    })
}

/// A progress bar on standard error; hidden if that is not a terminal, or if `count` is less than 2.
pub fn progress_bar(count: usize) -> ProgressBar {
    if count < 2 {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} {per_sec} {eta}");
    ProgressBar::new(count as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
