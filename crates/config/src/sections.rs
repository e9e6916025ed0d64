//! The keys, a struct a section. Lengths of time are in the unit that the key's name ends in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ostiary_core::Precision;
pub use ostiary_core::QualityLimits;
use serde::{Deserialize, Serialize};

/// Everything that can be set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub camera: Camera,
    pub detector: Detector,
    pub quality: QualityLimits,
    pub embedder: Embedder,
    pub engine: Engine,
    pub ort: Ort,
    pub models: Models,
    pub facebank: Facebank,
    pub door: Door,
    /// By folded names of groups.
    pub hours: BTreeMap<String, Vec<String>>,
    pub clock: Clock,
    pub relay: Relay,
    pub signals: Signals,
    pub inputs: Inputs,
    pub mqtt: Mqtt,
    pub events: Events,
    pub log: Log,
}

/// `[camera]`: where frames come from and how they are turned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Camera {
    /// A device (`/dev/video0`, `/dev/v4l/by-id/...`), a stream (`rtsp://...`), a video file, a picture or a
    /// folder of pictures.
    pub source: String,
    /// Wanted width and height, pixels; a device gives the nearest it can.
    pub width: u32,
    pub height: u32,
    /// Wanted frames a second.
    pub fps: u32,
    /// `auto`, or one of the formats that a device offers.
    pub format: PixelFormat,
    /// Clockwise, degrees: 0, 90, 180 or 270.
    pub rotate: u32,
    /// Swap left and right, after the rotation.
    pub mirror: bool,
    /// `[x, y, width, height]` in pixels of the turned picture; faces elsewhere are not looked for.
    pub region: Option<[u32; 4]>,
    /// Play a recorded file at its own speed, dropping late frames as a camera would.
    pub realtime: bool,
    /// A source that brings no frame for so long has stalled.
    pub stall_s: f64,
}

/// A camera's pixel format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PixelFormat {
    #[serde(rename = "auto")]
    Auto,
    #[serde(rename = "YUYV")]
    Yuyv,
    #[serde(rename = "MJPG")]
    Mjpg,
    #[serde(rename = "NV12")]
    Nv12,
    #[serde(rename = "GREY")]
    Grey,
    #[serde(rename = "RGB3")]
    Rgb3,
}

impl Default for Camera {
    fn default() -> Self {
        Self {
            source: "/dev/video0".into(),
            width: 640,
            height: 480,
            fps: 30,
            format: PixelFormat::Auto,
            rotate: 0,
            mirror: false,
            region: None,
            realtime: false,
            stall_s: 5.0,
        }
    }
}

/// `[detector]`: MTCNN and tracking.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Detector {
    /// The smallest face that is looked for, pixels; halving it costs four times the work.
    pub min_face: u32,
    /// Probability a face needs to pass P-Net, R-Net and O-Net, 0 to 1.
    pub thresholds: [f32; 3],
    /// A full detection every so many frames; in between faces are only followed.
    pub every: u32,
}

impl Default for Detector {
    fn default() -> Self {
        Self { min_face: 40, thresholds: [0.6, 0.5, 0.7], every: 10 }
    }
}

/// `[embedder]`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Embedder {
    /// Average the embeddings of the crop and of its mirror image: a little more exact, twice the work.
    pub flip: bool,
}

/// `[engine]`: how networks are run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Engine {
    /// What runs networks.
    pub backend: Backend,
    /// In what numbers networks compute.
    pub precision: Precision,
    /// Threads a network may use.
    pub threads: usize,
}

impl Default for Engine {
    fn default() -> Self {
        Self { backend: Backend::Tract, precision: Precision::default(), threads: 1 }
    }
}

/// What runs networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// Our own kernels, and tract.
    Tract,
    /// onnxruntime; for programs built with the feature `ort`.
    Ort,
}

/// `[ort]`: onnxruntime, for `engine.backend = "ort"`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ort {
    /// The file of the library; `libonnxruntime.so` where the system looks for libraries if it is not set.
    pub library: Option<PathBuf>,
    pub provider: Provider,
    /// Options of the provider, each as `name=value`.
    pub options: Vec<String>,
}

