//! Whether the daemon's user may use the camera, the GPIO chip and the files that the daemon keeps.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ostiary_config::{Config, GpioBackend};
use rustix::fs::{Access, access};

use super::Door;
use super::finding::Finding;
use super::folder::folder_of;
use super::host::Host;

/// Whom the service runs as.
const USER: &str = "ostiary";

/// What must be readable and writable.
#[derive(Debug, PartialEq, Eq)]
enum Thing {
    Device(PathBuf),
    File(PathBuf),
    Folder(PathBuf),
}

/// What is wrong; nothing where all may be used. What is not there is told by its own check.
pub fn check(door: &Door) -> Vec<Finding> {
    let host = &door.host;
    let user = User::find(host, USER);
    let things = things(door.config()).into_iter();
    let refused = things.filter(|thing| {
        let path = host.path(thing.path());
        match (&user, path.metadata(), thing) {
            (Some(user), Ok(metadata), _) => !user.may_use(&metadata),
            // Without the package, whoever runs this is who would keep the door; of folders that is told already.
            (None, Ok(_), Thing::Device(_) | Thing::File(_)) => {
                access(&path, Access::READ_OK | Access::WRITE_OK).is_err()
            }
            _ => false,
        }
    });
    refused.map(|thing| thing.refusal(host, user.as_ref().map(|_| USER))).collect()
}

/// What the configuration names.
fn things(config: &Config) -> Vec<Thing> {
    let mut things = Vec::new();
    let source = Path::new(&config.camera.source);
    if source.starts_with("/dev") {
        things.push(Thing::Device(source.to_owned()));
    }
    let signals = &config.signals;
    let lines = [config.relay.line, signals.yes_line, signals.no_line, signals.buzzer_line];
    if lines.iter().any(Option::is_some) {
        if config.relay.backend == GpioBackend::Gpiocdev {
            things.push(Thing::Device(config.relay.chip.clone()));
        } else if config.relay.backend == GpioBackend::Rppal {
            things.push(Thing::Device("/dev/gpiomem".into()));
        }
    }
    if !config.inputs.is_empty() {
        let chip = Thing::Device(config.inputs.chip(&config.relay).to_owned());
        if !things.contains(&chip) {
            things.push(chip);
        }
    }
    for file in [&config.facebank.path, &config.events.path] {
        let folder = Thing::Folder(folder_of(file));
        if !things.contains(&folder) {
            things.push(folder);
        }
        things.push(Thing::File(file.clone()));
    }
    things
}

impl Thing {
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
        let mend = match self {
            Self::Device(node) => way_in(host, node, user),
            Self::File(_) => format!(
                "run `chown {user}: {path}`, and run what writes to it as that user: `sudo -u {user} ostiary enroll ...`"
            ),
            Self::Folder(_) => format!("run `chown {user}: {path}`"),
        };
        Finding::fault(found, mend)
    }
}

/// How a user gets to use a device.
fn way_in(host: &Host, node: &Path, user: &str) -> String {
    let metadata = host.path(node).metadata();
    let (gid, mode) = metadata.map_or((0, 0), |metadata| (metadata.gid(), metadata.mode()));
    match groups(host).into_iter().find(|group| group.id == gid) {
        // Root's group is nobody's way in.
        Some(group) if mode & 0o060 == 0o060 && group.name != "root" => {
            format!("run `usermod --append --groups {} {user}`, then start the daemon again", group.name)
        }
        _ => "install the package's udev rules (`apt install --reinstall ostiary`), then plug it in again or start the \
              board again"
            .to_owned(),
    }
}

/// A user with all groups, as `/etc/passwd` and `/etc/group` have them.
struct User {
    id: u32,
    groups: Vec<u32>,
}

