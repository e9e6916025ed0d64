//! Who may read secrets, and whether the door may write and use what it has to.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ostiary_config::Origin;
use ostiary_core::redact;
use rustix::fs::{Access, access};
use rustix::io::Errno;

use super::Door;
use super::finding::Finding;
use super::folder::folder_of;

pub fn check(door: &Door) -> Vec<Finding> {
    let config = door.config();
    let mut findings = Vec::new();
    for (key, file) in
        [("mqtt.password_file", &config.mqtt.password_file), ("mqtt.key_file", &config.mqtt.key_file)]
    {
        // What is not there is told by the check of the broker.
        findings.extend(file.as_deref().and_then(|file| open_to_others(key, file)));
    }
    if redact(&config.camera.source) != config.camera.source
        && let Some(Origin::File { path, .. }) = door.loaded.origin("camera.source")
        && mode(path).is_some_and(|mode| mode & 0o007 != 0)
    {
        findings.push(Finding::warning(
            format!("{}: others may read the credentials in camera.source", path.display()),
            format!("run `chmod o= {}` and give its group to the daemon's user", path.display()),
        ));
    }
    let mut folders = [folder_of(&config.facebank.path), folder_of(&config.events.path)].to_vec();
    folders.dedup();
    findings.extend(folders.iter().filter_map(|folder| not_writable(folder)));
    findings.extend(super::access::check(door));
    if findings.is_empty() {
        let folders: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
        findings.push(Finding::ok(format!("no secret lies open; {} can be written", folders.join(" and "))));
    }
    findings
}

fn mode(path: &Path) -> Option<u32> {
    path.metadata().ok().map(|metadata| metadata.permissions().mode() & 0o777)
}

fn open_to_others(key: &str, file: &Path) -> Option<Finding> {
    let mode = mode(file).filter(|mode| mode & 0o077 != 0)?;
    let file = file.display();
    Some(Finding::fault(
        format!("{key}: others may read {file} (mode {mode:o})"),
        format!("run `chmod 600 {file}`"),
    ))
}

fn not_writable(folder: &Path) -> Option<Finding> {
    let shown = folder.display();
    Some(match access(folder, Access::WRITE_OK | Access::EXEC_OK).err()? {
        Errno::NOENT | Errno::NOTDIR => Finding::fault(
            format!("{shown}: there is no such folder, and facebank or events are to lie there"),
            format!(
                "make it with `install -d -m 700 -o USER {shown}` for the daemon's user, or set facebank.path and events.path"
            ),
        ),
        Errno::ROFS => Finding::fault(
            format!("{shown}: lies on a disk that is mounted read-only"),
            "mount it for writing, or set facebank.path and events.path",
        ),
        _ => Finding::fault(
            format!("{shown}: this user may not write there"),
            format!("run this as the daemon's user, or give the folder to it with `chown USER {shown}`"),
        ),
    })
}
