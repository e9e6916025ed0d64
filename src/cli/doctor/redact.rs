//! Removes the names of people, and the secrets in addresses, from text.

use ostiary_core::redact;
use serde_json::Value;

/// The least length, in characters, of a part of a name that is replaced. Shorter parts are common words: of, van, de.
const MIN_PART_LENGTH: usize = 3;

/// Replaces the names of people with `(person 1)`, `(person 2)` and so on. A person always has the same number.
pub struct Redactor {
    /// Full names and their parts, the longest first, each with its replacement.
    names: Vec<(Vec<char>, String)>,
}

impl Redactor {
    /// A redactor for these names, which may be in any order and repeated.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        let mut people: Vec<String> = names.into_iter().collect();
        people.sort();
        people.dedup();
        let mut names = Vec::new();
        for (number, name) in people.iter().enumerate() {
            let words = name.split(|c: char| !c.is_alphanumeric());
            let words = words.filter(|word| word.chars().count() >= MIN_PART_LENGTH);
            for part in words.chain([name.as_str()]).filter(|part| !part.is_empty()) {
                names.push((part.chars().collect(), format!("(person {})", number + 1)));
            }
        }
        names.sort_by_key(|(name, _): &(Vec<char>, String)| std::cmp::Reverse(name.len()));
        Self { names }
    }

    /// The text without names, in upper or lower case, and without credentials.
    pub fn redact_text(&self, text: &str) -> String {
        let text = redact(text);
        let characters: Vec<char> = text.chars().collect();
        let mut clean = String::with_capacity(text.len());
        let mut at = 0;
        while let Some(character) = characters.get(at) {
            match self.names.iter().find(|(name, _)| is_name_at(&characters, at, name)) {
                Some((name, replacement)) => {
                    clean.push_str(replacement);
                    at += name.len();
                }
                None => {
                    clean.push(*character);
                    at += 1;
                }
            }
        }
        clean
    }

    /// The JSON value with all strings redacted. Keys are not changed: they contain no names.
    pub fn redact_value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.redact_text(&text)),
            Value::Array(values) => {
                Value::Array(values.into_iter().map(|value| self.redact_value(value)).collect())
            }
            Value::Object(fields) => Value::Object(
                fields.into_iter().map(|(key, value)| (key, self.redact_value(value))).collect(),
            ),
            other => other,
        }
    }
}

/// Whether the name is at this position, and is not a part of a longer word.
fn is_name_at(text: &[char], at: usize, name: &[char]) -> bool {
    let same = |(one, other): (&char, &char)| one.to_lowercase().eq(other.to_lowercase());
    let Some(found) = text.get(at..at + name.len()) else { return false };
    let is_word_boundary = |inner: Option<&char>, outer: Option<&char>| {
        !(inner.is_some_and(|c| c.is_alphanumeric()) && outer.is_some_and(|c| c.is_alphanumeric()))
    };
    found.iter().zip(name).all(same)
        && is_word_boundary(name.first(), at.checked_sub(1).and_then(|before| text.get(before)))
        && is_word_boundary(name.last(), text.get(at + name.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn redactor(names: &[&str]) -> Redactor {
        Redactor::new(names.iter().map(|name| (*name).to_owned()))
    }

    #[test]
    fn full_names_and_their_parts_are_replaced_in_any_case() {
        let redactor = redactor(&["Zoë van Dam", "Al", "Al"]);
        for (text, clean) in [
            ("Let Zoë van Dam in: 0.71 alike.", "Let (person 2) in: 0.71 alike."),
            ("ZOË VAN DAM", "(person 2)"),
            ("/home/zoë/ostiary.toml", "/home/(person 2)/ostiary.toml"),
            ("Al came, the signal is all right", "(person 1) came, the signal is all right"),
            ("Damage", "Damage"),
            ("rtsp://al:secret@dam/main?pw=1", "rtsp://(person 2)/main?..."),
        ] {
            assert_eq!(redactor.redact_text(text), clean);
        }
        let value = json!({"person": "Al", "list": ["of Al", 3], "deep": {"al": "x"}});
        let clean = json!({"person": "(person 1)", "list": ["of (person 1)", 3], "deep": {"al": "x"}});
        assert_eq!(redactor.redact_value(value), clean);
    }

    proptest! {
        #[test]
        fn no_name_is_left(name in "[A-Z][a-zé]{3,8} [A-Z][a-z]{3,8}", before in "[ ,.:'\"]", after in "[ ,.:'\"]") {
            let text = format!("Let{before}{name}{after}in");
            prop_assert!(!redactor(&[&name]).redact_text(&text).contains(&name));
        }
    }
}
