//! The file of keys that were changed by `ostiary config set` or the control API.

use std::io;
use std::path::PathBuf;

use ostiary_core::{RegularFileError, durable, read_regular_file};
use toml::{Table, Value};

use crate::error::ConfigError;
use crate::layers::{Layers, MAX_FILE};
use crate::load::load_with_settings;
use crate::loaded::Loaded;
use crate::lookup;
use crate::origin::Origin;

/// What stands at the head of the file.
const HEADER: &str = "# Written by `ostiary config set`, and read after the files in /etc/ostiary.\n\n";
/// The Unix mode of the file.
const MODE: u32 = 0o644;

/// Why a key was not changed. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum SetError {
    /// The configuration has no file of changed keys.
    #[error(
        "this door runs with a configuration file of its own (--config): change the key there, or give --settings"
    )]
    NoFile,
    /// There is no such key.
    #[error("there is no {name}; {hint}")]
    Unknown {
        /// The name.
        name: String,
        /// What was probably meant.
        hint: String,
    },
    /// Only the owner's own files may set the key.
    #[error(
        "{key} can only be set in the owner's own files; write it into /etc/ostiary/ostiary.toml, and reload"
    )]
    NotSettable {
        /// The key.
        key: String,
    },
    /// A higher layer sets the key, so that a change would have no effect.
    #[error("{key} is set by {by}, which overrides the change; remove it there")]
    Overridden {
        /// The key.
        key: String,
        /// The layer.
        by: String,
    },
    /// The file is damaged.
    #[error("{}: not valid TOML ({why}); correct or remove it", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        why: String,
    },
    /// The value, or the configuration with it, is not allowed.
    #[error(transparent)]
    Refused(#[from] ConfigError),
    /// The file cannot be read or written.
    #[error("{}: {why}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        why: io::Error,
    },
}

impl SetError {
    /// Whether the key or the value is refused; `false` if the file of changed keys cannot be used.
    pub fn is_refusal(&self) -> bool {
        !matches!(self, Self::Damaged { .. } | Self::Io { .. })
    }
}

/// A change of the file that is allowed, and not made yet.
#[derive(Debug)]
pub struct KeyChange {
    path: PathBuf,
    text: String,
    /// The configuration with the change.
    pub loaded: Loaded,
}

impl KeyChange {
    /// Writes the file.
    ///
    /// # Errors
    /// The file cannot be written. It has not changed.
    pub fn write(&self) -> Result<(), SetError> {
        let written = durable::write(&self.path, self.text.as_bytes(), MODE);
        written.map_err(|why| SetError::Io { path: self.path.clone(), why })
    }
}

