//! Every key by name, with the type and the range of its value.

use std::collections::BTreeMap;

use ostiary_core::fold_group;
use serde::Deserialize;
use toml::Value;

use crate::{Hours, MAX_FRAMES, is_public_key};

/// A key, as `section.key`.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub name: &'static str,
    kind: Kind,
}

/// Type and range of a value. Ranges include both ends.
#[derive(Debug, Clone)]
enum Kind {
    Flag,
    Integer(i64, i64),
    Number(f64, f64),
    /// Any text but the empty one.
    Text,
    /// A part of an MQTT topic: no wildcards, no slash at an end.
    Topic {
        may_be_empty: bool,
    },
    /// Letters, digits, `-` and `_`.
    Name,
    OneOf(&'static [&'static str]),
    OneOfNumbers(&'static [i64]),
    /// Three probabilities.
    Thresholds,
    /// `[x, y, width, height]`.
    Region,
    /// A list of texts, each `name=value`.
    Options,
    /// A list of minisign's public keys.
    PublicKeys,
}

/// Why a value was refused.
pub(super) enum Refusal {
    WrongType { expected: String, found: String },
    OutOfRange { allowed: String },
}

const fn key(name: &'static str, kind: Kind) -> Key {
    Key { name, kind }
}

/// Pixels on a side that no camera goes beyond.
const PIXELS: i64 = 16_384;
/// GPIO lines that no chip goes beyond.
const LINES: i64 = 1_023;

/// The keys, in the order of the sections and of their structs. `[hours]` is not among them: its keys are
/// the owner's names of groups.
pub(super) const KEYS: &[Key] = &[
    key("camera.source", Kind::Text),
    key("camera.width", Kind::Integer(16, PIXELS)),
    key("camera.height", Kind::Integer(16, PIXELS)),
    key("camera.fps", Kind::Integer(1, 240)),
    key("camera.format", Kind::OneOf(&["auto", "YUYV", "MJPG", "NV12", "GREY", "RGB3"])),
    key("camera.rotate", Kind::OneOfNumbers(&[0, 90, 180, 270])),
    key("camera.mirror", Kind::Flag),
    key("camera.region", Kind::Region),
    key("camera.realtime", Kind::Flag),
    key("camera.stall_s", Kind::Number(0.1, 3600.0)),
    key("detector.min_face", Kind::Integer(20, 4096)),
    key("detector.thresholds", Kind::Thresholds),
    key("detector.every", Kind::Integer(1, 1000)),
    key("quality.min_size", Kind::Number(0.0, 4096.0)),
    key("quality.min_sharpness", Kind::Number(0.0, 100_000.0)),
    key("quality.min_exposure", Kind::Number(0.0, 1.0)),
    key("quality.max_exposure", Kind::Number(0.0, 1.0)),
    key("quality.max_yaw", Kind::Number(0.0, 90.0)),
    key("quality.max_pitch", Kind::Number(0.0, 90.0)),
    key("quality.max_roll", Kind::Number(0.0, 180.0)),
    key("embedder.flip", Kind::Flag),
    key("engine.backend", Kind::OneOf(&["tract", "ort"])),
    key("engine.precision", Kind::OneOf(&["int8", "fp32"])),
    key("engine.threads", Kind::Integer(1, 64)),
    key("ort.library", Kind::Text),
    key("ort.provider", Kind::OneOf(&["cpu", "cuda", "tensorrt"])),
    key("ort.options", Kind::Options),
    key("models.dir", Kind::Text),
    key("models.keys", Kind::PublicKeys),
    key("models.source", Kind::Text),
    key("models.store", Kind::Text),
    key("models.keep", Kind::Integer(0, 100)),
    key("facebank.path", Kind::Text),
    key("facebank.keep_crops", Kind::Flag),
    key("door.name", Kind::Name),
    key("door.far", Kind::Number(1e-7, 0.1)),
    key("door.margin", Kind::Number(0.0, 1.0)),
    key("door.frames", Kind::Integer(1, MAX_FRAMES as i64)),
    key("door.within_s", Kind::Number(0.1, 60.0)),
    key("door.cooldown_s", Kind::Number(0.0, 3600.0)),
    key("door.unknown_after", Kind::Integer(1, 10_000)),
    key("door.second_face", Kind::OneOf(&["ignore", "refuse", "known"])),
    key("clock.trust", Kind::OneOf(&["plausible", "synchronized"])),
    key("relay.backend", Kind::OneOf(&["gpiocdev", "rppal", "printed"])),
    key("relay.chip", Kind::Text),
    key("relay.line", Kind::Integer(0, LINES)),
    key("relay.active", Kind::OneOf(&["high", "low"])),
    key("relay.pulse_ms", Kind::Integer(10, 60_000)),
    key("signals.yes_line", Kind::Integer(0, LINES)),
    key("signals.no_line", Kind::Integer(0, LINES)),
    key("signals.buzzer_line", Kind::Integer(0, LINES)),
    key("signals.active", Kind::OneOf(&["high", "low"])),
    key("signals.lamp_ms", Kind::Integer(10, 60_000)),
    key("inputs.chip", Kind::Text),
    key("inputs.exit_line", Kind::Integer(0, LINES)),
    key("inputs.exit_active", Kind::OneOf(&["high", "low"])),
    key("inputs.exit_bias", Kind::OneOf(&["pull-up", "pull-down", "none"])),
    key("inputs.contact_line", Kind::Integer(0, LINES)),
    key("inputs.contact_active", Kind::OneOf(&["high", "low"])),
    key("inputs.contact_bias", Kind::OneOf(&["pull-up", "pull-down", "none"])),
    key("inputs.debounce_ms", Kind::Integer(1, 1000)),
    key("inputs.grace_s", Kind::Number(0.0, 60.0)),
    key("inputs.held_open_s", Kind::Number(1.0, 86_400.0)),
    key("mqtt.enabled", Kind::Flag),
    key("mqtt.host", Kind::Text),
    key("mqtt.port", Kind::Integer(1, 65_535)),
    key("mqtt.username", Kind::Text),
    key("mqtt.password_file", Kind::Text),
    key("mqtt.prefix", Kind::Topic { may_be_empty: false }),
    key("mqtt.discovery_prefix", Kind::Topic { may_be_empty: true }),
    key("mqtt.tls", Kind::Flag),
    key("mqtt.ca_file", Kind::Text),
    key("mqtt.cert_file", Kind::Text),
    key("mqtt.key_file", Kind::Text),
    key("events.path", Kind::Text),
    key("events.keep", Kind::Integer(100, 10_000_000)),
    key("log.level", Kind::OneOf(&["error", "warn", "info", "debug", "trace"])),
];

