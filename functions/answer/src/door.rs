//! What every handler gets, and how it answers: a page with the headers that its readers' pages carry.

use std::sync::Arc;

use askama::Template;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use michi::io::{App, Error};
use sha2::{Digest as _, Sha256};

use crate::nothing::Nothing;
use crate::style;

/// What a handler gets.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) app: App,
    /// What every answer carries to sales.
    sales: Arc<HeaderMap>,
    /// What every answer carries to leads, whose pages post to where they came from.
    leads: Arc<HeaderMap>,
    /// What every answer carries to marketers.
    marketers: Arc<HeaderMap>,
}

impl Door {
    pub(crate) fn new(app: App) -> Self {
        let headers = |style, form_action| Arc::new(headers(style, form_action));
        Self {
            app,
            sales: headers(style::LEAD, "'none'"),
            leads: headers(style::CHOICES, "'self'"),
            marketers: headers(style::RESULTS, "'none'"),
        }
    }

    /// A page for sales.
    pub(crate) fn answer(&self, status: StatusCode, page: &impl Template) -> Response {
        rendered(status, &self.sales, page)
    }

    /// A page for a marketer.
    pub(crate) fn results(&self, page: &impl Template) -> Response {
        rendered(StatusCode::OK, &self.marketers, page)
    }

    /// A link that opens nothing.
    pub(crate) fn nothing(&self, page: &Nothing) -> Response {
        self.answer(StatusCode::NOT_FOUND, page)
    }

    /// A page for a lead.
    pub(crate) fn said(&self, page: Result<impl Template, Error>, status: StatusCode) -> Response {
        match page {
            Ok(page) => rendered(status, &self.leads, &page),
            Err(error) => {
                tracing::error!(%error, "what a lead chose or answered could not be read or kept");
                self.unavailable()
            }
        }
    }

    /// The page of a question; none: it is closed.
    pub(crate) fn asked(&self, page: Result<Option<impl Template>, Error>, status: StatusCode) -> Response {
        match page.transpose() {
            Some(page) => self.said(page, status),
            None => self.nothing(&Nothing::NO_SUCH_QUESTION),
        }
    }

    pub(crate) fn unavailable(&self) -> Response {
        let mut response = self.answer(StatusCode::SERVICE_UNAVAILABLE, &Nothing::UNAVAILABLE);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
        response
    }
}

fn rendered(status: StatusCode, headers: &HeaderMap, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => (status, headers.clone(), html).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            (StatusCode::INTERNAL_SERVER_ERROR, headers.clone()).into_response()
        }
    }
}

/// What every answer carries: nobody keeps it, frames it, indexes it or learns its address, and nothing in it runs.
fn headers(style: &str, form_action: &str) -> HeaderMap {
    let style = STANDARD.encode(Sha256::digest(style));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action {form_action}; frame-ancestors 'none'"
    );
    let fixed = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("x-robots-tag"), "noindex, nofollow, noarchive"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    ];
    let mut headers: HeaderMap = fixed.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect();
    headers.extend(HeaderValue::from_str(&policy).ok().map(|policy| (header::CONTENT_SECURITY_POLICY, policy)));
    headers
}
