//! The summary of a person, which names are similar, and which frontal aspects are possible.

use std::ops::RangeInclusive;

use ostiary_core::{Person, fold_name};
use serde::{Deserialize, Serialize};

/// The least Jaro-Winkler similarity, 0 to 1, at which a name is suggested.
const MIN_SIMILARITY: f64 = 0.8;

/// The frontal aspects that are stored. Faces have 0.8 to 1.3: a number outside is damage, or was measured on something else.
const FRONTAL_ASPECTS: RangeInclusive<f32> = 0.5..=2.0;

/// A person with the number of their templates, for `ostiary people list`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PersonSummary {
    /// The person.
    #[serde(flatten)]
    pub person: Person,
    /// Number of photos with templates.
    pub templates: usize,
    /// Number of photos with a stored crop.
    pub crops: usize,
    /// The models of their templates, sorted.
    pub models: Vec<String>,
    /// The aspect of the person's face that looks at the door's camera: the width of eyes and mouth relative to their height, 1 for
    /// a mean face, 0.5 to 2; `None` if it was not measured.
    pub frontal_aspect: Option<f32>,
}

/// Whether a number can be the frontal aspect of a person: 0.5 to 2.
pub fn is_frontal_aspect(aspect: f32) -> bool {
    FRONTAL_ASPECTS.contains(&aspect)
}

/// The name in `names` that is the most similar to `name` (Jaro-Winkler similarity), if it is at least [`MIN_SIMILARITY`].
pub(super) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let wanted = fold_name(name);
    names
        .map(|known| (strsim::jaro_winkler(&wanted, &fold_name(known)), known))
        .filter(|(similarity, _)| *similarity >= MIN_SIMILARITY)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frontal_aspects_are_those_of_faces() {
        for bad in [f32::NAN, f32::INFINITY, -1.0, 0.0, 0.49, 2.01] {
            assert!(!is_frontal_aspect(bad), "{bad}");
        }
        assert!([0.5, 0.85, 1.0, 2.0].into_iter().all(is_frontal_aspect));
    }

    #[test]
    fn a_misspelled_name_gets_a_suggestion() {
        let names = ["Annabel", "Bob", "Christine"];
        assert_eq!(nearest("anabel", names.into_iter()).as_deref(), Some("Annabel"));
        assert_eq!(nearest("Christne", names.into_iter()).as_deref(), Some("Christine"));
        assert_eq!(nearest("Xerxes", names.into_iter()), None);
    }
}
