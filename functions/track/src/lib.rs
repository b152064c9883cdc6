//! `track` takes what browsers and servers tell, and writes it down.
//!
//! In reading order:
//!
//! - `collect`: a request, from its headers to the answer
//! - `origin`, [`body`], [`parse`]: who sends, what came, what it means
//! - [`pack`]: messages into records
//! - `take`: records into logs, and what shall come of them
//! - `guard`: what looks like spam goes into quarantine instead
//! - [`refusal`], `answer`: what is wrong with a request, and how that is said
//! - `snippet`, `thanks`: the script for the site's pages, the page behind a form
//! - [`letter`]: links in mail and the pixel
//!
//! A request is answered only when everything taken from it is kept for good. Nothing here scores or decides.

mod answer;
pub mod body;
mod collect;
mod guard;
pub mod letter;
mod origin;
pub mod pack;
pub mod parse;
pub mod refusal;
mod snippet;
mod take;
mod thanks;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, options, post};
use michi::io::App;

use collect::{Takes, collect};
use parse::Type;
use refusal::Code;

/// All routes of the collector; `infra/template.yaml` opens them to the world.
pub fn router(app: App) -> Router {
    let takes = |takes: Takes| post(move |State(app): State<App>, request: Request<Body>| collect(app, takes, request));
    let routes = [
        ("/v1/page", Takes::One(Type::Page)),
        ("/v1/p", Takes::One(Type::Page)),
        ("/v1/track", Takes::One(Type::Track)),
        ("/v1/t", Takes::One(Type::Track)),
        ("/v1/identify", Takes::One(Type::Identify)),
        ("/v1/i", Takes::One(Type::Identify)),
        ("/v1/batch", Takes::Batch),
    ];
    let mut router = Router::new()
        .route("/michi.js", get(snippet::snippet))
        .route("/c/{token}", get(letter::click))
        .route("/o/{token}", get(letter::open));
    for (path, what) in routes {
        router = router.route(path, takes(what).merge(options(preflight)));
    }
    router
        .method_not_allowed_fallback(async || Code::MethodNotAllowed.because("messages are sent by POST"))
        .fallback(async || Code::NotFound.because("there is nothing here"))
        .with_state(app)
}

async fn preflight(State(app): State<App>, headers: HeaderMap) -> Response {
    match app.playbook().await {
        Ok(live) => origin::preflight(&headers, &live.playbook),
        Err(error) => {
            tracing::error!(%error, "the playbook cannot be read");
            Code::TryLater.because("ask again in a few seconds").into_response()
        }
    }
}
