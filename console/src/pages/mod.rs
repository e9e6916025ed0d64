//! The pages: a module for each, with its handlers; the templates are in `templates/`.
//!
//! A handler takes a `Visit`, asks the door through it, and returns a page of a template, or `Flash::redirect` after a form.

pub mod account;
pub mod door;
pub mod live;
mod new_password;
pub mod pair;
pub mod people;
pub mod sign_in;

use axum::response::Redirect;

use crate::visit::Visit;

/// `GET /`
pub async fn home(visit: Visit) -> Redirect {
    Redirect::to(if visit.session().is_ok() { "/door" } else { "/sign-in" })
}
