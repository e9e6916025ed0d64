//! Finds and reads the pictures that a command was given: files, and folders with their subfolders.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use ostiary_core::Crop;
use ostiary_pictures::{PassedOver, pictures_below, read_picture};
use ostiary_pipeline::aligned_crop;

/// The pictures that a command was given.
pub struct CollectedPictures {
    /// The files, sorted by name within each folder.
    pub files: Vec<PathBuf>,
    /// The exit code so far: 1 if something in a folder was passed over, which is printed; otherwise 0.
    pub exit_code: u8,
}

/// Returns the files, and the pictures in and below the folders. A folder without pictures is an error.
pub fn collect_pictures(paths: &[PathBuf]) -> Result<CollectedPictures> {
    let mut collected = CollectedPictures { files: Vec::new(), exit_code: 0 };
    for path in paths {
        if !path.is_dir() {
            collected.files.push(path.clone());
            continue;
        }
        let found = pictures_below(path)?;
        collected.exit_code = collected.exit_code.max(report_passed_over(&found.passed_over));
        if found.pictures.is_empty() {
            bail!("{}: no picture (.jpg, .png, .webp) in this folder or below it", path.display());
        }
        collected.files.extend(found.pictures);
    }
    Ok(collected)
}

/// Prints what was passed over in a folder. Returns the exit code: 1 if there is something, otherwise 0.
pub fn report_passed_over(passed_over: &[PassedOver]) -> u8 {
    passed_over.iter().for_each(|passed| eprintln!("{passed}; passed over"));
    u8::from(!passed_over.is_empty())
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
