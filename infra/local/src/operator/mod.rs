//! `/_michi/aws`: the AWS protocol, so that the `michi` command asks a suite what it asks of an account.
//!
//! Modelled is what the command asks for and nothing else. Whoever runs an installation may do everything: no role is
//! held against these calls, and no fault strikes them. A signature is wanted, so that no page can ask, but not checked.
//!
//! - DynamoDB is the tables' own model
//! - `lambda`: the functions of the template, as those of stack `michi`
//! - `s3`: the bucket of failures
//! - `metrics`: CloudWatch; its logs are the lines kept by [`crate::logs`]
//!
//! The key ring and SES are short enough to stand here. Every sender is verified.

mod lambda;
mod metrics;
mod s3;

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use michi::io::Clock;
use serde_json::{Value, json};

use crate::client::Refusal;
use crate::{Suite, logs};

/// The stack's name here.
const STACK: &str = "michi";
/// Where the protocol is spoken.
const DOOR: &str = "/_michi/aws";
/// The largest request: a batch of records for a function.
const LARGEST: usize = 10 * 1024 * 1024;

/// Everything under `/_michi/aws`.
pub(crate) fn router(suite: Suite) -> Router {
    Router::new()
        .route(DOOR, any(answer))
        .route(&format!("{DOOR}/"), any(answer))
        .route(&format!("{DOOR}/{{*rest}}"), any(answer))
        .with_state(suite)
}

/// A call, as it came.
struct Asked {
    method: Method,
    /// The path below the door, without a slash at either end, still encoded.
    path: String,
    query: String,
    headers: HeaderMap,
    body: Bytes,
}

async fn answer(State(suite): State<Suite>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let signed = parts.headers.get(header::AUTHORIZATION).is_some_and(|value| value.as_bytes().starts_with(b"AWS4-HMAC-SHA256 "));
    if !signed {
        let message = "this door is for AWS tools: michi --local, or an endpoint URL with any credentials";
        return Refusal::new(403, "MissingAuthenticationTokenException", message).into_response();
    }
    let Ok(body) = to_bytes(body, LARGEST).await else {
        return Refusal::new(413, "RequestTooLargeException", "the request is too large").into_response();
    };
    let path = parts.uri.path().strip_prefix(DOOR).unwrap_or_default().trim_matches('/').to_owned();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let asked = Asked { method: parts.method, path, query, headers: parts.headers, body };
    asked.answer(&suite).await.unwrap_or_else(Refusal::into_response)
}

impl Asked {
    async fn answer(&self, suite: &Suite) -> Result<Response, Refusal> {
        let segments: Vec<&str> = self.path.split('/').collect();
        match (self.target(), segments.as_slice()) {
            (Some(("DynamoDB_20120810", _)), _) => self.pass_on(suite).await,
            (Some(("secretsmanager", "GetSecretValue")), _) => {
                Ok(json(&json!({ "Name": "Keys", "SecretString": suite.own().keys.to_json() })))
            }
            // Queues are not modelled: nothing here dies on the way to a function.
            (Some(("AmazonSQS", "ListQueues")), _) => Ok(json(&json!({}))),
            (Some(("Logs_20140328", "FilterLogEvents")), _) => self.lines(suite),
            (None, ["2015-03-31", rest @ ..]) => lambda::answer(suite, self, rest).await,
            // An operator's test mail, which goes where the functions' mail goes.
            (None, ["v2", "email", "outbound-emails"]) => self.pass_on(suite).await,
            (None, ["v2", "email", "account"]) => Ok(json(&json!({
                "ProductionAccessEnabled": true, "SendingEnabled": true, "EnforcementStatus": "HEALTHY",
                "SendQuota": { "Max24HourSend": 50000.0, "MaxSendRate": 14.0, "SentLast24Hours": 0.0 },
            }))),
            (None, ["v2", "email", "identities", _]) => Ok(json(&json!({
                "VerifiedForSendingStatus": true, "VerificationStatus": "SUCCESS",
                "DkimAttributes": { "SigningEnabled": true, "Status": "SUCCESS" },
            }))),
            (None, [""]) if self.method == Method::POST => metrics::answer(suite, &self.body),
            (None, [bucket, key @ ..]) if !bucket.is_empty() => s3::answer(suite, self, bucket, &key.join("/")).await,
            _ => Err(Refusal::new(
                400,
                "UnknownOperationException",
                format!("the local suite does not answer {} /{} {}", self.method, self.path, self.header("x-amz-target")),
            )),
        }
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Service and operation, where a header names them.
    fn target(&self) -> Option<(&str, &str)> {
        self.header("x-amz-target").split_once('.')
    }

    /// A parameter of the address; empty if it has none of this name.
    fn question(&self, name: &str) -> String {
        let mut pairs = form_urlencoded::parse(self.query.as_bytes());
        pairs.find(|(own, _)| own == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    }

    /// `FilterLogEvents`, with a pattern that is a text to be contained. The lines carry the machine's time, the question
    /// and the answer the suite's.
    fn lines(&self, suite: &Suite) -> Result<Response, Refusal> {
        let invalid = |what: &str| Refusal::new(400, "InvalidParameterException", what);
        let asked: Value = serde_json::from_slice(&self.body).map_err(|_| invalid("no JSON"))?;
        let text = |name: &str| asked.get(name).and_then(Value::as_str).unwrap_or_default();
        let group = text("logGroupName").strip_prefix("/aws/lambda/").unwrap_or_default();
        let function = lambda::named(suite, group)?;
        let millis = asked.get("startTime").and_then(Value::as_i64).unwrap_or_default();
        let since = Timestamp::from_millisecond(millis).map_err(|_| invalid("no instant"))?;
        let ahead: SignedDuration = suite.now().duration_since(Clock::System.now());
        let wanted = text("filterPattern").trim_matches('"');
        let lines = logs::of(&function.name, since.saturating_sub(ahead).unwrap_or(since));
        let events: Vec<Value> = lines
            .iter()
            .filter(|(_, line)| line.contains(wanted))
            .map(|(at, line)| json!({ "timestamp": at.saturating_add(ahead).unwrap_or(*at).as_millisecond(), "message": line }))
            .collect();
        Ok(json(&json!({ "events": events })))
    }

    /// Hands the call to the models that the functions call.
    async fn pass_on(&self, suite: &Suite) -> Result<Response, Refusal> {
        let broken = |error: &dyn std::fmt::Display| Refusal::new(500, "InternalServerError", error.to_string());
        let mut request = http::Request::builder().method(self.method.clone()).uri(format!("http://local/{}", self.path));
        for name in ["x-amz-target", "amz-sdk-request", "amz-sdk-invocation-id"] {
            request = request.header(HeaderName::from_static(name), self.header(name));
        }
        let request = request.body(SdkBody::from(self.body.to_vec())).map_err(|error| broken(&error))?;
        let request = HttpRequest::try_from(request).map_err(|error| broken(&error))?;
        let answered = suite.client().clone().send(request).await.map_err(|error| broken(&error))?;
        let answered = answered.try_into_http1x().map_err(|error| broken(&error))?;
        let (parts, body) = answered.into_parts();
        Ok(Response::from_parts(parts, Body::from(body.bytes().unwrap_or_default().to_vec())))
    }
}

/// An answer in JSON.
fn json(body: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, code, body) = self.parts();
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, [("x-amzn-errortype", code)], json(&body)).into_response()
    }
}

#[cfg(test)]
mod tests;
