//! The account of the person: language, password, sessions.

use askama::Template;
use axum::extract::Form;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use ostiary_core::fold_name;
use serde::Deserialize;

use super::new_password;
use crate::flash::{Flash, set_cookie};
use crate::language::{LANGUAGES, language_of};
use crate::page_error::PageError;
use crate::sealing::{Purpose, SALT, random};
use crate::session::Session;
use crate::visit::{Layout, Visit, page_with};

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    layout: Layout,
    name: String,
    role: String,
    languages: Vec<ShownLanguage>,
    has_language: bool,
    sessions: Vec<ShownSession>,
    problem: Option<&'static str>,
    min_length: usize,
}

struct ShownLanguage {
    tag: &'static str,
    name: &'static str,
    is_chosen: bool,
}

struct ShownSession {
    began: String,
    used: String,
}

/// The language that a person chooses.
#[derive(Deserialize)]
pub struct ChosenLanguage {
    language: String,
}

/// What a person types for a new password.
#[derive(Deserialize)]
pub struct TypedPasswords {
    current: String,
    password: String,
    again: String,
}

/// `GET /account`
///
/// # Errors
/// The store cannot be used.
pub async fn show(visit: Visit) -> Result<Response, PageError> {
    shown(&visit, StatusCode::OK, None).await
}

async fn shown(
    visit: &Visit,
    status: StatusCode,
    problem: Option<&'static str>,
) -> Result<Response, PageError> {
    let session = visit.session()?.clone();
    let account = session.account;
    let sessions = visit.app.stored(move |store| store.sessions(account)).await?;
    let day = |seconds: i64| {
        let time = Timestamp::from_second(seconds).unwrap_or_default().to_zoned_datetime(TimeZone::system());
        time.strftime("%Y-%m-%d %H:%M").to_string()
    };
    let is_chosen = |tag: &str| session.language.as_deref() == Some(tag);
    page_with(
        status,
        &AccountPage {
            layout: visit.layout("account-title"),
            role: format!("role-{}", session.role),
            languages: LANGUAGES
                .iter()
                .map(|(_, tag, name)| ShownLanguage { tag, name, is_chosen: is_chosen(tag) })
                .collect(),
            has_language: session.language.is_some(),
            name: session.name,
            sessions: sessions
                .into_iter()
                .map(|(began, used)| ShownSession { began: day(began), used: day(used) })
                .collect(),
            problem,
            min_length: new_password::MIN_LENGTH,
        },
    )
}

/// `POST /account/language`
///
/// # Errors
/// The store cannot be used.
pub async fn set_language(visit: Visit, Form(chosen): Form<ChosenLanguage>) -> Result<Response, PageError> {
    let account = visit.session()?.account;
    let language = language_of(&chosen.language).map(|_| chosen.language);
    visit.app.stored(move |store| store.set_language(account, language.as_deref())).await?;
    Ok(Flash::redirect("/account", "done-language", ""))
}

/// `POST /account/password`
///
/// # Errors
/// Too many tries, or the store cannot be used.
pub async fn change_password(visit: Visit, Form(typed): Form<TypedPasswords>) -> Result<Response, PageError> {
    let session = visit.session()?.clone();
    let app = &visit.app;
    if let Some(problem) = new_password::problem(&typed.password, &typed.again, &session.name) {
        return shown(&visit, StatusCode::BAD_REQUEST, Some(problem)).await;
    }
    let folded = fold_name(&session.name);
    if !app.tries.of_name.take(&folded) {
        return Err(PageError::TooMany);
    }
    let wanted = folded.clone();
    let account = app.stored(move |store| store.account(&wanted)).await?.ok_or(PageError::NotSignedIn)?;
    let key = app.derive(typed.current, account.salt).await?;
    let Some(token) = key.open(&account.sealed, Purpose::Password, &account.name) else {
        return shown(&visit, StatusCode::BAD_REQUEST, Some("password-wrong")).await;
    };
    app.tries.of_name.reset(&folded);
    let salt: [u8; SALT] = random().map_err(PageError::internal)?;
    let key = app.derive(typed.password, salt).await?;
    let sealed = key.seal(&token, Purpose::Password, &account.name).map_err(PageError::internal)?;
    let (begun, cookie) = Session::begin(&account.name, &token)?;
    app.stored(move |store| store.change_password(account.id, &salt, &sealed, &begun)).await?;
    log::info!(target: "ostiary::console", "{} has changed the password", session.name);
    let mut response = Flash::redirect("/account", "done-password", "");
    set_cookie(&mut response, &cookie);
    Ok(response)
}

/// `POST /account/sign-out-everywhere`
///
/// # Errors
/// The store cannot be used.
pub async fn sign_out_everywhere(visit: Visit) -> Result<Response, PageError> {
    let account = visit.session()?.account;
    visit.app.stored(move |store| store.remove_sessions(account)).await?;
    let mut response = Flash::redirect("/sign-in", "done-signed-out-everywhere", "");
    Session::clear(&mut response);
    Ok(response)
}
