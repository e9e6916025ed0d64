//! Names of people and groups: the one rule for which names are allowed, the form in which they are stored, and which names are
//! equal or look alike.
//!
//! A name is stored in Unicode's form NFKC (Unicode Standard Annex 15), because one visible name has several encodings: macOS,
//! for example, takes names of files apart (NFD). Names that look alike are found with the skeletons of Unicode Technical Standard 39.

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_script::{Script, UnicodeScript};
use unicode_security::confusable_detection::skeleton;

/// Length of the longest name of a person or a group, characters.
const MAX_LENGTH: usize = 64;

/// The most marks on one letter; more cover the lines above and below. Unicode Technical Standard 39 has the same limit.
const MAX_MARKS: usize = 4;

/// Characters that show nothing, or change the direction of text: those that Unicode calls default ignorable, the marks for
/// annotations, and a Braille pattern without dots.
const INVISIBLE: [std::ops::RangeInclusive<char>; 19] = [
    '\u{00ad}'..='\u{00ad}',
    '\u{034f}'..='\u{034f}',
    '\u{061c}'..='\u{061c}',
    '\u{115f}'..='\u{1160}',
    '\u{17b4}'..='\u{17b5}',
    '\u{180b}'..='\u{180f}',
    '\u{200b}'..='\u{200f}',
    '\u{2028}'..='\u{202e}',
    '\u{2060}'..='\u{206f}',
    '\u{2800}'..='\u{2800}',
    '\u{3164}'..='\u{3164}',
    '\u{fe00}'..='\u{fe0f}',
    '\u{feff}'..='\u{feff}',
    '\u{ffa0}'..='\u{ffa0}',
    '\u{fff0}'..='\u{fffb}',
    '\u{1bca0}'..='\u{1bca3}',
    '\u{1d173}'..='\u{1d17a}',
    '\u{13430}'..='\u{1345f}',
    '\u{e0000}'..='\u{e0fff}',
];

/// Characters without a meaning of their own: private use, and those that are no characters.
const PRIVATE: [std::ops::RangeInclusive<char>; 3] =
    ['\u{e000}'..='\u{f8ff}', '\u{fdd0}'..='\u{fdef}', '\u{f0000}'..='\u{10ffff}'];

/// Words that other programs read as "no value" or "not available", and the program's own words for people who are not enrolled.
const RESERVED: [&str; 6] = ["none", "null", "undefined", "unknown", "unavailable", "stranger"];

/// The name of a person, in the form in which it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PersonName(String);

/// Why a text cannot be a name, and how to fix it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} cannot be a name: {why}")]
pub struct NameError {
    /// The text, cut to the length of a name.
    name: String,
    why: Refusal,
}

/// The rule that a name breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    #[error("it is empty")]
    Empty,
    #[error("it shows nothing; type a name with letters")]
    Invisible,
    #[error("it has no letter; type a name with letters")]
    NoLetter,
    #[error("it begins or ends with a space; leave the space out")]
    OuterSpace,
    #[error("it is longer than {MAX_LENGTH} characters; shorten it")]
    TooLong,
    #[error("the control characters of {0} are not allowed; leave them out")]
    Control(CodePoint),
    #[error("{0} is invisible or turns the direction of text; type the name without it")]
    Hidden(CodePoint),
    #[error("{0} is a space that looks like another; use the space bar")]
    Space(CodePoint),
    #[error("{0} has no meaning outside one font or program; leave it out")]
    Private(CodePoint),
    #[error("more than {MAX_MARKS} marks on one letter, the last of them {0}; leave some out")]
    Marks(CodePoint),
    #[error(
        "{0} is a letter of another script ({1}) than its neighbors ({2}), and can be confused with one of theirs; type the word \
         with one keyboard"
    )]
    Mixed(CodePoint, &'static str, &'static str),
    #[error(
        "other programs read {0:?} as no value, or take it for somebody who is not enrolled; use another name, for example with the last name"
    )]
    Reserved(&'static str),
}

