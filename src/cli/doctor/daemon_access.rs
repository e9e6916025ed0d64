//! Checks that the daemon's user may use the camera, the GPIO chip and the daemon's files.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ostiary_config::{Config, GpioBackend};
use rustix::fs::{Access, access};

use super::CheckContext;
use super::finding::Finding;
use super::folder::folder_of;
use super::host::Host;

/// The user that the service runs as.
const SERVICE_USER: &str = "ostiary";

/// A device, file or folder that the daemon reads and writes.
#[derive(Debug, PartialEq, Eq)]
enum Resource {
    Device(PathBuf),
    File(PathBuf),
    Folder(PathBuf),
}

/// A finding for each resource that may not be used. Missing ones are reported by their own checks.
pub fn check(context: &CheckContext) -> Vec<Finding> {
    let host = &context.host;
    let user = ServiceUser::find(host);
    let resources = resources(context.config()).into_iter();
    let refused = resources.filter(|resource| {
        let path = host.path(resource.path());
        match (&user, path.metadata(), resource) {
            (Some(user), Ok(metadata), _) => !user.can_use(&metadata),
            // Without the package, the user of this process would run the daemon. Folders are checked elsewhere.
            (None, Ok(_), Resource::Device(_) | Resource::File(_)) => {
                access(&path, Access::READ_OK | Access::WRITE_OK).is_err()
            }
            _ => false,
        }
    });
    refused.map(|resource| resource.refusal(host, user.as_ref().map(|_| SERVICE_USER))).collect()
}

/// The resources that the configuration names.
fn resources(config: &Config) -> Vec<Resource> {
    let mut resources = Vec::new();
    let source = Path::new(&config.camera.source);
    if source.starts_with("/dev") {
        resources.push(Resource::Device(source.to_owned()));
    }
    let signals = &config.signals;
    let lines = [config.relay.line, signals.yes_line, signals.no_line, signals.buzzer_line];
    if lines.iter().any(Option::is_some) {
        if config.relay.backend == GpioBackend::Gpiocdev {
            resources.push(Resource::Device(config.relay.chip.clone()));
        } else if config.relay.backend == GpioBackend::Rppal {
            resources.push(Resource::Device("/dev/gpiomem".into()));
        }
    }
    if !config.inputs.is_empty() {
        let chip = Resource::Device(config.inputs.chip(&config.relay).to_owned());
        if !resources.contains(&chip) {
            resources.push(chip);
        }
    }
    for file in [&config.facebank.path, &config.events.path] {
        let folder = Resource::Folder(folder_of(file));
        if !resources.contains(&folder) {
            resources.push(folder);
        }
        resources.push(Resource::File(file.clone()));
    }
    resources
}

impl Resource {
    fn path(&self) -> &Path {
        match self {
            Self::Device(path) | Self::File(path) | Self::Folder(path) => path,
        }
    }

    fn refusal(&self, host: &Host, user: Option<&str>) -> Finding {
        let path = self.path().display();
        let found = match user {
            Some(user) => format!("{path}: the daemon's user, {user}, may not use it"),
            None => format!("{path}: this user may not use it"),
        };
        let user = user.unwrap_or("USER");
        let fix = match self {
            Self::Device(node) => device_fix(host, node, user),
            Self::File(_) => format!(
                "run `chown {user}: {path}`; commands give new files the owner of their folder, also if root runs them"
            ),
            Self::Folder(_) => format!("run `chown {user}: {path}`"),
        };
        Finding::fault(found, fix)
    }
}

/// How to give a user access to a device.
fn device_fix(host: &Host, node: &Path, user: &str) -> String {
    let metadata = host.path(node).metadata();
    let (gid, mode) = metadata.map_or((0, 0), |metadata| (metadata.gid(), metadata.mode()));
    match groups(host).into_iter().find(|group| group.id == gid) {
        // Nobody should be added to the group of root.
        Some(group) if mode & 0o060 == 0o060 && group.name != "root" => {
            format!("run `usermod --append --groups {} {user}`, then start the daemon again", group.name)
        }
        _ => "install the package's udev rules (`apt install --reinstall ostiary`), then plug the device in again or \
              restart the board"
            .to_owned(),
    }
}

/// The user of the service with all groups, from `/etc/passwd` and `/etc/group`.
pub struct ServiceUser {
    id: u32,
    groups: Vec<u32>,
}

impl ServiceUser {
    /// The user; `None` without the package.
    pub fn find(host: &Host) -> Option<Self> {
        let name = SERVICE_USER;
        let users = host.read_text("/etc/passwd")?;
        let mut users = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let user = users.find(|fields| fields.first() == Some(&name))?;
        let number = |field: usize| user.get(field)?.parse::<u32>().ok();
        let mut ids = vec![number(3)?];
        ids.extend(
            groups(host).iter().filter_map(|group| {
                group.members.split(',').any(|member| member == name).then_some(group.id)
            }),
        );
        Some(Self { id: number(2)?, groups: ids })
    }

