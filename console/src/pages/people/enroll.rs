//! The form that enrolls a new person, or adds photos of one: with the door's camera, or from photos.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;

use super::person;
use super::result::{Refusal, Why};
use crate::page_error::PageError;
use crate::visit::{Layout, Visit, page_with};

#[derive(Template)]
#[template(path = "enroll.html")]
struct EnrollPage {
    layout: Layout,
    name: String,
    /// Whether the name is that of somebody who is enrolled, and stays.
    is_fixed: bool,
    refusal: Refusal,
}

/// `GET /people/enroll`
///
/// # Errors
/// The page cannot be made.
pub async fn show(visit: Visit) -> Result<Response, PageError> {
    form(&visit, StatusCode::OK, String::new(), false, Refusal::default())
}

/// `GET /people/ID/enroll`: more photos of a person.
///
/// # Errors
/// The door does not answer, or there is no such person.
pub async fn show_for(visit: Visit, Path(id): Path<i64>) -> Result<Response, PageError> {
    let person = visit.door(move |door| person(door, id)).await?.ok_or(PageError::NoPerson)?;
    form(&visit, StatusCode::OK, person.name, true, Refusal::default())
}

/// The form, with what was refused.
///
/// # Errors
/// The page cannot be made.
pub fn form(
    visit: &Visit,
    status: StatusCode,
    name: String,
    is_fixed: bool,
    refusal: Refusal,
) -> Result<Response, PageError> {
    let layout = visit.layout(if is_fixed { "enroll-more-title" } else { "enroll-title" });
    page_with(status, &EnrollPage { layout, name, is_fixed, refusal })
}
