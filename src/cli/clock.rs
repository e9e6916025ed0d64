//! `ostiary clock`: accepts the time that the clock shows, after events were recorded at a later time by mistake.

use std::process::ExitCode;

use clap::Subcommand;
use jiff::Timestamp;
use ostiary_access::is_behind;
use ostiary_config::Config;
use ostiary_core::clock::build_time;
use ostiary_events::EventStore;
use serde_json::json;

use super::Globals;
use super::failure::Refusal;
use super::output::{json_line, line};
use crate::wall_clock;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ostiary clock accept")]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Accept the time that the clock shows now, although an event was recorded at a later one.
    ///
    /// People with hours are refused while the clock is behind the newest event, for then it went back. Where it is
    /// right, and the event was recorded while it was wrong, this releases them: from now on the clock is compared with
    /// the events that come. No event is changed. A running door takes it up within a second. A clock before the
    /// program was made is not accepted: set it.
    #[command(after_help = "Example:\n  sudo ostiary clock accept\n\n\
                            Exit code: 0 accepted, or there was nothing to accept, 1 this time is not accepted, 2 an error.")]
    Accept,
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    let config = globals.config()?;
    match args.verb {
        Verb::Accept => accept(globals, &config),
    }
}

fn accept(globals: &Globals, config: &Config) -> anyhow::Result<ExitCode> {
    let (path, now, made) = (&config.events.path, Timestamp::now(), build_time());
    if now < made {
        let made = made.strftime("%Y-%m-%d");
        return Err(Refusal(format!(
            "the clock says {}, before this program was made on {made}, and cannot be right; set the clock first",
            shown(now)
        ))
        .into());
    }
    let newest = match path.try_exists() {
        Ok(false) => None,
        _ => EventStore::open_read_only(path)?.newest_time()?.time,
    };
    let accepted = newest.filter(|newest| is_behind(now, *newest));
    if accepted.is_some() {
        EventStore::accept_time(path, now)?;
    }
    if globals.json {
        json_line(&json!({ "accepted": accepted.is_some(), "now": now, "newest_event": newest }))?;
        return Ok(ExitCode::SUCCESS);
    }
    match (accepted, newest) {
        (Some(event), _) => line(&format!(
            "Accepted {}, although an event was recorded at {}. From now on the clock is compared with the events that \
             come; those in {} stay as they are.",
            shown(now),
            shown(event),
            path.display()
        ))?,
        (None, Some(event)) => line(&format!(
            "Nothing to accept: the clock says {}, and the newest event was recorded at {}.",
            shown(now),
            shown(event)
        ))?,
        (None, None) => line(&format!("Nothing to accept: {} has no event yet.", path.display()))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// A time for people: local, if the zone is known.
pub fn shown(time: Timestamp) -> String {
    match wall_clock::zone() {
        Ok(zone) => time.to_zoned_datetime(zone).strftime("%Y-%m-%d %H:%M %Z").to_string(),
        Err(_) => time.to_string(),
    }
}
