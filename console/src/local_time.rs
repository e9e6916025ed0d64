//! Times in the zone of the board, as pages show them and forms give them.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// Which edge of a span of time is meant: it says whether a date is its first or its last moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// The beginning.
    From,
    /// The end.
    Until,
}

/// A time as people read it: `2026-11-28 14:00:03 CET`.
pub fn shown(time: Timestamp) -> String {
    time.to_zoned_datetime(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}

/// The time that a field of a form means, `2026-11-28T14:00` or `2026-11-28`; `None` if it is none.
pub fn parse(text: &str, edge: Edge) -> Option<Timestamp> {
    parse_in(text, edge, TimeZone::system())
}

fn parse_in(text: &str, edge: Edge, zone: TimeZone) -> Option<Timestamp> {
    let time = match text.parse::<Date>() {
        // A date also reads as the date of a date with time.
        Ok(date) if !text.contains([':', 'T', 't']) => match edge {
            Edge::From => date.to_datetime(Default::default()),
            Edge::Until => date.checked_add(1.day()).ok()?.to_datetime(Default::default()),
        },
        _ => text.parse::<DateTime>().ok()?,
    };
    Some(time.to_zoned_datetime(zone).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_forms_are_local_times() {
        let parse = |text, edge| {
            let zone = TimeZone::get("Europe/Berlin").unwrap();
            parse_in(text, edge, zone).map(|time| time.to_string())
        };
        for (text, edge, expected) in [
            ("2026-11-28T14:00", Edge::From, "2026-11-28T13:00:00Z"),
            ("2026-11-28T14:00:30", Edge::Until, "2026-11-28T13:00:30Z"),
            ("2026-11-28", Edge::From, "2026-11-27T23:00:00Z"),
            ("2026-11-28", Edge::Until, "2026-11-28T23:00:00Z"),
            // In the hour that the change to summer time leaves out.
            ("2026-03-29T02:30", Edge::From, "2026-03-29T01:30:00Z"),
        ] {
            assert_eq!(parse(text, edge).as_deref(), Some(expected), "{text}");
        }
        for bad in ["", "yesterday", "2026-13-01", "14:00", "2026-11-28T25:00", "<b>"] {
            assert_eq!(parse(bad, Edge::From), None, "{bad}");
        }
    }
}
