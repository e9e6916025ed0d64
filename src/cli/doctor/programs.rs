//! Checks the programs that give the frames of streams, videos and ribbon cameras.

use std::process::{Command, Stdio};

use ostiary_capture::child::Program;
use ostiary_capture::programs;

use super::CheckContext;
use super::finding::Finding;

pub fn check(context: &CheckContext) -> Vec<Finding> {
    let needed = programs(&context.config().camera.source);
    if needed.is_empty() {
        return vec![Finding::ok("none is needed for this camera.source")];
    }
    needed.into_iter().map(version).collect()
}

fn version(program: Program) -> Finding {
    let Program { name, install } = program;
    let mut command = Command::new(name);
    // The programs of ffmpeg have no `--version`, and the others no `-version`.
    let option = if name.starts_with("ff") { "-version" } else { "--version" };
    match command.arg(option).stdin(Stdio::null()).stderr(Stdio::null()).output() {
        Ok(output) if output.status.success() => {
            let text = String::from_utf8_lossy(&output.stdout);
            // The first words of "ffmpeg version 7.1 Copyright (c) ...".
            let words = text.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
            Finding::ok(if words.starts_with(name) { words } else { format!("{name}: {words}") })
        }
        Ok(output) => Finding::fault(
            format!("{name} does not run ({})", output.status),
            format!("install it again: {install}"),
        ),
        Err(error) => {
            Finding::fault(format!("{name} cannot be run ({error}), and camera.source needs it"), install)
        }
    }
}
