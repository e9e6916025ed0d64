//! The configuration in use.

use std::fmt;
use std::sync::Arc;

use ostiary_core::Precision;
use toml::{Table, Value};

use crate::error::{ConfigError, Problem};
use crate::lookup;
use crate::origin::Origin;
use crate::retired::IgnoredKey;
use crate::sections::Config;

/// A configuration that was checked as a whole, and where each value came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    pub(super) settings: Vec<Setting>,
    pub(super) ignored: Vec<IgnoredKey>,
    pub(super) left_out: Option<LeftOut>,
}

/// The file of changed keys, which is left out because of an error in it.
#[derive(Debug, Clone)]
pub struct LeftOut {
    pub(super) why: Arc<ConfigError>,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = self.why.to_string();
        let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
        write!(
            f,
            "the keys that were changed by `ostiary config set` have no effect ({why}); correct or remove the file"
        )
    }
}

/// One key in use.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// `section.key`.
    pub key: String,
    /// `None` if the key is not set and has no default.
    pub value: Option<Value>,
    /// Where the value came from.
    pub origin: Origin,
}

impl Loaded {
    /// Every key, in the order of the sections; groups of `[hours]` last.
    pub fn settings(&self) -> &[Setting] {
        &self.settings
    }

    /// The keys of older versions that are set and have no effect, the lowest layer first.
    pub fn ignored(&self) -> &[IgnoredKey] {
        &self.ignored
    }

    /// The file of changed keys, if it is left out.
    pub fn left_out(&self) -> Option<&LeftOut> {
        self.left_out.as_ref()
    }

    /// Sets `engine.precision` if no layer sets it.
    pub fn choose_precision(&mut self, precision: Precision) {
        let setting = self.settings.iter_mut().find(|setting| setting.key == "engine.precision");
        if let Some(setting) = setting.filter(|setting| setting.origin == Origin::Default) {
            self.config.engine.precision = precision;
            setting.value = Some(precision.to_string().into());
            setting.origin = Origin::Chosen;
        }
    }

    /// Where a key's value came from; `None` if there is no such key.
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        self.settings.iter().find(|setting| setting.key == key).map(|setting| &setting.origin)
    }
}

impl Setting {
    /// Every key with its default, in the order of the sections.
    ///
    /// # Errors
    /// If the defaults cannot be written as TOML, which is a defect of the program.
    pub fn defaults() -> Result<Vec<Self>, ConfigError> {
        let defect = |message: String| ConfigError { problems: vec![Problem::Declaration { message }] };
        // By way of text, because that writes an `f32` as the number that its author wrote.
        let text = toml::to_string(&Config::default()).map_err(|error| defect(error.to_string()))?;
        let table: Table = toml::from_str(&text).map_err(|error| defect(error.to_string()))?;
        let default = |name: &str| {
            let (section, key) = name.split_once('.')?;
            table.get(section)?.get(key).cloned()
        };
        let setting =
            |name: &str| Self { key: name.to_owned(), value: default(name), origin: Origin::Default };
        Ok(lookup::keys().map(|key| setting(key.name())).collect())
    }
}
