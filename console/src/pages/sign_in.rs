//! Signing in and out.

use askama::Template;
use axum::extract::{Form, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use ostiary_core::fold_name;
use ring::digest::{SHA256, digest};
use serde::Deserialize;

use crate::flash::{Flash, set_cookie};
use crate::page_error::PageError;
use crate::rate_limit::network;
use crate::sealing::{Purpose, SALT};
use crate::session::Session;
use crate::visit::{Layout, Visit, page, page_with};

#[derive(Template)]
#[template(path = "sign-in.html")]
struct SignInPage {
    layout: Layout,
    next: String,
    name: String,
    /// The identifier of the text that says why nobody is signed in.
    problem: Option<&'static str>,
}

/// What leads to the sign-in.
#[derive(Deserialize)]
pub struct Leading {
    #[serde(default)]
    next: String,
    /// Whether the browser has just got the cookie of a session.
    #[serde(default)]
    begun: bool,
}

/// What a person types.
#[derive(Deserialize)]
pub struct Typed {
    name: String,
    password: String,
    #[serde(default)]
    next: String,
}

/// The address of the sign-in, which leads to a page.
pub fn address(next: &str) -> String {
    if is_plain(next) && next != "/" { format!("/sign-in?next={next}") } else { "/sign-in".to_owned() }
}

/// Where a browser goes that was given a session: if it has kept the cookie, it is led on from there, and else it is told.
pub fn begun(next: &str) -> String {
    format!("/sign-in?begun=true&next={}", checked(next))
}

/// The page that the person wanted, on this console. Browsers leave tabs out of an address, and read `/\t/name` as that of another site.
pub fn checked(next: &str) -> &str {
    let is_path = next.starts_with('/') && !next.starts_with("//");
    if is_path && is_plain(next) { next } else { "/door" }
}

/// Whether a path has only characters that those of the console have.
fn is_plain(path: &str) -> bool {
    path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte))
}

/// `GET /sign-in`
///
/// # Errors
/// The page cannot be made.
pub async fn show(visit: Visit, Query(leading): Query<Leading>) -> Result<Response, PageError> {
    if visit.session().is_ok() {
        return Ok(Redirect::to(checked(&leading.next)).into_response());
    }
    let layout = visit.layout("sign-in-title");
    let problem = leading.begun.then_some("sign-in-no-cookies");
    page(&SignInPage { layout, next: leading.next, name: String::new(), problem })
}

/// `POST /sign-in`
///
/// # Errors
/// Too many tries, or the store cannot be used.
pub async fn sign_in(visit: Visit, Form(typed): Form<Typed>) -> Result<Response, PageError> {
    let app = &visit.app;
    let folded = fold_name(typed.name.trim());
    if !app.tries.of_address.take(network(visit.address)) || !app.tries.of_name.take(&folded) {
        return Err(PageError::TooMany);
    }
    let wanted = folded.clone();
    let (account, salt) = app.stored(move |store| Ok((store.account(&wanted)?, store.salt()?))).await?;
    // Without an account all takes the same time, so that nobody learns which names there are.
    let salt = account.as_ref().map_or_else(|| salt_without_account(&salt, &folded), |account| account.salt);
    let key = app.derive(typed.password, salt).await?;
    let opened = account.and_then(|account| {
        let token = key.open(&account.sealed, Purpose::Password, &account.name)?;
        Some((account, token))
    });
    let Some((account, token)) = opened else {
        log::warn!(target: "ostiary::console", "somebody at {} gave a wrong name or password", visit.address);
        let layout = visit.layout("sign-in-title");
        let problem = Some("sign-in-wrong");
        let form = SignInPage { layout, next: typed.next, name: typed.name, problem };
        return page_with(StatusCode::UNAUTHORIZED, &form);
    };
    app.tries.of_name.reset(&folded);
    let (session, cookie) = Session::begin(&account.name, &token)?;
    app.stored(move |store| store.add_session(account.id, &session)).await?;
    log::info!(target: "ostiary::console", "{} has signed in at {}", account.name, visit.address);
    let mut response = Redirect::to(&begun(&typed.next)).into_response();
    set_cookie(&mut response, &cookie);
    Ok(response)
}

fn salt_without_account(salt: &[u8; SALT], folded: &str) -> [u8; SALT] {
    let hash = digest(&SHA256, &[salt.as_slice(), folded.as_bytes()].concat());
    hash.as_ref().first_chunk().copied().unwrap_or(*salt)
}

/// `POST /sign-out`
///
/// # Errors
/// The store cannot be used.
pub async fn sign_out(visit: Visit) -> Result<Response, PageError> {
    if let Ok(session) = visit.session() {
        let id = session.id.clone();
        visit.app.stored(move |store| store.remove_session(&id)).await?;
    }
    let mut response = Flash::redirect("/sign-in", "done-signed-out", "");
    Session::clear(&mut response);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_after_the_sign_in_is_on_this_console() {
        assert_eq!(checked("/live"), "/live");
        for other in [
            "",
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "live",
            "/a\r\nb",
            "/\u{7f}",
            "/live?x=1",
        ] {
            assert_eq!(checked(other), "/door", "{other}");
        }
        assert_eq!(address("/live"), "/sign-in?next=/live");
        assert_eq!(address("/a&b"), "/sign-in");
        assert_eq!(begun("/live"), "/sign-in?begun=true&next=/live");
        for other in ["", "/a&b", "//evil.example"] {
            assert_eq!(begun(other), "/sign-in?begun=true&next=/door", "{other}");
        }
    }
}
