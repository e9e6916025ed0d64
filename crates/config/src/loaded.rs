//! The configuration in force.

use toml::Value;

use super::{Config, Origin};

/// A configuration that was checked as a whole, and where each value came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub config: Config,
    pub(super) settings: Vec<Setting>,
}

/// One key in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// `section.key`.
    pub key: String,
    /// `None` where the key is not set and has no default.
    pub value: Option<Value>,
    pub origin: Origin,
}

impl Loaded {
    /// Every key, in the order of the sections; groups of `[hours]` last.
    pub fn settings(&self) -> &[Setting] {
        &self.settings
    }

    /// Where a key's value came from; `None` where there is no such key.
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        self.settings.iter().find(|setting| setting.key == key).map(|setting| &setting.origin)
    }
}
