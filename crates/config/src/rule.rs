//! Which values a key allows.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use ostiary_core::redact;
use serde::de::DeserializeOwned;
use serde_aux::serde_introspection::serde_introspect;
use toml::Value;

use crate::public_key::is_public_key;

/// What is declared of a key besides its name, text and default.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    pub kind: Kind,
    pub example: Option<&'static str>,
    pub restart: bool,
    pub settable: bool,
}

/// Type and range of a value. Ranges include both ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// `true` or `false`.
    Flag,
    Integer(i64, i64),
    Number(f64, f64),
    /// Any text but the empty one.
    Text,
    /// The name or the address of a host, without a scheme and a port; the port is in a key of its own.
    Host {
        port: &'static str,
    },
    /// An address that begins with http:// or https://, or a path.
    UrlOrPath,
    /// A part of an MQTT topic: no wildcards, no slash at an end.
    Topic {
        may_be_empty: bool,
    },
    /// 1 to 64 letters, digits, `-` and `_`.
    Name,
    /// One of the names of an enum's variants.
    OneOf(fn() -> &'static [&'static str]),
    OneOfNumbers(&'static [i64]),
    /// A list of names of an enum's variants, each at most once.
    ListOf(fn() -> &'static [&'static str]),
    /// Three probabilities.
    Thresholds,
    /// `[x, y, width, height]`, pixels.
    Region,
    /// A list of texts, each `name=value`.
    Options,
    /// A list of minisign's public keys.
    PublicKeys,
    /// An IP address and a port.
    SocketAddress,
    /// A list of IP addresses.
    Addresses,
    /// `https://` and a host, without a path.
    WebAddress,
}

/// Why a value is refused.
pub(crate) enum ValueError {
    WrongType { expected: String, found: String },
    OutOfRange { allowed: String },
}

/// More pixels on a side than any camera has.
pub(crate) const MAX_PIXELS: i64 = 16_384;
/// A higher number than that of any GPIO line.
pub(crate) const MAX_LINE: i64 = 1_023;

impl Rule {
    const fn new(kind: Kind) -> Self {
        Self { kind, example: None, restart: false, settable: false }
    }

    /// With an example, for a key that has no default: TOML, or text that needs no quotes.
    pub const fn example(self, text: &'static str) -> Self {
        Self { example: Some(text), ..self }
    }

    /// `ostiary config set` and the control API may change it, without a change of the owner's files. Not for keys that open
    /// the door by another line, loosen what protects it from pictures or repeated attempts, or say whom it trusts; and not for
    /// keys whose default is less strict than any value, because a damaged file of settings is left out.
    pub const fn settable(self) -> Self {
        Self { settable: true, ..self }
    }

    /// A change takes a restart of the daemon; a reload refuses it.
    pub const fn restart(self) -> Self {
        Self { restart: true, ..self }
    }
}

/// `true` or `false`.
pub(crate) const fn flag() -> Rule {
    Rule::new(Kind::Flag)
}

/// A whole number.
pub(crate) const fn integer(least: i64, most: i64) -> Rule {
    Rule::new(Kind::Integer(least, most))
}

/// A number.
pub(crate) const fn number(least: f64, most: f64) -> Rule {
    Rule::new(Kind::Number(least, most))
}

/// The number of a GPIO line.
pub(crate) const fn gpio_line() -> Rule {
    integer(0, MAX_LINE)
}

/// Any text but the empty one: a path, a user name.
pub(crate) const fn text() -> Rule {
    Rule::new(Kind::Text)
}

/// The name or the address of a host; `port` is the key with its port.
pub(crate) const fn host(port: &'static str) -> Rule {
    Rule::new(Kind::Host { port })
}

/// An address that begins with http:// or https://, or a path.
pub(crate) const fn url_or_path() -> Rule {
    Rule::new(Kind::UrlOrPath)
}

/// A part of an MQTT topic.
pub(crate) const fn topic() -> Rule {
    Rule::new(Kind::Topic { may_be_empty: false })
}

/// A part of an MQTT topic, or the empty text.
pub(crate) const fn topic_or_empty() -> Rule {
    Rule::new(Kind::Topic { may_be_empty: true })
}

/// 1 to 64 letters, digits, `-` and `_`.
pub(crate) const fn name() -> Rule {
    Rule::new(Kind::Name)
}

/// The name of one of the variants of `T`, as serde has it.
pub(crate) const fn one_of<T: DeserializeOwned>() -> Rule {
    Rule::new(Kind::OneOf(serde_introspect::<T>))
}

/// A list of names of the variants of `T`, as serde has them.
pub(crate) const fn list_of<T: DeserializeOwned>() -> Rule {
    Rule::new(Kind::ListOf(serde_introspect::<T>))
}

