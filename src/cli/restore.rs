//! `ostiary restore`: restores a door from a backup, or adds the people of one.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ostiary_access::groups_without_hours;
use ostiary_config::{Config, Hours};
use ostiary_events::Action;
use ostiary_facebank::Facebank;
use serde_json::json;

use super::Globals;
use super::administration::record;
use super::output::{json_line, line};
use crate::backup::{Restored, Unpacked, count, merge, restore};
use crate::listed_person::gallery_in_use;
use crate::people_check::PeopleProblem;
use crate::start_check::StartCheck;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  sudo systemctl stop ostiary; sudo ostiary restore door.tar.gz; sudo systemctl start ostiary\n  \
                  sudo ostiary restore front-door.tar.gz --merge\n\n\
                  The backup must be of this door: its paths must be those that this door has, with the same --door or --config. The \
                  people of another door are added with --merge.\n\n\
                  The people, events and configuration of this door are replaced by those of the backup, and its models are \
                  activated. All of the backup is checked before anything changes. What it does not have stays: passwords, the \
                  mode of the door, files of the configuration with other names. The door must be stopped. Until all is \
                  restored the replaced files stay beside, with the ending `.before-restore`. Such files of an earlier restore, \
                  which was interrupted, are named and stay.\n\n\
                  Exit code: 0 restored, 1 refused, and nothing has changed, 2 an error."
)]
pub struct Args {
    /// The archive, as `ostiary backup` has written it.
    #[arg(value_name = "FILE.tar.gz")]
    file: PathBuf,
    /// Only add the people of the backup to those who are enrolled, also while the door runs. Refused if two people would have
    /// the same name or names that look alike.
    #[arg(long)]
    merge: bool,
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    let present = globals.config()?;
    let folder = present.facebank.path.parent().filter(|folder| *folder != Path::new(""));
    let backup = Unpacked::open(&args.file, folder.unwrap_or(Path::new(".")))?;
    let of = format!(
        "backup of {}, {}",
        backup.manifest.door,
        backup.manifest.created.strftime("%Y-%m-%d %H:%M UTC")
    );
    if args.merge {
        let people = merge(&backup, &present.facebank.path)?;
        let detail = format!("{} added, {of}", count(people));
        record(&present, &present.facebank.path, Action::Restored, None, Some(detail));
        match globals.json {
            true => json_line(&json!({ "merged": people }))?,
            false => line(&format!("added {} of the {of}", count(people)))?,
        }
        warn_of_people(globals, &present);
        return Ok(ExitCode::SUCCESS);
    }
    let Restored { config, people, parts, left } = restore(&backup, &present, &globals.layers())?;
    let detail = format!("{}, {of}", count(people));
    record(&config, &config.facebank.path, Action::Restored, None, Some(detail));
    let left_out = &backup.manifest.left_out;
    if globals.json {
        json_line(
            &json!({ "restored": true, "people": people, "left_out": left_out, "manifest": backup.manifest }),
        )?;
    } else {
        let parts = if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") };
        line(&format!("restored {parts} of the {of}"))?;
        left_out.iter().try_for_each(|left_out| line(&format!("It did not have {left_out}.")))?;
    }
    for file in left {
        eprintln!(
            "warning: {} is of the door before a restore that was interrupted; remove it if nothing in it is missing",
            file.display()
        );
    }
    warn_of_people(globals, &config);
    for problem in StartCheck::of(&config).problems {
        eprintln!(
            "warning: the door does not start before this is mended: {}",
            globals.addressed(&problem.message)
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// Warns of people whom the model cannot tell apart, and of groups that have no hours here.
fn warn_of_people(globals: &Globals, config: &Config) {
    let Ok(facebank) = Facebank::open_read_only(&config.facebank.path) else { return };
    match gallery_in_use(config, &facebank) {
        Ok(gallery) => {
            for problem in PeopleProblem::find(&gallery, config.door.alike) {
                eprintln!("warning: {problem}; {}", globals.addressed(&problem.fix()));
            }
        }
        Err(error) => eprintln!("warning: people are not compared: {error:#}"),
    }
    if let (Ok(hours), Ok(people)) = (Hours::parse(&config.hours), facebank.people()) {
        for group in groups_without_hours(&hours, people.iter().map(|listed| &listed.person)) {
            eprintln!("warning: {group}; {}", globals.addressed(&group.fix()));
        }
    }
}
