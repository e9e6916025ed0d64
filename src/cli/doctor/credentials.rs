//! Checks that the service gets its passwords: systemd before version 247 passes no credentials to it.

use std::path::Path;
use std::process::{Command, Stdio};

use ostiary_capture as capture;
use ostiary_config::Config;
use ostiary_mqtt as mqtt;

use super::CheckContext;
use super::daemon_access::ServiceUser;
use super::finding::Finding;
use super::host::Host;

/// The version of systemd from which it passes credentials.
const WITH_CREDENTIALS: u32 = 247;
/// The version of systemd that knows all settings of the units.
const WITH_ALL: u32 = 249;

/// The findings for an old systemd; none for a new one, or without systemd.
pub fn check(context: &CheckContext) -> Vec<Finding> {
    match systemd_version(&context.host) {
        Some(version) => check_version(version, &context.host, context.config()),
        None => Vec::new(),
    }
}

fn check_version(version: u32, host: &Host, config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    if version < WITH_ALL {
        findings.push(Finding::ok(format!(
            "systemd {version} does not know all settings of the service, and ignores some of its limits"
        )));
    }
    if version >= WITH_CREDENTIALS {
        return findings;
    }
    let (camera, broker) = (&config.camera, &config.mqtt);
    let is_mqtt_used = broker.enabled && broker.username.is_some() && broker.password_file.is_none();
    let is_camera_used = camera.user.is_some() && camera.password_file.is_none();
    for (is_used, file) in
        [(is_mqtt_used, mqtt::DEFAULT_PASSWORD_FILE), (is_camera_used, capture::DEFAULT_PASSWORD_FILE)]
    {
        let metadata = host.path(Path::new(file)).metadata().ok().filter(|_| is_used);
        let user = ServiceUser::find(host);
        if let (Some(metadata), Some(user)) = (metadata, user)
            && !user.can_use(&metadata)
        {
            findings.push(Finding::fault(
                format!(
                    "systemd {version} does not pass the password in {file} to the service, which takes version \
                     {WITH_CREDENTIALS}, and the service may not read the file"
                ),
                format!("run `chown ostiary {file}`, then start the service again"),
            ));
        }
    }
    findings
}

/// The version of the running systemd.
fn systemd_version(host: &Host) -> Option<u32> {
    host.path("/run/systemd/system").is_dir().then_some(())?;
    let output = Command::new("systemctl")
        .arg("--version")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    parse_version(&String::from_utf8_lossy(&output.stdout))
}

/// Parses `systemd 245 (245.4-4ubuntu3.24)`.
fn parse_version(text: &str) -> Option<u32> {
    let number = text.split_whitespace().nth(1)?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::super::finding::Status;
    use super::super::host::host_with_files;
    use super::*;

    #[test]
    fn the_version_of_systemd_is_read() {
        assert_eq!(parse_version("systemd 245 (245.4-4ubuntu3.24)\n+PAM +AUDIT"), Some(245));
        assert_eq!(parse_version("systemd 258~rc3 (258~rc3-1)\n"), Some(258));
        assert_eq!(parse_version("systemd"), None);
    }

    #[test]
    fn a_password_that_an_old_systemd_does_not_pass_is_a_fault() {
        let file = mqtt::DEFAULT_PASSWORD_FILE;
        let mut config = Config::default();
        config.mqtt.enabled = true;
        config.mqtt.username = Some("door".into());
        // Of this user, and of another one.
        let uid = rustix::process::getuid().as_raw();
        let found = |owner: u32, version: u32, config: &Config| {
            let passwd = format!("ostiary:x:{owner}:64000::/:/bin/false");
            let (_folder, host) = host_with_files(&[("/etc/passwd", &passwd), (file, "secret")]);
            fs::set_permissions(host.path(file), fs::Permissions::from_mode(0o600)).unwrap();
            check_version(version, &host, config)
        };
        let statuses = |findings: &[Finding]| findings.iter().map(|one| one.status).collect::<Vec<_>>();
        let other = uid + 1;
        let old = found(other, 245, &config);
        assert_eq!(statuses(&old), [Status::Ok, Status::Fault]);
        assert!(old[1].found.starts_with(&format!("systemd 245 does not pass the password in {file}")));
        let fix = old[1].fix.as_deref().unwrap();
        assert_eq!(fix, format!("run `chown ostiary {file}`, then start the service again"));
        assert_eq!(statuses(&found(uid, 245, &config)), [Status::Ok], "the service can read the file");
        assert_eq!(statuses(&found(other, 247, &config)), [Status::Ok]);
        assert_eq!(statuses(&found(other, 249, &config)), []);
        config.mqtt.password_file = Some("/etc/own".into());
        assert_eq!(statuses(&found(other, 245, &config)), [Status::Ok]);
    }
}
