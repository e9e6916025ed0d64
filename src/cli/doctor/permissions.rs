//! Checks that others cannot read secrets, and that the daemon can use its files, folders and devices.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ostiary_config::Origin;
use ostiary_control::StoredToken;
use ostiary_core::{durable, redact_address};
use rustix::fs::{Access, access};
use rustix::io::Errno;

use super::CheckContext;
use super::finding::Finding;
use super::folder::folder_of;

pub fn check(context: &CheckContext) -> Vec<Finding> {
    let config = context.config();
    let mut findings = Vec::new();
    for (key, file) in [
        ("camera.password_file", &config.camera.password_file),
        ("mqtt.password_file", &config.mqtt.password_file),
        ("mqtt.key_file", &config.mqtt.key_file),
    ] {
        // A missing file is reported by the checks of the camera and the broker.
        findings.extend(file.as_deref().and_then(|file| check_secret(key, file)));
    }
    if redact_address(&config.camera.source) != config.camera.source
        && let Some(Origin::File { path, .. }) = context.loaded.origin("camera.source")
        && mode(path).is_some_and(|mode| mode & 0o007 != 0)
    {
        findings.push(Finding::warning(
            format!("{}: others may read the credentials in camera.source", path.display()),
            "move user and password to camera.user and camera.password_file",
        ));
    }
    let tokens = StoredToken::path_beside(&config.facebank.path);
    let key = durable::with_suffix(&config.events.path, ".key");
    for (what, file) in
        [("the record", &config.events.path), ("the key of the record", &key), ("the tokens", &tokens)]
    {
        findings.extend(check_secret(what, file));
    }
    let mut folders = [folder_of(&config.facebank.path), folder_of(&config.events.path)].to_vec();
    folders.dedup();
    findings.extend(folders.iter().filter_map(|folder| check_writable(folder)));
    findings.extend(super::daemon_access::check(context));
    if findings.is_empty() {
        let folders: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
        findings.push(Finding::ok(format!(
            "no secret is readable by others; {} can be written",
            folders.join(" and ")
        )));
    }
    findings
}

/// The permission bits of a file; `None` if it cannot be read.
fn mode(path: &Path) -> Option<u32> {
    path.metadata().ok().map(|metadata| metadata.permissions().mode() & 0o777)
}

/// A fault if a file with a secret is accessible to others.
fn check_secret(what: &str, file: &Path) -> Option<Finding> {
    let mode = mode(file).filter(|mode| mode & 0o077 != 0)?;
    let file = file.display();
    Some(Finding::fault(
        format!("{what}: others may read or change {file} (mode {mode:o})"),
        format!("run `chmod 600 {file}`"),
    ))
}

/// A fault if this user cannot write to the folder.
fn check_writable(folder: &Path) -> Option<Finding> {
    let shown = folder.display();
    Some(match access(folder, Access::WRITE_OK | Access::EXEC_OK).err()? {
        Errno::NOENT | Errno::NOTDIR => Finding::fault(
            format!("{shown}: there is no such folder; it is configured for the facebank or the events"),
            format!(
                "create it with `install -d -m 700 -o USER {shown}` for the daemon's user, or set facebank.path and events.path"
            ),
        ),
        Errno::ROFS => Finding::fault(
            format!("{shown}: the disk is mounted read-only"),
            "mount it read-write, or set facebank.path and events.path",
        ),
        _ => Finding::fault(
            format!("{shown}: this user may not write there"),
            format!("run this command as the daemon's user, or make it the owner with `chown USER {shown}`"),
        ),
    })
}
