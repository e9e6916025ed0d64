//! The pages: a module for each, with its handlers; the templates are in `templates/`.
//!
//! A handler takes a `Visit`, asks the door through it, and returns a page of a template, or `Flash::redirect` after a form.

pub mod account;
pub mod camera;
pub mod door;
pub mod event;
pub mod events;
pub mod health;
pub mod live;
pub mod liveness;
pub mod models;
mod new_password;
pub mod pair;
pub mod people;
pub mod report;
pub mod settings;
pub mod setup;
pub mod sign_in;
pub mod snapshot;
pub mod snapshot_enrollment;
pub mod what_if;

use axum::response::Redirect;

use crate::visit::Visit;

/// `GET /`
pub async fn home(visit: Visit) -> Redirect {
    Redirect::to(if visit.session().is_ok() { "/door" } else { "/sign-in" })
}
