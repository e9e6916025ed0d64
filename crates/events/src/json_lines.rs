//! Events and prompts as JSON, one a line.

use std::io::{self, Stdout, Write};

use serde::Serialize;

use super::{Event, EventSink, OutputError, PromptMessage};

/// Prints events and prompts to standard output, or to another writer.
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

    fn print(&mut self, value: &impl Serialize) -> Result<(), OutputError> {
        let mut line = serde_json::to_vec(value).map_err(|error| OutputError::Stdout(error.into()))?;
        line.push(b'\n');
        self.0.write_all(&line).and_then(|()| self.0.flush()).map_err(OutputError::Stdout)
    }
}

impl<W: Write + Send> EventSink for JsonLines<W> {
    fn report(&mut self, event: &Event) -> Result<(), OutputError> {
        self.print(event)
    }

    fn shows_prompts(&self) -> bool {
        true
    }

    fn prompt(&mut self, prompt: &PromptMessage) -> Result<(), OutputError> {
        self.print(prompt)
    }

    fn describe(&self) -> String {
        "json lines".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use ostiary_core::{Direction, Prompt};

    use super::*;
    use crate::testing::event;
    use crate::{EventKind, PromptText};

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
    fn a_prompt_and_its_end_are_lines_that_are_no_events() {
        let time = "2026-11-29T08:15:00Z".parse().unwrap();
        let message = |prompt| PromptMessage { time, door: "front".to_owned(), prompt };
        let left = Prompt::Turn(Direction::Left);
        let mut printed = Vec::new();
        let mut output = JsonLines::new(&mut printed);
        assert!(output.shows_prompts());
        let text = "Tournez la tête vers la gauche.".to_owned();
        output.prompt(&message(Some(PromptText { prompt: left, text }))).unwrap();
        output.prompt(&message(None)).unwrap();
        let printed = String::from_utf8(printed).unwrap();
        let expected = [
            r#"{"prompt":"turn_left","text":"Tournez la tête vers la gauche.","door":"front","time":"2026-11-29T08:15:00Z"}"#,
            r#"{"prompt":null,"text":null,"door":"front","time":"2026-11-29T08:15:00Z"}"#,
        ];
        assert_eq!(printed.lines().collect::<Vec<_>>(), expected);
        assert!(printed.lines().all(|line| serde_json::from_str::<Event>(line).is_err()));
    }

    #[test]
    fn a_closed_pipe_is_an_error() {
        let full: &mut [u8] = &mut [];
        let event = event(EventKind::Stopped);
        assert!(matches!(JsonLines::new(full).report(&event), Err(OutputError::Stdout(_))));
    }
}
