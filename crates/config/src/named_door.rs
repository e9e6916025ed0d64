//! A door with a name of its own, for a board with several doors: each has its own folders and its own service.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The longest name, bytes.
const MAX_LENGTH: usize = 32;
/// Neither a name nor its first part: the folders of the web consoles have it.
const RESERVED: &str = "console";
/// The passwords that systemd passes to the service as credentials: the key of the configuration, and the file in the door's folder.
const PASSWORDS: [(&str, &str); 2] =
    [("mqtt.password_file", "mqtt-password"), ("camera.password_file", "camera-password")];

/// Programs that take a service.
const SYSTEMD: [&str; 2] = ["systemctl", "journalctl"];

/// The name of one of several doors on a board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedDoor(String);

/// The name cannot be that of folders, of a unit and of topics.
#[derive(Debug, thiserror::Error)]
#[error(
    "must be 1 to {MAX_LENGTH} letters a to z, digits, - and _, begin with a letter or a digit, and not be {RESERVED} or begin with {RESERVED}-"
)]
pub struct DoorNameError;

impl FromStr for NamedDoor {
    type Err = DoorNameError;

    fn from_str(name: &str) -> Result<Self, DoorNameError> {
        let is_allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-' || c == b'_';
        let is_good = name.len() <= MAX_LENGTH
            && name.bytes().all(is_allowed)
            && name.starts_with(|first: char| first.is_ascii_alphanumeric())
            && name != RESERVED
            && !name.strip_prefix(RESERVED).is_some_and(|rest| rest.starts_with('-'));
        if is_good { Ok(Self(name.to_owned())) } else { Err(DoorNameError) }
    }
}

impl fmt::Display for NamedDoor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl NamedDoor {
    /// The folder with `ostiary.toml` and `conf.d`.
    pub fn folder(&self) -> PathBuf {
        format!("/etc/ostiary-{self}").into()
    }

    /// The folder of the people and the events.
    pub fn state_folder(&self) -> PathBuf {
        format!("/var/lib/ostiary-{self}").into()
    }

    /// Where the keys are that were changed by `ostiary config set` or the control API.
    pub fn settings(&self) -> PathBuf {
        self.state_folder().join("settings.toml")
    }

    /// The folder of the web console of this door.
    pub fn console_folder(&self) -> PathBuf {
        format!("/var/lib/ostiary-console-{self}").into()
    }

    /// The service, without `.service`.
    pub fn unit(&self) -> String {
        format!("ostiary@{self}")
    }

    /// A text for people that was written for the only door of a board, with the commands and the service of this door: in code
    /// between backticks, `ostiary` becomes `ostiary --door NAME`, and after `systemctl` and `journalctl` `ostiary@NAME`.
    pub fn addressed(&self, text: &str) -> String {
        let parts = text.split('`').enumerate();
        let parts: Vec<_> =
            parts.map(|(n, part)| if n % 2 == 1 { self.command(part) } else { part.to_owned() }).collect();
        parts.join("`")
    }

    /// A command with this door in the place of the only one.
    fn command(&self, command: &str) -> String {
        let words: Vec<&str> = command.split(' ').collect();
        let arguments = if words.first() == Some(&"sudo") { words.get(1..) } else { words.get(..) };
        let is_of_systemd = arguments.and_then(<[_]>::first).is_some_and(|program| SYSTEMD.contains(program));
        let start = words.len() - arguments.map_or(0, <[_]>::len);
        let named = words.iter().enumerate().map(|(n, word)| match *word {
            "ostiary" if is_of_systemd => self.unit(),
            "ostiary" if n == start && words.get(n + 1) != Some(&"--door") => {
                format!("ostiary --door {self}")
            }
            word => word.to_owned(),
        });
        named.collect::<Vec<_>>().join(" ")
    }

    /// The keys of which this door has another default. `has_credentials` says whether systemd passes the passwords.
    pub(crate) fn defaults(&self, has_credentials: bool) -> Vec<(&'static str, String)> {
        let state = self.state_folder();
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let mut defaults = vec![
            ("door.name", self.0.clone()),
            ("facebank.path", text(state.join("facebank.sqlite"))),
            ("events.path", text(state.join("events.sqlite"))),
            ("models.store", text(state.join("models"))),
            ("control.socket", format!("/run/ostiary-{self}/control")),
        ];
        let passwords = PASSWORDS.iter().map(|(key, file)| (*key, self.folder().join(file)));
        let is_read = |(_, file): &(&str, PathBuf)| !has_credentials && file.exists();
        defaults.extend(passwords.filter(is_read).map(|(key, file)| (key, text(file))));
        defaults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_the_commands_and_the_service_of_the_door() {
        let back: NamedDoor = "back".parse().unwrap();
        for (text, addressed) in [
            ("run `ostiary doctor`", "run `ostiary --door back doctor`"),
            (
                "`sudo ostiary setup` and `ostiary`",
                "`sudo ostiary --door back setup` and `ostiary --door back`",
            ),
            ("`sudo systemctl start ostiary`", "`sudo systemctl start ostiary@back`"),
            ("`journalctl -u ostiary -n 20`", "`journalctl -u ostiary@back -n 20`"),
            ("`ostiary --door back setup`", "`ostiary --door back setup`"),
            ("`systemctl restart ostiary@back`", "`systemctl restart ostiary@back`"),
            // The user, the package and the program are the same for all doors.
            ("`chown ostiary FILE` ostiary", "`chown ostiary FILE` ostiary"),
            ("`apt install ostiary`", "`apt install ostiary`"),
            ("the group ostiary-admin", "the group ostiary-admin"),
            ("", ""),
        ] {
            assert_eq!(back.addressed(text), addressed);
        }
    }

    #[test]
    fn a_name_is_that_of_a_folder_and_a_unit() {
        for good in ["back", "2", "back-yard_2", "consoles", &"a".repeat(32)] {
            assert_eq!(good.parse::<NamedDoor>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "-back",
            "Back",
            "a/b",
            "..",
            "back door",
            "b\u{e4}ck",
            "console",
            "console-2",
            &"a".repeat(33),
        ] {
            assert!(bad.parse::<NamedDoor>().is_err(), "{bad}");
        }
    }
}
