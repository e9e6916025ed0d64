//! Makes one checked configuration from the layers.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::{Table, Value};

use crate::check::check;
use crate::error::{ConfigError, Problem};
use crate::layers::{Entries, Entry, Layers};
use crate::loaded::{LeftOut, Loaded, Setting};
use crate::origin::Origin;
use crate::retired::IgnoredKey;
use crate::sections::Config;
use crate::{conflicts, lookup};

/// Reads all layers and checks the whole. A daemon calls it again with the same layers to reload.
///
/// If only the file of changed keys prevents it, that file is left out ([`Loaded::left_out`]): a damaged file must not keep a
/// door from starting.
///
/// # Errors
/// All that is wrong at once: what cannot be read, unknown keys, wrong types, values out of range. If there is none of
/// these, keys that contradict each other.
pub fn load(layers: &Layers) -> Result<Loaded, ConfigError> {
    let error = match load_all(layers) {
        Err(error) if layers.settings.is_some() => error,
        loaded => return loaded,
    };
    match load_all(&Layers { settings: None, ..layers.clone() }) {
        Ok(loaded) => Ok(Loaded { left_out: Some(LeftOut { why: error.into() }), ..loaded }),
        Err(_) => Err(error),
    }
}

/// As [`load`], but nothing is left out.
fn load_all(layers: &Layers) -> Result<Loaded, ConfigError> {
    let (loaded, problems) = examine(layers)?;
    if problems.is_empty() { Ok(loaded) } else { Err(ConfigError { problems }) }
}

/// As [`load`], with this text in the place of the file of changed keys, and nothing left out.
///
/// # Errors
/// As [`load`].
pub(crate) fn load_with_settings(layers: &Layers, settings: &str) -> Result<Loaded, ConfigError> {
    let (loaded, problems) = examine_entries(layers.read(Some(settings)))?;
    if problems.is_empty() { Ok(loaded) } else { Err(ConfigError { problems }) }
}

/// Reads all layers and returns what is valid in them together with all that is wrong, for commands that report on a
/// configuration which [`load`] refuses. A key whose value is not allowed has the value of the layer below.
///
/// # Errors
/// Only if the declaration of a key contradicts itself, which is a defect of the program.
pub fn examine(layers: &Layers) -> Result<(Loaded, Vec<Problem>), ConfigError> {
    examine_entries(layers.read(None))
}

/// The configuration in use with some keys changed, each as `--set` has it (`section.key=value`). Reads no file.
///
/// # Errors
/// A key or a value is not allowed, or the keys contradict each other.
pub fn with_changes(settings: &[Setting], changes: &[String]) -> Result<Config, ConfigError> {
    let mut read = Entries::in_use(settings);
    read.assignments(changes);
    let (loaded, problems) = examine_entries(read)?;
    if problems.is_empty() { Ok(loaded.config) } else { Err(ConfigError { problems }) }
}

fn examine_entries(mut read: Entries) -> Result<(Loaded, Vec<Problem>), ConfigError> {
    let mut merged: BTreeMap<String, (Value, Origin)> = BTreeMap::new();
    let mut groups = Groups::default();
    let mut ignored = Vec::new();
    for Entry { name, value, origin } in read.entries {
        if let Some(key) = IgnoredKey::new(&name, &origin) {
            ignored.push(key);
            continue;
        }
        read.problems.extend(groups.duplicate(&name, &origin));
        match check(&name, value, &origin) {
            Ok(value) => {
                merged.insert(lookup::folded(&name), (value, origin));
            }
            Err(problem) => read.problems.push(problem),
        }
    }
    read.problems.sort_by(|first, second| first.origin().cmp(&second.origin()));
    let config = typed(&merged).map_err(|problem| ConfigError { problems: vec![problem] })?;
    let settings = settings(merged)?;
    let loaded = Loaded { config, settings, ignored, left_out: None };
    if read.problems.is_empty() {
        read.problems = conflicts::find(&loaded);
    }
    Ok((loaded, read.problems))
}

/// The names of groups of `[hours]` as they are written, by their folded names.
#[derive(Default)]
struct Groups(BTreeMap<String, (String, Origin)>);

impl Groups {
    /// A problem if one file has a group twice, in upper and lower case: it is not clear which hours count. Of two
    /// layers the later one wins, as for all keys.
    fn duplicate(&mut self, name: &str, origin: &Origin) -> Option<Problem> {
        lookup::group(name)?;
        let (other, first) = self.0.insert(lookup::folded(name), (name.to_owned(), origin.clone()))?;
        let (Origin::File { path, .. }, Origin::File { path: before, .. }) = (origin, &first) else {
            return None;
        };
        (path == before && other != name).then(|| Problem::Conflict {
            message: format!(
                "{other} and {name} are the same group, in upper and lower case; write its hours in one line"
            ),
            keys: vec![(other, first), (name.to_owned(), origin.clone())],
        })
    }
}

/// The struct that the values make. They are checked already, so that it can only fail if a key's rule does not agree with
/// its type. A test rules that out.
fn typed(values: &BTreeMap<String, (Value, Origin)>) -> Result<Config, Problem> {
    let mut document = Table::new();
    for (name, (value, _)) in values {
        let Some((section, key)) = name.split_once('.') else { continue };
        let section = document.entry(section).or_insert_with(|| Value::Table(Table::new()));
        if let Value::Table(section) = section {
            section.insert(key.to_owned(), value.clone());
        }
    }
    Config::deserialize(document)
        .map_err(|error| Problem::Declaration { message: error.message().to_owned() })
}

/// Every key with its value, the default if no layer sets it.
fn settings(mut values: BTreeMap<String, (Value, Origin)>) -> Result<Vec<Setting>, ConfigError> {
    let mut settings = Setting::defaults()?;
    for setting in &mut settings {
        if let Some((value, origin)) = values.remove(&setting.key) {
            *setting = Setting { key: setting.key.clone(), value: Some(value), origin };
        }
    }
    settings.extend(values.into_iter().map(|(key, (value, origin))| Setting {
        key,
        value: Some(value),
        origin,
    }));
    Ok(settings)
}

#[cfg(test)]
mod tests;
