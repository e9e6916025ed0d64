//! Events as a table: a row of CSV for each (RFC 4180).

use serde_json::Value;

use super::Event;

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

/// The row with the names of the columns, without its line feed.
pub fn table_head() -> String {
    row(COLUMNS.into_iter().map(str::to_owned))
}

/// The row of an event, without its line feed.
///
/// # Errors
/// Never for an event that was read from a record or from the control API.
pub fn table_row(event: &Event) -> serde_json::Result<String> {
    Ok(row(cells(event)?.into_iter()))
}

fn cells(event: &Event) -> serde_json::Result<Vec<String>> {
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

/// A row. Its carriage return is part of it.
fn row(cells: impl Iterator<Item = String>) -> String {
    let mut row = cells.map(quoted).collect::<Vec<_>>().join(",");
    row.push('\r');
    row
}

/// A cell in quotes, if it needs them.
fn quoted(cell: String) -> String {
    match cell.contains(['"', ',', '\r', '\n']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell,
    }
}

#[cfg(test)]
mod tests {
    use ostiary_core::Similarity;

    use super::*;
    use crate::testing::{event, evidence};
    use crate::{EventKind, Evidence, Grant};

    fn granted(person: &str) -> Event {
        let kind = EventKind::Granted(Grant::Face { person: Some(person.into()), evidence: evidence() });
        Event {
            id: 7,
            time: "2026-11-28T13:00:03.5Z".parse().unwrap(),
            door: "front".to_owned(),
            ..event(kind)
        }
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
        let evidence = Evidence { cosine: Some(Similarity(-0.25)), ..evidence() };
        let kind = EventKind::Granted(Grant::Face { person: None, evidence });
        let cells = cells(&Event { door: "=front".to_owned(), ..event(kind) }).unwrap();
        assert_eq!((cells[8].as_str(), cells[3].as_str()), ("-0.25", "'=front"));
    }

    #[test]
    fn a_row_quotes_as_rfc_4180_and_has_all_columns() {
        let row = table_row(&granted("Ann, \"Annie\"\nLee")).unwrap();
        assert!(
            row.starts_with("7,2026-11-28T13:00:03.5Z,granted,front,granted,\"Ann, \"\"Annie\"\"\nLee\","),
            "{row}"
        );
        assert!(row.ends_with(",,,,,,,\r"), "{row:?}");
        assert_eq!(table_head().split(',').count(), COLUMNS.len());
        // Each field of the JSON but the measures of quality has a column.
        let object = serde_json::to_value(granted("Ann")).unwrap();
        for field in object.as_object().unwrap().keys().filter(|field| *field != "quality") {
            assert!(COLUMNS.contains(&field.as_str()), "{field}");
        }
    }
}