/// One of these numbers.
pub(crate) const fn one_of_numbers(choices: &'static [i64]) -> Rule {
    Rule::new(Kind::OneOfNumbers(choices))
}

/// Three probabilities.
pub(crate) const fn thresholds() -> Rule {
    Rule::new(Kind::Thresholds)
}

/// A rectangle in the picture.
pub(crate) const fn region() -> Rule {
    Rule::new(Kind::Region)
}

/// A list of texts, each `name=value`.
pub(crate) const fn options() -> Rule {
    Rule::new(Kind::Options)
}

/// A list of minisign's public keys.
pub(crate) const fn public_keys() -> Rule {
    Rule::new(Kind::PublicKeys)
}

/// An IP address and a port.
pub(crate) const fn socket_address() -> Rule {
    Rule::new(Kind::SocketAddress)
}

/// A list of IP addresses.
pub(crate) const fn addresses() -> Rule {
    Rule::new(Kind::Addresses)
}

/// `https://` and a host, without a path.
pub(crate) const fn web_address() -> Rule {
    Rule::new(Kind::WebAddress)
}

/// A TOML value that stands alone; `None` if the text is no TOML.
pub(crate) fn parse(text: &str) -> Option<Value> {
    use serde::Deserialize;
    Value::deserialize(toml::de::ValueDeserializer::parse(text).ok()?).ok()
}

impl Kind {
    /// Reads TOML, or text that needs no quotes.
    pub fn read(&self, text: &str) -> Value {
        let is_text = matches!(
            self,
            Self::Text
                | Self::Host { .. }
                | Self::UrlOrPath
                | Self::SocketAddress
                | Self::WebAddress
                | Self::Topic { .. }
                | Self::Name
                | Self::OneOf(_)
        );
        match parse(text) {
            Some(value) if value.is_str() || !is_text => value,
            _ => Value::String(text.to_owned()),
        }
    }

    /// The value in its own type (a whole number is a number too), if it is allowed.
    pub fn check(&self, value: Value) -> Result<Value, ValueError> {
        match (self, value) {
            (Self::Number(..), Value::Integer(whole)) => self.check(Value::Float(whole as f64)),
            (_, value) => match self.allows(&value) {
                Some(true) => Ok(value),
                Some(false) => Err(ValueError::OutOfRange { allowed: self.to_string() }),
                None => {
                    let found = format!("{} ({})", value.type_str(), redact(&value.to_string()));
                    Err(ValueError::WrongType { expected: self.to_string(), found })
                }
            },
        }
    }

    /// Whether the value is in range; `None` if it is of another type.
    fn allows(&self, value: &Value) -> Option<bool> {
        Some(match self {
            Self::Flag => value.as_bool().map(|_| true)?,
            Self::Integer(least, most) => (*least..=*most).contains(&value.as_integer()?),
            Self::Number(least, most) => (*least..=*most).contains(&value.as_float()?),
            Self::Text => !value.as_str()?.trim().is_empty() && !value.as_str()?.contains('\0'),
            Self::Host { .. } => is_host(value.as_str()?),
            Self::UrlOrPath => {
                let text = value.as_str()?;
                let is_web = text.starts_with("http://") || text.starts_with("https://");
                !text.trim().is_empty() && !text.contains('\0') && (is_web || !text.contains("://"))
            }
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
            Self::OneOf(choices) => choices().contains(&value.as_str()?),
            Self::OneOfNumbers(choices) => choices.contains(&value.as_integer()?),
            Self::ListOf(choices) => {
                let texts = texts(value)?;
                let is_new = |(at, text): (usize, &&str)| !texts.iter().take(at).any(|other| other == text);
                texts.iter().all(|text| choices().contains(text)) && texts.iter().enumerate().all(is_new)
            }
            Self::Thresholds => {
                let numbers = numbers(value)?;
                numbers.len() == 3 && numbers.iter().all(|p| (0.0..=1.0).contains(p))
            }
            Self::Options => {
                let named = |option: &&str| option.split_once('=').is_some_and(|(name, _)| !name.is_empty());
                texts(value)?.iter().all(|option| named(option) && !option.contains('\0'))
            }
            Self::PublicKeys => texts(value)?.into_iter().all(is_public_key),
            Self::SocketAddress => {
                value.as_str()?.parse::<SocketAddr>().is_ok_and(|address| address.port() != 0)
            }
            Self::Addresses => texts(value)?.iter().all(|text| text.parse::<IpAddr>().is_ok()),
            Self::WebAddress => is_web_address(value.as_str()?),
            Self::Region => {
                let side = 0..=MAX_PIXELS;
                match *whole_numbers(value)?.as_slice() {
                    [x, y, width, height] => {
                        [x, y, width, height].iter().all(|v| side.contains(v)) && width > 0 && height > 0
                    }
                    _ => false,
                }
            }
        })
    }

