//! The fields of a form that somebody posts here: a browser, or a mail program by itself (RFC 8058).

use std::convert::Infallible;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, header};
use futures::stream;
use michi::verdict::{Signals, Verdict};
use multer::Multipart;

/// The most bytes that a form here has.
const MOST: usize = 16 * 1024;

/// Whether a person posts, as far as the request shows it: programs that press buttons are told apart.
pub(crate) fn by_a_person(headers: &HeaderMap) -> bool {
    let user_agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    Signals::of(user_agent).verdict() == Verdict::Human
}

/// The fields of a form, in their order.
#[derive(Debug, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads a form; none if it is too large, or of another type than forms are.
    pub(crate) async fn of(headers: &HeaderMap, body: Body) -> Option<Self> {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let body = to_bytes(body, MOST).await.ok()?;
        match essence.as_str() {
            "application/x-www-form-urlencoded" => {
                Some(Self(form_urlencoded::parse(&body).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()))
            }
            "multipart/form-data" => {
                let whole = stream::once(std::future::ready(Ok::<_, Infallible>(body)));
                let mut parts = Multipart::new(whole, multer::parse_boundary(kind).ok()?);
                let mut fields = Vec::new();
                while let Some(part) = parts.next_field().await.ok()? {
                    let name = part.name().unwrap_or_default().to_owned();
                    fields.push((name, part.text().await.ok()?));
                }
                Some(Self(fields))
            }
            _ => None,
        }
    }

    /// All values of this name.
    pub(crate) fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.0.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// Whether a field of this name has this value.
    pub(crate) fn says(&self, name: &str, value: &str) -> bool {
        self.all(name).any(|said| said == value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(kind: &str, body: &str) -> Option<Vec<(String, String)>> {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, kind.parse().unwrap())]);
        Fields::of(&headers, Body::from(body.to_owned())).await.map(|fields| fields.0)
    }

    #[tokio::test]
    async fn forms_are_read_as_they_are_sent() {
        let one_click = Some(vec![("List-Unsubscribe".to_owned(), "One-Click".to_owned())]);
        let urlencoded = "application/x-www-form-urlencoded";
        assert_eq!(read(urlencoded, "List-Unsubscribe=One-Click").await, one_click);
        let part = "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n";
        assert_eq!(read("multipart/form-data; boundary=b", part).await, one_click);
        assert_eq!(read(urlencoded, "").await, Some(vec![]));
        for (kind, body) in [
            ("", "List-Unsubscribe=One-Click"),
            ("application/json", "{\"List-Unsubscribe\": \"One-Click\"}"),
            ("multipart/form-data", part),
            ("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data"),
        ] {
            assert_eq!(read(kind, body).await, None, "{kind} {body}");
        }
        assert_eq!(read(urlencoded, &"a=b&".repeat(MOST)).await, None, "too large");
    }
}
