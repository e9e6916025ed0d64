//! The declaration of every key: a file for each section. Lengths of time are in the unit that the key's name ends in.

mod camera;
mod clock;
mod console;
mod control;
mod detector;
mod door;
mod embedder;
mod engine;
mod events;
mod facebank;
mod hours;
mod inputs;
mod liveness;
mod lockout;
mod log;
mod models;
mod mqtt;
mod ort;
mod quality;
mod relay;
mod signals;
mod snapshots;

pub use camera::{Camera, CameraKind, PixelFormat};
pub use clock::{Clock, ClockTrust};
pub use console::Console;
pub use control::Control;
pub use detector::Detector;
pub use door::{AlikePeople, Door, SecondFace};
pub use embedder::Embedder;
pub use engine::{Backend, Engine};
pub use events::Events;
pub use facebank::Facebank;
pub use hours::GroupTimes;
pub(crate) use hours::HOURS;
pub use inputs::{Bias, Inputs};
pub use liveness::{Language, Liveness, LivenessLevel};
pub use lockout::{Lockout, MAX_LOCKOUT_ATTEMPTS};
pub use log::{Log, LogLevel};
pub use models::Models;
pub use mqtt::{Mqtt, MqttCommands};
pub use ort::{Ort, Provider};
pub use quality::QualityLimits;
pub use relay::{ActiveLevel, GpioBackend, Relay};
pub use signals::Signals;
pub use snapshots::Snapshots;

configuration! {
    camera: Camera,
    detector: Detector,
    quality: QualityLimits,
    embedder: Embedder,
    engine: Engine,
    ort: Ort,
    models: Models,
    facebank: Facebank,
    door: Door,
    liveness: Liveness,
    lockout: Lockout,
    hours: GroupTimes,
    clock: Clock,
    relay: Relay,
    signals: Signals,
    inputs: Inputs,
    mqtt: Mqtt,
    events: Events,
    snapshots: Snapshots,
    control: Control,
    console: Console,
    log: Log,
}
