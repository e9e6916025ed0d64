//! Refuses heads that a reverse proxy may understand otherwise than the console does.

use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, Version};

/// Whether the head of a request can be understood in two ways: with two hosts or origins, or, in HTTP/1.1, without a host (RFC 9112,
/// 3.2). Of two lengths hyper refuses the request or lets the chunks count (6.3).
pub fn is_ambiguous(version: Version, fields: &HeaderMap) -> bool {
    let is_twice = |name| fields.get_all(name).iter().nth(1).is_some();
    is_twice(HOST) || is_twice(ORIGIN) || (version == Version::HTTP_11 && !fields.contains_key(HOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_has_one_meaning() {
        let is_ambiguous = |version, fields: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.append(*name, value.parse().unwrap());
            }
            is_ambiguous(version, &headers)
        };
        let host = ("host", "door.local");
        assert!(!is_ambiguous(Version::HTTP_11, &[host, ("origin", "a")]));
        assert!(!is_ambiguous(Version::HTTP_10, &[]));
        assert!(is_ambiguous(Version::HTTP_11, &[]));
        assert!(is_ambiguous(Version::HTTP_11, &[host, ("host", "evil.example")]));
        assert!(is_ambiguous(Version::HTTP_11, &[host, ("origin", "a"), ("origin", "b")]));
    }
}
