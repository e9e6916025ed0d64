//! Video files that ffmpeg makes.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::portrait;

/// Makes the file `to` with the program ffmpeg and these arguments.
pub fn ffmpeg(arguments: &[&str], to: &Path) {
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-y"])
        .args(arguments)
        .arg(to)
        .output()
        .unwrap_or_else(|error| panic!("ffmpeg does not start ({error}): run scripts/setup"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Makes a video of one minute in this folder, of a person who sways a little, and returns its path.
pub fn person_video(folder: &Path) -> PathBuf {
    let (picture, video) = (folder.join("person.png"), folder.join("person.mkv"));
    let photo = portrait("biden.jpg");
    ffmpeg(&["-i", photo.to_str().unwrap(), "-vf", "scale=640:-2"], &picture);
    // With noise, so that no two frames are the same photo.
    let filter = "loop=-1:1,fps=10,crop=480:360:(iw-480)/2+20*sin(t):0,noise=alls=2:allf=t";
    let input = ["-i", picture.to_str().unwrap()];
    let output = ["-vf", filter, "-t", "60", "-c:v", "mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p"];
    ffmpeg(&[&input[..], &output[..]].concat(), &video);
    video
}
