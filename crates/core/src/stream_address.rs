//! The address of a camera's stream, with its user and password apart.

use std::fmt;

use crate::host_port::HostPort;
use crate::redact::{secret_begin, without_secrets};

/// The schemes of streams.
const SCHEMES: [&str; 4] = ["rtsp", "rtsps", "http", "https"];

/// An address such as `rtsp://user:password@host:554/path?query`. `Display` and `Debug` show neither user nor password, and the
/// path only up to its first value: some cameras take the password in the query, and some in the path
/// (`/user=admin_password=secret`).
#[derive(Clone, PartialEq, Eq)]
pub struct StreamAddress {
    scheme: &'static str,
    login: Option<Login>,
    host: HostPort,
    /// Path and query with all characters encoded that no address may have; empty or begins with `/` or `?`.
    path: String,
}

/// A user and a password, as bytes, because an address may have any.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The user; has no colon.
    pub user: Vec<u8>,
    /// The password; empty if there is none.
    pub password: Vec<u8>,
}

/// Why a text is not the address of a stream. No message has a part of the address, which may be one of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is another scheme before `://`.
    #[error("a stream begins with rtsp://, rtsps://, http:// or https://")]
    Scheme,
    /// A control character, for example a line break.
    #[error("an address has no line breaks and no other control characters")]
    ControlCharacter,
    /// A `#`.
    #[error(
        "an address has no #; in a password it is written %23, or use camera.user and camera.password_file"
    )]
    Hash,
    /// An `@` after the host.
    #[error(
        "the @ stands after / or ?; in a password they are written %2F and %3F, or use camera.user and \
         camera.password_file; in a path an @ is written %40"
    )]
    AtAfterHost,
    /// No host, or characters that no host has, or a port that is not a number from 1 to 65535.
    #[error(
        "between :// and the path there must be a host or host:port, with user:password@ before it if the camera needs \
         them; in a password / is written %2F and ? is written %3F, or use camera.user and camera.password_file"
    )]
    Host,
    /// A user that is empty or has a colon.
    #[error("the user is empty or has a colon, which no login can have")]
    User,
}

impl StreamAddress {
    /// Whether a text is meant as the address of a stream, and not as the path of a device or file.
    pub fn is_address(text: &str) -> bool {
        text.contains("://")
    }

    /// Reads an address. In user and password, escapes (`%23`) are decoded, and all other characters stand for themselves.
    ///
    /// # Errors
    /// The text is no address of a stream, or it is not clear where its password ends.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (scheme, rest) = text.trim().split_once("://").ok_or(AddressError::Scheme)?;
        let scheme = SCHEMES
            .into_iter()
            .find(|known| known.eq_ignore_ascii_case(scheme))
            .ok_or(AddressError::Scheme)?;
        if rest.contains(char::is_control) {
            return Err(AddressError::ControlCharacter);
        }
        if rest.contains('#') {
            return Err(AddressError::Hash);
        }
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if path.contains('@') {
            return Err(AddressError::AtAfterHost);
        }
        let (login, host) = match authority.rsplit_once('@') {
            Some((login, host)) => {
                let (user, password) = login.split_once(':').unwrap_or((login, ""));
                (Some(Login::new(decoded(user), decoded(password))?), host)
            }
            None => (None, authority),
        };
        let host = HostPort::parse(host).ok_or(AddressError::Host)?;
        let path =
            encoded(path.as_bytes(), |byte| byte.is_ascii_graphic() && !b"\"'<>\\^`{|}".contains(&byte));
        Ok(Self { scheme, login, host, path })
    }

    /// Its user and password.
    pub fn login(&self) -> Option<&Login> {
        self.login.as_ref()
    }

    /// The address with this user and password instead of its own.
    pub fn with_login(self, login: Login) -> Self {
        Self { login: Some(login), ..self }
    }

    /// `rtsp`, `rtsps`, `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        self.scheme
    }

    /// Whether the picture and the password travel encrypted.
    pub fn is_encrypted(&self) -> bool {
        matches!(self.scheme, "rtsps" | "https")
    }

    /// Whether it has a user and a password, or a path or a query that may have a password.
    pub fn has_secret(&self) -> bool {
        self.login.is_some() || secret_begin(&self.path).is_some()
    }

    /// That others in the network can read this stream; `None` if they cannot, because it is encrypted or of this host.
    pub fn unencrypted_warning(&self) -> Option<UnencryptedWarning> {
        (!self.is_encrypted() && !self.host.is_loopback()).then(|| UnencryptedWarning {
            found: format!(
                "{self}: others in the network can read and replace the picture, and read the password"
            ),
            fix: format!(
                "use {}s:// if the camera has it, or keep the camera in a network of its own",
                self.scheme
            ),
        })
    }

    /// The host and, if the address has one, the port.
    pub fn host(&self) -> &HostPort {
        &self.host
    }

    /// Path and query; empty or begins with `/` or `?`. They may have a password.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The whole address, with user and password. It is a secret.
    pub fn secret_url(&self) -> String {
        let login = self.login.as_ref().map(|login| format!("{}@", login.secret_text())).unwrap_or_default();
        format!("{}://{login}{}{}", self.scheme, self.host, self.path)
    }
}

