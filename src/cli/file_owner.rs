//! Commands that root runs, and that need nothing of root.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, anyhow};
use rustix::process::geteuid;

/// If this process runs as root, starts the command again as the user who owns this folder, in the same process: what comes from
/// the network is then not read with the rights of root, and new files belong to the user who needs them. Returns if another
/// user runs it, or if root owns the folder. A folder that does not exist yet has the owner of the nearest one above it.
///
/// Commands that read files of the user who runs them, such as photos, go on as root instead, and give new files the owner of their
/// folder ([`ostiary_core::ownership`]).
///
/// # Errors
/// The owner is not known, or this process may not become that user.
pub fn continue_as_owner(folder: &Path) -> anyhow::Result<()> {
    if !geteuid().is_root() {
        return Ok(());
    }
    let existing = folder.ancestors().find_map(|folder| folder.metadata().ok());
    let owner = existing.with_context(|| format!("{}: its owner is not known", folder.display()))?;
    if owner.uid() == 0 {
        return Ok(());
    }
    // This also leaves all groups of root. The running program, even if an upgrade has replaced its file.
    let error = Command::new("/proc/self/exe")
        .args(std::env::args_os().skip(1))
        .uid(owner.uid())
        .gid(owner.gid())
        .exec();
    Err(anyhow!(error).context(format!(
        "{}: this command cannot go on as the user who owns it, {}; run it as that user",
        folder.display(),
        owner.uid()
    )))
}
