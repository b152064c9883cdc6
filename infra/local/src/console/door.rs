//! What stands around every answer: headers, refusals as page or JSON, and the token that a POST must bring.

use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use michi::io::hmac;
use serde_json::json;

use super::Console;
use super::page::{self, Frame};

/// Why there is no other answer. It leaves as a page or as JSON, whichever was asked for.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    status: StatusCode,
    /// The reason, for programs.
    code: &'static str,
    /// The reason, for people.
    message: String,
}

/// Nobody keeps it, frames it or indexes it, and nothing in it runs. The referrer is told to this origin only: without
/// any, browsers would send forms with the origin `null`.
const HEADERS: [(HeaderName, &str); 8] = [
    (header::CACHE_CONTROL, "no-store"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; img-src data:; frame-src 'self'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'",
    ),
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Lets a request in and dresses what comes out.
pub(super) async fn pass(State(console): State<Console>, request: Request, next: Next) -> Response {
    let json = wants_json(request.uri().path(), request.headers());
    let mut response = next.run(request).await;
    let refusal = response.extensions_mut().remove::<Refusal>();
    let refusal = refusal.or_else(|| (response.status() == StatusCode::METHOD_NOT_ALLOWED).then(Refusal::method));
    if let Some(refusal) = refusal {
        response = refusal.answer(&console, json);
    }
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

fn wants_json(path: &str, headers: &HeaderMap) -> bool {
    let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    path.ends_with(".json") || accepts.contains("application/json")
}

impl Console {
    /// Whether a POST comes from a page of this process.
    ///
    /// # Errors
    ///
    /// If it does not.
    pub(super) fn admit(&self, token: &str) -> Result<(), Refusal> {
        // Digests under a key that the sender does not know: how long the comparison takes tells nothing of the token.
        let digest = |text: &str| hmac(self.token.as_bytes(), &[text.as_bytes()]);
        if digest(token) == digest(&self.token) {
            return Ok(());
        }
        let message = "this form is not of the process that runs now: load the page again and press the button there";
        Err(Refusal { status: StatusCode::FORBIDDEN, code: "wrong_token", message: message.to_owned() })
    }
}

impl Refusal {
    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, code: "not_found", message: message.into() }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: "bad_request", message: message.into() }
    }

    fn method() -> Self {
        let message = "this address is read with GET; only the clock takes a POST".to_owned();
        Self { status: StatusCode::METHOD_NOT_ALLOWED, code: "method_not_allowed", message }
    }

    fn broken(error: impl std::fmt::Display) -> Self {
        tracing::error!(%error, "a page of the console cannot be shown");
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, code: "broken", message: error.to_string() }
    }

    fn answer(self, console: &Console, json: bool) -> Response {
        if !json {
            let shown = page::Refused { frame: Frame::new(console, "", "Not here"), message: &self.message };
            if let Ok(page) = page::render(&shown) {
                return (self.status, page).into_response();
            }
        }
        let error = json!({ "success": false, "error": { "code": self.code, "message": self.message } });
        (self.status, Json(error)).into_response()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Extension(self)).into_response()
    }
}

impl From<anyhow::Error> for Refusal {
    fn from(error: anyhow::Error) -> Self {
        Self::broken(format!("{error:#}"))
    }
}

impl From<michi::io::Error> for Refusal {
    fn from(error: michi::io::Error) -> Self {
        Self::broken(error)
    }
}

impl From<askama::Error> for Refusal {
    fn from(error: askama::Error) -> Self {
        Self::broken(error)
    }
}

impl From<QueryRejection> for Refusal {
    fn from(rejection: QueryRejection) -> Self {
        Self::bad_request(rejection.body_text())
    }
}

impl From<FormRejection> for Refusal {
    fn from(rejection: FormRejection) -> Self {
        Self::bad_request(rejection.body_text())
    }
}
