//! Where a request comes from, and what a browser there may be told.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use michi::playbook::Playbook;

use crate::refusal::{Code, Refusal};

/// The origin of a request, if the playbook lists it.
///
/// # Errors
/// If a browser on a page of somebody else's sent it. Servers send no origin.
pub(crate) fn listed<'a>(headers: &'a HeaderMap, playbook: &Playbook) -> Result<Option<&'a HeaderValue>, Refusal> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(None) };
    if origin.to_str().is_ok_and(|origin| playbook.allows_origin(origin)) {
        return Ok(Some(origin));
    }
    Err(Code::OriginNotListed.because("this origin is not listed: add it to sites in playbook.yaml"))
}

/// Lets the page on a listed origin read the answer.
pub(crate) fn readable(mut response: Response, origin: Option<&HeaderValue>) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("origin"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
    response
}

/// The answer to a browser that asks before it sends.
pub(crate) fn preflight(headers: &HeaderMap, playbook: &Playbook) -> Response {
    const ANSWER: [(HeaderName, &str); 3] = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-encoding, content-type"),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
    ];
    match listed(headers, playbook) {
        Ok(Some(origin)) => readable((StatusCode::NO_CONTENT, ANSWER).into_response(), Some(origin)),
        Ok(None) => readable(StatusCode::NO_CONTENT.into_response(), None),
        Err(refusal) => readable(refusal.into_response(), None),
    }
}
