//! A key of the configuration as it is shown, without secrets.

use ostiary_config::{Key, SECTIONS, Setting};
use ostiary_core::redact_address;
use toml::Value;

/// The declaration of a key; `None` for a group of `[hours]`.
pub fn find_key(name: &str) -> Option<&'static Key> {
    SECTIONS.iter().flat_map(|section| section.keys()).find(|key| key.name() == name)
}

/// The value without secrets: an address loses its user, password and query.
pub fn shown_value(setting: &Setting) -> Option<Value> {
    match &setting.value {
        Some(Value::String(source)) if is_address(&setting.key) => {
            Some(Value::String(redact_address(source)))
        }
        value => value.clone(),
    }
}

/// Whether a key's value may hold a user and a password.
fn is_address(key: &str) -> bool {
    ["camera.source", "models.source"].contains(&key)
}
