//! Checks the programs that give the frames of streams, videos and ribbon cameras.

use ostiary_capture::child::{self, Program};
use ostiary_capture::programs;

use super::CheckContext;
use super::finding::{Finding, Status};

pub fn check(context: &CheckContext) -> Vec<Finding> {
    let needed = programs(&context.config().camera.source);
    if needed.is_empty() {
        return vec![Finding::ok("none is needed for this camera.source")];
    }
    needed.into_iter().map(version).collect()
}

fn version(program: Program) -> Finding {
    let Program { name, install, version_option } = program;
    match child::output_of(child::command(program).arg(version_option), program, "camera.source") {
        Ok(output) if output.status.success() => {
            // The first words of "ffmpeg version 7.1 Copyright (c) ...".
            let words = output.text.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
            Finding::ok(if words.starts_with(name) { words } else { format!("{name}: {words}") })
        }
        Ok(output) => Finding::fault(
            format!("{name} does not run ({})", output.status),
            format!("install it again: {install}"),
        ),
        Err(error) => Finding::from_error(Status::Fault, &error, install),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_asked_with_its_own_option() {
        let program = |name, version_option| Program { name, install: "install it", version_option };
        let finding = version(program("ffprobe", "-version"));
        assert!(finding.status == Status::Ok && finding.found.starts_with("ffprobe version "), "{finding}");
        let finding = version(program("ffprobe", "--version"));
        assert!(finding.found.contains("ffprobe does not run (exit status: 1)"), "{finding}");
        let finding = version(program("no-such-program", "--version"));
        assert_eq!(
            finding.to_string(),
            "camera.source: this source needs no-such-program, which is not installed; install it"
        );
    }
}