    /// The range in short; `None` if the type says it all.
    pub fn range(&self) -> Option<String> {
        Some(match self {
            Self::Integer(least, most) => format!("{least} to {most}"),
            Self::Number(least, most) => format!("{} to {}", short(*least), short(*most)),
            Self::Name => "1 to 64 letters, digits, - and _".to_owned(),
            Self::OneOf(choices) | Self::ListOf(choices) => {
                either(choices().iter().map(|choice| format!("{choice:?}")))
            }
            Self::OneOfNumbers(choices) => either(choices.iter().map(i64::to_string)),
            Self::Thresholds => "0 to 1".to_owned(),
            Self::Flag
            | Self::Text
            | Self::Host { .. }
            | Self::UrlOrPath
            | Self::Topic { .. }
            | Self::Region
            | Self::Options
            | Self::PublicKeys
            | Self::SocketAddress
            | Self::Addresses
            | Self::WebAddress => return None,
        })
    }
}

/// What is allowed, for the person who set something else.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let range = self.range().unwrap_or_default();
        match self {
            Self::Flag => f.write_str("true or false"),
            Self::Integer(..) => write!(f, "a whole number from {range}"),
            Self::Number(..) => write!(f, "a number from {range}"),
            Self::Text => f.write_str("text that is not empty"),
            Self::Host { port } => write!(
                f,
                "a host alone, as in \"broker.local\" or \"192.168.1.10\", without a scheme (mqtt://), a user, a port or a path; \
                 the port is in {port}"
            ),
            Self::UrlOrPath => {
                f.write_str("an address that begins with http:// or https://, or the path of a folder")
            }
            Self::Topic { .. } => {
                f.write_str("a topic without +, #, spaces or a slash at either end, as in \"ostiary\"")
            }
            Self::Name => write!(f, "text of {range}"),
            Self::OneOf(_) | Self::OneOfNumbers(_) => write!(f, "one of {range}"),
            Self::ListOf(_) => write!(f, "a list of {range}, each at most once; [] for none"),
            Self::Thresholds => write!(f, "a list of three numbers from {range}"),
            Self::Options => f.write_str("a list of texts, as in [\"device_id=0\"]"),
            Self::PublicKeys => {
                f.write_str("a list of public keys, each as `ostiary-trainer keys` prints it")
            }
            Self::SocketAddress => {
                f.write_str("an IP address and a port, as in \"0.0.0.0:8443\" or \"[::]:8443\"")
            }
            Self::Addresses => f.write_str("a list of IP addresses, as in [\"127.0.0.1\"]"),
            Self::WebAddress => {
                f.write_str("https:// and a host, without a path, as in \"https://door.local:8443\"")
            }
            Self::Region => write!(
                f,
                "a list [x, y, width, height] of whole numbers from 0 to {MAX_PIXELS}, width and height at least 1"
            ),
        }
    }
}

/// Whether a text is `https://`, a host and maybe a port.
fn is_web_address(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("https://") else { return false };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (rest, None),
    };
    let is_bracketed = |host: &str| {
        host.strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .is_some_and(|host| host.parse::<Ipv6Addr>().is_ok())
    };
    port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port != 0))
        && (is_bracketed(host) || (is_host(host) && !host.contains(':')))
}

/// Whether a text is an IP address or the name of a host (RFC 1123, and underscores as in names of containers).
fn is_host(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let name = text.strip_suffix('.').unwrap_or(text);
    // A name that ends in a number is an IP address with a typing error.
    let ends_in_number = name.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    text.parse::<IpAddr>().is_ok() || (name.len() <= 253 && name.split('.').all(is_label) && !ends_in_number)
}

fn numbers(value: &Value) -> Option<Vec<f64>> {
    let number = |v: &Value| v.as_float().or_else(|| v.as_integer().map(|whole| whole as f64));
    value.as_array()?.iter().map(number).collect()
}

fn whole_numbers(value: &Value) -> Option<Vec<i64>> {
    value.as_array()?.iter().map(Value::as_integer).collect()
}

fn texts(value: &Value) -> Option<Vec<&str>> {
    value.as_array()?.iter().map(Value::as_str).collect()
}

/// A number as its author wrote it: `60`, `0.12`, `1e-7`.
fn short(number: f64) -> String {
    if number.fract() == 0.0 { format!("{number}") } else { format!("{number:?}") }
}

/// `a, b or c`.
fn either(choices: impl Iterator<Item = String>) -> String {
    let choices: Vec<String> = choices.collect();
    match choices.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}
