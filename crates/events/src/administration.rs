//! A change of people or models by a command, and who made it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What the detail of [`Action::Renamed`] has before the new name.
const RENAMED_TO: &str = "now ";
/// What the detail of [`Action::TokenCreated`] and [`Action::TokenRevoked`] has before the name of the token.
const TOKEN: &str = ": ";

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

    /// The detail of [`Action::TokenCreated`] and [`Action::TokenRevoked`]: what a token may do, and its name.
    pub fn token_detail(may: &str, name: &str) -> String {
        format!("{may}{TOKEN}{name}")
    }

    /// The name of the token that was created or revoked; `None` for other changes.
    pub fn token(&self) -> Option<&str> {
        match self.action {
            Action::TokenCreated | Action::TokenRevoked => Some(self.detail.as_deref()?.split_once(TOKEN)?.1),
            _ => None,
        }
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
    /// A token for the control API was created.
    TokenCreated,
    /// A token for the control API is not valid any longer.
    TokenRevoked,
    /// The picture of a stranger was deleted.
    SnapshotDeleted,
    /// A backup has replaced people, events and configuration, or its people were added.
    Restored,
}

/// Who gave a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum User {
    /// The user of a process of this machine.
    Process {
        /// The user id of the process.
        uid: u32,
        /// The user id from which `sudo` was run, as sudo reports it.
        sudo_uid: Option<u32>,
    },
    /// A person, by a program of this machine that passed the token of the person.
    Token {
        /// The name of the token.
        name: String,
        /// The user id of the process.
        uid: u32,
    },
    /// A client of the MQTT broker. The broker does not tell which.
    Mqtt,
}

/// The way of a command that does not come from a process of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// By a message of MQTT.
    Mqtt,
}

impl User {
    /// The user with these fields of a JSON object; `None` if they name nobody.
    pub fn of(
        uid: Option<u32>,
        sudo_uid: Option<u32>,
        token: Option<String>,
        via: Option<Via>,
    ) -> Option<Self> {
        match (via, uid, token) {
            (Some(Via::Mqtt), _, _) => Some(Self::Mqtt),
            (None, Some(uid), Some(name)) => Some(Self::Token { name, uid }),
            (None, Some(uid), None) => Some(Self::Process { uid, sudo_uid }),
            (None, None, _) => None,
        }
    }

    /// The user id of the process.
    pub fn uid(&self) -> Option<u32> {
        match self {
            Self::Process { uid, .. } | Self::Token { uid, .. } => Some(*uid),
            Self::Mqtt => None,
        }
    }

    /// The user id from which `sudo` was run.
    pub fn sudo_uid(&self) -> Option<u32> {
        match self {
            Self::Process { sudo_uid, .. } => *sudo_uid,
            Self::Token { .. } | Self::Mqtt => None,
        }
    }

    /// The name of the token.
    pub fn token(&self) -> Option<&str> {
        match self {
            Self::Token { name, .. } => Some(name),
            Self::Process { .. } | Self::Mqtt => None,
        }
    }

    /// The way, if it is not a process of this machine.
    pub fn via(&self) -> Option<Via> {
        match self {
            Self::Process { .. } | Self::Token { .. } => None,
            Self::Mqtt => Some(Via::Mqtt),
        }
    }
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
            Self::Restored => "a backup was restored",
            Self::SnapshotDeleted => "the picture of a stranger was deleted",
            Self::Erased => "what the record said of a person was erased",
            Self::TokenCreated => "a token was created",
            Self::TokenRevoked => "a token was revoked",
        }
    }
}

/// `user 1000 by sudo as user 0`, `user 998`, `the holder of the token "Ada" (user 997)`, `a client of the MQTT broker`.
impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process { uid, sudo_uid: Some(sudo_uid) } => {
                write!(f, "user {sudo_uid} by sudo as user {uid}")
            }
            Self::Process { uid, sudo_uid: None } => write!(f, "user {uid}"),
            Self::Token { name, uid } => write!(f, "the holder of the token {name:?} (user {uid})"),
            Self::Mqtt => f.write_str("a client of the MQTT broker"),
        }
    }
}
