//! The keys of the configuration, as the control API shows them.

use std::sync::PoisonError;

use anyhow::Result;
use ostiary_control::interface;

use super::ControlApi;
use crate::shown_setting::{find_key, shown_value};

impl ControlApi {
    /// Every key of the configuration in use.
    pub(super) fn settings(&self) -> Result<Vec<interface::Setting>> {
        let settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = settings.iter().map(|setting| {
            let key = find_key(&setting.key);
            Ok(interface::Setting {
                key: setting.key.clone(),
                value: shown_value(setting).map(serde_json::to_value).transpose()?,
                origin: setting.origin.to_string(),
                settable: key.is_some_and(|key| key.is_settable()),
                needs_restart: key.is_some_and(|key| key.needs_restart()),
            })
        });
        shown.collect()
    }
}
