//! A request with what its handler needs: the person, the language, the door.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use ostiary_config::Language;
use ostiary_control::interface::GetRole_Reply;
use ostiary_control::{CallError, Role};
use serde_json::Value;

use crate::app::App;
use crate::assets;
use crate::clock;
use crate::door::{DoorCalls, DoorError};
use crate::flash::Flash;
use crate::language::{accepted, language_of};
use crate::navigation::LINKS;
use crate::origin;
use crate::page_error::PageError;
use crate::session::Session;
use crate::texts::Texts;

/// A request with what its handler needs. Handlers take it as an argument.
#[derive(Clone)]
pub struct Visit {
    /// What all requests share.
    pub app: Arc<App>,
    /// The address of the person, which a reverse proxy may have told.
    pub address: IpAddr,
    path: String,
    language: Language,
    session: Option<Arc<Session>>,
    flash: Option<Flash>,
}

/// The address of the person who makes a request; the server adds it.
#[derive(Debug, Clone, Copy)]
pub struct ClientAddress(pub IpAddr);

impl Visit {
    /// Who is signed in.
    ///
    /// # Errors
    /// Nobody is signed in.
    pub fn session(&self) -> Result<&Session, PageError> {
        self.session.as_deref().ok_or(PageError::NotSignedIn)
    }

    /// The texts in the language of the person.
    pub fn texts(&self) -> Option<&Texts> {
        self.app.texts.of(self.language)
    }

    /// The frame of a page with this title, the identifier of a text.
    pub fn layout(&self, title: &str) -> Layout {
        let title = self.texts().map_or_else(|| title.to_owned(), |texts| texts.t(title));
        Layout { visit: self.clone(), title, refresh: None }
    }

