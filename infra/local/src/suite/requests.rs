//! Requests, by the template's routes, and what came of them by origin.

use std::collections::BTreeMap;

use axum::body::{Body, Bytes, to_bytes};
use axum::response::{IntoResponse, Response};
use http::{Request, StatusCode, header};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::Suite;
use crate::functions::Cause;
use crate::lock::lock;

/// The largest request API Gateway takes.
const LARGEST: usize = 10 * 1024 * 1024;
/// The most refusals kept for one origin.
const REFUSALS: usize = 10;
/// The most origins kept.
const ORIGINS: usize = 50;

/// What came in lately, by origin; requests without one are servers' and stand under an empty name.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Observed {
    /// By origin.
    pub origins: BTreeMap<String, Beacon>,
}

/// The last of one origin.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Beacon {
    /// When the last beacon was taken.
    pub last: Option<Timestamp>,
    /// The last refusals, the newest first.
    pub refusals: Vec<Refused>,
}

/// A beacon, or a message of one, that was refused.
#[derive(Debug, Clone, Serialize)]
pub struct Refused {
    /// When.
    pub at: Timestamp,
    /// Where it was sent.
    pub path: String,
    /// The answer's status.
    pub status: u16,
    /// The reason, for programs.
    pub code: String,
    /// The reason and the remedy.
    pub message: String,
}

impl Suite {
    /// A browser looks at the suite: a fast clock goes at real pace for half a minute.
    pub(crate) fn look(&self) {
        self.inner.time.watch();
    }

    /// Answers a request as the API does: by the template's routes.
    pub async fn request(&self, request: Request<Body>) -> Response {
        self.look();
        let route = self.wiring().route(request.method().as_str(), request.uri().path());
        let Some(router) = route.and_then(|route| self.inner.routers.get(&route.function)) else {
            return gateway(StatusCode::NOT_FOUND, "Not Found");
        };
        let function = route.map(|route| route.function.clone()).unwrap_or_default();
        let origin = request.headers().get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or_default().to_owned();
        let posted = request.method() == http::Method::POST;
        let path = request.uri().path().to_owned();
        let (parts, body) = request.into_parts();
        let Ok(body) = to_bytes(body, LARGEST).await else {
            return gateway(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
        };
        let request = Request::from_parts(parts, Body::from(body));
        if let Err(error) = self.keep_clock() {
            tracing::error!(%error, "the clock cannot be kept");
        }
        let answered = self.inner.functions.run(&function, Cause::Http, router.clone().oneshot(request)).await;
        let response = match answered {
            Ok(Ok(response)) => response,
            // As API Gateway answers for a function that did not.
            Ok(Err(_)) | Err(_) => return gateway(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
        };
        if posted { self.observe(origin, path, response).await } else { response }
    }

    /// What came in lately.
    pub fn observed(&self) -> Observed {
        lock(&self.inner.observed).clone()
    }

    async fn observe(&self, origin: String, path: String, response: Response) -> Response {
        let (parts, body) = response.into_parts();
        let Ok(body) = to_bytes(body, LARGEST).await else {
            return gateway(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");
        };
        let at = self.now();
        let mut observed = lock(&self.inner.observed);
        if observed.origins.len() < ORIGINS || observed.origins.contains_key(&origin) {
            let beacon = observed.origins.entry(origin).or_default();
            if parts.status.is_success() || parts.status.is_redirection() {
                beacon.last = Some(at);
            }
            for (code, message) in refusals(parts.status, &body) {
                beacon.refusals.insert(0, Refused { at, path: path.clone(), status: parts.status.as_u16(), code, message });
            }
            beacon.refusals.truncate(REFUSALS);
        }
        drop(observed);
        Response::from_parts(parts, Body::from(body))
    }
}

/// The refusals an answer holds: of the whole request, or of single messages.
fn refusals(status: StatusCode, body: &Bytes) -> Vec<(String, String)> {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let single = answer.get("errors").and_then(Value::as_array).into_iter().flatten();
    let whole = answer.get("error").unwrap_or(&answer);
    let texts = |refusal: &Value| {
        let text = |name: &str| refusal.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        (text("code"), text("message"))
    };
    let mut refusals: Vec<_> = single.chain([whole]).map(texts).filter(|(code, _)| !code.is_empty()).collect();
    if refusals.is_empty() && (status.is_client_error() || status.is_server_error()) {
        refusals.push((status.as_u16().to_string(), status.canonical_reason().unwrap_or_default().to_owned()));
    }
    refusals
}

/// An answer of API Gateway's own.
fn gateway(status: StatusCode, message: &str) -> Response {
    (status, axum::Json(json!({ "message": message }))).into_response()
}
