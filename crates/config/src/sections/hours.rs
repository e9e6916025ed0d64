//! `[hours]`, the section whose keys are groups of people. [`crate::Hours`] reads its values.

use std::collections::BTreeMap;

use crate::key::{Declared, Key, Section};

/// The section whose keys are groups of people.
pub(crate) const HOURS: &str = "hours";

/// The times of each group, by the folded name of the group.
pub type GroupTimes = BTreeMap<String, Vec<String>>;

impl Declared for GroupTimes {
    const SECTION: Section = Section {
        name: HOURS,
        doc: &[
            "When the people of a group may come in, by the local time: one line a group, one time or several.",
            "A time is `\"always\"`, `\"never\"`, or days and a range: `\"mon-fri 08:00-18:00\"`, `\"sat,sun 09:00-12:00\"`.",
            "Without days it is every day. A range that ends before it begins ends on the next day: `\"fri 22:00-06:00\"`.",
            "Upper and lower case are the same group. If no group is listed, everybody may come in at any time. If any group is",
            "listed, people in a group that is not listed may not come in at all: its name may be a typing error. People in no",
            "group may come in at any time.",
        ],
        keys: &[],
        examples: &["staff = [\"mon-fri 07:00-19:00\", \"sat 09:00-12:00\"]", "night = [\"22:00-06:00\"]"],
    };

    fn changed(&self, _: &Self) -> Vec<&'static Key> {
        Vec::new()
    }
}
