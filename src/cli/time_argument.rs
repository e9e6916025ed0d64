//! Times on the command line: absolute, local, or an age.

use anyhow::{Context, bail};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan, ZonedDateTime};
use ostiary_access::ClockFault;

use crate::wall_clock;

/// Which edge of a span of time is meant: it says whether a date is its first or its last moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    Since,
    Until,
}

/// The time that the text of a flag means now, if it is given. Times without a zone are local.
pub fn optional_time(flag: &str, text: Option<&str>, edge: Edge) -> anyhow::Result<Option<Timestamp>> {
    text.map(|text| parse_time(flag, text, edge, &ZonedDateTime::now(), &wall_clock::zone())).transpose()
}

/// The time that `text` means. Times without a zone are in `zone`.
fn parse_time(
    flag: &str,
    text: &str,
    edge: Edge,
    now: &ZonedDateTime,
    zone: &Result<TimeZone, ClockFault>,
) -> anyhow::Result<Timestamp> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    let local = || match zone {
        Ok(zone) => Ok(zone.clone()),
        Err(fault) => bail!("{flag} {text}: {fault}; give the time with its zone, as 2026-11-28T14:00:00Z"),
    };
    // A date also reads as a date with time, and a time alone as neither.
    if let Ok(date) = text.parse::<Date>()
        && !text.contains([':', 'T', 't'])
    {
        let day = if edge == Edge::Until { date.checked_add(1.day())? } else { date };
        return Ok(day.to_zoned_datetime(local()?)?.timestamp());
    }
    if let Ok(time) = text.parse::<DateTime>() {
        return Ok(time.to_zoned_datetime(local()?)?.timestamp());
    }
    if text.contains(':')
        && let Ok(time) = text.parse::<Time>()
    {
        let zone = local()?;
        let today = now.with_time_zone(zone.clone()).date();
        let moment = |date: Date| {
            date.to_datetime(time).to_zoned_datetime(zone.clone()).map(|zoned| zoned.timestamp())
        };
        let time = moment(today)?;
        return Ok(if time > now.timestamp() { moment(today.checked_sub(1.day())?)? } else { time });
    }
    let age = text.strip_suffix("ago").unwrap_or(text).trim().parse::<Span>();
    if let Ok(age) = age
        && age.is_positive()
    {
        let then = now.checked_sub(age).with_context(|| format!("{flag} {text}: too long ago"))?;
        return Ok(then.timestamp());
    }
    bail!(
        "{flag} {text}: not a time; write 2026-11-28T14:00:00Z, 2026-11-28 14:00, 2026-11-28, 14:00, or an age as 2h or 3d"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, edge: Edge) -> anyhow::Result<Timestamp> {
        let now: ZonedDateTime = "2026-11-28T15:00:00+01:00[Europe/Berlin]".parse().unwrap();
        parse_time("--since", text, edge, &now, &Ok(now.time_zone().clone()))
    }

    #[test]
    fn each_form_of_a_time_is_understood() {
        for (text, expected) in [
            ("2026-11-28T14:00:00Z", "2026-11-28T14:00:00Z"),
            ("2026-11-28T14:00:00+01:00", "2026-11-28T13:00:00Z"),
            ("2026-11-28 14:00", "2026-11-28T13:00:00Z"),
            ("2026-11-28T14:00", "2026-11-28T13:00:00Z"),
            ("2026-11-28", "2026-11-27T23:00:00Z"),
            ("14:00", "2026-11-28T13:00:00Z"),
            ("22:00", "2026-11-27T21:00:00Z"),
            ("2h", "2026-11-28T12:00:00Z"),
            ("2h ago", "2026-11-28T12:00:00Z"),
            ("90min", "2026-11-28T12:30:00Z"),
            ("3d", "2026-11-25T14:00:00Z"),
            // Over the change to summer time.
            ("9 months", "2026-02-28T14:00:00Z"),
        ] {
            assert_eq!(parse(text, Edge::Since).unwrap().to_string(), expected, "{text}");
        }
        assert_eq!(parse("2026-11-28", Edge::Until).unwrap().to_string(), "2026-11-28T23:00:00Z");
    }

    #[test]
    fn a_bad_time_is_named() {
        for text in ["", "yesterday", "-2h", "0h", "25:00", "2026-13-01", "2026-11-31", "5", "99999999 years"]
        {
            let error = parse(text, Edge::Since).unwrap_err().to_string();
            assert!(error.starts_with(&format!("--since {text}")), "{error}");
        }
    }

    #[test]
    fn a_local_time_needs_a_zone() {
        let now: ZonedDateTime = "2026-11-28T15:00:00+01:00[Europe/Berlin]".parse().unwrap();
        let zone = Err(ClockFault::ZoneUnknown { place: "TZ=x".into(), why: "no such zone".into() });
        let parse = |text| parse_time("--since", text, Edge::Since, &now, &zone);
        assert!(parse("2026-11-28T14:00:00Z").is_ok() && parse("2h").is_ok());
        for text in ["2026-11-28", "14:00", "2026-11-28 14:00"] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains("TZ=x") && error.contains("with its zone"), "{error}");
        }
    }
}
