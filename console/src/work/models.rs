//! A check or a change of models.

use serde::Deserialize;

/// What the page shows of a check, or of a change.
#[derive(Debug, Clone)]
pub struct ModelsWork {
    /// The identifier of the title.
    pub title: &'static str,
    /// The templates that are computed, and all of them.
    pub templates: Option<(i64, i64)>,
    /// The bundles that were checked.
    pub checked: Vec<Checked>,
    /// What became of a change.
    pub changed: Option<Changed>,
}

/// A bundle that was checked, as the door describes it.
#[derive(Debug, Clone, Deserialize)]
pub struct Checked {
    /// The version.
    pub version: u64,
    /// Whether it can be used.
    pub good: bool,
    /// Why not.
    pub problem: Option<String>,
}

/// What became of a change, as the door describes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Changed {
    /// A check has refused it.
    Refused {
        /// Why.
        refused: String,
    },
    /// Other models are in use.
    Changed {
        /// The version; `None` for the models that the program came with.
        version: Option<u64>,
        /// How many templates were computed.
        templates: u64,
        /// The people without a template.
        strangers: Vec<String>,
    },
}

impl ModelsWork {
    /// Nothing is done yet.
    pub fn new(title: &'static str) -> Self {
        Self { title, templates: None, checked: Vec::new(), changed: None }
    }
}
