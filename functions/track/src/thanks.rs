//! Where a form without script leads.

use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use michi::playbook::{Language, Playbook};
use url::Url;

/// The page that a form names for afterwards, if it lies on a listed site; a path lies on the form's own.
pub(crate) fn leave(playbook: &Playbook, origin: Option<&str>, next: Option<&str>) -> Option<String> {
    let base = origin.and_then(|origin| Url::parse(origin).ok());
    let target = Url::options().base_url(base.as_ref()).parse(next?).ok()?;
    playbook.allows_origin(&target.origin().ascii_serialization()).then(|| target.into())
}

/// A few words where the form names no page.
pub(crate) fn page(language: Language) -> Response {
    let (tag, words) = match language {
        Language::En => ("en", "Thank you. We have received what you sent."),
        Language::Ja => ("ja", "ありがとうございます。送信内容を受け付けました。"),
    };
    let page = format!(
        "<!doctype html><html lang=\"{tag}\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{words}</title><p>{words}</p></html>"
    );
    let mut response = Html(page).into_response();
    let policy = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}
