//! Bodies of requests: from bytes to the JSON of single messages.

mod form;

use std::borrow::Cow;
use std::io::Read as _;

use axum::body::Bytes;
use flate2::bufread::MultiGzDecoder;
use jiff::Timestamp;
use michi::id::VisitorId;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::parse::{MESSAGE_BYTES, json, time};
use crate::refusal::{Code, Refusal};

/// The largest batch, in bytes after inflating.
const BATCH_BYTES: usize = 500 * 1024;
/// The most messages in a batch.
const BATCH_MESSAGES: usize = 500;

/// In which form a body comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// JSON text.
    Json,
    /// A form in one line.
    UrlEncoded,
    /// A form in parts.
    Multipart {
        /// What stands between them.
        boundary: String,
    },
}

impl Content {
    /// Reads a `Content-Type` header. `text/plain` is JSON that a browser sends without asking first.
    ///
    /// # Errors
    /// If it is none that is taken.
    pub fn of(header: &str, takes_forms: bool) -> Result<Self, Refusal> {
        let essence = header.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/json" | "text/plain" => Ok(Self::Json),
            "application/x-www-form-urlencoded" if takes_forms => Ok(Self::UrlEncoded),
            "multipart/form-data" if takes_forms => multer::parse_boundary(header)
                .map(|boundary| Self::Multipart { boundary })
                .map_err(|_| Code::UnsupportedContentType.because("the content type names no boundary")),
            _ => Err(Code::UnsupportedContentType
                .because("send application/json or text/plain; forms, as they come from a page, go to /v1/track")),
        }
    }
}

/// Refuses a body of more than `limit` bytes.
pub(crate) fn too_large(limit: usize) -> Refusal {
    Code::TooLarge.because(format!("the body may have {limit} bytes, inflated"))
}

/// Undoes a `Content-Encoding`; stops at the limit, however much would still come.
///
/// # Errors
/// If the encoding is unknown or broken, or too much comes out.
pub fn inflated(encoding: Option<&str>, body: Bytes, limit: usize) -> Result<Bytes, Refusal> {
    match encoding.map(|name| name.trim().to_ascii_lowercase()).as_deref() {
        None | Some("" | "identity") => Ok(body),
        Some("gzip" | "x-gzip") => {
            let mut inflated = Vec::new();
            let mut reader = MultiGzDecoder::new(&*body).take(limit as u64 + 1);
            reader.read_to_end(&mut inflated).map_err(|_| Code::InvalidEncoding.because("the body is not gzip"))?;
            if inflated.len() > limit { Err(too_large(limit)) } else { Ok(inflated.into()) }
        }
        Some(_) => Err(Code::UnsupportedEncoding.because("the body may be compressed by gzip only")),
    }
}

/// A body as JSON text, and where a form without script leads.
#[derive(Debug)]
pub struct Text<'a> {
    /// The body as JSON text.
    pub json: Cow<'a, str>,
    /// The page to go to, if the sender is a form and names one.
    pub next: Option<String>,
}

/// Reads a body as JSON text; a form becomes the message that the snippet would have sent, from `fresh` if it names no
/// visitor.
///
/// # Errors
/// If it is a form that cannot be read.
pub async fn text(content: Content, body: &Bytes, fresh: impl FnOnce() -> VisitorId) -> Result<Text<'_>, Refusal> {
    let fields = match content {
        Content::Json => return Ok(Text { json: json::marked(body), next: None }),
        Content::UrlEncoded => form::urlencoded(body)?,
        Content::Multipart { boundary } => form::multipart(body, boundary).await?,
    };
    Ok(form::text(fields, fresh))
}

/// A request's messages, not looked into, and what stands beside them.
#[derive(Debug)]
pub struct Envelope<'a> {
    /// The key that the body names.
    pub write_key: Option<String>,
    /// When a batch left, by the sender's clock.
    pub sent_at: Option<Timestamp>,
    /// The JSON of each message.
    pub messages: Vec<&'a str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head<'a> {
    #[serde(borrow, default)]
    write_key: Option<&'a RawValue>,
    #[serde(borrow, default)]
    sent_at: Option<&'a RawValue>,
    #[serde(borrow, default)]
    batch: Option<Vec<&'a RawValue>>,
}

