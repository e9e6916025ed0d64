//! Refuses what another site makes a browser send.
//!
//! All browsers send `Origin` with a POST and with a WebSocket, and new ones `Sec-Fetch-Site`; no page can change them. With the
//! cookie's `SameSite=Strict` this suffices: forms need no token of their own against other sites.

use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, Method};

/// Whether a request may change something: it comes from a page of this console. Others may only read.
pub fn is_allowed(method: &Method, headers: &HeaderMap) -> bool {
    let is_websocket = headers.contains_key(axum::http::header::UPGRADE);
    if (method == Method::GET || method == Method::HEAD) && !is_websocket {
        return true;
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let is_same_site = headers.get_all("sec-fetch-site").iter().all(|site| site == "same-origin");
    let (Some(origin), Some(host)) = (text(ORIGIN.as_str()), text(HOST.as_str())) else { return false };
    let origin = origin.strip_prefix("https://").map(without_default_port);
    is_same_site && origin.is_some_and(|origin| origin.eq_ignore_ascii_case(without_default_port(host)))
}

fn without_default_port(host: &str) -> &str {
    host.strip_suffix(":443").unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_allowed(method: Method, headers: &[(&'static str, &str)]) -> bool {
        let headers = headers.iter().map(|(name, value)| {
            (axum::http::HeaderName::from_static(name), axum::http::HeaderValue::from_str(value).unwrap())
        });
        super::is_allowed(&method, &headers.collect())
    }

    #[test]
    fn only_own_pages_change_something() {
        let host = ("host", "door.local:8443");
        let own = ("origin", "https://door.local:8443");
        assert!(is_allowed(Method::GET, &[host, ("origin", "https://evil.example")]));
        assert!(is_allowed(Method::POST, &[host, own]));
        assert!(is_allowed(
            Method::POST,
            &[("host", "door.example"), ("origin", "https://DOOR.example:443")]
        ));
        assert!(is_allowed(Method::POST, &[host, own, ("sec-fetch-site", "same-origin")]));
        for other in [
            "https://evil.example",
            "null",
            "http://door.local:8443",
            "https://door.local",
            "",
            "https://door.local:8443.evil.example",
        ] {
            assert!(!is_allowed(Method::POST, &[host, ("origin", other)]), "{other}");
            assert!(
                !is_allowed(Method::GET, &[host, ("origin", other), ("upgrade", "websocket")]),
                "{other}"
            );
        }
        assert!(!is_allowed(Method::POST, &[host]));
        assert!(!is_allowed(Method::POST, &[own]));
        for site in ["cross-site", "same-site", "none"] {
            assert!(!is_allowed(Method::POST, &[host, own, ("sec-fetch-site", site)]), "{site}");
        }
        assert!(is_allowed(Method::GET, &[host, own, ("upgrade", "websocket")]));
        assert!(!is_allowed(Method::DELETE, &[host]));
    }
}
