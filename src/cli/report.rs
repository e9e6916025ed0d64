//! `ostiary report`: what the door measured on itself.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use jiff::tz::TimeZone;
use ostiary_access::Reason;
use ostiary_config::Config;
use ostiary_core::{ModelRole, durable};
use ostiary_events::{Event, EventFilter, EventStore};
use ostiary_models::Bundle;
use ostiary_pipeline::Thresholds;

use super::Globals;
use super::output::{json_line, line};
use super::time_argument::{Edge, optional_time};
use crate::replay::{Changes, Present, Replay, Replayed};
use crate::report::{Collector, OtherFpir, Report, not_replayed, page, sentence};
use crate::wall_clock;

/// The values of `door.fpir` that are tried, as parts of the present one.
const PARTS: [f64; 4] = [2.0, 0.5, 0.2, 0.1];

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
    let store = EventStore::open_read_only(&config.events.path)?;
    let since = optional_time("--since", args.since.as_deref(), Edge::Since)?;
    let mut collector = Collector::new(wall_clock::zone().unwrap_or(TimeZone::UTC));
    let mut others = other_rates(&config);
    let filter = EventFilter { since, ..EventFilter::default() };
    store.decisions(&filter, |event| {
        collector.add(&event);
        others.iter_mut().for_each(|other| other.add(&event));
        ControlFlow::Continue(())
    })?;
    let mut report = collector.finish();
    report.other_fpir = others.into_iter().map(|other| other.found).collect();
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

fn write(file: &Path, page: &str) -> anyhow::Result<()> {
    durable::write(file, page.as_bytes(), 0o600).with_context(|| format!("cannot write {}", file.display()))
}

/// A replay with another `door.fpir`.
struct OtherRate {
    replay: Replay,
    found: OtherFpir,
}

impl OtherRate {
    fn add(&mut self, event: &Event) {
        let (Some(Replayed::Decided(replayed)), Some((recorded, _))) =
            (self.replay.next(event), event.kind.face())
        else {
            return;
        };
        match (recorded == Reason::Granted, replayed == Some(Reason::Granted)) {
            (false, true) => self.found.more_granted += 1,
            (true, false) => self.found.fewer_granted += 1,
            _ => {}
        }
    }
}

/// Replays with other rates that the calibration supports; none without a calibration.
fn other_rates(config: &Config) -> Vec<OtherRate> {
    let Ok(bundle) = Bundle::find(&config.models, config.engine.precision) else { return Vec::new() };
    let Ok(entry) = bundle.entry(ModelRole::Embedder) else { return Vec::new() };
    let Some(fpir) = Thresholds::nearest(entry, config.door.fpir).0.fpir() else { return Vec::new() };
    let rate = |part: f64| {
        let fpir = fpir * part;
        let thresholds = Thresholds::new(entry, Some(fpir)).ok()?;
        let is_extrapolated = thresholds.threshold(1, 1).is_extrapolated;
        let present = Present::of_thresholds(entry.id(), thresholds);
        let found = OtherFpir { fpir, is_extrapolated, more_granted: 0, fewer_granted: 0 };
        Some(OtherRate { replay: Replay::new(Changes::of_fpir(fpir), present), found })
    };
    PARTS.into_iter().filter_map(rate).collect()
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
