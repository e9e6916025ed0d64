//! Events as JSON, one a line.

use std::io::{self, Stdout, Write};

use super::{Event, EventSink, OutputError};

/// Prints events to standard output, or to another writer.
pub struct JsonLines<W = Stdout>(W);

impl JsonLines {
    /// Prints to standard output.
    pub fn stdout() -> Self {
        Self(io::stdout())
    }
}

impl<W: Write + Send> JsonLines<W> {
    /// Prints to this writer.
    pub fn new(writer: W) -> Self {
        Self(writer)
    }
}

impl<W: Write + Send> EventSink for JsonLines<W> {
    fn report(&mut self, event: &Event) -> Result<(), OutputError> {
        let mut line = serde_json::to_vec(event).map_err(|error| OutputError::Stdout(error.into()))?;
        line.push(b'\n');
        self.0.write_all(&line).and_then(|()| self.0.flush()).map_err(OutputError::Stdout)
    }

    fn describe(&self) -> String {
        "json lines".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EventKind;
    use crate::testing::event;

    #[test]
    fn an_event_is_one_line_and_reads_back() {
        let event = event(EventKind::Started { detail: "two\nlines".to_owned() });
        let mut printed = Vec::new();
        let mut output = JsonLines::new(&mut printed);
        output.report(&event).unwrap();
        output.report(&event).unwrap();
        let printed = String::from_utf8(printed).unwrap();
        assert_eq!(printed.lines().count(), 2);
        for line in printed.lines() {
            assert_eq!(serde_json::from_str::<Event>(line).unwrap(), event);
        }
    }

    #[test]
    fn a_closed_pipe_is_an_error() {
        let full: &mut [u8] = &mut [];
        let event = event(EventKind::Stopped);
        assert!(matches!(JsonLines::new(full).report(&event), Err(OutputError::Stdout(_))));
    }
}
