//! The texts of the pages in one language: a Fluent file for each, in `locales/`.

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use ostiary_config::Language;
use ostiary_core::Prompt;
use ostiary_texts::Message;

use crate::language::{LANGUAGES, tag};

/// The texts of one language.
pub struct Texts {
    language: Language,
    bundle: FluentBundle<FluentResource>,
    /// What the door says to people before it.
    door: ostiary_texts::Texts,
}

impl Texts {
    /// Those of this language.
    pub fn new(language: Language) -> Self {
        // The files are part of the program, and the tests read all of them without an error.
        let resource =
            FluentResource::try_new(file(language).to_owned()).unwrap_or_else(|(readable, _errors)| readable);
        let mut bundle = FluentBundle::new_concurrent(vec![tag(language).parse().unwrap_or_default()]);
        bundle.set_use_isolating(false);
        bundle.add_resource_overriding(resource);
        Self { language, bundle, door: ostiary_texts::Texts::new(language) }
    }

    /// The tag of the language (BCP 47).
    pub fn tag(&self) -> &'static str {
        tag(self.language)
    }

    /// The text with this identifier.
    pub fn t(&self, id: &str) -> String {
        self.format(id, &FluentArgs::new())
    }

    /// The text with this identifier and one value in it.
    pub fn with<'a>(&self, id: &str, name: &'a str, value: impl Into<FluentValue<'a>>) -> String {
        let mut values = FluentArgs::new();
        values.set(name, value);
        self.format(id, &values)
    }

    /// The text with this identifier and these values in it.
    pub fn format(&self, id: &str, values: &FluentArgs<'_>) -> String {
        match self.bundle.get_message(id).and_then(|found| found.value()) {
            Some(pattern) => self.bundle.format_pattern(pattern, Some(values), &mut Vec::new()).into_owned(),
            None => id.to_owned(),
        }
    }

    /// What a person before the door should do, in the words of the door.
    pub fn prompt(&self, prompt: Prompt) -> String {
        self.door.text(Message::Prompt(prompt))
    }

    /// Whether there is a text with this identifier.
    pub fn has(&self, id: &str) -> bool {
        self.bundle.has_message(id)
    }
}

/// The texts of all languages.
pub struct AllTexts(Vec<Texts>);

impl AllTexts {
    /// Reads them.
    pub fn new() -> Self {
        Self(LANGUAGES.iter().map(|(language, ..)| Texts::new(*language)).collect())
    }

    /// Those of a language.
    pub fn of(&self, language: Language) -> Option<&Texts> {
        self.0.iter().find(|texts| texts.language == language)
    }
}

impl Default for AllTexts {
    fn default() -> Self {
        Self::new()
    }
}

fn file(language: Language) -> &'static str {
    match language {
        Language::English => include_str!("../locales/en.ftl"),
        Language::German => include_str!("../locales/de.ftl"),
        Language::French => include_str!("../locales/fr.ftl"),
        Language::Spanish => include_str!("../locales/es.ftl"),
        Language::Vietnamese => include_str!("../locales/vi.ftl"),
    }
}

#[cfg(test)]
mod tests;
