//! Errors of the daemon.

use ostiary_access::ClockFault;
use ostiary_capture::CaptureError;
use ostiary_config::HoursError;
use ostiary_devices::GpioError;
use ostiary_events::{OutputError, StoreError};
use ostiary_facebank::FacebankError;
use ostiary_models::{ModelStoreError, UnsupportedFpir};
use ostiary_mqtt::MqttError;
use ostiary_vision::VisionError;

/// Why the daemon did not start, or ended without a request. The relay is at rest.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The source cannot be opened, or failed.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// The models cannot be loaded.
    #[error(transparent)]
    Vision(#[from] VisionError),
    /// The facebank cannot be opened or read, or another daemon uses it.
    #[error(transparent)]
    Facebank(#[from] FacebankError),
    /// An output of events cannot be opened.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The event store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// MQTT cannot be started.
    #[error(transparent)]
    Mqtt(#[from] MqttError),
    /// A GPIO line cannot be requested or switched.
    #[error(transparent)]
    Gpio(#[from] GpioError),
    /// The opening hours are invalid.
    #[error(transparent)]
    Hours(#[from] HoursError),
    /// The opening hours need the local time, which is not known.
    #[error("{fault}, and [hours] need the local time; {}", fault.fix())]
    Zone {
        /// Why the time zone is not known.
        fault: ClockFault,
    },
    /// The models have no thresholds for `door.fpir`.
    #[error(transparent)]
    Fpir(#[from] UnsupportedFpir),
    /// The store of models cannot be read or changed.
    #[error(transparent)]
    Models(#[from] ModelStoreError),
    /// A thread cannot be started.
    #[error("the {thread} thread cannot be started: {why}; free some memory")]
    Thread {
        /// The name of the thread.
        thread: &'static str,
        /// The error of the system.
        why: std::io::Error,
    },
    /// The handlers of signals cannot be installed.
    #[error("signals cannot be received: {0}")]
    Signals(std::io::Error),
    /// A fault of a worker.
    #[error("the door was locked: {0}")]
    Fault(#[from] Fault),
}

/// A fault of a worker, after which the door is locked.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The relay, its guard or a lamp failed.
    #[error(transparent)]
    Gpio(#[from] GpioError),
    /// A frame could not be processed.
    #[error("vision failed: {0}")]
    Vision(#[from] VisionError),
    /// The door thread does not process its messages.
    #[error("the door thread does not process its messages: their queue is full")]
    DoorQueueFull,
    /// A thread hangs.
    #[error("the {thread} thread made no progress for {seconds:.0} s")]
    Hang {
        /// The name of the thread.
        thread: &'static str,
        /// Seconds without progress.
        seconds: f64,
    },
    /// A thread ended with a panic.
    #[error("the {thread} thread died: {why}")]
    Died {
        /// The name of the thread.
        thread: &'static str,
        /// The message of the panic.
        why: String,
    },
    /// The store thread ended before the others.
    #[error("the store thread died")]
    StoreEnded,
}
