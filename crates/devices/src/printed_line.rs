//! An output that is printed instead of switched, for a host without GPIO lines.

use std::io::Write;

use super::{GpioError, OutputLine};

/// Prints `relay on` or `relay off` for each command, one per line.
pub struct PrintedLine<W> {
    what: &'static str,
    writer: W,
}

impl<W: Write + Send> PrintedLine<W> {
    /// An output with the name `what`, which precedes `on` and `off`.
    pub fn new(what: &'static str, writer: W) -> Self {
        Self { what, writer }
    }
}

impl<W: Write + Send> OutputLine for PrintedLine<W> {
    fn set(&mut self, on: bool) -> Result<(), GpioError> {
        let Self { what, writer } = self;
        // One call of `write`: other threads may write to the same file.
        let line = format!("{what} {}\n", if on { "on" } else { "off" });
        writer
            .write_all(line.as_bytes())
            .and_then(|()| writer.flush())
            .map_err(|why| GpioError::Print { what, why })
    }
}
