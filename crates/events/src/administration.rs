//! A change of people or models by a command, and who made it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What the detail of [`Action::Renamed`] has before the new name.
const RENAMED_TO: &str = "now ";

/// A change that a command has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Administration {
    /// What was done.
    pub action: Action,
    /// The person that it was done to, of a renamed person the name before; `None` for several people and for models.
    pub person: Option<String>,
    /// More about it: the new name, the group, the number of people, the version of the models.
    pub detail: Option<String>,
    /// Who did it.
    pub user: User,
}

impl Administration {
    /// The detail of [`Action::Renamed`], with the new name.
    pub fn renamed_to(name: &str) -> String {
        format!("{RENAMED_TO}{name}")
    }

    /// The name of the person after this change; `None` after a removal, and for a change of no person.
    pub fn name_after(&self) -> Option<&str> {
        match self.action {
            Action::Removed => None,
            Action::Renamed => self.detail.as_deref().and_then(|detail| detail.strip_prefix(RENAMED_TO)),
            _ => self.person.as_deref(),
        }
    }
}

/// What a command has done. The names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A person was enrolled, or photos were added.
    Enrolled,
    /// A person has another name.
    Renamed,
    /// A person was removed.
    Removed,
    /// A disabled person is let in again.
    Enabled,
    /// A person is not let in any longer.
    Disabled,
    /// A person was put into a group, or out of one.
    Grouped,
    /// People were added from an export.
    Imported,
    /// All people with their embeddings were exported.
    Exported,
    /// The templates of all people were computed again.
    Reembedded,
    /// Other models are in use.
    ModelsChanged,
    /// What the record said of a person was erased.
    Erased,
    /// A key of the configuration has another value.
    Configured,
}

/// The user who ran a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User {
    /// The user id of the process.
    pub uid: u32,
    /// The user id from which `sudo` was run, as sudo reports it.
    pub sudo_uid: Option<u32>,
}

/// As JSON has it, without quotes.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

impl Action {
    /// What was done, after the person or at the start of a sentence.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Enrolled => "enrolled",
            Self::Renamed => "renamed",
            Self::Removed => "removed",
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::Grouped => "put into another group",
            Self::Imported => "people were imported",
            Self::Exported => "all people were exported with their templates",
            Self::Reembedded => "the templates of all people were computed again",
            Self::ModelsChanged => "other models are in use",
            Self::Configured => "the configuration was changed",
            Self::Erased => "what the record said of a person was erased",
        }
    }
}

/// `user 1000 by sudo`, `user 998`.
impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sudo_uid {
            Some(uid) => write!(f, "user {uid} by sudo as user {}", self.uid),
            None => write!(f, "user {}", self.uid),
        }
    }
}