/// The section whose keys are groups.
pub(super) const HOURS: &str = "hours";

/// Whether there is a section of this name.
pub(super) fn is_section(name: &str) -> bool {
    name == HOURS || sections().any(|section| section == name)
}

/// The sections with fixed keys; each as often as it has keys.
fn sections() -> impl Iterator<Item = &'static str> {
    KEYS.iter().filter_map(|key| key.name.split_once('.')).map(|(section, _)| section)
}

/// The key of this name.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The name by which a setting is known: groups in `[hours]` are the same in upper and lower case.
pub(super) fn folded(name: &str) -> String {
    match group(name) {
        Some(group) => format!("{HOURS}.{}", fold_group(group)),
        None => name.to_owned(),
    }
}

/// The group of a key of `[hours]`.
pub(super) fn group(name: &str) -> Option<&str> {
    let (section, group) = name.split_once('.')?;
    (section == HOURS && !group.trim().is_empty()).then_some(group)
}

/// What may have been meant by a name that does not exist: a section's where `name` has no dot, else a key's.
pub(super) fn hint(name: &str) -> String {
    // A key that was written in another section, or in none, is likelier than a slip in its name.
    let last = name.rsplit('.').next();
    let elsewhere = KEYS.iter().map(|key| key.name).find(|key| key.rsplit('.').next() == last);
    let nearest = elsewhere.or_else(|| match name.contains('.') {
        true => nearest(name, KEYS.iter().map(|key| key.name)),
        false => nearest(name, sections().chain([HOURS])),
    });
    match nearest {
        Some(nearest) => format!("did you mean {nearest}?"),
        None => "`ostiary config show` lists all keys".to_owned(),
    }
}

/// The most similar of `known`, if it is similar enough to have been meant.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= 2 + name.len() / 6)
        .map(|(_, known)| known)
}

impl Key {
    /// Reads what stands after `=` in a flag or in the environment: TOML, or text that needs no quotes.
    pub fn read(&self, text: &str) -> Value {
        let is_text = matches!(self.kind, Kind::Text | Kind::Topic { .. } | Kind::Name | Kind::OneOf(_));
        match parse(text) {
            Some(value) if value.is_str() || !is_text => value,
            _ => Value::String(text.to_owned()),
        }
    }

    /// The value in the key's own type (a whole number is a number too), if it is allowed.
    pub fn check(&self, value: Value) -> Result<Value, Refusal> {
        match (&self.kind, value) {
            (Kind::Number(..), Value::Integer(whole)) => self.check(Value::Float(whole as f64)),
            (_, value) => match self.kind.allows(&value) {
                Some(true) => Ok(value),
                Some(false) => Err(Refusal::OutOfRange { allowed: self.kind.to_string() }),
                None => {
                    let found = format!("{} ({value})", value.type_str());
                    Err(Refusal::WrongType { expected: self.kind.to_string(), found })
                }
            },
        }
    }
}

