//! Pairing a browser by a one-time code.

use askama::Template;
use axum::extract::Form;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::{new_password, sign_in};
use crate::clock;
use crate::code::Code;
use crate::flash::{Flash, set_cookie};
use crate::page_error::PageError;
use crate::rate_limit::network;
use crate::sealing::{Key, Purpose, SALT, random};
use crate::session::Session;
use crate::visit::{Layout, Visit, page, page_with};

#[derive(Template)]
#[template(path = "pair.html")]
struct PairPage {
    layout: Layout,
    code: String,
    problem: Option<&'static str>,
    min_length: usize,
}

/// What a person types.
#[derive(Deserialize)]
pub struct Typed {
    code: String,
    password: String,
    again: String,
}

/// `GET /pair`
///
/// # Errors
/// The page cannot be made.
pub async fn show(visit: Visit) -> Result<Response, PageError> {
    page(&form(&visit, String::new(), None))
}

/// `POST /pair`
///
/// # Errors
/// Too many tries, or the store cannot be used.
pub async fn pair(visit: Visit, Form(typed): Form<Typed>) -> Result<Response, PageError> {
    let app = &visit.app;
    if !app.tries.of_address.take(network(visit.address)) {
        return Err(PageError::TooMany);
    }
    let again =
        |typed: Typed, problem| page_with(StatusCode::BAD_REQUEST, &form(&visit, typed.code, Some(problem)));
    if let Some(problem) = new_password::problem(&typed.password, &typed.again, "") {
        return again(typed, problem);
    }
    let Some(code) = Code::read(&typed.code) else { return again(typed, "pair-wrong-code") };
    let now = clock::now();
    let (pairings, salt) = app.stored(|store| Ok((store.pairings()?, store.salt()?))).await?;
    let key = app.derive(code.as_str().to_owned(), salt).await?;
    let opened = pairings.into_iter().filter(|pairing| pairing.is_valid(now)).find_map(|pairing| {
        let token = key.open(&pairing.sealed, Purpose::Code, &pairing.name)?;
        Some((pairing, token))
    });
    let Some((pairing, token)) = opened else {
        log::warn!(target: "ostiary::console", "somebody at {} gave a wrong code", visit.address);
        app.stored(|store| store.count_wrong_code()).await?;
        return again(typed, "pair-wrong-code");
    };
    if let Some(problem) = new_password::problem(&typed.password, &typed.again, &pairing.name) {
        return again(typed, problem);
    }
    let password_salt: [u8; SALT] = random().map_err(PageError::internal)?;
    let key: Key = app.derive(typed.password, password_salt).await?;
    let sealed = key.seal(&token, Purpose::Password, &pairing.name).map_err(PageError::internal)?;
    let (session, cookie) = Session::begin(&pairing.name, &token)?;
    let name = pairing.name.clone();
    let is_new =
        app.stored(move |store| store.add_account(&pairing, &password_salt, &sealed, &session)).await?;
    if !is_new {
        // Another browser was faster with the same code.
        let code = typed.code;
        return page_with(StatusCode::BAD_REQUEST, &form(&visit, code, Some("pair-wrong-code")));
    }
    log::info!(target: "ostiary::console", "{name} has paired a browser at {}", visit.address);
    let mut response = Flash::redirect(&sign_in::begun("/door"), "done-paired", &name);
    set_cookie(&mut response, &cookie);
    Ok(response)
}

fn form(visit: &Visit, code: String, problem: Option<&'static str>) -> PairPage {
    PairPage { layout: visit.layout("pair-title"), code, problem, min_length: new_password::MIN_LENGTH }
}
