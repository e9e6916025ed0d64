//! Checks ffmpeg, which decodes streams and videos.

use std::process::{Command, Stdio};

use ostiary_capture::needs_ffmpeg;

use super::CheckContext;
use super::finding::Finding;

pub fn check(context: &CheckContext) -> Vec<Finding> {
    let needed = needs_ffmpeg(&context.config().camera.source);
    if !needed {
        return vec![Finding::ok("not needed: camera.source is neither a stream nor a video")];
    }
    ["ffmpeg", "ffprobe"].into_iter().map(version).collect()
}

fn version(program: &str) -> Finding {
    let mut command = Command::new(program);
    match command.arg("-version").stdin(Stdio::null()).stderr(Stdio::null()).output() {
        Ok(output) if output.status.success() => {
            let text = String::from_utf8_lossy(&output.stdout);
            // The first words of "ffmpeg version 7.1 Copyright (c) ...".
            Finding::ok(text.split_whitespace().take(3).collect::<Vec<_>>().join(" "))
        }
        Ok(output) => Finding::fault(
            format!("{program} does not run ({})", output.status),
            "install it again: `apt install --reinstall ffmpeg`",
        ),
        Err(error) => Finding::fault(
            format!("{program} cannot be run ({error}), and camera.source needs it"),
            "install it: `apt install ffmpeg`",
        ),
    }
}
