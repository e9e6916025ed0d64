//! Layers become one checked configuration.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::{Table, Value};

use super::key::{self, KEYS, Refusal};
use super::layers::Entry;
use super::{Config, ConfigError, Layers, Loaded, Origin, Problem, Setting, conflicts};

/// Reads all layers and checks the whole. A daemon calls it again with the same layers to reload.
///
/// # Errors
/// All that is wrong at once: what cannot be read, unknown keys, wrong types, values out of range; and
/// where there is none of these, keys that do not go together.
pub fn load(layers: &Layers) -> Result<Loaded, ConfigError> {
    let (loaded, problems) = examine(layers)?;
    if problems.is_empty() { Ok(loaded) } else { Err(ConfigError { problems }) }
}

/// Reads all layers and gives what is sound of them together with all that is wrong, for those who look on
/// where [`load`] refuses. A key whose value is not allowed has that of the layer below.
///
/// # Errors
/// Only where nothing at all can be made of the layers.
pub fn examine(layers: &Layers) -> Result<(Loaded, Vec<Problem>), ConfigError> {
    let mut read = layers.read();
    let mut merged: BTreeMap<String, (Value, Origin)> = BTreeMap::new();
    let mut groups = Groups::default();
    for Entry { name, value, origin } in read.entries {
        read.problems.extend(groups.twice(&name, &origin));
        match check(&name, value, &origin) {
            Ok(value) => {
                merged.insert(key::folded(&name), (value, origin));
            }
            Err(problem) => read.problems.push(problem),
        }
    }
    read.problems.sort_by(|first, second| first.origin().cmp(&second.origin()));
    let config = typed(&merged).map_err(|problem| ConfigError { problems: vec![problem] })?;
    let settings = settings(merged)?;
    let loaded = Loaded { config, settings };
    if read.problems.is_empty() {
        read.problems = conflicts::find(&loaded);
    }
    Ok((loaded, read.problems))
}

/// How the groups of `[hours]` are written, by their folded names.
#[derive(Default)]
struct Groups(BTreeMap<String, (String, Origin)>);

impl Groups {
    /// The problem of a group that one file has twice, in upper and lower case: which hours count would be a guess.
    /// Of two layers the later wins, as everywhere.
    fn twice(&mut self, name: &str, origin: &Origin) -> Option<Problem> {
        key::group(name)?;
        let (other, first) = self.0.insert(key::folded(name), (name.to_owned(), origin.clone()))?;
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

/// One value in its key's own type, if the key exists and allows it.
fn check(name: &str, value: Value, origin: &Origin) -> Result<Value, Problem> {
    let group = key::group(name);
    let text = value.to_string();
    let checked = match (key::find(name), group) {
        (Some(key), _) => key.check(value),
        (None, Some(group)) => key::check_hours(group, value),
        (None, None) => {
            let hint = key::hint(name);
            return Err(Problem::Unknown { origin: origin.clone(), name: name.to_owned(), hint });
        }
    };
    checked.map_err(|refusal| {
        let (origin, key) = (origin.clone(), name.to_owned());
        match refusal {
            Refusal::WrongType { expected, found } => Problem::WrongType { origin, key, expected, found },
            Refusal::OutOfRange { allowed } => Problem::OutOfRange { origin, key, value: text, allowed },
        }
    })
}

/// The struct that the values make. They are checked already, so that only a key table that does not agree
/// with the structs can fail here, which a test rules out.
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
        .map_err(|error| Problem::Syntax { origin: Origin::Default, message: error.message().to_owned() })
}

/// Every key with its value, the default where no layer sets it.
fn settings(mut values: BTreeMap<String, (Value, Origin)>) -> Result<Vec<Setting>, ConfigError> {
    let defaults = defaults().map_err(|message| ConfigError {
        problems: vec![Problem::Syntax { origin: Origin::Default, message }],
    })?;
    let default = |name: &str| {
        let (section, key) = name.split_once('.')?;
        defaults.get(section)?.get(key).cloned()
    };
    let mut settings: Vec<Setting> = Vec::with_capacity(KEYS.len());
    for key in KEYS {
        let (value, origin) = match values.remove(key.name) {
            Some((value, origin)) => (Some(value), origin),
            None => (default(key.name), Origin::Default),
        };
        settings.push(Setting { key: key.name.to_owned(), value, origin });
    }
    settings.extend(values.into_iter().map(|(key, (value, origin))| Setting {
        key,
        value: Some(value),
        origin,
    }));
    Ok(settings)
}

/// The defaults as TOML. By way of text, because that writes an `f32` as the number that its author wrote.
fn defaults() -> Result<Table, String> {
    let text = toml::to_string(&Config::default()).map_err(|error| error.to_string())?;
    toml::from_str(&text).map_err(|error| error.message().to_owned())
}

#[cfg(test)]
mod tests;