/// A TOML value that stands alone; `None` where the text is none.
pub(super) fn parse(text: &str) -> Option<Value> {
    Value::deserialize(toml::de::ValueDeserializer::parse(text).ok()?).ok()
}

/// One group's hours, if they can be understood.
pub(super) fn check_hours(group: &str, value: Value) -> Result<Value, Refusal> {
    let wrong = |value: &Value| Refusal::WrongType {
        expected: "a list of times, as in [\"mon-fri 08:00-18:00\"]".to_owned(),
        found: format!("{} ({value})", value.type_str()),
    };
    let Some(items) = value.as_array() else { return Err(wrong(&value)) };
    let Some(texts) = items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
    else {
        return Err(wrong(&value));
    };
    match Hours::parse(&BTreeMap::from([(group.to_owned(), texts)])) {
        Ok(_) => Ok(value),
        Err(error) => Err(Refusal::OutOfRange {
            allowed: format!(
                "times like \"mon-fri 08:00-18:00\", \"22:00-06:00\", \"always\" or \"never\" (\"{}\": {})",
                error.text, error.why
            ),
        }),
    }
}

impl Kind {
    /// Whether the value is in range; `None` where it is of another type.
    fn allows(&self, value: &Value) -> Option<bool> {
        Some(match self {
            Self::Flag => value.as_bool().map(|_| true)?,
            Self::Integer(least, most) => (*least..=*most).contains(&value.as_integer()?),
            Self::Number(least, most) => (*least..=*most).contains(&value.as_float()?),
            Self::Text => !value.as_str()?.trim().is_empty() && !value.as_str()?.contains('\0'),
            Self::Topic { may_be_empty } => {
                let topic = value.as_str()?;
                let clean = !topic.contains(['+', '#', '\0', ' ']);
                let joined = topic.starts_with('/') || topic.ends_with('/');
                if topic.is_empty() { *may_be_empty } else { clean && !joined }
            }
            Self::Name => {
                let name = value.as_str()?;
                let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
                (1..=64).contains(&name.len()) && name.chars().all(plain)
            }
            Self::OneOf(choices) => choices.contains(&value.as_str()?),
            Self::OneOfNumbers(choices) => choices.contains(&value.as_integer()?),
            Self::Thresholds => {
                let numbers = numbers(value)?;
                numbers.len() == 3 && numbers.iter().all(|p| (0.0..=1.0).contains(p))
            }
            Self::Options => {
                let options = value.as_array()?.iter().map(Value::as_str).collect::<Option<Vec<_>>>()?;
                let named = |option: &&str| option.split_once('=').is_some_and(|(name, _)| !name.is_empty());
                options.iter().all(|option| named(option) && !option.contains('\0'))
            }
            Self::PublicKeys => {
                let keys = value.as_array()?.iter().map(Value::as_str).collect::<Option<Vec<_>>>()?;
                keys.into_iter().all(is_public_key)
            }
            Self::Region => {
                let side = 0..=PIXELS;
                match *whole_numbers(value)?.as_slice() {
                    [x, y, width, height] => {
                        [x, y, width, height].iter().all(|v| side.contains(v)) && width > 0 && height > 0
                    }
                    _ => false,
                }
            }
        })
    }
}

fn numbers(value: &Value) -> Option<Vec<f64>> {
    let number = |v: &Value| v.as_float().or_else(|| v.as_integer().map(|whole| whole as f64));
    value.as_array()?.iter().map(number).collect()
}

fn whole_numbers(value: &Value) -> Option<Vec<i64>> {
    value.as_array()?.iter().map(Value::as_integer).collect()
}

/// What is allowed, as it is told to the one who wrote something else.
impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Flag => f.write_str("true or false"),
            Self::Integer(least, most) => write!(f, "a whole number from {least} to {most}"),
            Self::Number(least, most) => write!(f, "a number from {least:?} to {most:?}"),
            Self::Text => f.write_str("text that is not empty"),
            Self::Topic { .. } => {
                f.write_str("a topic without +, #, spaces or a slash at either end, as in \"ostiary\"")
            }
            Self::Name => f.write_str("text of 1 to 64 letters, digits, - and _"),
            Self::OneOf(choices) => {
                write!(f, "one of \"{}\"", choices.join("\", \""))
            }
            Self::OneOfNumbers(choices) => {
                let choices: Vec<String> = choices.iter().map(i64::to_string).collect();
                write!(f, "one of {}", choices.join(", "))
            }
            Self::Thresholds => f.write_str("a list of three numbers from 0 to 1"),
            Self::Options => f.write_str("a list of texts, as in [\"device_id=0\"]"),
            Self::PublicKeys => {
                f.write_str("a list of public keys, each as `ostiary-trainer keys` prints it")
            }
            Self::Region => write!(
                f,
                "a list [x, y, width, height] of whole numbers from 0 to {PIXELS}, width and height at least 1"
            ),
        }
    }
}
