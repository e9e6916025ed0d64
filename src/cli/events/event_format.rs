//! How events are printed: as sentences, JSON lines or CSV.

use anyhow::Context;
use jiff::tz::TimeZone;
use ostiary_events::{Event, sentence};
use serde_json::Value;

use crate::cli::output::{json_line, line};

/// The columns of the table: fields of the JSON, in its order but for the last one, which is newer, without the measures of quality and the counts of tests of
/// liveness.
const COLUMNS: [&str; 25] = [
    "id",
    "time",
    "kind",
    "door",
    "reason",
    "person",
    "track",
    "similarity",
    "cosine",
    "second",
    "threshold",
    "faces_in_view",
    "frames",
    "latency_ms",
    "model",
    "detail",
    "count",
    "until",
    "action",
    "uid",
    "sudo_uid",
    "via",
    "mode",
    "command",
    "token",
];

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
            EventFormat::Csv => line(&csv_row(COLUMNS)?),
            EventFormat::Text | EventFormat::Json => Ok(()),
        }
    }

    /// Prints one event.
    pub fn print(&mut self, event: &Event) -> anyhow::Result<()> {
        match self.format {
            EventFormat::Text => line(&text(event, &self.zone)),
            EventFormat::Json => json_line(event),
            EventFormat::Csv => line(&csv_row(cells(event)?)?),
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

fn cells(event: &Event) -> anyhow::Result<Vec<String>> {
    let object = serde_json::to_value(event)?;
    Ok(COLUMNS
        .iter()
        .map(|column| match object.get(column) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => no_formula(text),
            Some(value) => value.to_string(),
        })
        .collect())
}

/// The text with an apostrophe before it if a spreadsheet would take it for a formula: names, and what was told of a failure, come
/// from outside. Numbers are no texts.
fn no_formula(text: &str) -> String {
    let apostrophe = if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { "'" } else { "" };
    format!("{apostrophe}{text}")
}

/// A row without its line feed, which the caller prints. Its carriage return is part of the row.
fn csv_row(cells: impl IntoIterator<Item = impl AsRef<[u8]>>) -> anyhow::Result<String> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(cells)?;
    let row = String::from_utf8(writer.into_inner().context("a row cannot be written")?)?;
    Ok(row.trim_end_matches('\n').to_owned())
}

#[cfg(test)]
mod tests {
    use ostiary_events::{EventKind, Grant};
    use ostiary_testkit::evidence;

    use super::*;

    fn granted(person: &str) -> Event {
        let kind = EventKind::Granted(Grant::Face { person: Some(person.into()), evidence: evidence() });
        Event { id: 7, ..Event::new(kind, "2026-11-28T13:00:03.5Z".parse().unwrap(), "front") }
    }

    #[test]
    fn a_line_has_the_local_time_and_no_control_characters() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let text = text(&granted("Ann\u{1b}[2J\nBob"), &zone);
        assert!(text.starts_with("2026-11-28 14:00:03 CET  Let Ann [2J Bob in: "), "{text}");
    }

    #[test]
    fn no_text_is_a_formula_of_a_spreadsheet_and_numbers_stay() {
        let person = |person: &str| cells(&granted(person)).unwrap()[5].clone();
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"] {
            assert_eq!(person(text), format!("'{text}"));
        }
        for text in ["Ann", "'=1", "Ann=1", "Ann-Lee", "", " =1"] {
            assert_eq!(person(text), text);
        }
        let evidence =
            ostiary_events::Evidence { cosine: Some(ostiary_core::Similarity(-0.25)), ..evidence() };
        let kind = EventKind::Granted(Grant::Face { person: None, evidence });
        let number = Event::new(kind, "2026-11-28T13:00:03.5Z".parse().unwrap(), "=front");
        let cells = cells(&number).unwrap();
        assert_eq!((cells[8].as_str(), cells[3].as_str()), ("-0.25", "'=front"));
    }

    #[test]
    fn a_row_quotes_as_rfc_4180_and_has_all_columns() {
        let row = csv_row(cells(&granted("Ann, \"Annie\"\nLee")).unwrap()).unwrap();
        assert!(
            row.starts_with("7,2026-11-28T13:00:03.5Z,granted,front,granted,\"Ann, \"\"Annie\"\"\nLee\","),
            "{row}"
        );
        assert!(row.ends_with(",,,,,,,\r"), "{row:?}");
        // Each field of the JSON but the measures of quality has a column.
        let object = serde_json::to_value(granted("Ann")).unwrap();
        for field in object.as_object().unwrap().keys().filter(|field| *field != "quality") {
            assert!(COLUMNS.contains(&field.as_str()), "{field}");
        }
    }
}
