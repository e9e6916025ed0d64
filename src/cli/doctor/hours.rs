//! Opening hours: which groups have them, and which people are in a group without.

use ostiary_access::closed_groups;
use ostiary_config::Hours;
use ostiary_facebank::{Facebank, PersonSummary};

use super::Door;
use super::finding::Finding;

pub fn check(door: &Door) -> Vec<Finding> {
    let config = door.config();
    // A configuration with hours that cannot be read has none here, which its own check reports.
    let hours = Hours::parse(&config.hours).unwrap_or_default();
    // So does the check of the facebank where it cannot be read.
    let people = Facebank::open_read_only(&config.facebank.path).and_then(|facebank| facebank.people());
    judge(&hours, &people.unwrap_or_default())
}

fn judge(hours: &Hours, people: &[PersonSummary]) -> Vec<Finding> {
    if hours.is_empty() {
        return vec![Finding::ok("none are set: everybody may come in at any time, and groups are labels")];
    }
    let people = || people.iter().map(|listed| &listed.person);
    let closed = closed_groups(hours, people());
    let mut findings: Vec<Finding> =
        closed.iter().map(|group| Finding::warning(group.to_string(), group.fix())).collect();
    let groups: Vec<&str> = hours.groups().collect();
    let noun = if groups.len() == 1 { "group" } else { "groups" };
    let mut found = format!("set for the {noun} {}", groups.join(", "));
    let free: Vec<&str> =
        people().filter(|person| person.group.is_none()).map(|person| person.name.as_str()).collect();
    if !free.is_empty() {
        found += &format!("; in no group, and so let in at any time: {}", free.join(", "));
    }
    findings.push(Finding::ok(found));
    findings
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ostiary_core::{Person, PersonId};

    use super::*;

    fn listed(name: &str, group: Option<&str>) -> PersonSummary {
        let person = Person {
            id: PersonId(1),
            name: name.to_owned(),
            enabled: true,
            group: group.map(str::to_owned),
            created: jiff::Timestamp::UNIX_EPOCH,
        };
        PersonSummary { person, templates: 1, crops: 0, models: Vec::new() }
    }

    #[test]
    fn groups_without_hours_and_people_without_a_group_are_named() {
        let hours = BTreeMap::from([("Staff".to_owned(), vec!["never".to_owned()])]);
        let hours = Hours::parse(&hours).unwrap();
        let people = [listed("Ada", Some("staff")), listed("Bob", None), listed("Cleo", Some("stff"))];
        let said: Vec<_> = judge(&hours, &people).iter().map(ToString::to_string).collect();
        let [closed, set] = said.as_slice() else { panic!("{said:?}") };
        assert!(
            closed.contains("\"stff\"")
                && closed.contains("Cleo")
                && closed.contains("did you mean \"staff\"?")
        );
        assert_eq!(set, "set for the group staff; in no group, and so let in at any time: Bob");
        assert_eq!(judge(&hours, &people[..1]), [Finding::ok("set for the group staff")]);
        assert!(judge(&Hours::default(), &people)[0].found.contains("groups are labels"));
    }
}
