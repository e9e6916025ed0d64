//! The languages of the pages.

use ostiary_config::Language;

/// All languages, each with its tag (BCP 47) and its own name.
pub const LANGUAGES: [(Language, &str, &str); 5] = [
    (Language::English, "en", "English"),
    (Language::German, "de", "Deutsch"),
    (Language::French, "fr", "Français"),
    (Language::Spanish, "es", "Español"),
    (Language::Vietnamese, "vi", "Tiếng Việt"),
];

/// The language of a tag.
pub fn language_of(tag: &str) -> Option<Language> {
    LANGUAGES.iter().find(|(_, code, _)| *code == tag).map(|(language, ..)| *language)
}

/// The tag of a language.
pub fn tag(language: Language) -> &'static str {
    LANGUAGES.iter().find(|(other, ..)| *other == language).map_or("en", |(_, code, _)| code)
}

/// The language that a browser asks for in `Accept-Language` (RFC 9110): of those that there are, the one with the highest weight.
pub fn accepted(header: &str) -> Option<Language> {
    let mut best: Option<(f32, Language)> = None;
    for range in header.split(',').take(32) {
        let mut parts = range.split(';');
        let tag = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
        let weight =
            parts.find_map(|part| part.trim().strip_prefix("q=")).map_or(Some(1.0), |q| q.parse().ok());
        let (Some(language), Some(weight)) = (language_of(tag.split('-').next().unwrap_or_default()), weight)
        else {
            continue;
        };
        if weight > best.map_or(0.0, |(weight, _)| weight) {
            best = Some((weight, language));
        }
    }
    best.map(|(_, language)| language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browsers_favorite_language_is_chosen() {
        assert_eq!(accepted("de-CH, de;q=0.9, en;q=0.8"), Some(Language::German));
        assert_eq!(accepted("nl, en;q=0.5, vi;q=0.7"), Some(Language::Vietnamese));
        assert_eq!(accepted("FR"), Some(Language::French));
        assert_eq!(accepted("en;q=0, es;q=0.1"), Some(Language::Spanish));
        for none in ["", "nl", "*", "en;q=0", "en;q=x", "e\u{301}n", ",;,;q=1"] {
            assert_eq!(accepted(none), None, "{none}");
        }
    }
}
