//! Groups without hours, while other groups have hours: their people may not come in.

use std::collections::BTreeMap;
use std::fmt;

use ostiary_config::{Hours, nearest};
use ostiary_core::{Person, fold_group};
use serde::Serialize;

/// A group of enrolled people without hours, while other groups have hours. The door does not open for these people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GroupWithoutHours {
    /// The name of the group, case-folded.
    pub group: String,
    /// The names of its people.
    pub people: Vec<String>,
    /// The group with hours whose name is the most similar, if one is similar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<String>,
}

/// A group without hours, while other groups have hours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no group {group:?} in [hours]; {}", hint(nearest.as_deref(), known))]
pub struct UnknownGroup {
    /// The name of the group.
    pub group: String,
    /// The group with hours whose name is the most similar, if one is similar.
    pub nearest: Option<String>,
    /// All groups with hours.
    pub known: Vec<String>,
}

/// The groups of these people that have no hours, while other groups have hours. Sorted by name.
pub fn groups_without_hours<'a>(
    hours: &Hours,
    people: impl IntoIterator<Item = &'a Person>,
) -> Vec<GroupWithoutHours> {
    if hours.is_empty() {
        return Vec::new();
    }
    let mut closed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for person in people {
        if let Some(group) = person.group.as_deref().filter(|group| !hours.has(group)) {
            closed.entry(fold_group(group)).or_default().push(person.name.clone());
        }
    }
    let closed = closed.into_iter();
    closed
        .map(|(group, people)| GroupWithoutHours { nearest: nearest_group(hours, &group), group, people })
        .collect()
}

/// Checks that the group has hours, if any group has.
///
/// # Errors
/// [`UnknownGroup`], with the most similar group.
pub fn check_group(hours: &Hours, group: &str) -> Result<(), UnknownGroup> {
    if hours.is_empty() || hours.has(group) {
        return Ok(());
    }
    let known = hours.groups().map(str::to_owned).collect();
    Err(UnknownGroup { group: group.to_owned(), nearest: nearest_group(hours, &fold_group(group)), known })
}

fn nearest_group(hours: &Hours, group: &str) -> Option<String> {
    nearest(group, hours.groups()).map(str::to_owned)
}

impl GroupWithoutHours {
    /// The hint how to fix it.
    pub fn fix(&self) -> String {
        let meant =
            self.nearest.as_ref().map(|nearest| format!("did you mean {nearest:?}? ")).unwrap_or_default();
        let other = self.nearest.as_deref().unwrap_or("GROUP");
        format!(
            "{meant}add {:?} to [hours], or change the group with `ostiary people group NAME {other}`",
            self.group
        )
    }
}

impl fmt::Display for GroupWithoutHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { group, people, .. } = self;
        write!(
            f,
            "group {group:?} has no hours, and other groups have: the door does not open for {}",
            people.join(", ")
        )
    }
}

fn hint(nearest: Option<&str>, known: &[String]) -> String {
    match nearest {
        Some(nearest) => format!("did you mean {nearest:?}?"),
        None => format!("the groups with hours are {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use ostiary_core::PersonId;

    use super::*;

    fn hours() -> Hours {
        let times = |group: &str| (group.to_owned(), vec!["always".to_owned()]);
        Hours::parse(&BTreeMap::from([times("Staff"), times("night")])).unwrap()
    }

    fn person(name: &str, group: Option<&str>) -> Person {
        Person {
            id: PersonId(1),
            name: name.to_owned(),
            enabled: true,
            group: group.map(str::to_owned),
            created: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn groups_without_hours_are_listed_with_their_people() {
        let people = [
            person("Ada", Some("Stff")),
            person("Bob", Some("STAFF")),
            person("Cleo", None),
            person("Dan", Some("stff")),
            person("Eve", Some("gardeners")),
        ];
        let closed = groups_without_hours(&hours(), &people);
        let messages: Vec<_> = closed.iter().map(|group| format!("{group}; {}", group.fix())).collect();
        assert_eq!(
            messages,
            [
                "group \"gardeners\" has no hours, and other groups have: the door does not open for Eve; add \
                 \"gardeners\" to [hours], or change the group with `ostiary people group NAME GROUP`",
                "group \"stff\" has no hours, and other groups have: the door does not open for Ada, Dan; did you \
                 mean \"staff\"? add \"stff\" to [hours], or change the group with `ostiary people group NAME staff`",
            ]
        );
        assert_eq!(groups_without_hours(&Hours::default(), &people), []);
    }

    #[test]
    fn an_unknown_group_is_refused_if_there_are_hours() {
        assert!(check_group(&hours(), "staFF").is_ok());
        assert!(check_group(&Hours::default(), "anything").is_ok());
        let refused = |group| check_group(&hours(), group).unwrap_err().to_string();
        assert_eq!(refused("stff"), "there is no group \"stff\" in [hours]; did you mean \"staff\"?");
        assert_eq!(
            refused("gardeners"),
            "there is no group \"gardeners\" in [hours]; the groups with hours are night, staff"
        );
    }
}
