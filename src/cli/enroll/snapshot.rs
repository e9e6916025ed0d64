//! `enroll NAME --event EVENT`: from the picture of a stranger, by the running door, or in its files if none runs.

use std::process::ExitCode;

use ostiary_control::interface::VarlinkClientInterface;
use ostiary_control::{CallError, Client};

use super::photos::{from_api, print, say};
use super::{Args, FileEnroller};
use crate::cli::snapshots::number;
use crate::enrollment::{Enrollment, snapshot_added, snapshot_photo};
use crate::snapshot_store::SnapshotStore;

/// Enrolls a person in the facebank, and deletes the picture.
pub fn enroll(enroller: &mut FileEnroller, name: &str, event: u64) -> anyhow::Result<ExitCode> {
    let snapshots = SnapshotStore::beside(&enroller.enroller.config.events.path);
    let photo = snapshot_photo(&snapshots, event)?;
    let enrollment = enroller.enroller.enroll(name, &[photo], &mut say)?;
    if let Enrollment::Enrolled(enrolled) = &enrollment {
        if enrolled.added > 0 {
            enroller.record_detail(&enrolled.person, snapshot_added(event));
        }
        snapshots.delete(event)?;
    }
    print(&enrollment, enroller.json)
}

/// Has the running door enroll a person.
pub fn enroll_by_door(
    door: &mut Client,
    name: &str,
    event: u64,
    args: &Args,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let call = door.door().enroll_snapshot(name.to_owned(), number(event)?, args.api_options()).call();
    let reply = call.map_err(CallError::from)?;
    reply.messages.iter().for_each(|message| say(message));
    print(&from_api(reply.result)?, json)
}
