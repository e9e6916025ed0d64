//! The texts of one language.

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use ostiary_config::Language;

use super::Message;

/// The texts of one language.
pub struct Texts(FluentBundle<FluentResource>);

impl Texts {
    /// The texts of this language.
    pub fn new(language: Language) -> Self {
        let (code, file) = locale(language);
        // The files are part of the program, and the tests read all of them without an error.
        let resource =
            FluentResource::try_new(file.to_owned()).unwrap_or_else(|(readable, _errors)| readable);
        let mut bundle = FluentBundle::new_concurrent(vec![code.parse().unwrap_or_default()]);
        // No invisible marks around names: a display or a voice may not know them.
        bundle.set_use_isolating(false);
        bundle.add_resource_overriding(resource);
        Self(bundle)
    }

    /// What this message says: one or two short sentences, without a line break unless the name has one.
    pub fn text(&self, message: Message<'_>) -> String {
        let Some(pattern) = self.0.get_message(message.id()).and_then(|found| found.value()) else {
            return message.id().to_owned();
        };
        let mut values = FluentArgs::new();
        if let Some(name) = message.name() {
            values.set("name", name);
        }
        self.0.format_pattern(pattern, Some(&values), &mut Vec::new()).into_owned()
    }
}

/// The language tag (BCP 47) and the file of a language.
fn locale(language: Language) -> (&'static str, &'static str) {
    match language {
        Language::English => ("en", include_str!("../locales/en.ftl")),
        Language::German => ("de", include_str!("../locales/de.ftl")),
        Language::French => ("fr", include_str!("../locales/fr.ftl")),
        Language::Spanish => ("es", include_str!("../locales/es.ftl")),
        Language::Vietnamese => ("vi", include_str!("../locales/vi.ftl")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use fluent_syntax::ast::{Entry, Expression, InlineExpression, PatternElement};
    use ostiary_core::{Direction, Prompt};

    use super::*;
    use crate::Refusal;

    const LANGUAGES: [Language; 5] =
        [Language::English, Language::German, Language::French, Language::Spanish, Language::Vietnamese];

    fn messages() -> Vec<Message<'static>> {
        let others = [Message::Welcome { name: "Ada" }, Message::Unlocked];
        let (prompts, refusals) = (Prompt::ALL.map(Message::Prompt), Refusal::ALL.map(Message::Refused));
        others.into_iter().chain(prompts).chain(refusals).collect()
    }

    /// The messages of a file: each identifier with its placeholders. Fails for all that is not a plain message.
    fn read(language: Language) -> BTreeMap<String, BTreeSet<String>> {
        let (code, file) = locale(language);
        let parsed =
            fluent_syntax::parser::parse(file).unwrap_or_else(|(_, errors)| panic!("{code}: {errors:?}"));
        let mut messages = BTreeMap::new();
        for entry in parsed.body {
            let message = match entry {
                Entry::Message(message) => message,
                Entry::Comment(_) | Entry::GroupComment(_) | Entry::ResourceComment(_) => continue,
                other => panic!("{code}: {other:?}"),
            };
            let id = message.id.name.to_owned();
            assert!(message.attributes.is_empty(), "{code}: {id}");
            let elements = message.value.unwrap().elements;
            let placeholders = elements.iter().filter_map(|element| match element {
                PatternElement::TextElement { .. } => None,
                PatternElement::Placeable {
                    expression: Expression::Inline(InlineExpression::VariableReference { id }),
                } => Some(id.name.to_owned()),
                other => panic!("{code}: {other:?}"),
            });
            let replaced = messages.insert(id, placeholders.collect());
            assert_eq!(replaced, None, "{code} has a message twice");
        }
        messages
    }

    #[test]
    fn every_language_has_all_messages_with_their_placeholders_and_no_others() {
        let expected: BTreeMap<_, BTreeSet<_>> = messages()
            .into_iter()
            .map(|message| {
                (message.id().to_owned(), message.name().map(|_| "name".to_owned()).into_iter().collect())
            })
            .collect();
        assert_eq!(expected.len(), messages().len(), "two messages have the same identifier");
        for language in LANGUAGES {
            assert_eq!(read(language), expected, "{language:?}");
        }
    }

    #[test]
    fn texts_differ_within_a_language_and_from_english() {
        let english = Texts::new(Language::English);
        for language in LANGUAGES {
            let texts = Texts::new(language);
            let mut seen = BTreeSet::new();
            for message in messages() {
                let text = texts.text(message);
                assert!(text.ends_with('.') && !text.contains('\n'), "{language:?}: {text:?}");
                assert!(
                    language == Language::English || text != english.text(message),
                    "{language:?}: {text}"
                );
                assert!(seen.insert(text), "{language:?}: {message:?}");
            }
        }
    }

    #[test]
    fn every_language_has_its_tag() {
        for language in LANGUAGES {
            let tags = Texts::new(language).0.locales.iter().map(ToString::to_string).collect::<Vec<_>>();
            assert_eq!(tags, [locale(language).0], "not a tag of BCP 47");
        }
    }

    #[test]
    fn a_text_is_in_the_language_and_has_the_name() {
        let text = |language, message| Texts::new(language).text(message);
        let left = Message::Prompt(Prompt::Turn(Direction::Left));
        assert_eq!(text(Language::English, left), "Turn your head to the left.");
        assert_eq!(text(Language::German, left), "Drehen Sie den Kopf nach links.");
        assert_eq!(text(Language::French, left), "Tournez la tête vers la gauche.");
        assert_eq!(text(Language::Spanish, left), "Gire la cabeza hacia la izquierda.");
        assert_eq!(text(Language::Vietnamese, left), "Hãy quay đầu sang trái.");
        assert_eq!(text(Language::German, Message::Welcome { name: "Zoë" }), "Willkommen, Zoë.");
        // A name is not read as a message.
        assert_eq!(text(Language::English, Message::Welcome { name: "{ $x }" }), "Welcome, { $x }.");
    }
}
