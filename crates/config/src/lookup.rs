//! Finds keys and sections by name, and the hint for a misspelled name: the nearest name that exists.

use ostiary_core::fold_group;

use crate::key::Key;
use crate::sections::{HOURS, SECTIONS};

/// Every key with a fixed name, in the order of the file.
pub(crate) fn keys() -> impl Iterator<Item = &'static Key> {
    SECTIONS.iter().flat_map(|section| section.keys())
}

/// Whether there is a section of this name.
pub(crate) fn is_section(name: &str) -> bool {
    SECTIONS.iter().any(|section| section.name() == name)
}

/// The key of this name.
pub(crate) fn find(name: &str) -> Option<&'static Key> {
    keys().find(|key| key.name() == name)
}

/// The name of a setting, with groups of `[hours]` in lower case: upper and lower case are the same group.
pub(crate) fn folded(name: &str) -> String {
    match group(name) {
        Some(group) => format!("{HOURS}.{}", fold_group(group)),
        None => name.to_owned(),
    }
}

/// The group of a key of `[hours]`.
pub(crate) fn group(name: &str) -> Option<&str> {
    let (section, group) = name.split_once('.')?;
    (section == HOURS && !group.trim().is_empty()).then_some(group)
}

/// What was probably meant by a name that does not exist: a section if `name` has no dot, else a key.
pub(crate) fn hint(name: &str) -> String {
    // A key of another section, or one without its section, is more likely than a typing error in the name.
    let last = name.rsplit('.').next();
    let elsewhere = keys().find(|key| Some(key.short_name()) == last).map(Key::name);
    let nearest = elsewhere.or_else(|| match name.contains('.') {
        true => nearest(name, keys().map(Key::name)),
        false => nearest(name, SECTIONS.iter().map(|section| section.name())),
    });
    match nearest {
        Some(nearest) => format!("did you mean {nearest}?"),
        None => "`ostiary config show` lists all keys".to_owned(),
    }
}

/// The most similar of `known`, if it is similar enough to have been meant: at most one edit for every three characters, and in a
/// name of more than twelve at most two, and one for every six.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let length = name.chars().count();
    known
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= (length / 3).min(2 + length / 6))
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_name_of_few_characters_is_not_taken_for_every_other_one() {
        for (name, known) in [("it", "hr"), ("a", "b"), ("夜勤組", "清掃班")] {
            assert_eq!(nearest(name, [known].into_iter()), None, "{name} for {known}");
        }
        for (name, known) in [("stff", "staff"), ("door.margn", "door.margin"), ("nihgt", "night")] {
            assert_eq!(nearest(name, [known].into_iter()), Some(known));
        }
    }
}
