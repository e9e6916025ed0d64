//! Who may come in at this hour.

use jiff::civil::DateTime;
use ostiary_config::Hours;

use super::{Access, ClockFault};

/// Whether a person of this group may come in. The door's local time is asked for only where it decides; where the
/// clock cannot give it, a group with hours may not come in, whatever its hours are.
///
/// Without any hours groups are labels and restrict nobody. Once a group has hours, a group without hours may not come
/// in: its name may be a typing error. A person in no group may come in at any time: hours restrict groups.
pub fn access(
    hours: &Hours,
    group: Option<&str>,
    local: impl FnOnce() -> Result<DateTime, ClockFault>,
) -> Access {
    let Some(group) = group else { return Access::Allowed };
    if hours.is_empty() {
        return Access::Allowed;
    }
    if !hours.has(group) {
        return Access::NoHours;
    }
    let Ok(time) = local() else { return Access::ClockImplausible };
    match hours.allows(group, time) {
        Some(true) => Access::Allowed,
        Some(false) => Access::OutsideHours,
        None => Access::NoHours,
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
    fn once_a_group_has_hours_another_without_is_closed() {
        let of = |hours: &Hours, group| access(hours, group, || Ok(date(2026, 1, 5).at(3, 0, 0, 0)));
        assert_eq!(of(&hours(&["always"]), Some("Staff")), Access::Allowed);
        assert_eq!(of(&hours(&["never"]), Some("staff")), Access::OutsideHours);
        assert_eq!(of(&hours(&["always"]), Some("stff")), Access::NoHours);
        assert_eq!(of(&hours(&["never"]), None), Access::Allowed, "in no group, at any time");
        assert_eq!(of(&Hours::default(), Some("staff")), Access::Allowed, "a label");
    }

    #[test]
    fn without_a_clock_a_group_with_hours_is_refused_and_nobody_else() {
        let lost = || Err(ClockFault::SynchronizationUnknown { why: "not permitted".into() });
        for times in [&["mon-fri 08:00-18:00"][..], &["always"], &["never"]] {
            assert_eq!(access(&hours(times), Some("staff"), lost), Access::ClockImplausible, "{times:?}");
        }
        assert_eq!(access(&hours(&["always"]), None, lost), Access::Allowed);
        assert_eq!(access(&hours(&["always"]), Some("stff"), lost), Access::NoHours);
        assert_eq!(access(&Hours::default(), Some("staff"), lost), Access::Allowed);
    }
}
