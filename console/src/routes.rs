//! All routes, in one table. A new page is a module in `pages`, a template, and its lines here; its link is in `navigation`.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use ostiary_control::Role;

use crate::app::App;
use crate::configuration::CHANGE_TIME;
use crate::page_error::PageError;
use crate::visit::{Visit, prepare};
use crate::{api, assets, pages};

/// The largest body of a request, bytes, where a route does not say otherwise.
const MAX_BODY: usize = 64 * 1024;
/// A request takes no longer than this, where a route does not say otherwise.
const REQUEST_TIME: Duration = Duration::from_secs(30);
/// The time of a request for which the door reads all of its record, or checks itself.
const LONG_TIME: Duration = Duration::from_secs(180);

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody, also without signing in.
    Everybody,
    /// Who is signed in with this role or a higher one. This only saves the person a form: the door decides itself.
    From(Role),
}

/// A route: what is done for a method and a path.
struct Route {
    path: &'static str,
    access: Access,
    handler: MethodRouter,
    max_body: usize,
    time: Duration,
}

impl Route {
    fn get<H: Handler<T, ()>, T: 'static>(path: &'static str, access: Access, handler: H) -> Self {
        Self::new(MethodFilter::GET, path, access, handler)
    }

    fn post<H: Handler<T, ()>, T: 'static>(path: &'static str, access: Access, handler: H) -> Self {
        Self::new(MethodFilter::POST, path, access, handler)
    }

    fn new<H: Handler<T, ()>, T: 'static>(
        method: MethodFilter,
        path: &'static str,
        access: Access,
        handler: H,
    ) -> Self {
        Self { path, access, handler: on(method, handler), max_body: MAX_BODY, time: REQUEST_TIME }
    }

    /// With a larger body, bytes.
    fn max_body(self, max_body: usize) -> Self {
        Self { max_body, ..self }
    }

    /// With more time.
    fn time(self, time: Duration) -> Self {
        Self { time, ..self }
    }

    fn add_to(self, router: Router) -> Router {
        let (access, time) = (self.access, self.time);
        let limit = from_fn(move |request: Request, next: Next| limit_time(time, request, next));
        let check = from_fn(move |visit: Visit, request: Request, next: Next| {
            check_access(access, visit, request, next)
        });
        let handler: MethodRouter = self.handler.layer(limit);
        let handler: MethodRouter = handler.layer(check);
        router.route(self.path, handler.layer(DefaultBodyLimit::max(self.max_body)))
    }
}

