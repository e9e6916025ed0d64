//! The keys of the configuration: those that can be changed here, each with a form, and the others.

use askama::Template;
use axum::extract::Form;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use ostiary_config::{Input, Key, SECTIONS, Section, Setting as KeyDefault};
use ostiary_control::interface::Setting;
use serde::Deserialize;
use serde_json::Value;

use crate::configuration::{change, is_changed, settings};
use crate::flash::Flash;
use crate::page_error::PageError;
use crate::undo::Undo;
use crate::visit::{Layout, Visit, page_with};

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage {
    layout: Layout,
    sections: Vec<ShownSection>,
    others: Vec<ShownOther>,
    /// What the door says to a change that belongs to no form.
    problem: Option<String>,
    undo: Option<Undo>,
}

struct ShownSection {
    name: &'static str,
    doc: Vec<Span>,
    keys: Vec<ShownKey>,
}

/// A key with its form.
struct ShownKey {
    name: &'static str,
    doc: Vec<Span>,
    control: Control,
    value: String,
    allowed: String,
    example: Option<String>,
    default: Option<String>,
    origin: String,
    is_changed: bool,
    needs_restart: bool,
    /// What the door says to the value.
    problem: Option<String>,
}

/// A key that only the owner's files set.
struct ShownOther {
    name: String,
    value: Option<String>,
    origin: String,
    needs_restart: bool,
}

/// The input of a form.
enum Control {
    Flag(bool),
    Number { least: f64, most: f64, step: &'static str },
    Choice(Vec<Choice>),
    Text,
}

struct Choice {
    name: String,
    is_chosen: bool,
}

/// A part of a documentation, which may be a command or a value.
struct Span {
    text: String,
    is_code: bool,
}

/// A change that the door has refused.
struct Refusal {
    key: String,
    typed: Option<String>,
    message: String,
}

/// What a person sets a key to. A checkbox that is not checked has no value.
#[derive(Deserialize)]
pub struct Typed {
    key: String,
    value: Option<String>,
}

/// `GET /settings`
///
/// # Errors
/// The door does not answer.
pub async fn show(visit: Visit, headers: HeaderMap) -> Result<Response, PageError> {
    shown(&visit, StatusCode::OK, Undo::of(&headers), None).await
}

/// `POST /settings/set`
///
/// # Errors
/// The door does not answer.
pub async fn set(visit: Visit, headers: HeaderMap, Form(typed): Form<Typed>) -> Result<Response, PageError> {
    let is_flag = declared(&typed.key).is_some_and(|key| key.input() == Input::Flag);
    let value = typed.value.unwrap_or_else(|| if is_flag { "false".to_owned() } else { String::new() });
    changed(&visit, &headers, typed.key, Some(value)).await
}

/// `POST /settings/reset`
///
/// # Errors
/// The door does not answer.
pub async fn reset(
    visit: Visit,
    headers: HeaderMap,
    Form(typed): Form<Typed>,
) -> Result<Response, PageError> {
    changed(&visit, &headers, typed.key, None).await
}

/// `POST /settings/undo`
///
/// # Errors
/// There is nothing to take back, or the door does not answer or refuses.
pub async fn undo(visit: Visit, headers: HeaderMap) -> Result<Response, PageError> {
    let Some(undo) = Undo::of(&headers) else { return Err(PageError::BadRequest("settings-no-undo")) };
    match change(&visit, undo.key.clone(), undo.before).await? {
        Ok(_) => {
            let mut response = Flash::redirect("/settings", "done-setting-undone", &undo.key);
            Undo::clear(&mut response);
            Ok(response)
        }
        Err(message) => Err(PageError::Refused(message)),
    }
}

async fn changed(
    visit: &Visit,
    headers: &HeaderMap,
    key: String,
    value: Option<String>,
) -> Result<Response, PageError> {
    let done = if value.is_some() { "done-setting" } else { "done-setting-reset" };
    match change(visit, key.clone(), value.clone()).await? {
        Ok(undo) => {
            let mut response = Flash::redirect("/settings", done, &key);
            undo.store(&mut response);
            Ok(response)
        }
        Err(message) => {
            let refusal = Refusal { key, typed: value, message };
            shown(visit, StatusCode::CONFLICT, Undo::of(headers), Some(refusal)).await
        }
    }
}

async fn shown(
    visit: &Visit,
    status: StatusCode,
    undo: Option<Undo>,
    refusal: Option<Refusal>,
) -> Result<Response, PageError> {
    let settings = settings(visit).await?;
    let defaults = KeyDefault::defaults().map_err(PageError::internal)?;
    let shown = |section: &'static Section| {
        let keys = section.keys().iter().filter_map(|key| {
            let setting = settings.iter().find(|setting| setting.key == key.name() && setting.settable)?;
            let default = defaults.iter().find(|default| default.key == key.name());
            let refusal = refusal.as_ref().filter(|refusal| refusal.key == key.name());
            Some(ShownKey::new(key, setting, default, refusal))
        });
        let keys: Vec<ShownKey> = keys.collect();
        let section = ShownSection { name: section.name(), doc: spans(section.doc()), keys };
        (!section.keys.is_empty()).then_some(section)
    };
    let sections: Vec<ShownSection> = SECTIONS.iter().filter_map(shown).collect();
    let has_form =
        |key: &str| sections.iter().flat_map(|section| &section.keys).any(|shown| shown.name == key);
    let problem = refusal.filter(|refusal| !has_form(&refusal.key)).map(|refusal| refusal.message);
    let others = settings.iter().filter(|setting| !has_form(&setting.key)).map(ShownOther::from).collect();
    let layout = visit.layout("settings-title");
    page_with(status, &SettingsPage { layout, sections, others, problem, undo })
}

