//! Runs the program `ostiary` under test, as users run it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use ostiary_core::Precision;
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

    fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.env("OSTIARY_ENGINE__PRECISION", self.precision.to_string());
        command.args(["--json", verb]);
        command
    }
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
