//! The mode with which a daemon begins: a lockdown from before the restart, or normal.

use std::path::Path;

use ostiary_access::{DoorMode, ModeName};

use super::mode_file::{self, ModeOnDisk, SavedMode};
use super::shared::Shared;

/// Sets the mode from the file beside this event store, with a warning of a lockdown. To be called before the door thread is made.
/// Returns since when, or why, the door is locked down; `None` if it is not. A hold has ended with the daemon.
pub fn restore(shared: &Shared, events: &Path) -> Option<String> {
    let mode = mode_file::read(&mode_file::path_beside(events));
    if let ModeOnDisk::HeldOpen(_) = mode {
        shared.save_mode(SavedMode::new(ModeName::Normal, shared.wall.stamp(), None, None), None);
    }
    let lockdown = mode.lockdown()?;
    log::warn!("the door is {lockdown}; faces do not open it, the exit button does; {}", mode.fix());
    shared.set_mode(DoorMode::LockedDown);
    Some(lockdown)
}
