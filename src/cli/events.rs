//! `ostiary events`: reads the record of events, also while the daemon runs, and verifies its trail.

mod api_event;
mod erase;
mod event_format;
mod event_record;
mod follow;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::Subcommand;
use event_format::{EventFormat, Printer};
use event_record::EventRecord;
use jiff::tz::TimeZone;
use ostiary_access::{DenialReason, Reason};
use ostiary_events::EventFilter;

pub use api_event::from_api;

use super::Globals;
use super::failure::Refusal;
use super::time_argument::{Edge, optional_time};
use crate::wall_clock;

#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  ostiary events --since 2h\n  ostiary events --person Ann --since 2026-11-01 --until 2026-11-30\n  \
                  ostiary events --reason unknown --csv > unknown.csv\n  ostiary events --follow --limit 10\n\n\
                  A TIME is 2026-11-28T14:00:00Z, 2026-11-28 14:00, 2026-11-28, 14:00 (the last time that it was), or an \
                  age: 2h, 3d, 90min. Times without a zone are local.\n\n\
                  Exit code: 0 events were printed, or none fit, 1 nobody of the given name is in the record, 2 an error."
)]
pub struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Only events at this time or later.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only events before this time; with a date, up to the end of that day.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Only events of the person who has or had this name, also under another name before or after a renaming.
    #[arg(long, value_name = "NAME")]
    person: Option<String>,
    /// Only grants and denials for this reason, for example unknown.
    #[arg(long, value_name = "REASON")]
    reason: Option<String>,
    /// Only the newest N of these.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Print a table as CSV (RFC 4180).
    #[arg(long)]
    csv: bool,
    /// Then print new events as they are recorded, until interrupted.
    #[arg(long)]
    follow: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Check that no event up to the last signed head was changed, added or removed since it was recorded.
    ///
    /// The trail of the events is computed again from the record, and compared with the last signed head in the store and,
    /// with --head, with one that was kept elsewhere: the retained topic `head` of MQTT, or the journal. Only a head from
    /// elsewhere shows that all of the record was replaced. Events after the last head, which is signed every hour, are
    /// compared with the trail beside them only.
    #[command(after_help = "Examples:\n  sudo ostiary events verify\n  \
                            mosquitto_sub -t ostiary/front/head -C 1 > head; ostiary events verify --head head\n\n\
                            Exit code: 0 everything fits, 1 something does not, 2 an error.")]
    Verify {
        /// A signed head that was kept elsewhere; - for standard input.
        #[arg(long, value_name = "FILE")]
        head: Option<PathBuf>,
    },
    /// Erase what the record says of a person.
    ///
    /// Of each event about the person only its number, time and door are left, and all other events can still be verified. An
    /// event says how many were erased, and the user id of who did it. The state of
    /// the door in MQTT, which its broker keeps, is published again without the name: by the running door within a second, or at the
    /// next start. What others have kept of it, and the journal, is not changed.
    #[command(after_help = "Example:\n  ostiary people remove Ann; ostiary events erase Ann\n\n\
                            Exit code: 0 events were erased, 1 nobody of the given name is in the record, 2 an error.")]
    Erase {
        /// The name, as the record has it; after a renaming also the name before.
        name: String,
    },
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    let config = globals.config()?;
    match &args.verb {
        Some(Verb::Verify { head }) => return verify::run(globals, &config.events.path, head.as_deref()),
        Some(Verb::Erase { name }) => return erase::run(globals, name),
        None => {}
    }
    if args.csv && globals.json {
        bail!("--csv and --json exclude each other: remove one");
    }
    let filter = filter(&args)?;
    let format = match (globals.json, args.csv) {
        (true, _) => EventFormat::Json,
        (_, true) => EventFormat::Csv,
        _ => EventFormat::Text,
    };
    let mut printer = Printer::new(format, local_zone());
    let mut record = EventRecord::open(&config)?;
    printer.begin()?;
    let mut after = record.last_id()?;
    let mut is_found = false;
    record.find(&filter, args.limit, |event| {
        // Events may be recorded while these are printed.
        after = after.max(event.id);
        is_found = true;
        printer.print(&event)
    })?;
    if let Some(person) = &filter.person
        && !is_found
        && !is_in_record(&mut record, person)?
    {
        let path = config.events.path.display();
        let nobody = format!("nobody named {person:?} is in the record {path}; see `ostiary people list`");
        if !args.follow {
            return Err(Refusal(nobody).into());
        }
        eprintln!("warning: {nobody}");
    }
    if args.follow {
        record.follow(&config, EventFilter { after, ..filter }, &mut printer)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn filter(args: &Args) -> anyhow::Result<EventFilter> {
    let since = optional_time("--since", args.since.as_deref(), Edge::Since)?;
    let until = optional_time("--until", args.until.as_deref(), Edge::Until)?;
    if let (Some(since), Some(until)) = (since, until)
        && since >= until
    {
        bail!("--since {since} is not before --until {until}");
    }
    let reason = args.reason.as_deref().map(parse_reason).transpose()?;
    Ok(EventFilter { since, until, person: args.person.clone(), reason, ..EventFilter::default() })
}

fn parse_reason(text: &str) -> anyhow::Result<Reason> {
    let known = || {
        [Reason::Granted, Reason::RequestToExit, Reason::Command]
            .into_iter()
            .chain(DenialReason::ALL.map(Reason::Denied))
    };
    match known().find(|reason| reason.to_string() == text) {
        Some(reason) => Ok(reason),
        None => {
            let names: Vec<_> = known().map(|reason| reason.to_string()).collect();
            bail!("--reason {text}: there is no such reason; the reasons are {}", names.join(", "))
        }
    }
}

/// Whether any event is of this person.
fn is_in_record(record: &mut EventRecord, person: &str) -> anyhow::Result<bool> {
    let filter = EventFilter { person: Some(person.to_owned()), ..EventFilter::default() };
    let mut found = false;
    record.find(&filter, Some(1), |_| {
        found = true;
        Ok(())
    })?;
    Ok(found)
}

/// The zone in which times are printed: UTC, with its name, if the local one is not known.
fn local_zone() -> TimeZone {
    wall_clock::zone().unwrap_or(TimeZone::UTC)
}
