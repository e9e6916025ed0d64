//! Applies the opening hours of [`Hours`] to a person's group. The weekly schedule itself, its format and its evaluation, is
//! `crates/config/src/schedule.rs`.

use jiff::civil::DateTime;
use ostiary_config::Hours;

use super::{Access, ClockFault};

/// Whether a person of this group may come in. `local` is called only if the result depends on the local time. If it
/// returns an error, a group with hours may not come in, whatever its hours are.
///
/// If no group has hours, groups are labels and restrict nobody. If any group has hours, a group without hours may not
/// come in: its name may be a typing error. A person in no group may come in at any time: hours restrict groups only.
pub fn group_access(
    hours: &Hours,
    group: Option<&str>,
    local: impl FnOnce() -> Result<DateTime, ClockFault>,
) -> Access {
    let Some(group) = group else { return Access::Allowed };
    if hours.is_empty() {
        return Access::Allowed;
    }
    let Some(schedule) = hours.schedule(group) else { return Access::NoHours };
    match local() {
        Err(_) => Access::ClockImplausible,
        Ok(time) if schedule.contains(time) => Access::Allowed,
        Ok(_) => Access::OutsideHours,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::civil::date;

    use super::*;

    fn hours(times: &[&str]) -> Hours {
        let times = times.iter().map(|time| (*time).to_owned()).collect();
        Hours::parse(&BTreeMap::from([("staff".to_owned(), times)])).unwrap()
    }

    #[test]
    fn if_a_group_has_hours_a_group_without_hours_is_refused() {
        let at_night =
            |hours: &Hours, group| group_access(hours, group, || Ok(date(2026, 1, 5).at(3, 0, 0, 0)));
        assert_eq!(at_night(&hours(&["always"]), Some("Staff")), Access::Allowed);
        assert_eq!(at_night(&hours(&["never"]), Some("staff")), Access::OutsideHours);
        assert_eq!(at_night(&hours(&["always"]), Some("stff")), Access::NoHours);
        assert_eq!(at_night(&hours(&["never"]), None), Access::Allowed, "in no group, at any time");
        assert_eq!(at_night(&Hours::default(), Some("staff")), Access::Allowed, "a label");
    }

    #[test]
    fn without_a_plausible_clock_only_groups_with_hours_are_refused() {
        let no_time = || Err(ClockFault::SynchronizationUnknown { why: "not permitted".into() });
        for times in [&["mon-fri 08:00-18:00"][..], &["always"], &["never"]] {
            assert_eq!(
                group_access(&hours(times), Some("staff"), no_time),
                Access::ClockImplausible,
                "{times:?}"
            );
        }
        assert_eq!(group_access(&hours(&["always"]), None, no_time), Access::Allowed);
        assert_eq!(group_access(&hours(&["always"]), Some("stff"), no_time), Access::NoHours);
        assert_eq!(group_access(&Hours::default(), Some("staff"), no_time), Access::Allowed);
    }
}
