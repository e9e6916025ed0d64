//! An output that is printed instead of switched, where there is nothing to switch.

use std::io::Write;

use super::{GpioError, OutputLine};

/// Prints `relay on` and `relay off`, a line each.
pub struct Printed<W> {
    what: &'static str,
    writer: W,
}

impl<W: Write + Send> Printed<W> {
    /// `what` is printed before `on` and `off`.
    pub fn new(what: &'static str, writer: W) -> Self {
        Self { what, writer }
    }
}

impl<W: Write + Send> OutputLine for Printed<W> {
    fn set(&mut self, on: bool) -> Result<(), GpioError> {
        let Self { what, writer } = self;
        // In one piece: others may write to the same place.
        let line = format!("{what} {}\n", if on { "on" } else { "off" });
        writer
            .write_all(line.as_bytes())
            .and_then(|()| writer.flush())
            .map_err(|why| GpioError::Print { what, why })
    }
}
