//! `ostiary snapshots`: lists, saves and deletes the pictures of strangers, by the running door, or in its files if none runs.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use clap::Subcommand;
use jiff::Timestamp;
use ostiary_control::interface::{Snapshot, VarlinkClientInterface};
use ostiary_control::{CallError, Client};
use ostiary_events::Action;
use serde_json::json;

use super::Globals;
use super::administration::record;
use super::clock::shown;
use super::file_owner::continue_as_owner;
use super::output::{json_line, line};
use super::running_door::running_record;
use crate::snapshot_store::SnapshotStore;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ostiary config set snapshots.days 7\n  ostiary snapshots list\n  \
                        ostiary snapshots save 4711 -o visitor.jpg\n  ostiary enroll Ann --event 4711\n  \
                        ostiary snapshots delete 4711\n\n\
                        The door keeps pictures of strangers only if snapshots.days is set: of each visit that is refused as \
                        unknown, the best picture of the face. They are deleted after these days.\n\
                        Exit code: 0 done, 1 there is no such picture, or the door refuses it, 2 an error.")]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the events of which there is a picture.
    #[command(after_help = "Example:\n  ostiary snapshots list --json")]
    List,
    /// Save the picture of an event as a JPEG file.
    #[command(after_help = "Example:\n  ostiary snapshots save 4711 -o visitor.jpg")]
    Save {
        /// The number of the event.
        #[arg(value_name = "EVENT")]
        event: u64,
        /// A new file, readable by its owner only.
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Delete the picture of an event.
    #[command(after_help = "Example:\n  ostiary snapshots delete 4711")]
    Delete {
        /// The number of the event.
        #[arg(value_name = "EVENT")]
        event: u64,
    },
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    let config = globals.config()?;
    let store = SnapshotStore::beside(&config.events.path);
    let door = running_record(&config)?;
    match args.verb {
        Verb::List => {
            let (days, snapshots) = list(&store, door, config.snapshots.days)?;
            if days == 0 {
                eprintln!("The door keeps no pictures of strangers: snapshots.days is 0.");
            }
            for snapshot in snapshots {
                match globals.json {
                    true => json_line(&snapshot)?,
                    false => line(&in_words(&snapshot)?)?,
                }
            }
        }
        Verb::Save { event, output } => {
            let (time, jpeg) = read(&store, door, event)?;
            write_new(&output, &jpeg)?;
            let object = json!({ "event": event, "time": time, "file": output });
            let text = format!("saved the picture of event {event} to {}", output.display());
            if globals.json { json_line(&object)? } else { line(&text)? }
        }
        Verb::Delete { event } => {
            match door {
                Some(mut door) => {
                    let deleted = door.door().delete_snapshot(number(event)?).call();
                    deleted.map_err(CallError::from)?;
                }
                None => {
                    if store.folder().exists() {
                        continue_as_owner(store.folder())?;
                    }
                    store.delete(event)?;
                    let detail = Some(SnapshotStore::deleted(event));
                    record(&config, &config.facebank.path, Action::SnapshotDeleted, None, detail);
                }
            }
            let text = format!("deleted the picture of event {event}");
            if globals.json { json_line(&json!({ "deleted": event }))? } else { line(&text)? }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// For how many days pictures are kept, and those that there are.
fn list(store: &SnapshotStore, door: Option<Client>, days: u32) -> anyhow::Result<(i64, Vec<Snapshot>)> {
    if let Some(mut door) = door {
        let reply = door.door().list_snapshots().call().map_err(CallError::from)?;
        return Ok((reply.days, reply.snapshots));
    }
    let snapshots = store.list()?.into_iter();
    let snapshots =
        snapshots.map(|found| Ok(Snapshot { event: number(found.event)?, time: found.time.to_string() }));
    Ok((days.into(), snapshots.collect::<anyhow::Result<_>>()?))
}

/// The time of an event, and the JPEG file of the stranger that it is about.
fn read(store: &SnapshotStore, door: Option<Client>, event: u64) -> anyhow::Result<(String, Vec<u8>)> {
    match door {
        Some(mut door) => {
            let reply = door.door().get_snapshot(number(event)?).call().map_err(CallError::from)?;
            let jpeg = BASE64_STANDARD.decode(reply.jpeg).context("the running door sends no base64")?;
            Ok((reply.time, jpeg))
        }
        None => {
            let (snapshot, jpeg) = store.read(event)?;
            Ok((snapshot.time.to_string(), jpeg))
        }
    }
}

/// The number of an event as the control API takes it.
pub fn number(event: u64) -> anyhow::Result<i64> {
    i64::try_from(event).with_context(|| format!("{event} is no number of an event: it is too large"))
}

/// Writes a new file, which only its owner may read.
fn write_new(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(bytes))
        .with_context(|| format!("{} cannot be written", path.display()))
}

/// `4711  2026-11-28 14:00 CET`
fn in_words(snapshot: &Snapshot) -> anyhow::Result<String> {
    let Snapshot { event, time } = snapshot;
    let time: Timestamp = time.parse().with_context(|| format!("{time:?} is no time"))?;
    Ok(format!("{event}  {}", shown(time)))
}