/// A character as people can look it up: `U+200B`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct CodePoint(char);

impl fmt::Display for CodePoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the character U+{:04X}", u32::from(self.0))?;
        // Only a character that shows something and leaves the direction of the message alone.
        if self.0.is_alphabetic() && !is_within(&INVISIBLE, self.0) {
            write!(f, " ({})", self.0)
        } else {
            Ok(())
        }
    }
}

impl PersonName {
    /// Checks and normalizes a name: NFKC, 1 to 64 characters with a letter or digit among them, single spaces inside and none at the
    /// ends, and no character that is invisible, turns the direction of text, controls a terminal, or belongs to another script
    /// than the rest of its word. Words that mean "no value" or somebody who is not enrolled are no names.
    ///
    /// # Errors
    /// The rule that the name breaks, with the code point of the character.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let name = checked(text)?;
        let keys = LookAlikeKeys::of(&name);
        match RESERVED.into_iter().find(|word| keys.matches(&LookAlikeKeys::of(word))) {
            Some(word) => Err(NameError::new(text, Refusal::Reserved(word))),
            None => Ok(Self(name)),
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl NameError {
    fn new(name: &str, why: Refusal) -> Self {
        Self { name: name.chars().take(MAX_LENGTH).collect(), why }
    }
}

/// Checks the name of a group by the rule for names of people, without its reserved words, and folds it by [`fold_group`].
///
/// # Errors
/// The rule that the name breaks.
pub fn group_name(text: &str) -> Result<String, NameError> {
    checked(text).map(|name| fold_group(&name))
}

/// The form in which names of people are compared: names that differ only in case, encoding or the width of spaces are equal.
pub fn fold_name(name: &str) -> String {
    // Lower case can take a letter apart: that of U+0130 is two characters.
    normalized(name).to_lowercase().nfkc().collect()
}

/// Normalizes the name of a group for storage and comparison, as [`fold_name`] does: no spaces at the ends, lower case.
pub fn fold_group(group: &str) -> String {
    fold_name(group)
}

/// What two names have in common that people can take for each other.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LookAlikeKeys {
    /// As written.
    pub written: String,
    /// In lower case, also of the characters that others are taken for: 0 is taken for the letter O.
    pub folded: String,
}

impl LookAlikeKeys {
    /// The keys of a name.
    pub fn of(name: &str) -> Self {
        Self { written: visible(&normalized(name)), folded: visible(&fold_name(name)).to_lowercase() }
    }

