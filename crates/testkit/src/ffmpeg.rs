//! Video files that ffmpeg makes.

use std::path::Path;
use std::process::Command;

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
