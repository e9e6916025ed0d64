//! A change of one enrolled person, as commands and the control API make it.

use std::path::Path;

use anyhow::Result;
use ostiary_access::check_group;
use ostiary_config::Hours;
use ostiary_events::{Action, Administration, User};
use ostiary_facebank::{Facebank, FacebankError};

/// A change of one enrolled person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeopleChange {
    /// Another name.
    Rename {
        /// The name before.
        name: String,
        /// The name after.
        new_name: String,
    },
    /// All stored data of the person is removed.
    Remove {
        /// The person.
        name: String,
    },
    /// The person is let in, or not let in any longer.
    SetEnabled {
        /// The person.
        name: String,
        /// Whether the person is let in.
        enabled: bool,
    },
    /// Another group, whose hours then apply.
    SetGroup {
        /// The person.
        name: String,
        /// The group; `None` for none.
        group: Option<String>,
    },
}

/// A change that was made.
#[derive(Debug, PartialEq, Eq)]
pub struct MadeChange {
    /// The name of the person now, or of the removed person.
    pub name: String,
    action: Action,
    /// The name in the event.
    person: String,
    detail: Option<String>,
}

impl PeopleChange {
    /// Makes the change. A group must be one of these hours, if there are any.
    ///
    /// # Errors
    /// Nobody has the name, or the change is not possible. Nothing has changed.
    pub fn apply(self, facebank: &mut Facebank, hours: &Hours) -> Result<MadeChange> {
        Ok(match self {
            Self::Rename { name, new_name } => {
                let person = stored_name(facebank, &name)?;
                facebank.rename(&name, &new_name)?;
                let name = stored_name(facebank, &new_name)?;
                // With the name before as the person, the support bundle can remove both names.
                let detail = Some(Administration::renamed_to(&name));
                MadeChange { name, action: Action::Renamed, person, detail }
            }
            Self::Remove { name } => {
                let name = stored_name(facebank, &name)?;
                facebank.remove(&name)?;
                MadeChange { name: name.clone(), action: Action::Removed, person: name, detail: None }
            }
            Self::SetEnabled { name, enabled } => {
                let name = stored_name(facebank, &name)?;
                facebank.set_enabled(&name, enabled)?;
                let action = if enabled { Action::Enabled } else { Action::Disabled };
                MadeChange { name: name.clone(), action, person: name, detail: None }
            }
            Self::SetGroup { name, group } => {
                group.as_deref().map_or(Ok(()), |group| check_group(hours, group))?;
                let name = stored_name(facebank, &name)?;
                facebank.set_group(&name, group.as_deref())?;
                let detail = group.map_or_else(|| "no group".to_owned(), |group| format!("group {group}"));
                MadeChange { name: name.clone(), action: Action::Grouped, person: name, detail: Some(detail) }
            }
        })
    }
}

/// The name of a person as it is stored, so that all events of the person have the same one.
fn stored_name(facebank: &Facebank, name: &str) -> Result<String, FacebankError> {
    Ok(facebank.show(name)?.person.name)
}

impl MadeChange {
    /// What the record says of the change.
    pub fn administration(&self, user: User) -> Administration {
        let (action, person, detail) = (self.action, Some(self.person.clone()), self.detail.clone());
        Administration { action, person, detail, user }
    }
}

/// Opens a facebank to change it. Unlike an import, a change of a person does not create one.
///
/// # Errors
/// The facebank is missing or cannot be opened.
pub fn open_existing(path: &Path) -> Result<Facebank, FacebankError> {
    match path.exists() {
        true => Facebank::open(path),
        false => Err(FacebankError::Missing { path: path.to_owned() }),
    }
}
