//! Who may ask: only what was called by this machine's own name, and for the console only its own pages.
//!
//! The data may hold real leads. A page from elsewhere that has its own name point to 127.0.0.1 must not read them,
//! and none may press the console's buttons.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, Uri, header};

/// The names this suite answers to.
#[derive(Debug, Clone)]
pub(super) struct Hosts(Arc<[String]>);

impl Hosts {
    pub(super) fn of(port: u16) -> Self {
        let named = |name: &str| if port == 80 { name.to_owned() } else { format!("{name}:{port}") };
        Self(["127.0.0.1", "localhost"].map(named).into())
    }

    fn know(&self, host: &str) -> bool {
        self.0.iter().any(|known| known.eq_ignore_ascii_case(host))
    }

    fn know_origin(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(header::ORIGIN) else { return true };
        origin.to_str().is_ok_and(|origin| origin.strip_prefix("http://").is_some_and(|host| self.know(host)))
    }
}

/// Refuses what was called by another name.
pub(super) async fn host(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    let named = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let named = named.or_else(|| request.uri().authority().map(http::uri::Authority::as_str));
    if named.is_some_and(|host| hosts.know(host)) {
        return next.run(request).await;
    }
    let known = hosts.0.join(" or ");
    (StatusCode::MISDIRECTED_REQUEST, format!("This is michi's local suite. It answers only to {known}.\n")).into_response()
}

/// Refuses what a page from elsewhere asks of the console.
pub(super) async fn origin(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    let site = request.headers().get("sec-fetch-site").and_then(|site| site.to_str().ok());
    let embedded = site == Some("cross-site") && !is_navigation(request.headers(), request.uri());
    if hosts.know_origin(request.headers()) && !embedded {
        next.run(request).await
    } else {
        (StatusCode::FORBIDDEN, "The console answers only to its own pages.\n").into_response()
    }
}

/// Following a link to the console is fine from wherever: the page that has the link does not see what it opens.
fn is_navigation(headers: &HeaderMap, uri: &Uri) -> bool {
    let is = |name: &str, value: &str| headers.get(name).is_some_and(|given| given == value);
    is("sec-fetch-mode", "navigate") && is("sec-fetch-dest", "document") && !uri.path().ends_with("/html")
}
