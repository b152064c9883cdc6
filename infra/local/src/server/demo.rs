//! The demonstration site: static files of a small company's pages, which carry the snippet as a customer pastes it.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, StatusCode, header};

use crate::Suite;

/// Every file of the site, by its path.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/demo.rs"));

/// Pages that a form without script may be sent to.
const ANSWERS: &str = "/thanks";

/// The page or file of a path; None if there is none.
pub(super) fn page(suite: &Suite, method: &Method, path: &str) -> Option<Response> {
    let trimmed = path.trim_end_matches('/');
    let answers = *method == Method::POST && trimmed.ends_with(ANSWERS);
    if !answers && *method != Method::GET && *method != Method::HEAD {
        return None;
    }
    let (name, bytes) = find(trimmed.trim_start_matches('/'))?;
    suite.look();
    let kind = kind(name);
    let body = if kind.starts_with("text/html") { filled(suite, bytes).into_bytes() } else { bytes.to_vec() };
    let mut response = (StatusCode::OK, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Some(response)
}

/// A file by its own name, as a page without its ending, or as a folder's first page. English pages stand at the root.
fn find(path: &str) -> Option<(&'static str, &'static [u8])> {
    let english = format!("en/{path}");
    let names = [path, english.trim_end_matches('/')]
        .into_iter()
        .flat_map(|path| [path.to_owned(), format!("{path}.html"), format!("{path}/index.html")]);
    names.filter_map(|wanted| FILES.iter().find(|(name, _)| *name == wanted)).copied().next()
}

/// The page with this suite's address and the playbook's public key in it.
fn filled(suite: &Suite, bytes: &[u8]) -> String {
    let desk = suite.desk();
    String::from_utf8_lossy(bytes)
        .replace("{{collector}}", &suite.options().collector_url)
        .replace("{{write_key}}", &desk.playbook().setup.write_key.to_string())
}

fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "pdf" => "application/pdf",
        "txt" => "text/plain; charset=utf-8",
        "webmanifest" => "application/manifest+json",
        _ => "application/octet-stream",
    }
}