impl User {
    fn find(host: &Host, name: &str) -> Option<Self> {
        let users = host.text("/etc/passwd")?;
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

    /// Whether this user may read and write it; a folder, write and enter it.
    fn may_use(&self, metadata: &Metadata) -> bool {
        // The kernel looks at the first that fits.
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
    /// Their names, with commas between.
    members: String,
}

fn groups(host: &Host) -> Vec<Group> {
    let text = host.text("/etc/group").unwrap_or_default();
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

    use super::super::host::tree;
    use super::*;

    const CAMERA: &str = "/dev/video0";

    /// What is said of a camera that belongs to the group that is called `video` there.
    fn refusal(mode: u32, members: &str) -> Option<Finding> {
        let (folder, host) = tree(&[(CAMERA, "")]);
        let camera = host.path(CAMERA);
        fs::set_permissions(&camera, fs::Permissions::from_mode(mode)).unwrap();
        let gid = camera.metadata().unwrap().gid();
        fs::create_dir(folder.path().join("etc")).unwrap();
        let users = "root:x:0:0::/root:/bin/sh\nostiary:x:64990:64990::/:/usr/sbin/nologin\n";
        fs::write(folder.path().join("etc/passwd"), users).unwrap();
        fs::write(folder.path().join("etc/group"), format!("nobody:x:64990:\nvideo:x:{gid}:{members}\n"))
            .unwrap();
        let allowed = User::find(&host, USER).unwrap().may_use(&camera.metadata().unwrap());
        (!allowed).then(|| Thing::Device(CAMERA.into()).refusal(&host, Some(USER)))
    }

    #[test]
    fn the_daemons_user_needs_the_group_of_the_device() {
        assert_eq!(refusal(0o660, "anna,ostiary"), None);
        assert_eq!(refusal(0o666, ""), None);
        let refused = refusal(0o660, "anna").unwrap();
        assert_eq!(refused.found, "/dev/video0: the daemon's user, ostiary, may not use it");
        let mend = refused.mend.unwrap();
        assert!(mend.starts_with("run `usermod --append --groups video ostiary`"), "{mend}");
        let mend = refusal(0o600, "ostiary").unwrap().mend.unwrap();
        assert!(mend.contains("udev rules"), "{mend}");
        assert!(User::find(&tree(&[]).1, USER).is_none());
    }

    #[test]
    fn files_that_root_made_are_not_the_daemons() {
        let (folder, host) = tree(&[("/var/lib/ostiary/facebank.sqlite", "")]);
        let stranger = User { id: 64990, groups: vec![64990] };
        let file = folder.path().join("var/lib/ostiary/facebank.sqlite");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(!stranger.may_use(&file.metadata().unwrap()));
        let owner = User { id: file.metadata().unwrap().uid(), groups: Vec::new() };
        assert!(owner.may_use(&file.metadata().unwrap()));
        let finding = Thing::File("/var/lib/ostiary/facebank.sqlite".into()).refusal(&host, Some(USER));
        assert!(finding.mend.unwrap().contains("chown ostiary: /var/lib/ostiary/facebank.sqlite"));
        let folder = file.parent().unwrap();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(!stranger.may_use(&folder.metadata().unwrap()) && owner.may_use(&folder.metadata().unwrap()));
    }

    #[test]
    fn what_is_looked_at_is_what_the_configuration_names() {
        let devices = |config: &Config| {
            let things = things(config).into_iter();
            things.filter(|thing| matches!(thing, Thing::Device(_))).collect::<Vec<_>>()
        };
        let mut config = Config::default();
        assert_eq!(devices(&config), [Thing::Device(CAMERA.into())]);
        assert_eq!(things(&config).len(), 4, "and one folder with two files");
        config.camera.source = "rtsp://camera/main".into();
        assert!(devices(&config).is_empty());
        config.signals.buzzer_line = Some(4);
        assert_eq!(devices(&config), [Thing::Device("/dev/gpiochip0".into())]);
        config.relay.backend = GpioBackend::Rppal;
        assert_eq!(devices(&config), [Thing::Device("/dev/gpiomem".into())]);
        // The inputs are read by the character device in any case.
        config.inputs.exit_line = Some(23);
        let both = ["/dev/gpiomem", "/dev/gpiochip0"].map(|path| Thing::Device(path.into()));
        assert_eq!(devices(&config), both);
        config.relay.backend = GpioBackend::Gpiocdev;
        assert_eq!(devices(&config), [Thing::Device("/dev/gpiochip0".into())]);
    }
}