impl Login {
    /// A user with a password.
    ///
    /// # Errors
    /// The user is empty or has a colon: the colon separates user and password when they are sent.
    pub fn new(user: impl Into<Vec<u8>>, password: impl Into<Vec<u8>>) -> Result<Self, AddressError> {
        let (user, password) = (user.into(), password.into());
        if user.is_empty() || user.contains(&b':') {
            return Err(AddressError::User);
        }
        Ok(Self { user, password })
    }

    /// `user:password` as it stands in an address, with all special characters encoded. It is a secret.
    pub fn secret_text(&self) -> String {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&*+,;=".contains(&byte);
        format!("{}:{}", encoded(&self.user, plain), encoded(&self.password, plain))
    }
}

/// That others in the network can read a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnencryptedWarning {
    /// What is wrong.
    pub found: String,
    /// What to do.
    pub fix: String,
}

impl fmt::Display for UnencryptedWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.found, self.fix)
    }
}

impl fmt::Display for StreamAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scheme, host, path, .. } = self;
        write!(f, "{scheme}://{host}{}", without_secrets(path))
    }
}

impl fmt::Debug for StreamAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamAddress({self})")
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(...)")
    }
}

/// The bytes that a text with escapes stands for. A `%` without two hexadecimal digits stands for itself.
fn decoded(text: &str) -> Vec<u8> {
    let mut rest = text.as_bytes();
    let mut bytes = Vec::with_capacity(rest.len());
    while let [first, after @ ..] = rest {
        let escape = match after {
            [high, low, ..] if *first == b'%' => digit(*high).zip(digit(*low)),
            _ => None,
        };
        match escape {
            Some((high, low)) => {
                bytes.push(high << 4 | low);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}

/// The value of a hexadecimal digit.
fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Text in which all bytes are escaped that are not plain.
fn encoded(bytes: &[u8], is_plain: impl Fn(u8) -> bool) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        if is_plain(byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn password(text: &str) -> String {
        let address = StreamAddress::parse(text).unwrap();
        String::from_utf8(address.login().unwrap().password.clone()).unwrap()
    }

    #[test]
    fn the_parts_of_an_address_are_read() {
        let address = StreamAddress::parse("RTSP://anna:s%23c@cam.local:8554/ch1?sub=1").unwrap();
        assert_eq!(address.scheme(), "rtsp");
        assert_eq!((address.host().name(), address.host().port()), ("cam.local", Some(8554)));
        assert_eq!(address.path(), "/ch1?sub=1");
        assert_eq!(address.login(), Some(&Login::new("anna", "s#c").unwrap()));
        assert_eq!(address.secret_url(), "rtsp://anna:s%23c@cam.local:8554/ch1?sub=1");
        assert_eq!(address.to_string(), "rtsp://cam.local:8554/ch1?...");
        assert!(StreamAddress::parse("https://[fe80::1]:443/v").unwrap().is_encrypted());
        let plain = StreamAddress::parse("http://10.0.0.7").unwrap();
        assert_eq!((plain.login(), plain.secret_url().as_str()), (None, "http://10.0.0.7"));
        assert_eq!(plain.with_login(Login::new("a", "b/c").unwrap()).secret_url(), "http://a:b%2Fc@10.0.0.7");
    }

    #[test]
    fn a_password_in_the_path_or_the_query_is_a_secret_and_is_not_shown() {
        for (text, shown) in [
            ("http://cam/snapshot?user=admin&password=pw", "http://cam/snapshot?..."),
            ("rtsp://cam/user=admin_password=pw_channel=1", "rtsp://cam/user=..."),
            ("rtsp://cam/user%3Dadmin%26password%3dpw", "rtsp://cam/user%3D..."),
            ("rtsp://cam/live&password=pw", "rtsp://cam/live&..."),
        ] {
            let address = StreamAddress::parse(text).unwrap();
            assert!(address.has_secret(), "{text}");
            assert_eq!((address.to_string(), address.secret_url()), (shown.to_owned(), text.to_owned()));
            assert!(!format!("{address:?}").contains("pw"), "{address:?}");
            assert!(!address.unencrypted_warning().unwrap().to_string().contains("pw"));
        }
        assert!(StreamAddress::parse("rtsp://a@cam/").unwrap().has_secret());
        assert!(!StreamAddress::parse("rtsp://cam:554/ch1/main%20stream").unwrap().has_secret());
    }

    #[test]
    fn only_a_stream_of_this_host_is_safe_without_encryption() {
        let warns = |text: &str| StreamAddress::parse(text).unwrap().unencrypted_warning().is_some();
        assert!(warns("rtsp://127.example.com/1") && warns("http://10.0.0.7:127/1"));
        assert!(!warns("rtsp://127.0.0.1:8554/1") && !warns("http://[::1]/1") && !warns("rtsps://cam/1"));
    }

    #[test]
    fn quotes_blanks_and_percent_signs_in_a_password_stand_for_themselves() {
        assert_eq!(password("rtsp://admin:S3c'ret@127.0.0.1:9/ch1"), "S3c'ret");
        assert_eq!(password("rtsp://admin:a b\"c<d@cam"), "a b\"c<d");
        assert_eq!(password("rtsp://admin:p@ss:w@cam/"), "p@ss:w");
        assert_eq!(password("rtsp://admin:100%@cam/"), "100%");
        assert_eq!(password("rtsp://admin:%zz%41@cam/"), "%zzA");
        assert_eq!(password("rtsp://admin@cam/"), "");
        let quoted = StreamAddress::parse("rtsp://admin:S3c'ret@cam/a'b c").unwrap();
        assert_eq!(quoted.secret_url(), "rtsp://admin:S3c%27ret@cam/a%27b%20c");
    }

    #[test]
    fn an_address_whose_password_has_no_clear_end_is_refused_with_the_fix() {
        for (text, error) in [
            ("rtsp://admin:p#ss@cam/1", AddressError::Hash),
            ("rtsp://admin:p/ss@cam/1", AddressError::AtAfterHost),
            ("rtsp://admin:12/34@cam/1", AddressError::AtAfterHost),
            ("rtsp://admin:p?ss@cam/1", AddressError::AtAfterHost),
            ("rtsp://cam/a@b", AddressError::AtAfterHost),
            ("rtsp://admin:secret", AddressError::Host),
            ("rtsp://cam:0/", AddressError::Host),
            ("rtsp://cam:+1/", AddressError::Host),
            ("rtsp://ca m/", AddressError::Host),
            ("rtsp:///ch1", AddressError::Host),
            ("rtsp://a:b@/ch1", AddressError::Host),
            ("rtsp://:secret@cam/", AddressError::User),
            ("rtsp://a%3Ab:secret@cam/", AddressError::User),
            ("rtsp://a:b\n@cam/", AddressError::ControlCharacter),
            ("udp://239.0.0.1", AddressError::Scheme),
            ("no address", AddressError::Scheme),
        ] {
            assert_eq!(StreamAddress::parse(text), Err(error), "{text}");
            assert!(!error.to_string().contains("secret"));
        }
        assert!(AddressError::Hash.to_string().contains("%23"));
        assert!(AddressError::AtAfterHost.to_string().contains("camera.password_file"));
    }

    proptest! {
        #[test]
        fn any_password_comes_back_and_is_never_shown(password in "SECRET\\PC{0,12}", user in "USER[^:\\pC]{0,5}") {
            let login = Login::new(user, password).unwrap();
            let address = StreamAddress::parse("rtsp://cam/ch1").unwrap().with_login(login);
            let url = address.secret_url();
            prop_assert!(url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\''), "{}", url);
            prop_assert_eq!(&StreamAddress::parse(&url).unwrap(), &address);
            let shown = format!("{address} {address:?} {:?}", address.login());
            prop_assert!(!shown.contains("SECRET") && !shown.contains("USER"), "{}", shown);
        }

        #[test]
        fn no_text_panics(text in "(rtsp://)?\\PC{0,30}") {
            let _ = StreamAddress::parse(&text);
        }
    }
}
