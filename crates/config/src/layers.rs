//! The layers of the configuration: files, the environment (`OSTIARY_*`) and flags. Each is read into names and values with
//! their origin, the lowest layer first.

use std::ffi::{OsStr, OsString};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use ostiary_core::redact;
use ostiary_core::{RegularFileError, is_foreign_entry, read_regular_file};
use serde::Deserialize;
use toml::de::{DeTable, DeValue, ValueDeserializer};
use toml::{Spanned, Value};

use crate::error::Problem;
use crate::loaded::Setting;
use crate::named_door::NamedDoor;
use crate::origin::Origin;
use crate::{lookup, rule};

/// Limit of the size of a file, bytes: far more than all keys with comments need.
pub(crate) const MAX_FILE: u64 = 1 << 20;

/// The sources of the configuration. The daemon keeps them, so that a reload reads the same places again.
#[derive(Debug, Clone)]
pub struct Layers {
    /// One of several doors on a board, whose defaults are below all other layers; `None` for the only or first one.
    pub door: Option<NamedDoor>,
    /// The folder with `ostiary.toml` and `conf.d`.
    pub folder: PathBuf,
    /// A file that is read instead of the folder's; it must exist.
    pub file: Option<PathBuf>,
    /// The file of keys that were changed by `ostiary config set` or the control API; `None` for none. It may be missing.
    pub settings: Option<PathBuf>,
    /// Variables of the environment; those named `OSTIARY_SECTION__KEY` count, and one with a single
    /// underscore after the section is an error.
    pub environment: Vec<(String, String)>,
    /// `section.key=value`; the last one of a key wins.
    pub set: Vec<String>,
    /// The folder with the models.
    pub models: Option<PathBuf>,
}

/// Where the keys are that were changed by `ostiary config set` or the control API.
pub const SETTINGS: &str = "/var/lib/ostiary/settings.toml";

/// Built-in defaults, `/etc/ostiary` and [`SETTINGS`].
impl Default for Layers {
    fn default() -> Self {
        Self {
            door: None,
            folder: "/etc/ostiary".into(),
            file: None,
            settings: Some(SETTINGS.into()),
            environment: Vec::new(),
            set: Vec::new(),
            models: None,
        }
    }
}

impl Layers {
    /// The variables of this process. One that is not UTF-8 is converted with replacement characters: the check of the key's type
    /// then refuses it, and it is not ignored.
    pub fn process_environment() -> Vec<(String, String)> {
        let text = |os: std::ffi::OsString| os.to_string_lossy().into_owned();
        std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect()
    }

    /// The flags with which the program reads these layers again. Variables of the environment are not among them.
    pub fn arguments(&self) -> Vec<OsString> {
        let paths = [("--config", &self.file), ("--settings", &self.settings), ("--models", &self.models)];
        let paths = paths.into_iter().filter_map(|(flag, path)| Some((flag, path.as_ref()?.as_os_str())));
        let set = self.set.iter().map(|set| ("--set", OsStr::new(set)));
        // Of one word each, so that a value that begins with a dash is none of the flags.
        let argument = |(flag, value): (&str, &OsStr)| {
            let mut argument = OsString::from(format!("{flag}="));
            argument.push(value);
            argument
        };
        paths.chain(set).map(argument).collect()
    }
}

/// One key as one layer sets it.
pub(super) struct Entry {
    pub name: String,
    pub value: Value,
    pub origin: Origin,
}

/// The values that were read, lowest layer first, and the problems.
#[derive(Default)]
pub(super) struct Entries {
    pub entries: Vec<Entry>,
    pub problems: Vec<Problem>,
}

impl Layers {
    /// As the default, for one of several doors on a board.
    pub fn of_door(door: NamedDoor) -> Self {
        Self { folder: door.folder(), settings: Some(door.settings()), door: Some(door), ..Self::default() }
    }

    /// Reads every layer. The text of the file of changed keys can be given.
    pub(super) fn read(&self, changed_keys: Option<&str>) -> Entries {
        let mut read = Entries::default();
        if let Some(door) = &self.door {
            let has_credentials = self.environment.iter().any(|(name, _)| name == "CREDENTIALS_DIRECTORY");
            for (key, value) in door.defaults(has_credentials) {
                read.push(key.to_owned(), Value::String(value), Origin::Flag("--door"));
            }
        }
        match &self.file {
            Some(file) => read.file(file, false),
            None => {
                read.file(&self.folder.join("ostiary.toml"), true);
                for file in read.conf_d(&self.folder.join("conf.d")) {
                    read.file(&file, false);
                }
            }
        }
        if let Some(settings) = &self.settings {
            read.settings(settings, changed_keys);
        }
        for (variable, text) in &self.environment {
            let Some(name) = variable.strip_prefix("OSTIARY_") else { continue };
            let origin = Origin::Environment(variable.clone());
            if let Some((section, key)) = name.split_once("__") {
                read.text(format!("{section}.{key}").to_lowercase(), text, origin);
            } else if let Some((section, key)) = name.split_once('_')
                && lookup::is_section(&section.to_lowercase())
            {
                // If it were ignored, the door would run with a default that its owner believes changed.
                let hint = format!("did you mean OSTIARY_{section}__{key}?");
                read.problems.push(Problem::Unknown { origin, name: name.to_lowercase(), hint });
            }
            // All other variables belong to other programs.
        }
        read.assignments(&self.set);
        if let Some(models) = &self.models {
            let origin = Origin::Flag("--models");
            match models.to_str() {
                Some(dir) => read.push("models.dir".to_owned(), Value::String(dir.to_owned()), origin),
                None => read.problems.push(Problem::OutOfRange {
                    origin,
                    key: "models.dir".to_owned(),
                    value: models.display().to_string(),
                    allowed: "a path in UTF-8".to_owned(),
                }),
            }
        }
        read
    }
}

