//! Shows what the tests of liveness at a door prove now.

use std::process::ExitCode;

use anyhow::Context;
use ostiary_control::interface::VarlinkClientInterface;
use ostiary_control::{CallError, Client};

use crate::cli::Globals;
use crate::cli::clock::shown;
use crate::cli::output::{json_line, line};
use crate::cli::running_door::running_record;
use crate::liveness_standing::{report, words};
use crate::liveness_summary::LivenessSummary;

pub(super) fn run(globals: &Globals) -> anyhow::Result<ExitCode> {
    let config = globals.config()?;
    let summary = match running_record(&config)? {
        Some(client) => from_door(client)?,
        None => LivenessSummary::read(&config)?,
    };
    if globals.json {
        json_line(&summary)?
    } else {
        print(&summary)?
    }
    Ok(ExitCode::from(u8::from(!summary.is_valid)))
}

/// What the tests of the running door prove.
fn from_door(mut client: Client) -> anyhow::Result<LivenessSummary> {
    let reply = client.door().get_liveness().call().map_err(CallError::from)?;
    serde_json::from_value(reply.liveness)
        .context("the running door describes its tests in another way than this program")
}

fn print(summary: &LivenessSummary) -> anyhow::Result<()> {
    let LivenessSummary { latest, is_valid, changed_since, not_run, text, .. } = summary;
    match latest.as_ref().and_then(report) {
        None => line("No test of liveness is in the record. Run `ostiary liveness test`.")?,
        Some((time, report)) => {
            let end = if report.is_complete { "" } else { ", ended early" };
            line(&format!("The latest test, {}{end}: {report}.", shown(time)))?;
        }
    }
    if let Some(changes) = changed_since {
        line(&format!(
            "It is void: {} changed since. Run `ostiary liveness test` again.",
            changes.join(", ")
        ))?;
    }
    if *is_valid {
        line("Under the present conditions the newest counts are:")?;
        text.iter().try_for_each(|sentence| line(sentence))?;
    }
    if !not_run.is_empty() && latest.is_some() {
        line(&format!("Not tested: {}.", words(not_run)))?;
    }
    Ok(())
}
