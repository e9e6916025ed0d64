//! What was done, for the page after it: a cookie that lives until the next page.

use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// The name of the cookie.
const COOKIE_NAME: &str = "__Host-flash";
/// The longest text in it.
const MAX_LENGTH: usize = 512;

/// What was done: the identifier of a text that begins with `done-`, with a name in it (`$name`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flash {
    /// The identifier of the text.
    pub text: String,
    /// The name in it.
    pub name: String,
}

impl Flash {
    /// Goes to a page that says what was done.
    pub fn redirect(to: &str, text: &str, name: &str) -> Response {
        let mut response = Redirect::to(to).into_response();
        let value = BASE64_URL_SAFE_NO_PAD.encode(format!("{text}\n{name}"));
        set_cookie(
            &mut response,
            &format!("{COOKIE_NAME}={value}; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Strict"),
        );
        response
    }

    /// The one of a request.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let value = cookie(headers, COOKIE_NAME).filter(|value| value.len() <= MAX_LENGTH)?;
        let value = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(value).ok()?).ok()?;
        let (text, name) = value.split_once('\n')?;
        text.starts_with("done-").then(|| Self { text: text.to_owned(), name: name.to_owned() })
    }

    /// Removes it, because it was shown.
    pub fn clear(response: &mut Response) {
        set_cookie(
            response,
            &format!("{COOKIE_NAME}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict"),
        );
    }
}

/// The value of a cookie of a request.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let headers = headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut cookies =
        headers.flat_map(|header| header.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
    cookies.find(|(found, _)| *found == name).map(|(_, value)| value)
}

/// Adds a cookie to a response. One that no header can have is left out.
pub fn set_cookie(response: &mut Response, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(SET_COOKIE, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookies: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(COOKIE, cookie.parse().unwrap());
        }
        headers
    }

    #[test]
    fn what_was_done_is_shown_on_the_next_page() {
        let response = Flash::redirect("/door", "done-opened", "Zo\u{eb}; <b>");
        let set = response.headers()[SET_COOKIE].to_str().unwrap().to_owned();
        let sent = set.split(';').next().unwrap();
        let flash = Flash::of(&headers(&["a=b; c", sent])).unwrap();
        assert_eq!((flash.text.as_str(), flash.name.as_str()), ("done-opened", "Zo\u{eb}; <b>"));
        for bad in ["__Host-flash=", "__Host-flash=%", "__Host-flash=aGVsbG8", "__Host-flash"] {
            assert_eq!(Flash::of(&headers(&[bad])), None);
        }
    }

    #[test]
    fn a_cookie_has_its_whole_name() {
        let headers = headers(&["xa=1; a=2", "b=3=4"]);
        assert_eq!(cookie(&headers, "a"), Some("2"));
        assert_eq!(cookie(&headers, "b"), Some("3=4"));
        assert_eq!(cookie(&headers, "c"), None);
    }
}
