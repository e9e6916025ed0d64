//! `ostiary replay`: decides recorded visits again, under the rules that decided them or under changed ones.

use std::ops::ControlFlow;
use std::process::ExitCode;

use anyhow::Context;
use jiff::Timestamp;
use ostiary_config::Config;
use ostiary_control::interface::VarlinkClientInterface;
use ostiary_control::{CallError, Client};
use ostiary_events::{EventFilter, EventStore};
use ostiary_models::UnsupportedFpir;
use ostiary_report::{Difference, ReplaySummary, reason_in_words};

use super::Globals;
use super::failure::Refusal;
use super::output::{json_line, line};
use super::running_door::running_record;
use super::time_argument::{Edge, optional_time};
use crate::replay::{Changes, RecordReplay, is_place, key_of};

/// Decides recorded visits again, with the moments and the rules of the record.
///
/// Without --set every decision is the recorded one; another one is an error of the program. With --set of a key that acts on
/// recorded values, the decisions that would have been others are listed.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  ostiary replay --since 4w\n  ostiary replay --since 4w --set door.fpir=0.002\n  \
                        ostiary replay --set 'hours.cleaners=[\"mon-fri 06:00-08:00\"]'\n\n\
                        Exit code: 0 no decision differs, 1 some do, 2 an error."
)]
pub struct Args {
    /// Only decisions at this time or later: 2026-11-28, "2026-11-28 14:00", 14:00, or an age: 2h, 3d, 4w.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only decisions before this time; with a date, up to the end of that day.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    let config = globals.config()?;
    let changes = Changes::new(globals.set.iter().map(|set| key_of(set)), &config)?;
    let is_changed = !changes.is_empty();
    let since = optional_time("--since", args.since.as_deref(), Edge::Since)?;
    let until = optional_time("--until", args.until.as_deref(), Edge::Until)?;
    // The running door replays its own record with its own people and models.
    let names_models = |key: &str| key.starts_with("models.") || key.starts_with("engine.");
    let is_own = !globals.set.iter().any(|set| names_models(key_of(set)));
    let door = if is_own { running_record(&config)? } else { None };
    let summary = match door {
        Some(client) => replay_by_door(globals, client, [since, until])?,
        None => replay_file(globals, &config, changes, [since, until])?,
    };
    print(globals, &summary, is_changed)?;
    Ok(if summary.others == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Lets the running door replay its record, and prints the differences.
fn replay_by_door(
    globals: &Globals,
    mut client: Client,
    times: [Option<Timestamp>; 2],
) -> anyhow::Result<ReplaySummary> {
    let other_form = "the running door describes a replay in another way than this program";
    let [since, until] = times.map(|time| time.map(|time| time.to_string()));
    let changes = globals.set.iter().filter(|set| !is_place(key_of(set))).cloned().collect();
    let mut call = client.door().replay(since, until, changes);
    for reply in call.more().map_err(CallError::from)? {
        let reply = reply.map_err(CallError::from)?;
        for difference in reply.differences {
            print_difference(globals, &serde_json::from_value(difference).context(other_form)?)?;
        }
        if let Some(summary) = reply.summary {
            return serde_json::from_value(summary).context(other_form);
        }
    }
    anyhow::bail!("the running door ended the replay before its end: see `systemctl status ostiary`")
}

/// Replays the record in its file, and prints the differences.
fn replay_file(
    globals: &Globals,
    config: &Config,
    changes: Changes,
    [since, until]: [Option<Timestamp>; 2],
) -> anyhow::Result<ReplaySummary> {
    // The running door refuses it too.
    let refusal = |error: anyhow::Error| match error.is::<UnsupportedFpir>() {
        true => Refusal(error.to_string()).into(),
        false => error,
    };
    let mut replay = RecordReplay::new(config, changes, since).map_err(refusal)?;
    let store = EventStore::open_read_only(&config.events.path)?;
    let mut printed = Ok(());
    store.decisions(&EventFilter { until, ..EventFilter::default() }, |event| {
        if let Some(difference) = replay.next(&event) {
            printed = print_difference(globals, &difference);
        }
        if printed.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    printed?;
    Ok(replay.finish())
}

fn print_difference(globals: &Globals, difference: &Difference) -> anyhow::Result<()> {
    if globals.json {
        return json_line(difference);
    }
    let Difference { id, person, recorded, replayed, time } = difference;
    let person = person.as_ref().map(|person| format!(" {person}:")).unwrap_or_default();
    let (time, words) = (super::clock::shown(*time), reason_in_words(*replayed));
    line(&format!("#{id} {time}{person} {recorded} -> {words}"))
}

fn print(globals: &Globals, summary: &ReplaySummary, is_changed: bool) -> anyhow::Result<()> {
    if globals.json {
        return json_line(summary);
    }
    let ReplaySummary { same, others, changes, not_decided, repeated } = summary;
    line(&format!("{} made again: {same} the same, {others} others", decisions(same + others)))?;
    for change in changes {
        line(&format!("  {} -> {}: {}", change.recorded, change.replayed, change.number))?;
    }
    for (why, number) in not_decided {
        line(&format!("not decided again, {why}: {number}"))?;
    }
    if *repeated > 0 {
        line(&format!("not decided again, summed with another denial: {repeated}"))?;
    }
    if *others > 0 && !is_changed {
        line(
            "Nothing was changed, so that each decision should be the recorded one: please report this with the record",
        )?;
    }
    Ok(())
}

fn decisions(number: u64) -> String {
    format!("{number} decision{}", if number == 1 { "" } else { "s" })
}
