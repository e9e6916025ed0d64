//! The last change of the settings, so that it can be taken back: a cookie.

use axum::http::HeaderMap;
use axum::response::Response;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::flash::{cookie, set_cookie};

/// The name of the cookie.
const COOKIE_NAME: &str = "__Host-undo";
/// How long a change can be taken back, seconds.
const TIME: u32 = 3600;
/// The longest text in the cookie.
const MAX_LENGTH: usize = 1024;

/// The last change of the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undo {
    /// The key that was changed.
    pub key: String,
    /// What it was set to before, as TOML; `None` if the owner's files or the default counted.
    pub before: Option<String>,
}

impl Undo {
    /// The one of a request.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let value = cookie(headers, COOKIE_NAME).filter(|value| value.len() <= MAX_LENGTH)?;
        let value = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(value).ok()?).ok()?;
        if value.is_empty() {
            return None;
        }
        match value.split_once('\n') {
            Some((key, before)) => Some(Self { key: key.to_owned(), before: Some(before.to_owned()) }),
            None => Some(Self { key: value, before: None }),
        }
    }

    /// Stores it in the browser.
    pub fn store(&self, response: &mut Response) {
        let value = match &self.before {
            Some(before) => format!("{}\n{before}", self.key),
            None => self.key.clone(),
        };
        let value = BASE64_URL_SAFE_NO_PAD.encode(value);
        if value.len() > MAX_LENGTH {
            // The one before it cannot be taken back any longer either.
            return Self::clear(response);
        }
        set_cookie(
            response,
            &format!("{COOKIE_NAME}={value}; Path=/; Max-Age={TIME}; Secure; HttpOnly; SameSite=Strict"),
        );
    }

    /// Removes it.
    pub fn clear(response: &mut Response) {
        set_cookie(
            response,
            &format!("{COOKIE_NAME}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict"),
        );
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header::{COOKIE, SET_COOKIE};
    use axum::response::IntoResponse;

    use super::*;

    fn stored(undo: &Undo) -> Option<Undo> {
        let mut response = ().into_response();
        undo.store(&mut response);
        let set = response.headers()[SET_COOKIE].to_str().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, set.split(';').next().unwrap().parse().unwrap());
        Undo::of(&headers)
    }

    #[test]
    fn a_change_is_remembered_with_the_value_before() {
        for before in [None, Some("[1, 2, 3, 4]".to_owned()), Some("\"a\nb; c\"".to_owned())] {
            let undo = Undo { key: "camera.region".to_owned(), before };
            assert_eq!(stored(&undo), Some(undo));
        }
        let long = Undo { key: "camera.region".to_owned(), before: Some("1".repeat(2000)) };
        assert_eq!(stored(&long), None);
        assert_eq!(Undo::of(&HeaderMap::new()), None);
    }
}