/// Reads the file of changed keys with one key set, or removed if there is no value, and checks the whole configuration. The
/// value is text as in `--set`.
///
/// # Errors
/// The key cannot be set, or the value is not allowed.
pub fn change_key(layers: &Layers, name: &str, value: Option<&str>) -> Result<KeyChange, SetError> {
    let path = layers.settings.clone().ok_or(SetError::NoFile)?;
    let unknown = || SetError::Unknown { name: name.to_owned(), hint: lookup::hint(name) };
    let (section, short) = name.split_once('.').ok_or_else(unknown)?;
    let not_settable = || SetError::NotSettable { key: name.to_owned() };
    let key = match (lookup::find(name), lookup::group(name)) {
        (Some(key), _) => key,
        (None, Some(_)) => return Err(not_settable()),
        (None, None) => return Err(unknown()),
    };
    if !key.is_settable() {
        return Err(not_settable());
    }
    let failed = |why| SetError::Io { path: path.clone(), why };
    let before = match read_regular_file(&path, MAX_FILE) {
        Ok(bytes) => Some(String::from_utf8(bytes).map_err(|_| SetError::Damaged {
            path: path.clone(),
            why: "the file is not UTF-8".to_owned(),
        })?),
        Err(RegularFileError::Io(error)) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error.into())),
    };
    let mut table: Table = toml::from_str(before.as_deref().unwrap_or(""))
        .map_err(|error| SetError::Damaged { path: path.clone(), why: error.message().to_owned() })?;
    let keys = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
    let Value::Table(keys) = keys else {
        let why = format!("{section} is no section");
        return Err(SetError::Damaged { path, why });
    };
    match value {
        Some(text) => {
            keys.insert(short.to_owned(), key.read(text));
        }
        None => {
            keys.remove(short);
        }
    }
    table.retain(|_, keys| keys.as_table().is_none_or(|keys| !keys.is_empty()));
    let text = format!("{HEADER}{table}");
    let loaded = load_with_settings(layers, &text)?;
    if let Some(origin @ (Origin::Environment(_) | Origin::Flag(_))) = loaded.origin(name)
        && value.is_some()
    {
        return Err(SetError::Overridden { key: name.to_owned(), by: origin.to_string() });
    }
    Ok(KeyChange { path, text, loaded })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::load;

    struct Files(tempfile::TempDir);

    impl Files {
        fn new(main: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("ostiary.toml"), main).unwrap();
            Self(folder)
        }

        fn settings(&self) -> PathBuf {
            self.0.path().join("settings.toml")
        }

        fn layers(&self) -> Layers {
            let settings = Some(self.settings());
            Layers { folder: self.0.path().to_owned(), settings, ..Layers::default() }
        }

        fn change(&self, name: &str, value: Option<&str>) -> Result<KeyChange, SetError> {
            let change = change_key(&self.layers(), name, value)?;
            change.write()?;
            Ok(change)
        }

        fn set(&self, name: &str, value: &str) -> Result<KeyChange, SetError> {
            self.change(name, Some(value))
        }
    }

    #[test]
    fn a_changed_key_comes_after_the_owners_files() {
        let files = Files::new("[door]\ncooldown_s = 5.0\n");
        let change = files.set("door.cooldown_s", "7").unwrap();
        assert_eq!(change.loaded.config.door.cooldown_s, 7.0);
        let loaded = load(&files.layers()).unwrap();
        assert_eq!(loaded.config.door.cooldown_s, 7.0);
        assert!(loaded.origin("door.cooldown_s").unwrap().to_string().contains("settings.toml:"));
        files.set("liveness.language", "de").unwrap();
        files.change("door.cooldown_s", None).unwrap();
        let loaded = load(&files.layers()).unwrap();
        assert_eq!(loaded.config.door.cooldown_s, 5.0);
        assert_eq!(loaded.config.liveness.language, crate::Language::German);
        let change = change_key(&files.layers(), "log.level", Some("debug")).unwrap();
        assert_eq!(change.loaded.config.log.level, crate::LogLevel::Debug);
        assert_eq!(load(&files.layers()).unwrap().config.log.level, crate::LogLevel::Info);
    }

    #[test]
    fn what_protects_the_door_is_not_settable() {
        let files = Files::new("");
        for key in crate::SECTIONS.iter().flat_map(crate::Section::keys) {
            let name = key.name();
            let is_protected =
                ["relay.", "models.", "lockout.", "control.", "console.", "mqtt.", "inputs.", "signals."]
                    .iter()
                    .any(|section| name.starts_with(section));
            let others = [
                "liveness.level",
                "liveness.steps",
                "door.static_s",
                "door.second_face",
                "door.alike",
                "camera.source",
                "facebank.path",
            ];
            if is_protected || others.contains(&name) {
                assert!(matches!(files.set(name, "1"), Err(SetError::NotSettable { .. })), "{name}");
            }
            assert!(!(key.is_settable() && key.needs_restart()), "{name} would need a restart");
        }
        assert!(matches!(files.set("hours.staff", "[\"always\"]"), Err(SetError::NotSettable { .. })));
        assert!(!files.settings().exists());
    }

    #[test]
    fn bad_changes_are_refused_and_change_nothing() {
        let files = Files::new("");
        files.set("door.cooldown_s", "7").unwrap();
        let before = fs::read_to_string(files.settings()).unwrap();
        let refused = |name: &str, value: &str| files.set(name, value).unwrap_err().to_string();
        assert!(refused("door.cooldown", "7").contains("did you mean door.cooldown_s?"));
        assert!(refused("cooldown_s", "7").contains("did you mean door.cooldown_s?"));
        assert!(refused("door.cooldown_s", "-1").contains("is not allowed; wanted a number from 0"));
        assert!(refused("door.fpir", "high").contains("door.fpir"));
        let layers = Layers { set: vec!["door.margin=0.1".into()], ..files.layers() };
        let overridden = change_key(&layers, "door.margin", Some("0.2")).unwrap_err();
        assert!(overridden.to_string().contains("--set, which overrides the change"), "{overridden}");
        let without = Layers { settings: None, ..files.layers() };
        assert!(matches!(change_key(&without, "door.margin", Some("0.2")), Err(SetError::NoFile)));
        assert_eq!(fs::read_to_string(files.settings()).unwrap(), before);
    }

    #[test]
    fn a_file_that_is_not_regular_or_too_large_is_refused_at_once() {
        let files = Files::new("");
        let refused = || files.set("door.margin", "0.2").unwrap_err().to_string();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            files.settings(),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from(0o600),
            0,
        )
        .unwrap();
        assert!(refused().contains("not a regular file"), "{}", refused());
        fs::remove_file(files.settings()).unwrap();
        fs::write(files.settings(), vec![b'#'; 1 + (1 << 20)]).unwrap();
        assert!(refused().contains("larger than 1 MiB"), "{}", refused());
    }

    #[test]
    fn a_damaged_file_is_left_out_and_told() {
        let files = Files::new("[door]\ncooldown_s = 5.0\n");
        for text in ["[door", "[door]\ncooldown_s = 99999", "[relay]\nline = 4", "[dor]\nx = 1", "\u{0}"] {
            fs::write(files.settings(), text).unwrap();
            let loaded = load(&files.layers()).unwrap();
            assert_eq!(loaded.config.door.cooldown_s, 5.0);
            assert_eq!(loaded.config.relay.line, None);
            let told = loaded.left_out().unwrap().to_string();
            assert!(told.contains("settings.toml") && told.contains("correct or remove the file"), "{told}");
        }
        assert!(matches!(files.set("door.margin", "0.2"), Err(SetError::Damaged { .. })));
        fs::write(files.0.path().join("ostiary.toml"), "[door]\nfpir = 7").unwrap();
        assert!(
            load(&files.layers()).unwrap_err().to_string().contains("door.fpir"),
            "the owner's file is no less wrong"
        );
    }
}
