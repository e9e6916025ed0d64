//! The report: what the door measured on itself, with the sentences and numbers of `ostiary report`.

use std::time::Duration;

use askama::Template;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use ostiary_control::interface::GetReport_Reply;
use ostiary_report::{Histogram, Report, not_replayed, sentence};
use serde::Deserialize;
use serde_json::json;

use crate::local_time;
use crate::page_error::PageError;
use crate::reason;
use crate::visit::{Layout, Visit, page_with};

/// How long the door may take: it reads all of the record, no faster than it has time for.
const ANSWER_TIME: Duration = Duration::from_secs(150);
/// The spans of time, with the identifiers of their texts, days; none for all.
const SPANS: [(&str, &str, Option<i64>); 4] = [
    ("day", "report-day", Some(1)),
    ("week", "report-week", Some(7)),
    ("month", "report-month", Some(28)),
    ("all", "report-all", None),
];
/// The span without a choice.
const USUAL: &str = "week";
/// The width of the longest bar.
const BAR: u32 = 100;

#[derive(Template)]
#[template(path = "report.html")]
struct ReportPage {
    layout: Layout,
    /// The spans, each with whether it is chosen.
    spans: Vec<(&'static str, &'static str, bool)>,
    is_bad_span: bool,
    shown: Option<Shown>,
}

/// The report as the page has it.
struct Shown {
    /// The times of the first and the last visit; none without visits.
    times: Option<[String; 2]>,
    visits: u64,
    granted: u64,
    repeated: u64,
    /// Denials by their reasons.
    denied: Vec<(String, u64)>,
    /// What the visits of strangers show, in English as `ostiary report` has it.
    sentence: String,
    /// The visit of a stranger that came nearest.
    nearest: Option<u64>,
    bins: Vec<Bin>,
    people: Vec<Person>,
    weeks: Vec<Week>,
    rates: Vec<Rate>,
    not_replayed: Option<String>,
}

/// A bin of the histograms.
struct Bin {
    range: String,
    strangers: u32,
    /// The width of its bar.
    strangers_bar: u32,
    granted: u32,
    granted_bar: u32,
}

struct Person {
    name: String,
    visits: u64,
    refused: u64,
    share: String,
    interval: String,
}

struct Week {
    begins: String,
    granted: u64,
    median: String,
    strangers: u64,
    highest: String,
}

struct Rate {
    fpir: String,
    is_extrapolated: bool,
    more: u64,
    fewer: u64,
}

/// The span that a person chooses.
#[derive(Deserialize)]
pub struct Chosen {
    #[serde(default)]
    span: Option<String>,
}

/// `GET /report`
///
/// # Errors
/// The door does not answer.
pub async fn show(visit: Visit, Query(chosen): Query<Chosen>) -> Result<Response, PageError> {
    let chosen = chosen.span.unwrap_or_else(|| USUAL.to_owned());
    let found = SPANS.iter().find(|(name, ..)| *name == chosen);
    let shown = match found {
        Some((.., days)) => Some(Shown::new(&visit, report(&visit, *days).await?)),
        None => None,
    };
    let status = if shown.is_some() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let template = ReportPage {
        layout: visit.layout("report-title"),
        spans: SPANS.iter().map(|(name, text, _)| (*name, *text, *name == chosen)).collect(),
        is_bad_span: shown.is_none(),
        shown,
    };
    page_with(status, &template)
}

async fn report(visit: &Visit, days: Option<i64>) -> Result<Report, PageError> {
    let since =
        days.and_then(|days| Timestamp::now().checked_sub(SignedDuration::from_hours(24 * days)).ok());
    let asked = json!({ "since": since.map(|since| since.to_string()) });
    let called = visit.long_door(ANSWER_TIME, |door| door.call::<GetReport_Reply>("GetReport", asked));
    serde_json::from_value(called.await?.report).map_err(PageError::internal)
}

impl Shown {
    fn new(visit: &Visit, report: Report) -> Self {
        let texts = visit.texts();
        let reason = |name: String| {
            let text = reason::of(&name).map(reason::text).zip(texts);
            text.map_or(name, |(id, texts)| texts.t(id))
        };
        let difference =
            |value: Option<f32>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:+.2}"));
        Self {
            times: report.times.map(|times| times.map(local_time::shown)),
            sentence: sentence(&report),
            not_replayed: not_replayed(&report),
            bins: bins(&report.excess.strangers, &report.excess.granted),
            nearest: report.strangers.nearest.map(|nearest| nearest.event),
            visits: report.visits,
            granted: report.granted,
            repeated: report.repeated,
            denied: report.denied.into_iter().map(|(name, number)| (reason(name), number)).collect(),
            people: report
                .people
                .into_iter()
                .map(|person| {
                    let [low, high] = person.interval.map(|end| 100.0 * end);
                    Person {
                        name: person.name,
                        visits: person.visits,
                        refused: person.refused,
                        share: format!("{:.1} %", 100.0 * person.fnir),
                        interval: format!("{low:.1} – {high:.1} %"),
                    }
                })
                .collect(),
            weeks: report
                .weeks
                .into_iter()
                .map(|week| Week {
                    begins: week.begins.to_string(),
                    granted: week.granted,
                    median: difference(week.granted_median),
                    strangers: week.strangers,
                    highest: difference(week.strangers_highest),
                })
                .collect(),
            rates: report
                .other_fpir
                .into_iter()
                .map(|rate| Rate {
                    fpir: format!("{:.2e}", rate.fpir),
                    is_extrapolated: rate.is_extrapolated,
                    more: rate.more_granted,
                    fewer: rate.fewer_granted,
                })
                .collect(),
        }
    }
}

/// The bins with counts. A bar is longest for the highest count of both histograms.
fn bins(strangers: &Histogram, granted: &Histogram) -> Vec<Bin> {
    let highest = strangers.highest().max(granted.highest()).max(1);
    let bar = |count: u32| (u64::from(count) * u64::from(BAR)).div_ceil(u64::from(highest)) as u32;
    let pairs = strangers.bins().zip(granted.bins());
    let filled = pairs.filter(|((_, strangers), (_, granted))| *strangers > 0 || *granted > 0);
    filled
        .map(|((from, strangers), (_, granted))| Bin {
            range: format!("{from:+.2} … {:+.2}", from + Histogram::WIDTH),
            strangers,
            strangers_bar: bar(strangers),
            granted,
            granted_bar: bar(granted),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_in_proportion_and_empty_bins_are_left_out() {
        let (mut strangers, mut granted) = (Histogram::default(), Histogram::default());
        for value in [-0.32, -0.31, -0.33] {
            strangers.add(value);
        }
        granted.add(0.11);
        let bins = bins(&strangers, &granted);
        let shown: Vec<_> =
            bins.iter().map(|bin| (bin.range.as_str(), bin.strangers_bar, bin.granted_bar)).collect();
        assert_eq!(shown, [("-0.35 … -0.30", 100, 0), ("+0.10 … +0.15", 0, 34)]);
    }
}