impl Entries {
    /// The values in use, as far as a layer sets them.
    pub(super) fn in_use(settings: &[Setting]) -> Self {
        let mut read = Self::default();
        for Setting { key, value, origin } in settings {
            if let (Some(value), true) = (value, *origin != Origin::Default) {
                read.push(key.clone(), value.clone(), origin.clone());
            }
        }
        read
    }

    /// Values as `--set` has them.
    pub(super) fn assignments(&mut self, assignments: &[String]) {
        for assignment in assignments {
            match assignment.split_once('=') {
                Some((name, text)) if name.contains('.') => {
                    self.text(name.trim().to_owned(), text.trim(), Origin::Flag("--set"));
                }
                _ => self.problems.push(Problem::Assignment { text: redact(assignment) }),
            }
        }
    }

    fn push(&mut self, name: String, value: Value, origin: Origin) {
        self.entries.push(Entry { name, value, origin });
    }

    /// One value as text, from a flag or the environment.
    fn text(&mut self, name: String, text: &str, origin: Origin) {
        // An unknown name and a value of the wrong type are reported when the entries are merged.
        let value = match lookup::find(&name) {
            Some(key) => key.read(text),
            None => rule::parse(text).unwrap_or_else(|| Value::String(text.to_owned())),
        };
        self.push(name, value, origin);
    }

    /// The files of a drop-in folder, sorted by name; none if there is no folder. Hidden files, and those that editors and
    /// package managers leave, are passed over.
    fn conf_d(&mut self, folder: &Path) -> Vec<PathBuf> {
        let names = std::fs::read_dir(folder)
            .and_then(|dir| dir.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>());
        match names {
            Ok(mut files) => {
                files.retain(|file| {
                    file.extension().is_some_and(|extension| extension == "toml")
                        && file.file_name().is_some_and(|name| !is_foreign_entry(name))
                });
                files.sort();
                files
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(why) => {
                self.problems.push(Problem::Unreadable { path: folder.to_owned(), why });
                Vec::new()
            }
        }
    }

    /// The file of changed keys, which may set some keys only.
    fn settings(&mut self, path: &Path, text: Option<&str>) {
        let before = self.entries.len();
        match text {
            Some(text) => self.document(path, text),
            None => self.file(path, true),
        }
        for entry in self.entries.get(before..).unwrap_or_default() {
            if lookup::find(&entry.name).is_none_or(|key| !key.is_settable()) {
                self.problems
                    .push(Problem::NotSettable { origin: entry.origin.clone(), key: entry.name.clone() });
            }
        }
    }

    fn file(&mut self, path: &Path, may_be_missing: bool) {
        // The way to say that no file is read.
        let bytes = match path == Path::new("/dev/null") {
            true => Ok(Vec::new()),
            false => read_regular_file(path, MAX_FILE),
        };
        let read = bytes.and_then(|bytes| {
            String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error).into())
        });
        let text = match read {
            Ok(text) => text,
            Err(RegularFileError::Io(error)) if may_be_missing && error.kind() == io::ErrorKind::NotFound => {
                return;
            }
            Err(error) => {
                self.problems.push(Problem::Unreadable { path: path.to_owned(), why: error.into() });
                return;
            }
        };
        self.document(path, &text);
    }

    /// The text of a file.
    fn document(&mut self, path: &Path, text: &str) {
        let at = |span: Range<usize>| Origin::File { path: path.to_owned(), line: line(text, span.start) };
        let (document, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            self.problems.extend(errors.iter().map(|error| Problem::Syntax {
                origin: at(error.span().unwrap_or(0..0)),
                message: error.message().to_owned(),
            }));
            return;
        }
        for (section, content) in document.into_inner() {
            let (span, section) = (section.span(), section.into_inner());
            match content.into_inner() {
                DeValue::Table(keys) if lookup::is_section(&section) => {
                    for (name, value) in keys {
                        let (origin, name) = (at(name.span()), format!("{section}.{}", name.into_inner()));
                        match plain(value) {
                            Ok(value) => self.push(name, value, origin),
                            Err(error) => {
                                let message = error.message().to_owned();
                                self.problems.push(Problem::Syntax { origin, message });
                            }
                        }
                    }
                }
                value if lookup::is_section(&section) => self.problems.push(Problem::WrongType {
                    origin: at(span),
                    key: section.clone().into_owned(),
                    expected: format!("to be a section, [{section}]"),
                    found: value.type_str().to_owned(),
                }),
                _ => self.problems.push(Problem::Unknown {
                    origin: at(span),
                    hint: lookup::hint(&section),
                    name: section.into_owned(),
                }),
            }
        }
    }
}

/// A value without its place in the file.
fn plain(value: Spanned<DeValue<'_>>) -> Result<Value, toml::de::Error> {
    Value::deserialize(ValueDeserializer::from(value))
}

/// The number of the line with this byte, counted from 1.
fn line(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}
