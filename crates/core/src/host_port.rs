//! A host with its port, as an address has them.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// A host and, if the address has one, its port: `camera:8554`, `[fe80::1]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    /// Without brackets.
    name: String,
    port: Option<u16>,
}

impl HostPort {
    /// Reads a name, an IPv4 address or an IPv6 address in brackets, with or without a port from 1 to 65535. `None` for another
    /// text.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (name, port) = rest.split_once(']')?;
                name.parse::<Ipv6Addr>().ok()?;
                (name, port)
            }
            None => {
                let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
                let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
                if name.is_empty() || !name.bytes().all(is_plain) {
                    return None;
                }
                (name, port)
            }
        };
        let port = match port.strip_prefix(':') {
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(digits.parse().ok().filter(|port| *port > 0)?)
            }
            None if port.is_empty() => None,
            _ => return None,
        };
        Some(Self { name: name.to_owned(), port })
    }

    /// The name or the IP address, without brackets.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The port, if the address has one.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Whether it is this host itself. A name such as `127.example.com` is that of another one.
    pub fn is_loopback(&self) -> bool {
        self.name.eq_ignore_ascii_case("localhost")
            || self.name.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
    }
}

/// As it stands in an address.
impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, port } = self;
        match name.contains(':') {
            true => write!(f, "[{name}]")?,
            false => f.write_str(name)?,
        }
        port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_port_are_read_and_shown() {
        for (text, name, port) in [
            ("cam", "cam", None),
            ("cam_1.local:8322", "cam_1.local", Some(8322)),
            ("10.0.0.7:1", "10.0.0.7", Some(1)),
            ("[fe80::1]", "fe80::1", None),
            ("[fe80::1]:5", "fe80::1", Some(5)),
        ] {
            let host = HostPort::parse(text).unwrap();
            assert_eq!((host.name(), host.port()), (name, port));
            assert_eq!(host.to_string(), text);
        }
        for text in [
            "",
            ":5",
            "cam:",
            "cam:0",
            "cam:+1",
            "cam:65536",
            "cam:1:2",
            "ca m",
            "[cam]",
            "[fe80::1",
            "[fe80::1]5",
        ] {
            assert_eq!(HostPort::parse(text), None, "{text}");
        }
    }

    #[test]
    fn only_this_host_is_local() {
        let is_local = |text: &str| HostPort::parse(text).unwrap().is_loopback();
        for text in [
            "localhost",
            "LocalHost:8554",
            "127.0.0.1",
            "127.3.2.1:8554",
            "[::1]",
            "[::1]:5",
            "[::ffff:127.0.0.1]",
        ] {
            assert!(is_local(text), "{text}");
        }
        for text in ["127.example.com", "127.0.0.1.example.com", "localhost.example.com", "10.0.0.7", "[::2]"]
        {
            assert!(!is_local(text), "{text}");
        }
    }
}
