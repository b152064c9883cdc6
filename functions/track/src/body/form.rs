//! Forms that a page sends without script, as the message that the snippet would have sent for them.
//!
//! The fields `writeKey`, `form`, `anonymousId` and `next` are for michi; every other one is the visitor's.

use std::convert::Infallible;

use axum::body::Bytes;
use futures::stream;
use michi::id::VisitorId;
use multer::Multipart;
use serde_json::{Map, Value, json};

use super::Text;
use crate::refusal::{Code, Refusal};

/// The fields of a form in their order, several of one name apart.
type Fields = Vec<(String, String)>;

pub(super) fn urlencoded(body: &[u8]) -> Result<Fields, Refusal> {
    let fields: Fields = form_urlencoded::parse(body).map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    // The parser puts a replacement character for what is no UTF-8; hardly any honest form holds one.
    if fields.iter().any(|(name, value)| name.contains('\u{fffd}') || value.contains('\u{fffd}')) {
        return Err(not_utf8());
    }
    Ok(fields)
}

pub(super) async fn multipart(body: &Bytes, boundary: String) -> Result<Fields, Refusal> {
    let whole = stream::once(std::future::ready(Ok::<_, Infallible>(body.clone())));
    let broken = |_| Code::InvalidEncoding.because("the multipart body is broken");
    let mut parts = Multipart::new(whole, boundary);
    let mut fields = Fields::new();
    while let Some(part) = parts.next_field().await.map_err(broken)? {
        let name = part.name().unwrap_or_default().to_owned();
        let file = part.file_name().map(str::to_owned);
        let value = part.bytes().await.map_err(broken)?;
        match file {
            None => fields.push((name, String::from_utf8(value.into()).map_err(|_| not_utf8())?)),
            // What a browser sends for a file that nobody chose.
            Some(file) if file.is_empty() && value.is_empty() => {}
            Some(_) => return Err(Code::FileNotTaken.because("files are not taken; send the form without them")),
        }
    }
    Ok(fields)
}

fn not_utf8() -> Refusal {
    Code::InvalidUtf8.because("the form is not UTF-8; let its page be, or set accept-charset")
}

pub(super) fn text(fields: Fields, fresh: impl FnOnce() -> VisitorId) -> Text<'static> {
    let (mut write_key, mut form, mut visitor, mut next) = (None, None, None, None);
    let mut kept: Map<String, Value> = Map::new();
    for (name, value) in fields {
        match name.as_str() {
            "writeKey" => write_key = Some(value),
            "form" => form = Some(value),
            "anonymousId" => visitor = Some(value).filter(|id| !id.is_empty()),
            "next" => next = Some(value).filter(|next| !next.is_empty()),
            _ => match kept.get_mut(&name) {
                Some(Value::String(earlier)) => *earlier = format!("{earlier}, {value}"),
                _ => {
                    kept.insert(name, Value::String(value));
                }
            },
        }
    }
    let visitor = visitor.unwrap_or_else(|| fresh().to_string());
    let message = json!({
        "writeKey": write_key,
        "anonymousId": visitor,
        "event": "Form Submitted",
        "properties": { "form": form, "fields": kept },
    });
    Text { json: message.to_string().into(), next }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    fn fields(expected: &[(&str, &str)]) -> Fields {
        expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn parts(parts: &[&str]) -> Result<Fields, Code> {
        let body: String = parts.iter().map(|part| format!("--b\r\nContent-Disposition: form-data; {part}\r\n")).collect();
        let body = Bytes::from(format!("{body}--b--\r\n"));
        block_on(multipart(&body, "b".to_owned())).map_err(|refusal| refusal.code)
    }

    #[test]
    fn an_urlencoded_form_is_read_as_utf8() {
        let read = |body: &[u8]| urlencoded(body).map_err(|refusal| refusal.code);
        let expected = fields(&[("name", "山田 太郎"), ("topic", "a"), ("topic", "b&c")]);
        assert_eq!(read(b"name=%E5%B1%B1%E7%94%B0+%E5%A4%AA%E9%83%8E&topic=a&topic=b%26c"), Ok(expected));
        assert_eq!(read(b"name=%8ER%93c"), Err(Code::InvalidUtf8), "Shift_JIS");
    }

    #[test]
    fn a_multipart_form_is_read_without_files() {
        let expected = fields(&[("email", "a@example.com"), ("note", "two\r\nlines")]);
        let no_file = "name=\"cv\"; filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n";
        assert_eq!(parts(&["name=\"email\"\r\n\r\na@example.com", "name=\"note\"\r\n\r\ntwo\r\nlines", no_file]), Ok(expected));
        let file = "name=\"cv\"; filename=\"cv.pdf\"\r\nContent-Type: application/pdf\r\n\r\n%PDF";
        assert_eq!(parts(&[file]), Err(Code::FileNotTaken));
        let broken = Bytes::from_static(b"--b\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\na@ex");
        assert_eq!(block_on(multipart(&broken, "b".to_owned())).map_err(|refusal| refusal.code), Err(Code::InvalidEncoding));
    }

    #[test]
    fn a_form_becomes_the_snippets_message() {
        let sent = fields(&[("writeKey", "pk"), ("form", "inquiry"), ("next", "/thanks"), ("topic", "a"), ("topic", "b")]);
        let text = super::text(sent.clone(), || VisitorId::parse("fresh").unwrap());
        let expected = json!({
            "writeKey": "pk", "anonymousId": "fresh", "event": "Form Submitted",
            "properties": {"form": "inquiry", "fields": {"topic": "a, b"}},
        });
        assert_eq!(serde_json::from_str::<Value>(&text.json).unwrap(), expected);
        assert_eq!(text.next.as_deref(), Some("/thanks"));
        let known = [sent, fields(&[("anonymousId", "v-1"), ("next", "")])].concat();
        let text = super::text(known, || panic!("it has one"));
        assert!(text.json.contains("\"v-1\"") && text.next.is_none());
    }
}
