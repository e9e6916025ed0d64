//! How events are printed: as sentences, JSON lines or CSV.

use jiff::tz::TimeZone;
use ostiary_events::{Event, sentence, table_head, table_row};

use crate::cli::output::{json_line, line};

/// How events are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EventFormat {
    /// The local time and a sentence.
    Text,
    /// One JSON object per line.
    Json,
    /// A table, RFC 4180.
    Csv,
}

/// Prints events to standard output.
pub(super) struct Printer {
    format: EventFormat,
    zone: TimeZone,
}

impl Printer {
    pub fn new(format: EventFormat, zone: TimeZone) -> Self {
        Self { format, zone }
    }

    /// Prints what comes before the first event.
    pub fn begin(&self) -> anyhow::Result<()> {
        match self.format {
            EventFormat::Csv => line(&table_head()),
            EventFormat::Text | EventFormat::Json => Ok(()),
        }
    }

    /// Prints one event.
    pub fn print(&mut self, event: &Event) -> anyhow::Result<()> {
        match self.format {
            EventFormat::Text => line(&text(event, &self.zone)),
            EventFormat::Json => json_line(event),
            EventFormat::Csv => line(&table_row(event)?),
        }
    }
}

/// `2026-11-28 14:00:03 CET  Let Ann in: ...`
fn text(event: &Event, zone: &TimeZone) -> String {
    let time = event.time.to_zoned_datetime(zone.clone());
    let text = format!("{}  {}", time.strftime("%Y-%m-%d %H:%M:%S %Z"), sentence(event));
    // A name or an outside error must not change the terminal or the line.
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use ostiary_events::{EventKind, Grant};
    use ostiary_testkit::evidence;

    use super::*;

    #[test]
    fn a_line_has_the_local_time_and_no_control_characters() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let person = Some("Ann\u{1b}[2J\nBob".to_owned());
        let kind = EventKind::Granted(Grant::Face { person, evidence: evidence() });
        let event = Event::new(kind, "2026-11-28T13:00:03.5Z".parse().unwrap(), "front");
        let text = text(&event, &zone);
        assert!(text.starts_with("2026-11-28 14:00:03 CET  Let Ann [2J Bob in: "), "{text}");
    }
}
