//! A person, and what a name may be.

use ostiary_core::Person;
use serde::Serialize;

use super::FacebankError;

/// The longest name of a person or a group, characters.
const MAX_NAME: usize = 64;

/// A person as `people list` shows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    #[serde(flatten)]
    pub person: Person,
    /// How many photos of them there are templates of.
    pub templates: usize,
    /// Of how many photos the crop was kept.
    pub crops: usize,
    /// The models of their templates.
    pub models: Vec<String>,
}

/// Checks a name of a person or a group: 1 to 64 characters, no control characters, no space at either end.
pub fn check_name(name: &str) -> Result<(), FacebankError> {
    let refuse = |why| Err(FacebankError::BadName { name: name.chars().take(MAX_NAME).collect(), why });
    if name.trim().is_empty() {
        return refuse("it is empty");
    }
    if name.trim() != name {
        return refuse("it begins or ends with a space");
    }
    if name.chars().any(char::is_control) {
        return refuse("it holds control characters");
    }
    if name.chars().count() > MAX_NAME {
        return refuse("it is longer than 64 characters");
    }
    Ok(())
}

/// The form in which names are compared: two names that differ only in case are the same name.
pub(super) fn fold(name: &str) -> String {
    name.to_lowercase()
}

/// Of `names` the one most like `name`, where one is like enough to be what was meant.
pub(super) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let wanted = fold(name);
    names
        .map(|known| (strsim::jaro_winkler(&wanted, &fold(known)), known))
        .filter(|(alike, _)| *alike >= 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_names_are_refused() {
        for bad in ["", "   ", " Ann", "Ann\n", "A\u{0}nn", "A\u{1b}[31m", &"x".repeat(65)] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
        for good in ["Ann", "Zoë Müller", "李", "O'Brien-Smith", &"ü".repeat(64)] {
            assert!(check_name(good).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn a_slip_of_the_finger_is_understood() {
        let names = ["Annabel", "Bob", "Christine"];
        assert_eq!(nearest("anabel", names.into_iter()).as_deref(), Some("Annabel"));
        assert_eq!(nearest("Christne", names.into_iter()).as_deref(), Some("Christine"));
        assert_eq!(nearest("Xerxes", names.into_iter()), None);
    }
}
