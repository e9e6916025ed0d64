//! Events as JSON, one a line.

use std::io::{self, Stdout, Write};

use super::{Event, Output, OutputError};

/// Prints events to standard output, or to another writer.
pub struct JsonLines<W = Stdout>(W);

impl JsonLines {
    /// To standard output.
    pub fn stdout() -> Self {
        Self(io::stdout())
    }
}

impl<W: Write + Send> JsonLines<W> {
    /// To this writer.
    pub fn new(writer: W) -> Self {
        Self(writer)
    }
}

impl<W: Write + Send> Output for JsonLines<W> {
    fn tell(&mut self, event: &Event) -> Result<(), OutputError> {
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

    #[test]
    fn an_event_is_one_line_and_reads_back() {
        let detail = Some("two\nlines".to_owned());
        let event = Event { detail, ..Event::new(EventKind::Started, jiff::Timestamp::UNIX_EPOCH, "front") };
        let mut printed = Vec::new();
        let mut output = JsonLines::new(&mut printed);
        output.tell(&event).unwrap();
        output.tell(&event).unwrap();
        let printed = String::from_utf8(printed).unwrap();
        assert_eq!(printed.lines().count(), 2);
        for line in printed.lines() {
            assert_eq!(serde_json::from_str::<Event>(line).unwrap(), event);
        }
    }

    #[test]
    fn a_closed_pipe_is_told() {
        let full: &mut [u8] = &mut [];
        let event = Event::new(EventKind::Started, jiff::Timestamp::UNIX_EPOCH, "front");
        assert!(matches!(JsonLines::new(full).tell(&event), Err(OutputError::Stdout(_))));
    }
}
