//! The connections: a bounded number, each with TLS, limits of size and of time.
//!
//! One thread does all of the network, so that a flood takes one processor at most; what takes long (keys from passwords, the store, calls of
//! the door) has a few threads of its own.

mod ambiguous_head;
mod client_address;
mod connections;
mod lingering_close;
mod listener;
mod tls;
mod write_timeout;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tower_service::Service;

use self::ambiguous_head::is_ambiguous;
pub use self::client_address::client_address;
use self::connections::Connections;
use self::lingering_close::LingeringClose;
pub use self::listener::listen;
pub use self::tls::Tls;
use self::write_timeout::WriteTimeout;
use crate::app::App;
use crate::rate_limit::network;
use crate::routes::router;
use crate::visit::{ClientAddress, protect};

/// How long a client may take for the handshake of TLS.
const HANDSHAKE_TIME: Duration = Duration::from_secs(5);
/// How long a client may take for the head of a request, and may wait before it sends the next one.
const HEAD_TIME: Duration = Duration::from_secs(15);
/// How long a client may not read what is sent.
const WRITE_TIME: Duration = Duration::from_secs(10);
/// The largest head of a request, bytes.
const MAX_HEAD: usize = 16 * 1024;
/// The most fields in the head of a request.
const MAX_FIELDS: usize = 64;
/// The pause after a connection could not be accepted, for example because too many files are open.
const ERROR_PAUSE: Duration = Duration::from_millis(200);

/// Answers requests until the program ends.
pub async fn serve(app: Arc<App>, listener: tokio::net::TcpListener, tls: Arc<Tls>) {
    let connections = Connections::default();
    let router = router(app.clone());
    let acceptor = TlsAcceptor::from(tls.config());
    loop {
        let (stream, address) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                log::debug!(target: "ostiary::console", "a connection was not accepted: {error}");
                tokio::time::sleep(ERROR_PAUSE).await;
                continue;
            }
        };
        let is_proxy = app.trusted_proxies.contains(&address.ip().to_canonical());
        // Dropped at once: there is no room for a message.
        let Some(connection) = connections.take(address.ip(), is_proxy) else { continue };
        let (app, router, acceptor) = (app.clone(), router.clone(), acceptor.clone());
        tokio::spawn(async move {
            let _connection = connection;
            answer(app, router, acceptor, stream, address).await;
        });
    }
}

/// Answers the requests of one connection. What a client does wrong ends its connection.
async fn answer(
    app: Arc<App>,
    router: Router,
    acceptor: TlsAcceptor,
    stream: TcpStream,
    address: SocketAddr,
) {
    let _ = stream.set_nodelay(true);
    let stream = LingeringClose::new(WriteTimeout::new(stream, WRITE_TIME));
    let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE_TIME, acceptor.accept(stream)).await else { return };
    let service = service_fn(move |request| handle(app.clone(), router.clone(), address, request));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_FIELDS);
    let _ = http.serve_connection(TokioIo::new(stream), service).with_upgrades().await;
}

async fn handle(
    app: Arc<App>,
    mut router: Router,
    address: SocketAddr,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let client = client_address(address.ip(), request.headers(), &app.trusted_proxies);
    let mut response = if !app.requests.take(network(client)) {
        too_many()
    } else if is_ambiguous(request.version(), request.headers()) {
        let mut response = plain(StatusCode::BAD_REQUEST, "This request can be understood in two ways.\n");
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        response
    } else {
        request.extensions_mut().insert(ClientAddress(client));
        router.call(request).await?
    };
    protect(&mut response);
    Ok(response)
}

/// Not a page: making one would help a flood.
fn too_many() -> Response<Body> {
    let mut response = plain(StatusCode::TOO_MANY_REQUESTS, "Too many requests. Wait a moment.\n");
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
