//! The snippet, as the site's pages load it.

use std::sync::OnceLock;

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use michi::id::derive;

const SNIPPET: &str = include_str!("../snippet/michi.min.js");

/// `GET /michi.js`: cached for a day, after which a browser asks whether it has changed.
pub(crate) async fn snippet(headers: HeaderMap) -> Response {
    static TAG: OnceLock<String> = OnceLock::new();
    let tag = TAG.get_or_init(|| format!("\"{}\"", derive(&["snippet", SNIPPET]))).as_str();
    let lasting =
        [(header::CACHE_CONTROL, "public, max-age=86400"), (header::ETAG, tag), (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")];
    let held = headers.get(header::IF_NONE_MATCH).and_then(|held| held.to_str().ok()).unwrap_or_default();
    if held.split(',').any(|held| held.trim().trim_start_matches("W/") == tag) {
        return (StatusCode::NOT_MODIFIED, lasting).into_response();
    }
    let kind = [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // A page that isolates itself (COEP) may load it, too.
        (header::HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
    ];
    (lasting, kind, SNIPPET).into_response()
}
