//! What reads bytes of browsers, scripts and owners' files, as the fuzzer calls it.

use std::net::IpAddr;

use axum::extract::Query;
use axum::http::{HeaderMap, Method, Uri};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;

use crate::api;
pub use crate::certificate::Validity;
use crate::code::Code;
use crate::flash::{Flash, cookie};
use crate::language::accepted;
use crate::origin;
use crate::pages::events::Asked;
use crate::pages::sign_in;
use crate::server::client_address;
use crate::undo::Undo;

/// What the fields in the head of a request say.
#[derive(Debug)]
pub struct Head {
    /// The address of who makes the request, if `proxies` are trusted.
    pub client: IpAddr,
    /// Whether a request with this method may change something.
    pub may_change: bool,
}

/// Reads every field of a request that the console reads.
pub fn head(method: &Method, fields: &HeaderMap, connected: IpAddr, proxies: &[IpAddr]) -> Head {
    let _ = (cookie(fields, "__Host-session"), Flash::of(fields), Undo::of(fields), api::bearer(fields));
    let languages = fields.get("accept-language").and_then(|field| field.to_str().ok());
    let _ = languages.and_then(accepted);
    Head {
        client: client_address(connected, fields, proxies),
        may_change: origin::is_allowed(method, fields),
    }
}

/// From when to when each certificate in a file (PEM) is valid, if that is understood.
pub fn validities(file: &[u8]) -> Vec<Option<Validity>> {
    CertificateDer::pem_slice_iter(file).flatten().map(|certificate| Validity::of(&certificate)).collect()
}

/// The one-time code in what somebody typed.
pub fn code(typed: &str) -> Option<String> {
    Code::read(typed).map(|code| code.to_string())
}

/// Where a sign-in leads to that was asked to lead there.
pub fn after_sign_in(next: &str) -> &str {
    sign_in::checked(next)
}

/// The address of the page of events that another address asks for; `None` if it is not understood.
pub fn events(address: &str) -> Option<String> {
    let Query::<Asked>(asked) = Query::try_from_uri(&address.parse::<Uri>().ok()?).ok()?;
    asked.filter().ok()?;
    Some(asked.address("/events", asked.before.parse().ok()))
}

/// The parameters of a call of the API, as the door gets them; `None` if there is no such call, or if they are not its own.
pub fn parameters(method: &str, body: &[u8]) -> Option<Value> {
    api::interface().ok()?.method(method)?.parameters(body).ok()
}
