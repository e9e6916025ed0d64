//! Removes user, password, and values in path and query from the addresses in a text, for example from `rtsp://` addresses.

/// Removes user, password, and values in path and query from every address (`scheme://...`) in a text, so that the text can be
/// printed and logged.
///
/// A password may have quotes and blanks. Therefore everything up to the last `@` before the next address is removed, in the
/// same line: removing too much does no harm. For a text that is one address, [`redact_address`] is exact.
pub fn redact(text: &str) -> String {
    let mut redacted = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        redacted.push_str(before);
        let line = after.split('\n').next().unwrap_or_default();
        let own = line.split_at(next_address(line).unwrap_or(line.len())).0;
        let host = own.rfind('@').map_or(0, |at| at + 1);
        let from_host = after.split_at(host).1;
        let end = from_host.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>'));
        let (address, following) = from_host.split_at(end.unwrap_or(from_host.len()));
        redacted.push_str(&without_secrets(address));
        rest = following;
    }
    redacted.push_str(rest);
    redacted
}

/// Removes user, password, and values in path and query from a text that is one address and nothing else. Other texts, as the path of a device,
/// are returned unchanged.
pub fn redact_address(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let address = rest.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{}", without_secrets(address))
}

/// The address with `...` instead of what may have a password.
pub(crate) fn without_secrets(address: &str) -> String {
    match secret_begin(address) {
        Some(begin) => format!("{}...", address.split_at(begin).0),
        None => address.to_owned(),
    }
}

/// Where the values begin that may be a password: after the first `?`, `=` or `&`, also if it is escaped.
pub(crate) fn secret_begin(path: &str) -> Option<usize> {
    path.char_indices().find_map(|(at, character)| match character {
        '?' | '=' | '&' => Some(at + 1),
        '%' => {
            let code = path.get(at + 1..at + 3)?;
            ["3F", "3D", "26"].iter().any(|known| known.eq_ignore_ascii_case(code)).then_some(at + 3)
        }
        _ => None,
    })
}

/// Where the next address begins: a scheme of letters and digits after a blank, a quote or a bracket. In a password as
/// `a://b`, no address begins.
fn next_address(text: &str) -> Option<usize> {
    text.match_indices("://").find_map(|(at, _)| {
        let before = text.split_at(at).0;
        let scheme = before.trim_end_matches(|c: char| c.is_ascii_alphanumeric());
        let is_separated = scheme
            .chars()
            .next_back()
            .is_some_and(|c| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '(' | '[' | '='));
        (scheme.len() < before.len() && is_separated).then_some(scheme.len())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn user_password_and_values_are_removed() {
        assert_eq!(redact("rtsp://10.0.0.7:554/main"), "rtsp://10.0.0.7:554/main");
        assert_eq!(redact("rtsp://anna:s3cret@cam/main"), "rtsp://cam/main");
        assert_eq!(redact("rtsp://anna:s3/c@r?et@cam/main"), "rtsp://cam/main");
        assert_eq!(redact("http://cam/video?user=anna&pwd=s3cret"), "http://cam/video?...");
        assert_eq!(redact("rtsp://cam/user=admin_password=x: refused"), "rtsp://cam/user=... refused");
        assert_eq!(redact("'rtsp://cam/a&password=x' refused"), "'rtsp://cam/a&...' refused");
        assert_eq!(redact_address("http://a:b@cam/user%3dadmin"), "http://cam/user%3d...");
        assert_eq!(
            redact("Could not open 'rtsp://a:b@one/x': see http://c:d@two for more"),
            "Could not open 'rtsp://one/x': see http://two for more"
        );
        assert_eq!(redact("no address: here"), "no address: here");
        assert_eq!(redact("rtsp://one/x\nask anna@two"), "rtsp://one/x\nask anna@two");
    }

    #[test]
    fn passwords_with_quotes_and_blanks_are_removed() {
        assert_eq!(redact("source = \"rtsp://admin:S3c'ret@cam/1\""), "source = \"rtsp://cam/1\"");
        assert_eq!(redact("'rtsp://admin:a b\"c<d'@cam/1': refused"), "'rtsp://cam/1': refused");
        assert_eq!(redact("rtsp://admin:a://b@cam/1"), "rtsp://cam/1");
        assert_eq!(redact("rtsp://admin:a'b c@cam/1, http://u:x y@two/"), "rtsp://cam/1, http://two/");
        assert_eq!(redact_address("rtsp://admin:a http://b@cam/1?x"), "rtsp://cam/1?...");
        assert_eq!(redact_address("/dev/video0"), "/dev/video0");
    }

    proptest! {
        #[test]
        fn no_password_remains(password in "SECRET[a-z0-9:/?@&#%'\" <>]{0,8}", path in "[a-z/]{0,8}") {
            // A scheme in a password is taken for another address in a text. In a text that is one address, it is not.
            prop_assume!(!password.contains("://"));
            let address = format!("rtsp://USER:{password}@camera/{path}");
            for shown in [redact(&format!("{address}: failed")), redact_address(&address)] {
                prop_assert!(!shown.contains("SECRET") && !shown.contains("USER"), "{}", shown);
            }
        }
    }
}
