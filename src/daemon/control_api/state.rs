//! The state of the door, as the control API tells it.

use ostiary_access::{DoorMode, ModeName};
use ostiary_config::LivenessLevel;
use ostiary_control::interface::State;
use ostiary_core::ModelId;

use super::ControlApi;

/// What the main thread knows of the door.
#[derive(Debug, Clone)]
pub struct DoorSummary {
    /// Number of people with a template of the model in use.
    pub people: usize,
    /// The embedding model in use.
    pub model: ModelId,
    /// The level of liveness.
    pub liveness: LivenessLevel,
    /// Whether a relay is configured.
    pub has_relay: bool,
    /// Whether a door contact is configured.
    pub has_contact: bool,
}

impl ControlApi {
    /// The state now.
    pub(super) fn state(&self) -> State {
        let (config, shared) = (self.config(), &self.shared);
        let summary = self.summary.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let now = shared.clock.now();
        let (mode, mode_ends_s) = match shared.mode() {
            DoorMode::Normal => (ModeName::Normal, None),
            DoorMode::HeldOpen { until } => {
                (ModeName::HeldOpen, Some(until.saturating_sub(now).as_secs_f64()))
            }
            DoorMode::LockedDown => (ModeName::LockedDown, None),
        };
        let levels = shared.input_levels();
        State {
            name: config.door.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_s: now.as_secs_f64(),
            mode: mode.to_string(),
            mode_ends_s,
            fault: shared.fault(),
            has_relay: summary.has_relay,
            has_contact: summary.has_contact,
            exit_pressed: levels.exit,
            door_open: levels.contact,
            camera: shared.has_camera(),
            frames: i64::try_from(shared.progress.frames()).unwrap_or(i64::MAX),
            people: i64::try_from(summary.people).unwrap_or(i64::MAX),
            model: summary.model.0,
            liveness: summary.liveness.to_string(),
            facebank: config.facebank.path.display().to_string(),
            events: config.events.path.display().to_string(),
        }
    }
}