    /// Whether this user may read and write a file or device, or write and enter a folder.
    pub fn can_use(&self, metadata: &Metadata) -> bool {
        // The kernel uses the first class that applies: owner, group, others.
        let shift = if metadata.uid() == self.id {
            6
        } else if self.groups.contains(&metadata.gid()) {
            3
        } else {
            0
        };
        let needed = if metadata.is_dir() { 0o3 } else { 0o6 };
        metadata.mode() >> shift & needed == needed
    }
}

struct Group {
    name: String,
    id: u32,
    /// The names of its members, separated by commas.
    members: String,
}

fn groups(host: &Host) -> Vec<Group> {
    let text = host.read_text("/etc/group").unwrap_or_default();
    let group = |line: &str| {
        let mut fields = line.split(':').map(str::to_owned);
        let (name, id) = (fields.next()?, fields.nth(1)?.parse().ok()?);
        Some(Group { name, id, members: fields.next().unwrap_or_default() })
    };
    text.lines().filter_map(group).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::super::host::host_with_files;
    use super::*;

    const CAMERA: &str = "/dev/video0";

    /// The finding for a camera of the group `video`, which has these members.
    fn refusal(mode: u32, members: &str) -> Option<Finding> {
        let (folder, host) = host_with_files(&[(CAMERA, "")]);
        let camera = host.path(CAMERA);
        fs::set_permissions(&camera, fs::Permissions::from_mode(mode)).unwrap();
        let gid = camera.metadata().unwrap().gid();
        fs::create_dir(folder.path().join("etc")).unwrap();
        let users = "root:x:0:0::/root:/bin/sh\nostiary:x:64990:64990::/:/usr/sbin/nologin\n";
        fs::write(folder.path().join("etc/passwd"), users).unwrap();
        fs::write(folder.path().join("etc/group"), format!("nobody:x:64990:\nvideo:x:{gid}:{members}\n"))
            .unwrap();
        let allowed = ServiceUser::find(&host).unwrap().can_use(&camera.metadata().unwrap());
        (!allowed).then(|| Resource::Device(CAMERA.into()).refusal(&host, Some(SERVICE_USER)))
    }

    #[test]
    fn the_daemon_user_must_be_in_the_group_of_the_device() {
        assert_eq!(refusal(0o660, "anna,ostiary"), None);
        assert_eq!(refusal(0o666, ""), None);
        let refused = refusal(0o660, "anna").unwrap();
        assert_eq!(refused.found, "/dev/video0: the daemon's user, ostiary, may not use it");
        let fix = refused.fix.unwrap();
        assert!(fix.starts_with("run `usermod --append --groups video ostiary`"), "{fix}");
        let fix = refusal(0o600, "ostiary").unwrap().fix.unwrap();
        assert!(fix.contains("udev rules"), "{fix}");
        assert!(ServiceUser::find(&host_with_files(&[]).1).is_none());
    }

    #[test]
    fn the_daemon_cannot_use_files_of_root() {
        let (folder, host) = host_with_files(&[("/var/lib/ostiary/facebank.sqlite", "")]);
        let other = ServiceUser { id: 64990, groups: vec![64990] };
        let file = folder.path().join("var/lib/ostiary/facebank.sqlite");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(!other.can_use(&file.metadata().unwrap()));
        let owner = ServiceUser { id: file.metadata().unwrap().uid(), groups: Vec::new() };
        assert!(owner.can_use(&file.metadata().unwrap()));
        let finding =
            Resource::File("/var/lib/ostiary/facebank.sqlite".into()).refusal(&host, Some(SERVICE_USER));
        assert!(finding.fix.unwrap().contains("chown ostiary: /var/lib/ostiary/facebank.sqlite"));
        let folder = file.parent().unwrap();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(!other.can_use(&folder.metadata().unwrap()) && owner.can_use(&folder.metadata().unwrap()));
    }

    #[test]
    fn the_resources_are_those_of_the_configuration() {
        let devices = |config: &Config| {
            let resources = resources(config).into_iter();
            resources.filter(|resource| matches!(resource, Resource::Device(_))).collect::<Vec<_>>()
        };
        let mut config = Config::default();
        assert_eq!(devices(&config), [Resource::Device(CAMERA.into())]);
        assert_eq!(resources(&config).len(), 4, "and one folder with two files");
        config.camera.source = "rtsp://camera/main".into();
        assert!(devices(&config).is_empty());
        config.signals.buzzer_line = Some(4);
        assert_eq!(devices(&config), [Resource::Device("/dev/gpiochip0".into())]);
        config.relay.backend = GpioBackend::Rppal;
        assert_eq!(devices(&config), [Resource::Device("/dev/gpiomem".into())]);
        // The inputs always use the character device.
        config.inputs.exit_line = Some(23);
        let both = ["/dev/gpiomem", "/dev/gpiochip0"].map(|path| Resource::Device(path.into()));
        assert_eq!(devices(&config), both);
        config.relay.backend = GpioBackend::Gpiocdev;
        assert_eq!(devices(&config), [Resource::Device("/dev/gpiochip0".into())]);
    }
}
