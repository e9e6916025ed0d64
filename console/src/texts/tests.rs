use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use fluent_syntax::ast::{Entry, Expression, InlineExpression, PatternElement};

use super::*;

/// The messages of a file: each identifier with its placeholders. Fails for all that is not a plain message.
fn read(language: Language) -> BTreeMap<String, BTreeSet<String>> {
    let code = tag(language);
    let parsed = fluent_syntax::parser::parse(file(language))
        .unwrap_or_else(|(_, errors)| panic!("{code}: {errors:?}"));
    let mut messages = BTreeMap::new();
    for entry in parsed.body {
        let message = match entry {
            Entry::Message(message) => message,
            Entry::Comment(_) | Entry::GroupComment(_) | Entry::ResourceComment(_) => continue,
            other => panic!("{code}: {other:?}"),
        };
        let id = message.id.name.to_owned();
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

/// The files with texts in quotation marks: templates and sources.
fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if !path.ends_with("tests.rs") {
            found.push(fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_language_has_all_messages_with_their_placeholders_and_no_others() {
    let expected = read(Language::English);
    for (language, code, _) in LANGUAGES {
        let messages = read(language);
        for (id, placeholders) in &expected {
            assert_eq!(messages.get(id), Some(placeholders), "{code}: {id}");
        }
        assert_eq!(messages.len(), expected.len(), "{code} has messages that English does not have");
    }
}

#[test]
fn every_text_of_a_page_exists_and_every_text_is_used() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("templates"), &mut files);
    sources(&root.join("src"), &mut files);
    let texts = read(Language::English);
    let mut used = BTreeSet::new();
    for file in &files {
        used.extend(file.split('"').filter(|text| texts.contains_key(*text)).map(str::to_owned));
        for call in [".t(\"", ".with(\"", ".layout(\"", "redirect(\"", "text: \""] {
            for after in file.split(call).skip(1) {
                let text = after.split('"').next().unwrap();
                let is_path = text.starts_with('/');
                assert!(is_path || texts.contains_key(text), "there is no text {text}");
            }
        }
    }
    // The roles come from the door.
    used.extend(["viewer", "operator", "admin"].map(|role| format!("role-{role}")));
    let unused: Vec<_> = texts.keys().filter(|id| !used.contains(*id)).collect();
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn a_name_is_not_read_as_a_message() {
    let texts = Texts::new(Language::German);
    assert_eq!(texts.with("open-question", "name", "{ $x }").matches("{ $x }").count(), 1);
    assert_eq!(texts.tag(), "de");
    assert_eq!(texts.t("no-such-text"), "no-such-text");
}
