//! `POST /v1/…`: from a request to what is kept, and the answer.

use std::net::IpAddr;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Request, header};
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::LengthLimitError;
use jiff::Timestamp;
use michi::activity::Source;
use michi::io::App;
use michi::playbook::Playbook;
use michi::verdict::Signals;

use crate::answer::{Refused, nothing_taken, taken};
use crate::body::{Content, Envelope, inflated, text, too_large};
use crate::guard::Guard;
use crate::origin::{listed, readable};
use crate::parse::{Message, Sender, Type};
use crate::refusal::{Code, Refusal};
use crate::take::take;
use crate::thanks;

/// What a route takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// One message of this type.
    One(Type),
    /// Messages that say their type.
    Batch,
}

/// Takes a request.
pub(crate) async fn collect(app: App, takes: Takes, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let now = app.clock.now();
    let playbook = match app.playbook().await {
        Ok(live) => live.playbook,
        Err(error) => return readable(try_later(&error).into_response(), None),
    };
    let origin = match listed(&parts.headers, &playbook) {
        Ok(origin) => origin,
        Err(refusal) => return readable(answer(&parts, refusal), None),
    };
    let response = match taken_from(&app, &playbook, takes, &parts, body, now).await {
        Ok(response) => response,
        Err(refusal) => answer(&parts, refusal),
    };
    readable(response, origin)
}

fn try_later(error: &michi::io::Error) -> Refusal {
    tracing::error!(%error, "a request could not be taken");
    Code::TryLater.because("nothing is lost: send the same again in a few seconds")
}

/// Logs and sends a refusal. What was in the body is not for the log.
fn answer(parts: &Parts, refusal: Refusal) -> Response {
    if refusal.code != Code::TryLater {
        log(parts, refusal.code, 1);
    }
    refusal.into_response()
}

fn log(parts: &Parts, code: Code, messages: usize) {
    let origin: String = header(&parts.headers, header::ORIGIN).unwrap_or("none").chars().take(100).collect();
    tracing::warn!(http.origin = origin, http.path = parts.uri.path(), code = code.as_str(), messages, "refused what was sent");
}

fn header(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

async fn taken_from(
    app: &App,
    playbook: &Playbook,
    takes: Takes,
    parts: &Parts,
    body: Body,
    received: Timestamp,
) -> Result<Response, Refusal> {
    let is_batch = takes == Takes::Batch;
    let limit = Envelope::limit(is_batch);
    let content = Content::of(header(&parts.headers, header::CONTENT_TYPE).unwrap_or_default(), takes == Takes::One(Type::Track));
    let body = whole(&parts.headers, body, limit).await?;
    let content = content?;
    let is_form = content != Content::Json;
    let body = inflated(header(&parts.headers, header::CONTENT_ENCODING), body, limit)?;
    let text = text(content, &body, || app.random.visitor()).await?;
    let envelope = Envelope::of(&text.json, is_batch)?;

    let key = basic_user(&parts.headers).or(envelope.write_key.clone());
    let source = source(app, playbook, key.as_deref())?;
    let from_browser = parts.headers.contains_key(header::ORIGIN);
    let signals = if from_browser { Signals::of(header(&parts.headers, header::USER_AGENT)) } else { Signals::default() };
    let sender = Sender { received, sent_at: envelope.sent_at, source, signals, keys: &app.keys };
    let (messages, mut refused) = read_all(&sender, takes, &envelope.messages);

    let places: Vec<usize> = messages.iter().map(|(place, _)| *place).collect();
    let messages: Vec<Message> = messages.into_iter().map(|(_, message)| message).collect();
    let guard = Guard { app, playbook, from: network(&parts.headers), received };
    let taken_now = take(guard, &messages).await.map_err(|error| try_later(&error))?;
    for beyond in &taken_now.beyond {
        if let Some((place, message)) = places.get(*beyond).zip(messages.get(*beyond)) {
            refused.push(Refused {
                index: *place,
                message_id: Some(message.id.to_string()),
                code: Code::DailyLimit,
                message: "this visitor has sent as much as is taken in a day".to_owned(),
            });
        }
    }
    refused.sort_by_key(|refused| refused.index);
    if let Some(first) = refused.first() {
        log(parts, first.code, refused.len());
    }
    Ok(if taken_now.beyond.len() == messages.len() {
        nothing_taken(refused)
    } else if is_form {
        thanks::leave(playbook, header(&parts.headers, header::ORIGIN), text.next.as_deref())
            .map_or_else(|| thanks::page(playbook.setup.language), |to| Redirect::to(&to).into_response())
    } else {
        taken(taken_now.known, refused)
    })
}

/// The network address that the API was asked from, which it names last.
fn network(headers: &HeaderMap) -> Option<IpAddr> {
    headers.get("x-forwarded-for")?.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}

/// The whole body, or no more of it than the limit.
async fn whole(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Refusal> {
    let announced: Option<usize> = header(headers, header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    to_bytes(body, limit).await.map_err(|error| match std::error::Error::source(&error) {
        Some(cause) if cause.is::<LengthLimitError>() => too_large(limit),
        _ => Code::InvalidEncoding.because("the body did not come whole"),
    })
}

/// The user name of basic authentication, which is the write key; the password is empty.
fn basic_user(headers: &HeaderMap) -> Option<String> {
    let (scheme, encoded) = header(headers, header::AUTHORIZATION)?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    decoded.split(':').next().filter(|user| !user.is_empty()).map(str::to_owned)
}

/// What a write key may do.
fn source(app: &App, playbook: &Playbook, key: Option<&str>) -> Result<Source, Refusal> {
    match key {
        Some(key) if key == playbook.setup.write_key.as_str() => Ok(Source::Site),
        Some(key) if app.keys.is_server(key) => Ok(Source::Server),
        Some(_) => {
            Err(Code::UnknownWriteKey.because("this write key is unknown: it is write_key in playbook.yaml, or a server's"))
        }
        None => {
            Err(Code::UnknownWriteKey.because("no write key came: give it as user name by basic authentication, or as writeKey"))
        }
    }
}

/// Reads each message by itself, so that a bad one spoils no other.
fn read_all(sender: &Sender<'_>, takes: Takes, messages: &[&str]) -> (Vec<(usize, Message)>, Vec<Refused>) {
    let of_type = match takes {
        Takes::One(of_type) => Some(of_type),
        Takes::Batch => None,
    };
    let (mut good, mut refused) = (Vec::new(), Vec::new());
    for (index, json) in messages.iter().enumerate() {
        match sender.read(of_type, json) {
            Ok(message) => good.push((index, message)),
            Err(Refusal { code, message }) => refused.push(Refused { index, message_id: message_id(json), code, message }),
        }
    }
    (good, refused)
}

/// The id of a message that was refused, if that much of it can be read.
fn message_id(json: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Id {
        #[serde(rename = "messageId")]
        message_id: String,
    }
    serde_json::from_str::<Id>(json).ok().map(|id| id.message_id).filter(|id| id.len() <= 100)
}