/// What onnxruntime computes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    Cpu,
    Cuda,
    TensorRt,
}

impl Default for Ort {
    fn default() -> Self {
        Self { library: None, provider: Provider::Cpu, options: Vec::new() }
    }
}

/// `[models]`: which models the door runs, and where new ones come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Models {
    /// The folder with `manifest.toml`. Where it is not set, the bundle that was activated, if `keys` trusts somebody;
    /// else what is found in `/usr/share/ostiary/models`, beside the program and in `./models`.
    pub dir: Option<PathBuf>,
    /// The public keys of those whose bundles are trusted.
    pub keys: Vec<String>,
    /// Where `ostiary models pull` looks: a URL or a folder.
    pub source: Option<String>,
    /// The folder where bundles are kept.
    pub store: PathBuf,
    /// How many bundles are kept besides the one in use and the one before.
    pub keep: usize,
}

impl Default for Models {
    fn default() -> Self {
        Self { dir: None, keys: Vec::new(), source: None, store: "/var/lib/ostiary/models".into(), keep: 1 }
    }
}

/// `[facebank]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Facebank {
    pub path: PathBuf,
    /// Keep the aligned crops of those enrolled, so that a new model can re-embed them.
    pub keep_crops: bool,
}

impl Default for Facebank {
    fn default() -> Self {
        Self { path: "/var/lib/ostiary/facebank.sqlite".into(), keep_crops: false }
    }
}

/// The most frames that a decision can be made to rest on.
pub const MAX_FRAMES: usize = 32;

/// `[door]`: when to open.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Door {
    /// The door's name, in topics and messages: letters, digits, `-` and `_`.
    pub name: String,
    /// The share of strangers that may be taken for a given person: the threshold comes from it.
    pub far: f64,
    /// How much more alike the best person must be than the second, cosine.
    pub margin: f32,
    /// Agreeing good frames of one track that a grant needs.
    pub frames: u32,
    /// Seconds within which they must come.
    pub within_s: f64,
    /// Seconds after a grant in which the same person is not granted again.
    pub cooldown_s: f64,
    /// Good frames without a match after which a face is called unknown.
    pub unknown_after: u32,
    /// What a second face in view does.
    pub second_face: SecondFace,
}

/// What a second face in view does to a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecondFace {
    /// Each face is decided on its own.
    Ignore,
    /// Nobody is let in while more than one face is in view.
    Refuse,
    /// Nobody is let in while a face in view is not a known person's.
    Known,
}

impl Default for Door {
    fn default() -> Self {
        Self {
            name: "door".into(),
            far: 1e-4,
            margin: 0.05,
            frames: 3,
            within_s: 2.0,
            cooldown_s: 10.0,
            unknown_after: 8,
            second_face: SecondFace::Ignore,
        }
    }
}

/// `[clock]`: when opening hours go by the system's clock.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Clock {
    /// What the clock must show before opening hours go by it.
    pub trust: ClockTrust,
}

/// What the clock must show before opening hours go by it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClockTrust {
    /// A time not before the program was made, nor before the newest event.
    #[default]
    Plausible,
    /// That, and the system must say that the clock is synchronized.
    Synchronized,
}

/// `[relay]`: the strike or lock. Without a `line` there is no relay and no door opens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Relay {
    /// `gpiocdev`, `rppal` where built with the feature `rpi`, or `printed`.
    pub backend: GpioBackend,
    pub chip: PathBuf,
    pub line: Option<u32>,
    pub active: ActiveLevel,
    /// How long the relay is on after a grant, milliseconds.
    pub pulse_ms: u64,
}

/// What drives the GPIO lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GpioBackend {
    Gpiocdev,
    Rppal,
    /// Nothing: levels are printed to standard error.
    Printed,
}

/// The level at which an output is on, or an input active.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActiveLevel {
    High,
    Low,
}

impl Default for Relay {
    fn default() -> Self {
        Self {
            backend: GpioBackend::Gpiocdev,
            chip: "/dev/gpiochip0".into(),
            line: None,
            active: ActiveLevel::High,
            pulse_ms: 3000,
        }
    }
}