    /// Calls the door with the token of the person.
    ///
    /// # Errors
    /// Nobody is signed in, the door does not answer, or it refuses.
    pub async fn door<T: Send + 'static>(
        &self,
        calls: impl FnOnce(&mut DoorCalls) -> Result<T, CallError> + Send + 'static,
    ) -> Result<T, PageError> {
        let token = self.session()?.token.clone();
        match self.app.door.calls(Some(token), calls).await {
            Ok(answer) => Ok(answer),
            Err(error) => Err(self.page_error(error).await),
        }
    }

    /// As [`Visit::door`], with a time of its own for each answer.
    ///
    /// # Errors
    /// As [`Visit::door`].
    pub async fn long_door<T: Send + 'static>(
        &self,
        answer_time: Duration,
        calls: impl FnOnce(&mut DoorCalls) -> Result<T, CallError> + Send + 'static,
    ) -> Result<T, PageError> {
        let token = self.session()?.token.clone();
        match self.app.door.long_calls(Some(token), answer_time, calls).await {
            Ok(answer) => Ok(answer),
            Err(error) => Err(self.page_error(error).await),
        }
    }

    /// Whether the door still accepts the token of the person. A door that does not answer has not refused it.
    pub async fn is_accepted(&self) -> bool {
        let Ok(session) = self.session() else { return false };
        let role = |calls: &mut DoorCalls| calls.call::<GetRole_Reply>("GetRole", Value::Null);
        let asked = self.app.door.calls(Some(session.token.clone()), role).await;
        !matches!(asked, Err(DoorError::Call(CallError::NotAllowed { .. })))
    }

    /// Whether the session of the person has not ended, and the door accepts the token: for responses that go on for long.
    pub async fn is_still_signed_in(&self) -> bool {
        let Ok(session) = self.session() else { return false };
        let id = session.id.clone();
        let found = self.app.stored(move |store| store.session(&id, clock::now())).await;
        found.is_ok_and(|found| found.is_some()) && self.is_accepted().await
    }

    async fn page_error(&self, error: DoorError) -> PageError {
        match error {
            DoorError::Call(CallError::Refused { message }) => PageError::Refused(message),
            DoorError::Call(CallError::NotAllowed { message }) => {
                if self.is_accepted().await {
                    return PageError::NotAllowed(message);
                }
                // The token was revoked: whoever has it cannot do anything any longer.
                if let Ok(account) = self.session().map(|session| session.account)
                    && let Err(error) = self.app.stored(move |store| store.remove_sessions(account)).await
                {
                    return error;
                }
                PageError::AccountEnded
            }
            DoorError::Busy => PageError::Busy,
            DoorError::Ended => PageError::internal(error),
            DoorError::Absent(_) | DoorError::Call(_) => {
                log::debug!(target: "ostiary::console", "{error}");
                PageError::DoorSilent(error.to_string())
            }
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Visit {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, PageError> {
        parts.extensions.get::<Self>().cloned().ok_or(PageError::Internal)
    }
}

/// What the template of every page needs.
pub struct Layout {
    visit: Visit,
    title: String,
    /// After how many seconds a browser without scripts loads the page again.
    pub refresh: Option<u32>,
}

/// A link at the top of a page.
pub struct ShownLink {
    /// Where it leads.
    pub path: &'static str,
    /// What it says.
    pub text: String,
    /// Whether it leads to this page.
    pub is_current: bool,
}

impl Layout {
    /// The page is loaded again by browsers without scripts.
    pub fn refreshed(self, seconds: u32) -> Self {
        Self { refresh: Some(seconds), ..self }
    }

    /// With this title, which is not one of the texts.
    pub fn titled(self, title: &str) -> Self {
        Self { title: title.to_owned(), ..self }
    }

    /// The text with this identifier.
    pub fn t(&self, id: &str) -> String {
        self.visit.texts().map_or_else(|| id.to_owned(), |texts| texts.t(id))
    }

    /// The text with this identifier and a value in it.
    pub fn with(&self, id: &str, name: &str, value: impl ToString) -> String {
        self.visit.texts().map_or_else(|| id.to_owned(), |texts| texts.with(id, name, value.to_string()))
    }

    /// The title of the page.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The name of the door.
    pub fn door_name(&self) -> &str {
        &self.visit.app.door_name
    }

    /// The tag of the language.
    pub fn tag(&self) -> &'static str {
        self.visit.texts().map_or("en", Texts::tag)
    }

    /// The name of who is signed in.
    pub fn person(&self) -> Option<&str> {
        self.visit.session().ok().map(|session| session.name.as_str())
    }

    /// Whether the person has this role, `viewer`, `operator` or `admin`, or a higher one.
    pub fn may(&self, role: &str) -> bool {
        let role = Role::of(role);
        role.is_some_and(|role| self.visit.session().is_ok_and(|session| session.role >= role))
    }

    /// The links that the role of the person allows.
    pub fn links(&self) -> Vec<ShownLink> {
        let Ok(session) = self.visit.session() else { return Vec::new() };
        let shown = LINKS.iter().filter(|link| session.role >= link.role);
        shown
            .map(|link| ShownLink {
                path: link.path,
                text: self.t(link.text),
                is_current: self.visit.path == link.path
                    || self.visit.path.strip_prefix(link.path).is_some_and(|rest| rest.starts_with('/')),
            })
            .collect()
    }

    /// What was done before this page.
    pub fn done(&self) -> Option<String> {
        let flash = self.visit.flash.as_ref()?;
        let texts = self.visit.texts().filter(|texts| texts.has(&flash.text))?;
        Some(texts.with(&flash.text, "name", flash.name.as_str()))
    }

    /// The path of an asset, which changes with its content.
    pub fn asset(&self, name: &str) -> String {
        assets::path(name)
    }
}

/// A page of a template.
///
/// # Errors
/// The template cannot be rendered.
pub fn page(template: &impl askama::Template) -> Result<Response, PageError> {
    Ok(Html(template.render().map_err(PageError::internal)?).into_response())
}

/// A page of a template with a status, for forms that are shown again.
///
/// # Errors
/// The template cannot be rendered.
pub fn page_with(status: StatusCode, template: &impl askama::Template) -> Result<Response, PageError> {
    let mut response = page(template)?;
    *response.status_mut() = status;
    Ok(response)
}

#[derive(askama::Template)]
#[template(path = "error.html")]
struct ErrorPage {
    layout: Layout,
    text: &'static str,
    detail: Option<String>,
    may_sign_in: bool,
}

/// Finds out who asks in which language, refuses requests of other sites, and makes pages of errors.
pub async fn prepare(
    State(app): State<Arc<App>>,
    Extension(ClientAddress(address)): Extension<ClientAddress>,
    mut request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    let method = request.method().clone();
    let found = match origin::is_allowed(&method, headers) {
        true => Session::of(&app, headers).await,
        false => Err(PageError::OtherSite),
    };
    let flash = Flash::of(headers).filter(|_| method == Method::GET);
    let (session, error) = match found {
        Ok(session) => (session, None),
        Err(error) => (None, Some(error)),
    };
    let language = session.as_ref().and_then(|session| session.language.as_deref()).and_then(language_of);
    let language = language.or_else(|| preferred(headers)).unwrap_or(Language::English);
    let path = request.uri().path().to_owned();
    let visit = Visit { app, address, path, language, session: session.map(Arc::new), flash };
    let mut response = match error {
        Some(error) => error.into_response(),
        None => {
            request.extensions_mut().insert(visit.clone());
            next.run(request).await
        }
    };
    let is = |response: &Response, kind: &str| {
        let found = response.headers().get(CONTENT_TYPE);
        found.is_some_and(|found| found.as_bytes().starts_with(kind.as_bytes()))
    };
    let error = response.extensions_mut().remove::<Arc<PageError>>();
    let of_axum = || PageError::of_status(response.status()).filter(|_| is(&response, "text/plain"));
    if let Some(error) = error.map_or_else(of_axum, |error| Some((*error).clone())) {
        response = error_page(&visit, &error);
    }
    let is_page = is(&response, "text/html");
    if visit.flash.is_some() && is_page {
        Flash::clear(&mut response);
    }
    response
}

fn error_page(visit: &Visit, error: &PageError) -> Response {
    let may_sign_in = matches!(error, PageError::NotSignedIn | PageError::AccountEnded);
    let template = ErrorPage {
        layout: visit.layout("error-title"),
        text: error.text(),
        detail: error.detail().map(str::to_owned),
        may_sign_in,
    };
    let mut response = page_with(error.status(), &template).unwrap_or_else(IntoResponse::into_response);
    if matches!(error, PageError::AccountEnded) {
        Session::clear(&mut response);
    }
    response
}

fn preferred(headers: &HeaderMap) -> Option<Language> {
    headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).and_then(accepted)
}

/// Headers of every response: nothing from elsewhere, no frames, no copies in caches.
pub fn protect(response: &mut Response) {
    const HEADERS: [(&str, &str); 7] = [
        (
            "content-security-policy",
            "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'",
        ),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        // Not no-referrer, with which browsers send no origin with a form.
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("permissions-policy", "camera=(self), microphone=(), geolocation=()"),
    ];
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}
