//! Runs the program `ostiary` under test, as users run it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use ostiary_config::LivenessLevel;
use ostiary_core::{Direction, Precision, Prompt};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The program `ostiary` at a precision.
pub struct DoorProgram {
    pub program: PathBuf,
    pub precision: Precision,
}

/// One line of `ostiary embed --json`.
#[derive(Debug, Deserialize)]
pub struct Embedded {
    pub file: PathBuf,
    pub embedding: Option<Vec<f32>>,
    pub error: Option<String>,
}

/// A line of `ostiary run --json`: an event, or a prompt, which has no kind.
#[derive(Debug, Deserialize)]
struct DoorLine {
    kind: Option<String>,
    person: Option<String>,
    /// The name of the prompt; `None` in an event, and when nothing is asked any more.
    prompt: Option<String>,
}

/// What a door did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Visit {
    /// The first person who was let in.
    pub admitted: Option<String>,
    /// Whether anybody was asked to turn the head.
    pub asked_to_turn: bool,
}

/// One line of `ostiary detect --json`.
#[derive(Debug, Deserialize)]
pub struct Detected {
    pub file: PathBuf,
    #[serde(default)]
    pub faces: Vec<FoundFace>,
    pub error: Option<String>,
}

/// A face of [`Detected`].
#[derive(Debug, Deserialize)]
pub struct FoundFace {
    #[serde(rename = "box")]
    pub bbox: [f64; 4],
    pub landmarks: [[f64; 2]; 5],
}

impl DoorProgram {
    /// Embeds the most probable face of each picture below `folder`.
    pub fn embed(&self, folder: &Path, aligned: bool) -> Result<Vec<Embedded>> {
        let mut command = self.command("embed");
        if aligned {
            command.arg("--aligned");
        }
        lines(command.arg(folder))
    }

    /// Detects all faces of at least `min_face` pixels in the pictures.
    pub fn detect(&self, files: &[PathBuf], min_face: u32) -> Result<Vec<Detected>> {
        lines(self.command("detect").arg("--min-face").arg(min_face.to_string()).args(files))
    }

    /// Enrolls a person with a photo, even if it is similar to another person. Returns whether the photo was good enough.
    pub fn enroll(&self, facebank: &Path, name: &str, photo: &Path) -> Result<bool> {
        let mut command = self.command("enroll");
        command
            .arg(name)
            .arg(photo)
            .arg("--facebank")
            .arg(facebank)
            .args(["--allow-similar", "--allow-unlike"]);
        match finished(&mut command)? {
            (Some(0), _, _) => Ok(true),
            (Some(1), _, _) => Ok(false),
            (_, _, errors) => bail!("{} cannot be enrolled: {errors}", photo.display()),
        }
    }

    /// Removes a person.
    pub fn remove(&self, facebank: &Path, name: &str) -> Result<()> {
        match finished(self.command("people").args(["remove", name, "--facebank"]).arg(facebank))? {
            (Some(0), _, _) => Ok(()),
            (_, _, errors) => bail!("{name} cannot be removed: {errors}"),
        }
    }

    /// Runs the door at a level of liveness and otherwise with default settings, with the pictures of a folder as its camera.
    pub fn visit(&self, facebank: &Path, camera: &Path, fps: u32, level: LivenessLevel) -> Result<Visit> {
        let mut command = self.command("run");
        for (key, value) in [
            ("camera.source", camera.display().to_string()),
            ("camera.fps", fps.to_string()),
            ("facebank.path", facebank.display().to_string()),
            ("events.path", facebank.with_file_name("events.sqlite").display().to_string()),
            ("relay.backend", "printed".to_owned()),
            ("liveness.level", level.to_string()),
        ] {
            command.arg("--set").arg(format!("{key}={value}"));
        }
        let (code, output, errors) = finished(&mut command)?;
        if code != Some(0) {
            bail!("the door ended with an error: {errors}");
        }
        visit(&output)
    }

    fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.env("OSTIARY_ENGINE__PRECISION", self.precision.to_string());
        command.args(["--json", verb]);
        command
    }
}

/// What the door did, by its output.
fn visit(output: &str) -> Result<Visit> {
    let turns: Vec<&str> = Direction::ALL.map(|direction| Prompt::Turn(direction).name()).to_vec();
    let mut visit = Visit::default();
    for line in output.lines().filter(|line| line.starts_with('{')) {
        let line: DoorLine = serde_json::from_str(line)
            .with_context(|| format!("the door printed a line of another format: {line:.80}"))?;
        if visit.admitted.is_none() && line.kind.as_deref() == Some("granted") {
            visit.admitted = line.person;
        }
        visit.asked_to_turn |= line.prompt.is_some_and(|prompt| turns.contains(&prompt.as_str()));
    }
    Ok(visit)
}

/// The exit code, the output and the error output of a command.
fn finished(command: &mut Command) -> Result<(Option<i32>, String, String)> {
    let program = command.get_program().to_owned();
    let output = command.output().with_context(|| format!("cannot run {}", program.display()))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((output.status.code(), text(&output.stdout), text(&output.stderr)))
}

/// Runs the command and parses its output, one JSON object a line. Exit codes 1 (a picture without a face) and 2 (a picture
/// that cannot be read) are accepted, because the lines report the pictures. A line of another format, or no line, is an
/// error.
fn lines<T: DeserializeOwned>(command: &mut Command) -> Result<Vec<T>> {
    let program = command.get_program().to_owned();
    let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| {
        format!("cannot run {}; build it with `cargo build --release`", program.display())
    })?;
    let output = child.stdout.take().context("the output of the program is not connected")?;
    let parsed = BufReader::new(output)
        .lines()
        .map(|line| {
            let line = line?;
            serde_json::from_str(&line)
                .with_context(|| format!("the program printed a line of another format: {line:.80}"))
        })
        .collect::<Result<Vec<T>>>()?;
    let status = child.wait()?;
    if parsed.is_empty() || !matches!(status.code(), Some(0..=2)) {
        bail!("{} ended with {status} after {} lines", program.display(), parsed.len());
    }
    Ok(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_grant_and_turns_that_are_asked_for_are_found_in_the_output() {
        let output = "READY\n{\"kind\":\"started\"}\n{\"prompt\":\"look_at_camera\"}\n{\"prompt\":null}\n";
        assert_eq!(visit(output).unwrap(), Visit::default());
        let granted = |person: &str| format!("{{\"kind\":\"granted\",\"person\":\"{person}\"}}\n");
        let output = format!("{output}{{\"prompt\":\"turn_left\"}}\n{}{}", granted("Ann"), granted("Ben"));
        let expected = Visit { admitted: Some("Ann".to_owned()), asked_to_turn: true };
        assert_eq!(visit(&output).unwrap(), expected);
        assert!(visit("{broken").is_err());
    }
}
