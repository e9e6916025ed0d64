//! Text freed of people's names and of what is secret in addresses.

use ostiary_core::redact;
use serde_json::Value;

/// Parts of names that are shorter are words of every text: of, van, de.
const SHORTEST: usize = 3;

/// Knows the names of people, and puts `(person 1)` in their place: always the same number for the same person.
pub struct Redactor {
    /// Whole names and their words, the longest first, each with what stands for it.
    names: Vec<(Vec<char>, String)>,
}

impl Redactor {
    /// One that knows these names, in whatever order and however often each.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        let mut people: Vec<String> = names.into_iter().collect();
        people.sort();
        people.dedup();
        let mut names = Vec::new();
        for (number, name) in people.iter().enumerate() {
            let words = name.split(|c: char| !c.is_alphanumeric());
            let words = words.filter(|word| word.chars().count() >= SHORTEST);
            for part in words.chain([name.as_str()]).filter(|part| !part.is_empty()) {
                names.push((part.chars().collect(), format!("(person {})", number + 1)));
            }
        }
        names.sort_by_key(|(name, _): &(Vec<char>, String)| std::cmp::Reverse(name.len()));
        Self { names }
    }

    /// The text without names, in whatever case they are written, and without credentials.
    pub fn text(&self, text: &str) -> String {
        let text = redact(text);
        let characters: Vec<char> = text.chars().collect();
        let mut clean = String::with_capacity(text.len());
        let mut at = 0;
        while let Some(character) = characters.get(at) {
            match self.names.iter().find(|(name, _)| stands_at(&characters, at, name)) {
                Some((name, stand_in)) => {
                    clean.push_str(stand_in);
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

    /// The value with every text in it freed; keys are ours and stay.
    pub fn value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Array(values) => Value::Array(values.into_iter().map(|value| self.value(value)).collect()),
            Value::Object(fields) => {
                Value::Object(fields.into_iter().map(|(key, value)| (key, self.value(value))).collect())
            }
            other => other,
        }
    }
}

/// Whether the name stands there, as words of its own.
fn stands_at(text: &[char], at: usize, name: &[char]) -> bool {
    let same = |(one, other): (&char, &char)| one.to_lowercase().eq(other.to_lowercase());
    let Some(found) = text.get(at..at + name.len()) else { return false };
    let parted = |inner: Option<&char>, outer: Option<&char>| {
        !(inner.is_some_and(|c| c.is_alphanumeric()) && outer.is_some_and(|c| c.is_alphanumeric()))
    };
    found.iter().zip(name).all(same)
        && parted(name.first(), at.checked_sub(1).and_then(|before| text.get(before)))
        && parted(name.last(), text.get(at + name.len()))
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
    fn names_are_replaced_whole_and_by_their_words_and_in_any_case() {
        let redactor = redactor(&["Zoë van Dam", "Al", "Al"]);
        for (text, clean) in [
            ("Let Zoë van Dam in: 0.71 alike.", "Let (person 2) in: 0.71 alike."),
            ("ZOË VAN DAM", "(person 2)"),
            ("/home/zoë/ostiary.toml", "/home/(person 2)/ostiary.toml"),
            ("Al came, the signal is all right", "(person 1) came, the signal is all right"),
            ("Damage", "Damage"),
            ("rtsp://al:secret@dam/main?pw=1", "rtsp://(person 2)/main?..."),
        ] {
            assert_eq!(redactor.text(text), clean);
        }
        let value = json!({"person": "Al", "list": ["of Al", 3], "deep": {"al": "x"}});
        let clean = json!({"person": "(person 1)", "list": ["of (person 1)", 3], "deep": {"al": "x"}});
        assert_eq!(redactor.value(value), clean);
    }

    proptest! {
        #[test]
        fn no_name_is_left(name in "[A-Z][a-zé]{3,8} [A-Z][a-z]{3,8}", before in "[ ,.:'\"]", after in "[ ,.:'\"]") {
            let text = format!("Let{before}{name}{after}in");
            prop_assert!(!redactor(&[&name]).text(&text).contains(&name));
        }
    }
}
