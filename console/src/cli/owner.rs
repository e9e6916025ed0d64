//! Root goes on as the user of the console, so that the files belong to that user.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, ensure};
use ostiary_config::Config;
use ostiary_control::Client;
use ostiary_control::interface::VarlinkClientInterface;
use rustix::process::{Gid, Uid, geteuid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

/// Connects to the running door as the user who runs the command.
///
/// # Errors
/// None runs, or the user may not connect.
pub fn connect(config: &Config) -> anyhow::Result<Client> {
    let socket = config.control_socket();
    let mut client = Client::connect(&socket)?.with_context(|| {
        format!("no door runs with this configuration ({}): start its service", socket.display())
    })?;
    // For the record of events. Only root may say so.
    let sudo_uid = std::env::var("SUDO_UID").ok().and_then(|uid| uid.parse().ok());
    if let (true, Some(uid)) = (geteuid().is_root(), sudo_uid) {
        client.door().set_sudo_user(uid).call().map_err(ostiary_control::CallError::from)?;
    }
    Ok(client)
}

/// Refuses to run as root with the folder of another user: what comes from the network is not read with the rights of root.
///
/// # Errors
/// It does.
pub fn refuse_root(folder: &Path) -> anyhow::Result<()> {
    let is_root = geteuid().is_root() && folder.metadata().is_ok_and(|found| found.uid() != 0);
    ensure!(
        !is_root,
        "the console does not run as root: start its service, `systemctl start ostiary-console`"
    );
    Ok(())
}

/// If this process runs as root, it goes on as the user who owns this folder. Connections to the door stay those of root: the door
/// looks at who connects. Must be called while the process has one thread.
///
/// # Errors
/// This process may not become that user.
pub fn become_owner(folder: &Path) -> anyhow::Result<()> {
    if !geteuid().is_root() {
        return Ok(());
    }
    let owner = folder.metadata().with_context(|| format!("{}: its owner is not known", folder.display()))?;
    let (uid, gid) = (Uid::from_raw(owner.uid()), Gid::from_raw(owner.gid()));
    if uid.is_root() {
        return Ok(());
    }
    set_thread_groups(&[])
        .and_then(|()| set_thread_res_gid(gid, gid, gid))
        .and_then(|()| set_thread_res_uid(uid, uid, uid))
        .with_context(|| format!("{}: this command cannot go on as the user who owns it", folder.display()))
}
