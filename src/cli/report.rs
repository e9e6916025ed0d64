//! `ostiary report`: what the door measured on itself.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use jiff::Timestamp;
use ostiary_config::Config;
use ostiary_control::interface::VarlinkClientInterface;
use ostiary_control::{CallError, Client};
use ostiary_core::durable;
use ostiary_events::{EventFilter, EventStore};
use ostiary_report::{Report, not_replayed, sentence};

use super::Globals;
use super::output::{json_line, line};
use super::running_door::running_record;
use super::time_argument::{Edge, optional_time};
use crate::report::{Measurement, page};

/// Shows what the door measured on itself: visits, similarities, the rate that its own strangers support, and how often each person
/// was not recognized.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ostiary report --since 4w\n  ostiary report --html report.html")]
pub struct Args {
    /// Only visits at this time or later: 2026-11-28, "2026-11-28 14:00", 14:00, or an age: 2h, 3d, 4w.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Also write a page with plots to this file. It names people: keep it safe.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    let config = globals.config()?;
    let since = optional_time("--since", args.since.as_deref(), Edge::Since)?;
    let report = match running_record(&config)? {
        Some(client) => from_door(client, since)?,
        None => from_file(&config, since)?,
    };
    if let Some(file) = &args.html {
        write(file, &page(&config.door.name, &report))?;
    }
    if globals.json {
        json_line(&report)?
    } else {
        print(&report)?
    }
    Ok(ExitCode::SUCCESS)
}

/// The report of the running door.
fn from_door(mut client: Client, since: Option<Timestamp>) -> anyhow::Result<Report> {
    let reply = client.door().get_report(since.map(|since| since.to_string())).call();
    serde_json::from_value(reply.map_err(CallError::from)?.report)
        .context("the running door describes its report in another way than this program")
}

/// The report of the record in its file.
fn from_file(config: &Config, since: Option<Timestamp>) -> anyhow::Result<Report> {
    let store = EventStore::open_read_only(&config.events.path)?;
    let mut measurement = Measurement::new(config);
    store.decisions(&EventFilter { since, ..EventFilter::default() }, |event| {
        measurement.add(&event);
        ControlFlow::Continue(())
    })?;
    Ok(measurement.finish())
}

fn write(file: &Path, page: &str) -> anyhow::Result<()> {
    durable::write(file, page.as_bytes(), 0o600).with_context(|| format!("cannot write {}", file.display()))
}

fn print(report: &Report) -> anyhow::Result<()> {
    let Report { times, visits, repeated, granted, denied, excess, people, weeks, other_fpir, .. } = report;
    let Some([first, last]) = times else { return line("The record has no visit yet.") };
    line(&format!(
        "Visits from {} to {}: {visits}",
        super::clock::shown(*first),
        super::clock::shown(*last)
    ))?;
    line(&format!("  let in: {granted}"))?;
    for (reason, number) in denied {
        line(&format!("  {reason}: {number}"))?;
    }
    if *repeated > 0 {
        line(&format!("  further denials, summed with one of these visits: {repeated}"))?;
    }
    line(&format!("\n{}", sentence(report)))?;
    line("\nSimilarity minus threshold   strangers   let in")?;
    for ((from, strangers), (_, granted)) in excess.strangers.bins().zip(excess.granted.bins()) {
        if strangers > 0 || granted > 0 {
            line(&format!("  {from:+.2} to {:+.2}            {strangers:>9} {granted:>8}", from + 0.05))?;
        }
    }
    if !people.is_empty() {
        line("\nPeople: visits, not recognized, share with 95 % interval")?;
    }
    for person in people {
        let [low, high] = person.interval.map(|end| 100.0 * end);
        let (name, visits, refused, fnir) =
            (&person.name, person.visits, person.refused, 100.0 * person.fnir);
        line(&format!("  {name}: {visits}, {refused}, {fnir:.1} % ({low:.1} to {high:.1} %)"))?;
    }
    if !weeks.is_empty() {
        line("\nWeeks: let in with the median of similarity minus threshold, strangers with the highest")?;
    }
    for week in weeks {
        let number = |value: Option<f32>| value.map_or("-".to_owned(), |value| format!("{value:+.2}"));
        let (granted, strangers) = (number(week.granted_median), number(week.strangers_highest));
        line(&format!("  {}: {} {granted}, {} {strangers}", week.begins, week.granted, week.strangers))?;
    }
    if !other_fpir.is_empty() {
        line("\nOther values of door.fpir: grants more, grants fewer")?;
    }
    for other in other_fpir {
        let mark = if other.is_extrapolated { " (extrapolated)" } else { "" };
        line(&format!("  {:.2e}{mark}: {}, {}", other.fpir, other.more_granted, other.fewer_granted))?;
    }
    if let Some(not_replayed) = not_replayed(report).filter(|_| !other_fpir.is_empty()) {
        line(&format!("  {not_replayed}"))?;
    }
    Ok(())
}
