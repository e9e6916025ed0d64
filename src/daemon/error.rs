//! Why the door is not kept.

use ostiary_access::ClockFault;
use ostiary_capture::CaptureError;
use ostiary_config::HoursError;
use ostiary_devices::GpioError;
use ostiary_events::{OutputError, StoreError};
use ostiary_facebank::FacebankError;
use ostiary_models::ReleaseError;
use ostiary_mqtt::MqttError;
use ostiary_vision::VisionError;

/// Why the daemon did not start, or ended by itself. The relay is at rest.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    #[error(transparent)]
    Capture(#[from] CaptureError),
    #[error(transparent)]
    Vision(#[from] VisionError),
    #[error(transparent)]
    Facebank(#[from] FacebankError),
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Mqtt(#[from] MqttError),
    #[error(transparent)]
    Gpio(#[from] GpioError),
    #[error(transparent)]
    Hours(#[from] HoursError),
    /// Hours go by the local time, which is not known.
    #[error("{fault}, and [hours] go by it; {}", fault.fix())]
    Zone { fault: ClockFault },
    #[error(transparent)]
    Models(#[from] ReleaseError),
    #[error("the {thread} thread cannot be started: {why}; free some memory")]
    Thread { thread: &'static str, why: std::io::Error },
    #[error("signals cannot be received: {0}")]
    Signals(std::io::Error),
    #[error("the door was locked: {0}")]
    Fault(String),
}
