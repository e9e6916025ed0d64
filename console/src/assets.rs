//! The style sheet, the scripts and the icon, which are parts of the program.

use std::sync::OnceLock;

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use ring::digest::{SHA256, digest};

use crate::page_error::PageError;

struct Asset {
    name: &'static str,
    kind: &'static str,
    content: &'static [u8],
}

const ASSETS: [Asset; 5] = [
    Asset {
        name: "console.css",
        kind: "text/css; charset=utf-8",
        content: include_bytes!("../assets/console.css"),
    },
    Asset {
        name: "console.js",
        kind: "text/javascript; charset=utf-8",
        content: include_bytes!("../assets/console.js"),
    },
    Asset {
        name: "camera.js",
        kind: "text/javascript; charset=utf-8",
        content: include_bytes!("../assets/camera.js"),
    },
    Asset {
        name: "people.js",
        kind: "text/javascript; charset=utf-8",
        content: include_bytes!("../assets/people.js"),
    },
    Asset { name: "icon.svg", kind: "image/svg+xml", content: include_bytes!("../assets/icon.svg") },
];

/// The path of an asset. It has a part of the hash of all assets, so that browsers keep a file until it changes.
pub fn path(name: &str) -> String {
    static HASH: OnceLock<String> = OnceLock::new();
    let hash = HASH.get_or_init(|| {
        let all: Vec<u8> = ASSETS.iter().flat_map(|asset| asset.content).copied().collect();
        digest(&SHA256, &all).as_ref().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
    });
    format!("/assets/{name}?{hash}")
}

/// `GET /assets/NAME`
///
/// # Errors
/// There is no such asset.
pub async fn show(Path(name): Path<String>) -> Result<Response, PageError> {
    let asset = ASSETS.iter().find(|asset| asset.name == name).ok_or(PageError::NotFound)?;
    let headers = [(CONTENT_TYPE, asset.kind), (CACHE_CONTROL, "public, max-age=31536000, immutable")];
    Ok((headers, asset.content).into_response())
}