/// All routes.
fn table() -> Vec<Route> {
    use Access::{Everybody, From};
    use Role::{Admin, Operator, Viewer};

    vec![
        Route::get("/assets/{name}", Everybody, assets::show),
        Route::get("/", Everybody, pages::home),
        Route::get("/sign-in", Everybody, pages::sign_in::show),
        Route::post("/sign-in", Everybody, pages::sign_in::sign_in),
        Route::post("/sign-out", Everybody, pages::sign_in::sign_out),
        Route::get("/pair", Everybody, pages::pair::show),
        Route::post("/pair", Everybody, pages::pair::pair),
        Route::get("/door", From(Viewer), pages::door::show),
        Route::get("/door/open", From(Operator), pages::door::confirm_open),
        Route::post("/door/open", From(Operator), pages::door::open),
        Route::post("/door/hold", From(Operator), pages::door::hold),
        Route::post("/door/lockdown", From(Operator), pages::door::lock_down),
        Route::post("/door/normal", From(Operator), pages::door::set_normal),
        Route::get("/live", From(Viewer), pages::live::show),
        Route::get("/live/still.jpg", From(Viewer), pages::live::still),
        Route::get("/live/socket", From(Viewer), pages::live::socket),
        Route::post("/live/rotate", From(Admin), pages::camera::rotate).time(CHANGE_TIME),
        Route::post("/live/mirror", From(Admin), pages::camera::mirror).time(CHANGE_TIME),
        Route::post("/live/region", From(Admin), pages::camera::set_region).time(CHANGE_TIME),
        Route::post("/live/region/remove", From(Admin), pages::camera::remove_region).time(CHANGE_TIME),
        Route::get("/settings", From(Admin), pages::settings::show),
        Route::post("/settings/set", From(Admin), pages::settings::set).time(CHANGE_TIME),
        Route::post("/settings/reset", From(Admin), pages::settings::reset).time(CHANGE_TIME),
        Route::post("/settings/undo", From(Admin), pages::settings::undo).time(CHANGE_TIME),
        Route::get("/models", From(Viewer), pages::models::show),
        Route::get("/models/activate", From(Admin), pages::models::confirm_activate),
        Route::post("/models/activate", From(Admin), pages::models::activate),
        Route::get("/models/rollback", From(Admin), pages::models::confirm_rollback),
        Route::post("/models/rollback", From(Admin), pages::models::rollback),
        Route::post("/models/verify", From(Admin), pages::models::verify),
        Route::get("/models/work", From(Admin), pages::models::work),
        Route::get("/setup", From(Admin), pages::setup::show),
        Route::post("/setup/language", From(Admin), pages::setup::set_language).time(CHANGE_TIME),
        Route::post("/setup/relay", From(Admin), pages::setup::test_relay),
        Route::get("/setup/liveness", From(Admin), pages::liveness::show),
        Route::post("/setup/liveness/begin", From(Admin), pages::liveness::begin),
        Route::get("/setup/liveness/work", From(Admin), pages::liveness::work),
        Route::post("/setup/liveness/end", From(Admin), pages::liveness::end),
        Route::get("/events", From(Viewer), pages::events::show),
        Route::get("/events.csv", From(Viewer), pages::events::csv).time(LONG_TIME),
        Route::get("/events.jsonl", From(Viewer), pages::events::json_lines).time(LONG_TIME),
        Route::get("/events/stream", From(Viewer), pages::events::stream),
        Route::get("/events/{id}", From(Viewer), pages::event::show),
        Route::get("/events/{id}/what-if", From(Viewer), pages::what_if::show).time(LONG_TIME),
        Route::get("/events/{id}/snapshot", From(Operator), pages::snapshot::show),
        Route::post("/events/{id}/snapshot/enroll", From(Admin), pages::snapshot_enrollment::enroll)
            .time(LONG_TIME),
        Route::post("/events/{id}/snapshot/delete", From(Admin), pages::snapshot::delete),
        Route::get("/report", From(Viewer), pages::report::show).time(LONG_TIME),
        Route::get("/health", From(Admin), pages::health::show),
        Route::post("/health", From(Admin), pages::health::check).time(LONG_TIME),
        Route::get("/people", From(Viewer), pages::people::list),
        Route::get("/people/enroll", From(Admin), pages::people::enroll::show),
        Route::post("/people/photos", From(Admin), pages::people::photos::enroll)
            .max_body(pages::people::photos::MAX_BODY)
            .time(pages::people::photos::MAX_TIME),
        Route::post("/people/camera", From(Admin), pages::people::camera::begin),
        Route::get("/people/camera", From(Admin), pages::people::camera::show),
        Route::get("/people/camera/socket", From(Admin), pages::people::camera::socket),
        Route::post("/people/camera/cancel", From(Admin), pages::people::camera::cancel),
        Route::get("/people/removed/{event}", From(Admin), pages::people::remove::removed),
        Route::get("/people/{id}", From(Viewer), pages::people::show),
        Route::get("/people/{id}/enroll", From(Admin), pages::people::enroll::show_for),
        Route::post("/people/{id}/name", From(Admin), pages::people::change::rename),
        Route::post("/people/{id}/group", From(Admin), pages::people::change::set_group),
        Route::post("/people/{id}/enabled", From(Admin), pages::people::change::enable),
        Route::get("/people/{id}/remove", From(Admin), pages::people::remove::confirm),
        Route::post("/people/{id}/remove", From(Admin), pages::people::remove::remove),
        Route::get("/account", From(Viewer), pages::account::show),
        Route::post("/account/language", From(Viewer), pages::account::set_language),
        Route::post("/account/password", From(Viewer), pages::account::change_password),
        Route::post("/account/sign-out-everywhere", From(Viewer), pages::account::sign_out_everywhere),
    ]
}

/// The whole console, without the connections.
pub fn router(app: Arc<App>) -> Router {
    let router = table().into_iter().fold(Router::new(), |router, route| route.add_to(router));
    router
        .fallback(|| async { PageError::NotFound })
        .method_not_allowed_fallback(|| async { PageError::NotFound })
        .layer(from_fn_with_state(app.clone(), prepare))
        .merge(api::router(app))
}

/// Lets only those through who may use the route. Others are led to the sign-in, or told which role they lack.
async fn check_access(access: Access, visit: Visit, request: Request, next: Next) -> Response {
    let Access::From(role) = access else { return next.run(request).await };
    match visit.session() {
        Ok(session) if session.role >= role => next.run(request).await,
        Ok(_) => PageError::NotAllowed(format!("this takes the role {role}")).into_response(),
        Err(_) if request.method() == Method::GET => {
            let path = request.uri().path();
            Redirect::to(&pages::sign_in::address(path)).into_response()
        }
        Err(error) => error.into_response(),
    }
}

/// Ends a request that takes too long, for example because its body does not come.
async fn limit_time(time: Duration, request: Request, next: Next) -> Response {
    match tokio::time::timeout(time, next.run(request)).await {
        Ok(response) => response,
        Err(_) => PageError::Busy.into_response(),
    }
}
