//! Answers: success, and the one shape in which every error comes.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::refusal::{Code, Refusal};

/// A message that was refused while others of its batch may have been taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Refused {
    /// Its place in the batch.
    pub(crate) index: usize,
    /// Its id, if it could be read.
    pub(crate) message_id: Option<String>,
    #[serde(serialize_with = "code")]
    pub(crate) code: Code,
    pub(crate) message: String,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn code<S: serde::Serializer>(code: &Code, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(code.as_str())
}

#[derive(Serialize)]
struct Success {
    success: bool,
    known: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Refused>,
}

#[derive(Serialize)]
struct Failure<'a> {
    success: bool,
    error: FailureReason<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Refused>,
}

#[derive(Serialize)]
struct FailureReason<'a> {
    code: &'a str,
    message: &'a str,
}

/// Something was taken for good; `errors` says what was not.
pub(crate) fn taken(known: bool, errors: Vec<Refused>) -> Response {
    Json(Success { success: true, known, errors }).into_response()
}

/// Every message was refused; the first says what the answer is.
pub(crate) fn nothing_taken(errors: Vec<Refused>) -> Response {
    let first = errors.first().map(|first| (first.code, first.message.clone()));
    let (code, message) = first.unwrap_or((Code::NoMessages, "there are no messages".to_owned()));
    failure(&Refusal { code, message }, errors)
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        failure(&self, Vec::new())
    }
}

fn failure(refusal: &Refusal, errors: Vec<Refused>) -> Response {
    let status = if errors.is_empty() { refusal.code.status() } else { StatusCode::BAD_REQUEST };
    let error = FailureReason { code: refusal.code.as_str(), message: &refusal.message };
    let mut response = (status, Json(Failure { success: false, error, errors })).into_response();
    if refusal.code == Code::TryLater {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}
