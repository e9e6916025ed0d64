//! What commands print.

use std::io::{self, Write};

use serde_json::Value;

/// The reason why a command is refused.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

/// Prints a line.
pub fn line(text: &str) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{text}")
}

/// Prints an object in one line.
pub fn json_line(value: &Value) -> io::Result<()> {
    line(&value.to_string())
}