    /// Whether the names look alike, in their own case or in lower case.
    pub fn matches(&self, other: &Self) -> bool {
        self.written == other.written || self.folded == other.folded
    }
}

/// The skeleton of a text by Unicode Technical Standard 39. The letter m is not taken for the letters rn, which it would be there:
/// Amo and Arno are two names.
fn visible(text: &str) -> String {
    text.split('m').map(|part| skeleton(part).collect::<String>()).collect::<Vec<_>>().join("m")
}

/// NFKC, with single spaces inside and none at the ends.
fn normalized(text: &str) -> String {
    let text: String = text.nfkc().collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The normalized name, if no rule for characters refuses it.
fn checked(text: &str) -> Result<String, NameError> {
    let refused = |why| Err(NameError::new(text, why));
    if text.trim().is_empty() {
        return refused(Refusal::Empty);
    }
    let shows_something = |c: char| !(c.is_whitespace() || c.is_control() || is_within(&INVISIBLE, c));
    if !text.chars().any(shows_something) {
        return refused(Refusal::Invisible);
    }
    // Both forms: what NFKC replaces must be allowed too.
    let composed: String = text.nfkc().collect();
    if let Some(refusal) = text.chars().chain(composed.chars()).find_map(refusal) {
        return refused(refusal);
    }
    if composed.trim() != composed {
        return refused(Refusal::OuterSpace);
    }
    let name = normalized(text);
    if name.chars().count() > MAX_LENGTH {
        return refused(Refusal::TooLong);
    }
    if !name.chars().any(char::is_alphanumeric) {
        return refused(Refusal::NoLetter);
    }
    let mut marks = 0;
    for c in name.nfd() {
        marks = if is_combining_mark(c) { marks + 1 } else { 0 };
        if marks > MAX_MARKS {
            return refused(Refusal::Marks(CodePoint(c)));
        }
    }
    match name.split(|c: char| !(c.is_alphabetic() || is_combining_mark(c))).find_map(mixed_scripts) {
        Some(refusal) => refused(refusal),
        None => Ok(name),
    }
}

/// Why a character is in no name.
fn refusal(c: char) -> Option<Refusal> {
    let found = CodePoint(c);
    if c.is_control() {
        Some(Refusal::Control(found))
    } else if is_within(&INVISIBLE, c) {
        Some(Refusal::Hidden(found))
    } else if is_within(&PRIVATE, c) || u32::from(c) & 0xFFFE == 0xFFFE {
        Some(Refusal::Private(found))
    } else if c == '\u{1680}' {
        // The only space that shows a line and stays in NFKC.
        Some(Refusal::Space(found))
    } else {
        None
    }
}

/// The first letter of a word that is of another script than most of its letters. Scripts that are written together are one:
/// those of Japanese, Korean and Chinese, each also with Latin letters.
fn mixed_scripts(word: &str) -> Option<Refusal> {
    let together = |script| {
        matches!(
            script,
            Script::Latin
                | Script::Han
                | Script::Hiragana
                | Script::Katakana
                | Script::Hangul
                | Script::Bopomofo
        )
    };
    let letters: Vec<(char, Script)> = word
        .chars()
        .map(|c| (c, c.script()))
        .filter(|(_, script)| !matches!(script, Script::Common | Script::Inherited | Script::Unknown))
        .collect();
    let count = |script| letters.iter().filter(|(_, other)| *other == script).count();
    // Of equally frequent scripts the first one, so that the message is always the same.
    let (_, most) = *letters.iter().rev().max_by_key(|(_, script)| count(*script))?;
    let (stray, script) =
        letters.iter().find(|(_, script)| *script != most && !(together(*script) && together(most)))?;
    Some(Refusal::Mixed(CodePoint(*stray), script.full_name(), most.full_name()))
}

fn is_within(ranges: &[std::ops::RangeInclusive<char>], c: char) -> bool {
    ranges.iter().any(|range| range.contains(&c))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn error(text: &str) -> String {
        PersonName::new(text).unwrap_err().to_string()
    }

    fn stored(text: &str) -> String {
        PersonName::new(text).unwrap().to_string()
    }

    #[test]
    fn names_of_many_languages_are_allowed() {
        for name in [
            "Ann",
            "Zoë Müller",
            "李",
            "O'Brien-Smith",
            "Анна Петрова",
            "Ann (Анна)",
            "Ελένη",
            "佐藤 ゆき",
            "김민준",
            "محمد علي",
            "שרה",
            "नेहा",
            "Nguyễn Văn Ý",
            "Łukasz",
            "Tさん",
            "X Æ A-12",
            "Anna 2",
            "J. R. R. Tolkien",
            "Null Müller",
            "D’Angelo",
            "สมชาย",
            &"ü".repeat(64),
        ] {
            assert_eq!(stored(name), name);
        }
    }

    #[test]
    fn one_visible_name_is_stored_in_one_form() {
        assert_eq!(stored("Zoe\u{308}"), "Zo\u{eb}");
        assert_eq!(stored("Ａｎｎ"), "Ann");
        assert_eq!(stored("ﬁona"), "fiona");
        assert_eq!(stored("Ann\u{a0}Lee"), "Ann Lee");
        assert_eq!(stored("Ann  Lee"), "Ann Lee");
        assert_eq!(fold_name("ZOE\u{308}"), fold_name("zoë"));
        assert_eq!(fold_name(" Ann\u{3000}Lee "), "ann lee");
        assert_eq!(fold_group("Re\u{301}ception "), "réception");
    }

    #[test]
    fn a_refusal_names_the_character_and_the_fix() {
        for (bad, contains) in [
            ("", "empty"),
            ("   ", "empty"),
            ("\u{200b}", "shows nothing"),
            ("\u{2800}\u{3164}", "shows nothing"),
            ("---", "no letter"),
            (" Ann", "begins or ends with a space"),
            ("Ann\u{a0}", "begins or ends with a space"),
            ("Ann\n", "control characters of the character U+000A"),
            ("A\u{1b}[31m", "U+001B"),
            ("A\u{200d}nn", "U+200D is invisible"),
            ("Ann\u{202e}ttam", "U+202E is invisible or turns"),
            ("Ann\u{2066}", "U+2066"),
            ("An\u{ad}n", "U+00AD"),
            ("Ann\u{fe0f}", "U+FE0F"),
            ("Ann\u{e0041}", "U+E0041"),
            ("An\u{3164}n", "U+3164 is invisible"),
            ("Ann\u{e000}", "U+E000 has no meaning"),
            ("An\u{1680}n", "U+1680"),
            ("A\u{0301}\u{0302}\u{0303}\u{0304}\u{0305}nn", "more than 4 marks"),
            ("\u{410}nn", "U+0410 (А) is a letter of another script (Cyrillic) than its neighbors (Latin)"),
            ("Αnna", "U+0391 (Α) is a letter of another script (Greek)"),
            ("Пaвел", "U+0061 (a) is a letter of another script (Latin) than its neighbors (Cyrillic)"),
            ("None", "\"none\""),
            ("NONE", "\"none\""),
            ("n0ne", "\"none\""),
            ("Ｎｏｎｅ", "\"none\""),
            ("unknown", "\"unknown\""),
            ("Stranger", "\"stranger\""),
            (&"x".repeat(65), "longer than 64"),
        ] {
            let text = error(bad);
            assert!(text.contains(contains), "{bad:?}: {text}");
            assert!(!text.contains(['\u{200b}', '\u{202e}', '\u{1b}', '\u{2066}']), "{text:?}");
        }
    }

    #[test]
    fn names_that_look_alike_have_a_key_in_common() {
        let alike = |a: &str, b: &str| LookAlikeKeys::of(a).matches(&LookAlikeKeys::of(b));
        for (a, b) in [
            ("Сара", "Capa"),
            ("Ian", "lan"),
            ("Tom1", "Toml"),
            ("zoe\u{308}", "ZOË"),
            ("Bob0", "BobO"),
            ("m1", "ml"),
        ] {
            assert!(alike(a, b), "{a} {b}");
        }
        for (a, b) in
            [("Ann", "Anna"), ("Zoe", "Zoë"), ("Arno", "Amo"), ("Strauß", "Strauss"), ("Max", "Mex")]
        {
            assert!(!alike(a, b), "{a} {b}");
        }
    }

    #[test]
    fn groups_follow_the_rule_without_the_reserved_words() {
        assert_eq!(group_name("CleanErs").unwrap(), "cleaners");
        assert_eq!(group_name("None").unwrap(), "none");
        assert!(group_name("night\u{200b}").is_err());
    }

    proptest! {
        #[test]
        fn a_stored_name_is_stored_again_in_the_same_form(text: String) {
            if let Ok(name) = PersonName::new(&text) {
                prop_assert_eq!(&PersonName::new(name.as_str()).unwrap(), &name);
                prop_assert_eq!(fold_name(name.as_str()), fold_name(&text));
                prop_assert_eq!(fold_name(&fold_name(&text)), fold_name(&text));
            }
        }
    }
}
