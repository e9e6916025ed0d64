//! Checks the opening hours: which groups have them, and which people are in a group without hours.

use ostiary_access::groups_without_hours;
use ostiary_config::Hours;
use ostiary_facebank::{Facebank, PersonSummary};

use super::CheckContext;
use super::finding::Finding;

pub fn check(context: &CheckContext) -> Vec<Finding> {
    let config = context.config();
    // Hours that are not valid are reported by the check of the configuration.
    let hours = Hours::parse(&config.hours).unwrap_or_default();
    // A facebank that cannot be read is reported by its own check.
    let people = Facebank::open_read_only(&config.facebank.path).and_then(|facebank| facebank.people());
    evaluate(&hours, &people.unwrap_or_default())
}

fn evaluate(hours: &Hours, people: &[PersonSummary]) -> Vec<Finding> {
    if hours.is_empty() {
        return vec![Finding::ok(
            "no hours are set: everybody may come in at any time, and groups have no effect",
        )];
    }
    let people = || people.iter().map(|listed| &listed.person);
    let closed = groups_without_hours(hours, people());
    let mut findings: Vec<Finding> =
        closed.iter().map(|group| Finding::warning(group.to_string(), group.fix())).collect();
    let groups: Vec<&str> = hours.groups().collect();
    let noun = if groups.len() == 1 { "group" } else { "groups" };
    let mut found = format!("set for the {noun} {}", groups.join(", "));
    let ungrouped: Vec<&str> =
        people().filter(|person| person.group.is_none()).map(|person| person.name.as_str()).collect();
    if !ungrouped.is_empty() {
        found += &format!("; people without a group may come in at any time: {}", ungrouped.join(", "));
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
        PersonSummary { person, templates: 1, crops: 0, models: Vec::new(), frontal_aspect: None }
    }

    #[test]
    fn groups_without_hours_and_people_without_a_group_are_named() {
        let hours = BTreeMap::from([("Staff".to_owned(), vec!["never".to_owned()])]);
        let hours = Hours::parse(&hours).unwrap();
        let people = [listed("Ada", Some("staff")), listed("Bob", None), listed("Cleo", Some("stff"))];
        let found: Vec<_> = evaluate(&hours, &people).iter().map(ToString::to_string).collect();
        let [closed, set] = found.as_slice() else { panic!("{found:?}") };
        assert!(
            closed.contains("\"stff\"")
                && closed.contains("Cleo")
                && closed.contains("did you mean \"staff\"?")
        );
        assert_eq!(set, "set for the group staff; people without a group may come in at any time: Bob");
        assert_eq!(evaluate(&hours, &people[..1]), [Finding::ok("set for the group staff")]);
        assert!(evaluate(&Hours::default(), &people)[0].found.contains("groups have no effect"));
    }
}
