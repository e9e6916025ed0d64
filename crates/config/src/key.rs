//! A key and a section, as they are declared.

use toml::Value;

use crate::rule::{Rule, ValueError};

/// A section of the configuration: `[name]` and its keys.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    pub(crate) name: &'static str,
    pub(crate) doc: &'static [&'static str],
    pub(crate) keys: &'static [Key],
    pub(crate) examples: &'static [&'static str],
}

/// A key of a section.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    pub(crate) name: &'static str,
    pub(crate) doc: &'static [&'static str],
    pub(crate) rule: Rule,
}

/// A type that holds the values of a section.
pub(crate) trait Declared {
    /// What the section and its keys are.
    const SECTION: Section;

    /// The keys whose values differ in `new`.
    fn changed(&self, new: &Self) -> Vec<&'static Key>;
}

impl Section {
    /// The name, without brackets.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What the section is for, line by line. What stands between backticks is a command or a value.
    pub fn doc(&self) -> impl Iterator<Item = &'static str> {
        lines(self.doc)
    }

    /// The keys in the order of the file. None for a section whose keys are names that the owner chooses.
    pub fn keys(&self) -> &'static [Key] {
        self.keys
    }

    /// Lines of TOML that show how to set keys whose names the owner chooses. None for a section with fixed keys.
    pub fn examples(&self) -> &'static [&'static str] {
        self.examples
    }
}

impl Key {
    /// The full name, `section.key`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The name within the section.
    pub fn short_name(&self) -> &'static str {
        self.name.rsplit_once('.').map_or(self.name, |(_, key)| key)
    }

    /// What the key means, line by line. What stands between backticks is a command or a value.
    pub fn doc(&self) -> impl Iterator<Item = &'static str> {
        lines(self.doc)
    }

    /// The type and the range in words, as in "a whole number from 1 to 240".
    pub fn allowed(&self) -> String {
        self.rule.kind.to_string()
    }

    /// The range in short, as in "1 to 240"; `None` if the type says it all.
    pub fn range(&self) -> Option<String> {
        self.rule.kind.range()
    }

    /// A value that shows how to set a key without a default.
    pub fn example(&self) -> Option<Value> {
        self.rule.example.map(|text| self.rule.kind.read(text))
    }

    /// Whether a change takes a restart of the daemon. All other keys are also applied by a reload.
    pub fn needs_restart(&self) -> bool {
        self.rule.restart
    }

    /// Whether `ostiary config set` and the control API may change it.
    pub fn is_settable(&self) -> bool {
        self.rule.settable
    }

    /// Reads the text after `=` in a flag or in the environment: TOML, or text that needs no quotes.
    pub(crate) fn read(&self, text: &str) -> Value {
        self.rule.kind.read(text)
    }

    /// The value in the key's own type (a whole number is a number too), if it is allowed.
    pub(crate) fn check(&self, value: Value) -> Result<Value, ValueError> {
        self.rule.kind.check(value)
    }
}

/// Doc comments without the space after `///`.
fn lines(doc: &'static [&'static str]) -> impl Iterator<Item = &'static str> {
    doc.iter().map(|line| line.strip_prefix(' ').unwrap_or(line))
}
