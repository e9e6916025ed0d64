//! Removes user, password and query from the addresses in a text, for example from `rtsp://` addresses.

/// Removes user, password and query from every address (`scheme://...`) in a text, so that the text can be printed and
/// logged.
pub fn redact(text: &str) -> String {
    let mut redacted = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        redacted.push_str(before);
        let end = after.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>'));
        let (address, following) = after.split_at(end.unwrap_or(after.len()));
        // Up to the last `@`: a password can contain an unescaped one, and removing too much does no harm.
        let address = address.rsplit('@').next().unwrap_or_default();
        match address.split_once('?') {
            Some((path, _)) => {
                redacted.push_str(path);
                redacted.push_str("?...");
            }
            None => redacted.push_str(address),
        }
        rest = following;
    }
    redacted.push_str(rest);
    redacted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn user_password_and_query_are_removed() {
        assert_eq!(redact("rtsp://10.0.0.7:554/main"), "rtsp://10.0.0.7:554/main");
        assert_eq!(redact("rtsp://anna:s3cret@cam/main"), "rtsp://cam/main");
        assert_eq!(redact("rtsp://anna:s3/c@r?et@cam/main"), "rtsp://cam/main");
        assert_eq!(redact("http://cam/video?user=anna&pwd=s3cret"), "http://cam/video?...");
        assert_eq!(
            redact("Could not open 'rtsp://a:b@one/x': see http://c:d@two for more"),
            "Could not open 'rtsp://one/x': see http://two for more"
        );
        assert_eq!(redact("no address: here"), "no address: here");
    }

    proptest! {
        #[test]
        fn no_password_remains(password in "SECRET[a-z0-9:/?@&#%]{0,8}", path in "[a-z/]{0,8}") {
            let shown = redact(&format!("rtsp://USER:{password}@camera/{path}: failed"));
            prop_assert!(!shown.contains("SECRET") && !shown.contains("USER"), "{}", shown);
        }
    }
}