impl ShownKey {
    fn new(
        key: &'static Key,
        setting: &Setting,
        default: Option<&KeyDefault>,
        refusal: Option<&Refusal>,
    ) -> Self {
        let typed = refusal.and_then(|refusal| refusal.typed.clone());
        let value = typed.unwrap_or_else(|| setting.value.as_ref().map(field).unwrap_or_default());
        let control = match key.input() {
            Input::Flag => Control::Flag(value == "true"),
            Input::Number { least, most, is_whole } => {
                Control::Number { least, most, step: if is_whole { "1" } else { "any" } }
            }
            Input::Choice(choices) => {
                let choice = |name: String| Choice { is_chosen: name == value, name };
                Control::Choice(choices.into_iter().map(choice).collect())
            }
            Input::Text => Control::Text,
        };
        Self {
            name: key.name(),
            doc: spans(key.doc()),
            control,
            value,
            allowed: key.allowed(),
            example: key.example().map(|example| example.to_string()),
            default: default.and_then(|default| default.value.as_ref()).map(ToString::to_string),
            origin: setting.origin.clone(),
            is_changed: is_changed(setting),
            needs_restart: setting.needs_restart,
            problem: refusal.map(|refusal| refusal.message.clone()),
        }
    }
}

impl From<&Setting> for ShownOther {
    fn from(setting: &Setting) -> Self {
        Self {
            name: setting.key.clone(),
            value: setting.value.as_ref().map(ToString::to_string),
            origin: setting.origin.clone(),
            needs_restart: setting.needs_restart,
        }
    }
}

fn declared(name: &str) -> Option<&'static Key> {
    SECTIONS.iter().flat_map(Section::keys).find(|key| key.name() == name)
}

/// A value as it stands in a field: TOML, but text without quotes.
fn field(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A documentation in parts. What stands between backticks is a command or a value.
fn spans(lines: impl Iterator<Item = &'static str>) -> Vec<Span> {
    let text = lines.collect::<Vec<_>>().join(" ");
    let parts = text.split('`').enumerate();
    parts.map(|(at, text)| Span { text: text.to_owned(), is_code: at % 2 == 1 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_values_of_a_documentation_are_code() {
        let spans = spans(["`\"auto\"`, or a format.", "`ostiary cameras` lists them."].into_iter());
        let code: Vec<_> = spans.iter().filter(|span| span.is_code).map(|span| span.text.as_str()).collect();
        assert_eq!(code, ["\"auto\"", "ostiary cameras"]);
        assert_eq!(spans[2].text, ", or a format. ");
    }

    #[test]
    fn a_field_has_text_without_quotes() {
        assert_eq!(field(&Value::from("de")), "de");
        assert_eq!(field(&serde_json::json!([1, 2])), "[1,2]");
    }
}
