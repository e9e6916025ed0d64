//! What the door says to the person before its camera, in the language of the page.

use fluent_bundle::FluentArgs;
use serde::Serialize;

use crate::pages::live::advice_text;
use crate::texts::Texts;

/// What the door asks for and advises, with the identifiers of the texts that say it.
const PHRASES: [(&str, &str); 15] = [
    ("look straight at the camera", "pose-straight"),
    ("turn the head a little to the left", "pose-left"),
    ("turn the head a little to the right", "pose-right"),
    ("raise the head a little", "pose-up"),
    ("lower the head a little", "pose-down"),
    ("look straight at the camera and come closer (may be left out)", "pose-closer"),
    ("take glasses off or put them on, or smile (may be left out)", "pose-other-look"),
    ("a little further", "pose-further"),
    ("not so far", "pose-too-far"),
    ("only in this direction, please", "pose-only-this"),
    ("come a little closer", "pose-not-closer"),
    ("take your time", "pose-not-yet"),
    ("good: hold still", "prompt-hold-still"),
    ("no face found: the face must be close to the camera and lit", "prompt-no-face"),
    ("more than one face found: only one person may be in the picture", "prompt-several-faces"),
];

/// A message, and its language if it is not that of the page.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Prompt {
    /// The message.
    pub text: String,
    /// The tag of its language.
    pub lang: Option<&'static str>,
}

impl Prompt {
    /// A message of the door. One that is not known here stays as it is.
    pub fn of(texts: Option<&Texts>, message: &str) -> Self {
        match texts.and_then(|texts| translated(texts, message)) {
            Some(text) => Self { text, lang: None },
            None => Self { text: message.to_owned(), lang: Some("en") },
        }
    }
}

/// Whether a message is of interest after the enrollment.
pub fn is_notice(message: &str) -> bool {
    message.starts_with("advice: ") || message.starts_with("warning: ")
}

fn translated(texts: &Texts, message: &str) -> Option<String> {
    if let Some(id) = phrase(message) {
        return Some(texts.t(id));
    }
    let (number, rest) = message.strip_prefix("picture ")?.split_once(" of ")?;
    let mut values = FluentArgs::new();
    values.set("number", number.parse::<u32>().ok()?);
    if let Some((all, _name)) = rest.split_once(" taken of ") {
        values.set("all", all.parse::<u32>().ok()?);
        return Some(texts.format("prompt-taken", &values));
    }
    let (all, pose) = rest.split_once(": ")?;
    values.set("all", all.parse::<u32>().ok()?);
    values.set("pose", texts.t(phrase(pose)?));
    Some(texts.format("prompt-picture", &values))
}

fn phrase(message: &str) -> Option<&'static str> {
    let known = PHRASES.iter().find(|(phrase, _)| *phrase == message).map(|(_, id)| *id);
    known.or_else(|| advice_text(message))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use ostiary_config::Language;
    use ostiary_core::QualityFault;

    use super::*;

    #[test]
    fn what_the_door_says_is_translated() {
        let door = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/pipeline/src");
        let source = ["enrollment_poses.rs", "enrollment_session.rs", "photo_check.rs"]
            .map(|file| fs::read_to_string(door.join(file)).unwrap())
            .concat();
        let texts = Texts::new(Language::German);
        for (phrase, _) in PHRASES {
            assert!(source.contains(&format!("\"{phrase}\"")), "the door does not say {phrase:?}");
        }
        let advice = QualityFault::ALL.into_iter().map(QualityFault::advice);
        for message in PHRASES.into_iter().map(|(phrase, _)| phrase).chain(advice) {
            let prompt = Prompt::of(Some(&texts), message);
            assert!(prompt.lang.is_none() && prompt.text != message, "{message}");
        }
    }

    #[test]
    fn numbers_of_pictures_are_translated_and_the_rest_stays() {
        let texts = Texts::new(Language::German);
        let prompt = |message: &str| Prompt::of(Some(&texts), message);
        assert_eq!(
            prompt("picture 2 of 7: raise the head a little").text,
            "Bild 2 von 7: Heben Sie den Kopf ein wenig"
        );
        assert_eq!(prompt("picture 2 of 3 taken of a of b: c").text, "Bild 2 von 3 ist aufgenommen.");
        for message in ["taking pictures of Ann", "picture", "picture x of 7: y", "picture 1 of 2: <b>"] {
            assert_eq!(prompt(message), Prompt { text: message.to_owned(), lang: Some("en") });
        }
    }
}