/// `[signals]`: lamps and buzzer, on the relay's chip and backend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Signals {
    /// Line of the lamp that says yes.
    pub yes_line: Option<u32>,
    /// Line of the lamp that says no.
    pub no_line: Option<u32>,
    /// Line of the buzzer: once for yes, twice for no.
    pub buzzer_line: Option<u32>,
    pub active: ActiveLevel,
    /// How long a lamp stays on, milliseconds.
    pub lamp_ms: u64,
}

impl Default for Signals {
    fn default() -> Self {
        Self { yes_line: None, no_line: None, buzzer_line: None, active: ActiveLevel::High, lamp_ms: 2000 }
    }
}

/// `[inputs]`: a button that asks to be let out, and a contact at the door's leaf. Each is there only where it has a
/// line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Inputs {
    /// The chip of both lines; the relay's where it is not set.
    pub chip: Option<PathBuf>,
    /// Line of the button that asks to be let out.
    pub exit_line: Option<u32>,
    /// The level while it is pressed.
    pub exit_active: ActiveLevel,
    pub exit_bias: Bias,
    /// Line of the contact that tells whether the door is open.
    pub contact_line: Option<u32>,
    /// The level while the door is open.
    pub contact_active: ActiveLevel,
    pub contact_bias: Bias,
    /// A level counts once it has stayed for so long, milliseconds.
    pub debounce_ms: u64,
    /// How long after the end of the relay's pulse a door that opens was not forced.
    pub grace_s: f64,
    /// A door that is open for so long is held open.
    pub held_open_s: f64,
}

/// What pulls an input line while nothing drives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bias {
    PullUp,
    PullDown,
    /// A resistor of its own, outside the chip.
    None,
}

impl Inputs {
    /// Whether neither has a line.
    pub fn is_empty(&self) -> bool {
        self.exit_line.is_none() && self.contact_line.is_none()
    }

    /// The chip of both lines.
    pub fn chip<'a>(&'a self, relay: &'a Relay) -> &'a Path {
        self.chip.as_ref().unwrap_or(&relay.chip)
    }
}

impl Default for Inputs {
    /// Both close a switch to ground: a pressed button pulls its line low, an open door lets its line go high, and a
    /// cut wire is a button that nobody presses and a door that is open.
    fn default() -> Self {
        Self {
            chip: None,
            exit_line: None,
            exit_active: ActiveLevel::Low,
            exit_bias: Bias::PullUp,
            contact_line: None,
            contact_active: ActiveLevel::High,
            contact_bias: Bias::PullUp,
            debounce_ms: 30,
            grace_s: 2.0,
            held_open_s: 30.0,
        }
    }
}

/// `[mqtt]`: the broker that events are reported to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mqtt {
    pub enabled: bool,
    pub host: String,
    pub port: u16,
    pub username: Option<String>,
    /// A file with the password, readable by its owner alone; or the systemd credential `mqtt-password`.
    pub password_file: Option<PathBuf>,
    /// Topics begin with `<prefix>/<door.name>/`.
    pub prefix: String,
    /// Home Assistant's discovery prefix; empty for no discovery.
    pub discovery_prefix: String,
    pub tls: bool,
    /// Certificate authority to trust, PEM; the system's where it is not set.
    pub ca_file: Option<PathBuf>,
    /// The client's certificate and key, PEM.
    pub cert_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
}

impl Default for Mqtt {
    fn default() -> Self {
        Self {
            enabled: false,
            host: "localhost".into(),
            port: 1883,
            username: None,
            password_file: None,
            prefix: "ostiary".into(),
            discovery_prefix: "homeassistant".into(),
            tls: false,
            ca_file: None,
            cert_file: None,
            key_file: None,
        }
    }
}

/// `[events]`: the record of decisions, from which MQTT sends what it could not send at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Events {
    pub path: PathBuf,
    /// Events kept; the oldest go first.
    pub keep: u32,
}

impl Default for Events {
    fn default() -> Self {
        Self { path: "/var/lib/ostiary/events.sqlite".into(), keep: 10_000 }
    }
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: LogLevel,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: LogLevel::Info }
    }
}
