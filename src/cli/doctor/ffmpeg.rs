//! The program that plays streams and videos.

use std::process::{Command, Stdio};

use ostiary_capture::needs_ffmpeg;

use super::Door;
use super::finding::Finding;

pub fn check(door: &Door) -> Vec<Finding> {
    let needed = needs_ffmpeg(&door.config().camera.source);
    if !needed {
        return vec![Finding::ok("not needed: camera.source is neither a stream nor a video")];
    }
    ["ffmpeg", "ffprobe"].into_iter().map(version).collect()
}

fn version(program: &str) -> Finding {
    let mut command = Command::new(program);
    match command.arg("-version").stdin(Stdio::null()).stderr(Stdio::null()).output() {
        Ok(output) if output.status.success() => {
            let said = String::from_utf8_lossy(&output.stdout);
            // "ffmpeg version 7.1 Copyright (c) ...", where the rest is of no interest.
            Finding::ok(said.split_whitespace().take(3).collect::<Vec<_>>().join(" "))
        }
        Ok(output) => Finding::fault(
            format!("{program} does not run ({})", output.status),
            "install it again: `apt install --reinstall ffmpeg`",
        ),
        Err(error) => Finding::fault(
            format!("{program} cannot be run ({error}), and camera.source needs it"),
            "`apt install ffmpeg`",
        ),
    }
}