impl<'a> Envelope<'a> {
    /// Cuts a body into messages.
    ///
    /// # Errors
    /// If it is no JSON object, or holds too many messages or none.
    pub fn of(json: &'a str, is_batch: bool) -> Result<Self, Refusal> {
        if !json.trim_start().starts_with('{') {
            return Err(Code::InvalidJson.because("the body must be a JSON object"));
        }
        let head: Head<'a> = serde_json::from_str(json).map_err(|error| {
            Code::InvalidJson.because(format!("the body is no JSON at line {}, column {}", error.line(), error.column()))
        })?;
        if !is_batch {
            return Ok(Self { write_key: head.write_key.and_then(string), sent_at: None, messages: vec![json] });
        }
        let messages: Vec<&str> = head.batch.unwrap_or_default().into_iter().map(RawValue::get).collect();
        if messages.is_empty() {
            return Err(Code::NoMessages.because("the batch has no messages"));
        }
        if messages.len() > BATCH_MESSAGES {
            return Err(Code::TooManyMessages.because(format!("a batch may have {BATCH_MESSAGES} messages")));
        }
        let sent_at = head.sent_at.filter(|value| value.get() != "null");
        Ok(Self {
            write_key: head.write_key.and_then(string).or_else(|| messages.iter().find_map(|message| write_key_in(message))),
            sent_at: sent_at.map(|value| time::moment(&string(value).unwrap_or_default())).transpose()?,
            messages,
        })
    }

    /// How many bytes a body may have.
    pub fn limit(is_batch: bool) -> usize {
        if is_batch { BATCH_BYTES } else { MESSAGE_BYTES }
    }
}

fn string(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

fn write_key_in(message: &str) -> Option<String> {
    serde_json::from_str::<Head<'_>>(message).ok()?.write_key.and_then(string)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(bytes: &[u8]) -> Bytes {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap().into()
    }

    #[test]
    fn content_types_are_taken_by_their_essence() {
        let check = |header: &str, forms: bool, wanted: Result<Content, Code>| {
            assert_eq!(Content::of(header, forms).map_err(|refusal| refusal.code), wanted, "{header}");
        };
        check("application/json; charset=utf-8", false, Ok(Content::Json));
        check("Text/Plain;charset=UTF-8", false, Ok(Content::Json));
        check("application/x-www-form-urlencoded", true, Ok(Content::UrlEncoded));
        check("application/x-www-form-urlencoded", false, Err(Code::UnsupportedContentType));
        check("multipart/form-data; boundary=x", true, Ok(Content::Multipart { boundary: "x".to_owned() }));
        check("multipart/form-data", true, Err(Code::UnsupportedContentType));
        check("application/xml", true, Err(Code::UnsupportedContentType));
        check("", true, Err(Code::UnsupportedContentType));
    }

    #[test]
    fn inflating_stops_at_the_limit() {
        let check = |encoding: Option<&str>, body: Bytes, wanted: Result<usize, Code>| {
            assert_eq!(inflated(encoding, body, 1_000).map(|b| b.len()).map_err(|refusal| refusal.code), wanted);
        };
        check(None, Bytes::from_static(b"{}"), Ok(2));
        check(Some("gzip"), gzip(&[b'x'; 1_000]), Ok(1_000));
        check(Some("GZIP"), gzip(&[b'x'; 1_001]), Err(Code::TooLarge));
        let bomb = gzip(&vec![0; 50_000_000]);
        assert!(bomb.len() < 60_000);
        check(Some("gzip"), bomb, Err(Code::TooLarge));
        check(Some("gzip"), Bytes::from_static(b"{}"), Err(Code::InvalidEncoding));
        check(Some("gzip"), gzip(b"{}").slice(..8), Err(Code::InvalidEncoding));
        check(Some("br"), Bytes::new(), Err(Code::UnsupportedEncoding));
    }

    #[test]
    fn a_batch_is_cut_into_messages_without_looking_into_them() {
        let json = r#"{"batch":[{"a":"\ud83d"}, 7,{"writeKey":"k"}],"sentAt":"2026-11-22T10:00:00Z","context":{}}"#;
        let envelope = Envelope::of(json, true).unwrap();
        assert_eq!(envelope.messages, [r#"{"a":"\ud83d"}"#, "7", r#"{"writeKey":"k"}"#]);
        assert_eq!(envelope.write_key.as_deref(), Some("k"));
        assert_eq!(envelope.sent_at, Some("2026-11-22T10:00:00Z".parse().unwrap()));

        let code = |json: &str| Envelope::of(json, true).map(|_| ()).map_err(|refusal| refusal.code);
        assert_eq!(code(r#"{"batch":[]}"#), Err(Code::NoMessages));
        assert_eq!(code("{}"), Err(Code::NoMessages));
        assert_eq!(code("[]"), Err(Code::InvalidJson));
        assert_eq!(code(r#"{"batch":[{"a":]}"#), Err(Code::InvalidJson));
        assert_eq!(code(r#"{"batch":[1],"sentAt":"soon"}"#), Err(Code::InvalidTime));
        assert_eq!(code(&format!(r#"{{"batch":[{}]}}"#, vec!["1"; 500].join(","))), Ok(()));
        assert_eq!(code(&format!(r#"{{"batch":[{}]}}"#, vec!["1"; 501].join(","))), Err(Code::TooManyMessages));
    }

    #[test]
    fn a_single_message_is_its_own_envelope() {
        let envelope = Envelope::of(r#"{"writeKey":"k","event":"x"}"#, false).unwrap();
        assert_eq!(envelope.write_key.as_deref(), Some("k"));
        assert_eq!(envelope.messages, [r#"{"writeKey":"k","event":"x"}"#]);
    }
}
