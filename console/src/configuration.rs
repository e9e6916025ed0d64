//! The keys of the door's configuration, as the control API reads and changes them.

use std::path::Path;
use std::time::Duration;

use ostiary_config::SETTINGS;
use ostiary_control::CallError;
use ostiary_control::interface::{GetConfiguration_Reply, ResetKey_Reply, SetKey_Reply, Setting};
use serde_json::{Value, json};

use crate::page_error::PageError;
use crate::undo::Undo;
use crate::visit::Visit;

/// How long the door may take to apply a change: it loads its models again.
const ANSWER_TIME: Duration = Duration::from_secs(60);
/// How long a request may take that changes keys, of which one may wait for another.
pub const CHANGE_TIME: Duration = Duration::from_secs(150);

/// Every key in use.
///
/// # Errors
/// The door does not answer or refuses.
pub async fn settings(visit: &Visit) -> Result<Vec<Setting>, PageError> {
    let reply: GetConfiguration_Reply = visit.door(|door| door.call("GetConfiguration", Value::Null)).await?;
    Ok(reply.settings)
}

/// Sets a key, or without a value makes the owner's files or the default count again. Returns how to take it back, or why the door
/// refuses it.
///
/// # Errors
/// The door does not answer, or the person may not do this.
pub async fn change(
    visit: &Visit,
    key: String,
    value: Option<String>,
) -> Result<Result<Undo, String>, PageError> {
    let changed = visit.long_door(ANSWER_TIME, move |door| {
        let GetConfiguration_Reply { settings } = door.call("GetConfiguration", Value::Null)?;
        let before = settings.into_iter().find(|setting| setting.key == key);
        let before = before.filter(is_changed).and_then(|setting| setting.value);
        let changed = match value {
            Some(value) => {
                door.call::<SetKey_Reply>("SetKey", json!({ "key": key, "value": value })).map(drop)
            }
            None => door.call::<ResetKey_Reply>("ResetKey", json!({ "key": key })).map(drop),
        };
        match changed {
            Ok(()) => Ok(Ok(Undo { key, before: before.map(|value| value.to_string()) })),
            Err(CallError::Refused { message }) => Ok(Err(message)),
            Err(error) => Err(error),
        }
    });
    changed.await
}

/// As [`change`], where a refusal is an error.
///
/// # Errors
/// The door does not answer or refuses, or the person may not do this.
pub async fn change_or_fail(visit: &Visit, key: &str, value: Option<String>) -> Result<(), PageError> {
    change(visit, key.to_owned(), value).await?.map(drop).map_err(PageError::Refused)
}

/// Whether the value comes from the file of changed keys, and not from the owner's files.
pub fn is_changed(setting: &Setting) -> bool {
    let file = setting.origin.rsplit_once(':').and_then(|(path, _line)| Path::new(path).file_name());
    file.is_some_and(|file| Some(file) == Path::new(SETTINGS).file_name())
}

/// The value of a key.
pub fn value<'a>(settings: &'a [Setting], key: &str) -> Option<&'a Value> {
    settings.iter().find(|setting| setting.key == key)?.value.as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_key_is_told_from_one_of_the_owner() {
        let setting = |origin: &str| Setting {
            key: "camera.fps".to_owned(),
            value: Some(json!(30)),
            origin: origin.to_owned(),
            settable: true,
            needs_restart: false,
        };
        assert!(is_changed(&setting("/var/lib/ostiary-back/settings.toml:4")));
        for origin in ["default", "/etc/ostiary/ostiary.toml:4", "--set", "environment OSTIARY_CAMERA__FPS"] {
            assert!(!is_changed(&setting(origin)), "{origin}");
        }
    }
}
