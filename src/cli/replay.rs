//! `ostiary replay`: decides recorded visits again, under the rules that decided them or under changed ones.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::process::ExitCode;

use ostiary_access::Reason;
use ostiary_config::{AlikePeople, Config, Hours};
use ostiary_core::ModelRole;
use ostiary_events::{Event, EventFilter, EventStore};
use ostiary_facebank::Facebank;
use ostiary_models::Bundle;
use ostiary_pipeline::Thresholds;
use serde_json::json;

use super::Globals;
use super::output::{json_line, line};
use super::time_argument::{Edge, optional_time};
use crate::replay::{Changes, Present, Replay, Replayed};
use crate::wall_clock;

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
    let names =
        globals.set.iter().map(|set| set.split_once('=').map_or(set.as_str(), |(name, _)| name.trim()));
    let changes = Changes::new(names, &config)?;
    let is_changed = !changes.is_empty();
    let since = optional_time("--since", args.since.as_deref(), Edge::Since)?;
    let until = optional_time("--until", args.until.as_deref(), Edge::Until)?;
    let present = present(&config, &changes)?;
    let mut replay = Replay::new(changes, present);
    let store = EventStore::open_read_only(&config.events.path)?;
    let mut summary = Summary::default();
    let mut printed = Ok(());
    // Earlier decisions than `since` are decided too: a cool-down follows from the grant before.
    let filter = EventFilter { until, ..EventFilter::default() };
    store.decisions(&filter, |event| {
        let Some(replayed) = replay.next(&event) else { return ControlFlow::Continue(()) };
        if since.is_some_and(|since| event.time < since) {
            return ControlFlow::Continue(());
        }
        printed = summary.add(globals, &event, replayed);
        if printed.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    printed?;
    summary.print(globals, is_changed)?;
    Ok(if summary.others == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// What changed values are computed from. The recorded rules need neither models nor people.
fn present(config: &Config, changes: &Changes) -> anyhow::Result<Present> {
    let mut present =
        Present { hours: Hours::parse(&config.hours)?, zone: wall_clock::zone().ok(), ..Present::default() };
    let are_alike_needed = changes.alike == Some(AlikePeople::Refuse);
    if changes.fpir.is_some() || are_alike_needed {
        let bundle = Bundle::find(&config.models, config.engine.precision)?;
        let entry = bundle.entry(ModelRole::Embedder)?;
        let thresholds = match changes.fpir {
            Some(fpir) => Thresholds::new(entry, Some(fpir))?,
            None => Thresholds::nearest(entry, config.door.fpir).0,
        };
        present.thresholds = Some((entry.id(), thresholds));
    }
    if config.facebank.path.exists() {
        let facebank = Facebank::open_read_only(&config.facebank.path)?;
        let people = facebank.people()?.into_iter();
        present.groups = people.map(|summary| (summary.person.id, summary.person.group)).collect();
        if let Some((model, thresholds)) = present.thresholds.as_ref().filter(|_| are_alike_needed) {
            let gallery = thresholds.load_gallery(&facebank, model)?;
            let alike = gallery.people().filter(|person| gallery.alike(person.id).is_some());
            present.alike = alike.map(|person| person.id).collect();
        }
    }
    Ok(present)
}

/// What a replay found.
#[derive(Default)]
struct Summary {
    same: u64,
    others: u64,
    /// Number of decisions by recorded and replayed reason.
    changes: BTreeMap<(String, String), u64>,
    /// Number of decisions that cannot be decided again, by the reason.
    not_decided: BTreeMap<String, u64>,
    /// Number of denials that were summed with another one, which alone is decided again.
    repeated: u64,
}

impl Summary {
    fn add(&mut self, globals: &Globals, event: &Event, replayed: Replayed) -> anyhow::Result<()> {
        let Some((recorded, _)) = event.kind.face() else { return Ok(()) };
        self.repeated += u64::from(event.kind.further_denials());
        let now = match replayed {
            Replayed::NotDecided(why) => {
                *self.not_decided.entry(why.to_string()).or_default() += 1;
                return Ok(());
            }
            Replayed::Decided(now) if now == Some(recorded) => {
                self.same += 1;
                return Ok(());
            }
            Replayed::Decided(now) => now,
        };
        self.others += 1;
        let words = shown(now);
        *self.changes.entry((recorded.to_string(), words.clone())).or_default() += 1;
        let person = event.kind.person();
        if globals.json {
            return json_line(
                &json!({ "id": event.id, "time": event.time, "person": person, "recorded": recorded, "replayed": now }),
            );
        }
        let person = person.map(|person| format!(" {person}:")).unwrap_or_default();
        line(&format!("#{} {}{person} {recorded} -> {words}", event.id, super::clock::shown(event.time)))
    }

    fn print(&self, globals: &Globals, is_changed: bool) -> anyhow::Result<()> {
        let Self { same, others, changes, not_decided, repeated } = self;
        if globals.json {
            let changes: Vec<_> = changes
                .iter()
                .map(|((recorded, replayed), number)| json!({ "recorded": recorded, "replayed": replayed, "number": number }))
                .collect();
            return json_line(&json!({
                "same": same, "others": others, "changes": changes, "not_decided": not_decided, "repeated": repeated,
            }));
        }
        line(&format!("{} made again: {same} the same, {others} others", decisions(same + others)))?;
        for ((recorded, replayed), number) in changes {
            line(&format!("  {recorded} -> {replayed}: {number}"))?;
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
}

fn shown(reason: Option<Reason>) -> String {
    reason.map_or_else(|| "no decision".to_owned(), |reason| reason.to_string())
}

fn decisions(number: u64) -> String {
    format!("{number} decision{}", if number == 1 { "" } else { "s" })
}
