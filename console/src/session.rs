//! Who is signed in: the cookie of a session, and the token that it opens.

use std::fmt;

use axum::http::HeaderMap;
use axum::response::Response;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ostiary_control::Role;

use crate::app::App;
use crate::clock;
use crate::flash::{cookie, set_cookie};
use crate::page_error::PageError;
use crate::sealing::{Purpose, Secret};
use crate::store::NewSession;

/// The name of the cookie. Browsers accept this prefix only with `Secure`, without a domain and with the path `/`.
const COOKIE_NAME: &str = "__Host-session";
/// How long the browser keeps the cookie, seconds. The store decides when the session ends.
const COOKIE_TIME: i64 = 400 * 24 * 3600;

/// Somebody who is signed in.
#[derive(Clone)]
pub struct Session {
    /// What the store has of the session.
    pub id: Vec<u8>,
    /// The number of the account.
    pub account: i64,
    /// The name of the account.
    pub name: String,
    /// The role of the token. The door decides; pages hide what this role cannot do.
    pub role: Role,
    /// The language that the person chose.
    pub language: Option<String>,
    /// The token for the door.
    pub token: String,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("name", &self.name).field("role", &self.role).finish_non_exhaustive()
    }
}

impl Session {
    /// The session of a request; `None` if nobody is signed in.
    ///
    /// # Errors
    /// The store cannot be used.
    pub async fn of(app: &App, headers: &HeaderMap) -> Result<Option<Self>, PageError> {
        let bytes = cookie(headers, COOKIE_NAME).and_then(|value| BASE64_URL_SAFE_NO_PAD.decode(value).ok());
        let Some(secret) = bytes.and_then(|bytes| Secret::from_bytes(&bytes)) else { return Ok(None) };
        let id = secret.id();
        let Some(stored) = app.stored(move |store| store.session(&id, clock::now())).await? else {
            return Ok(None);
        };
        let token =
            secret.key().map_err(PageError::internal)?.open(&stored.sealed, Purpose::Session, &stored.name);
        let (Some(token), Some(role)) = (token, Role::of(&stored.role)) else { return Ok(None) };
        Ok(Some(Self {
            id: secret.id(),
            account: stored.account,
            name: stored.name,
            role,
            language: stored.language,
            token,
        }))
    }

    /// Begins a session of the account of this name with this token: what the store gets, and the cookie.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn begin(name: &str, token: &str) -> Result<(NewSession, String), PageError> {
        let secret = Secret::new().map_err(PageError::internal)?;
        let sealed = secret.key().and_then(|key| key.seal(token, Purpose::Session, name));
        let sealed = sealed.map_err(PageError::internal)?;
        let value = BASE64_URL_SAFE_NO_PAD.encode(secret.bytes());
        let cookie = format!(
            "{COOKIE_NAME}={value}; Path=/; Max-Age={COOKIE_TIME}; Secure; HttpOnly; SameSite=Strict"
        );
        Ok((NewSession { id: secret.id(), sealed, now: clock::now() }, cookie))
    }

    /// Ends the session in this browser.
    pub fn clear(response: &mut Response) {
        set_cookie(
            response,
            &format!("{COOKIE_NAME}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict"),
        );
    }
}
