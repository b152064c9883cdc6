//! The suite over HTTP on 127.0.0.1: the API by the template's routes, the demonstration site, the console,
//! and the AWS protocol for the `michi` command.
//!
//! - `guard`: who may ask
//! - `demo`: the site of a small company that carries the snippet

mod demo;
mod guard;

use std::io::ErrorKind;

use anyhow::{Context, bail};
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use tokio::net::TcpListener;

use crate::{Suite, console, operator};
use guard::Hosts;

/// Listens on a port of 127.0.0.1; 0 for any that is free.
///
/// # Errors
///
/// Says what to do if the port is taken.
pub async fn bind(port: u16) -> anyhow::Result<TcpListener> {
    match TcpListener::bind(("127.0.0.1", port)).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            bail!(
                "port {port} is in use, perhaps by another michi; stop what uses it, or choose another one: --port {}",
                free(port)
            )
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            bail!("port {port} needs more rights than this process has; choose one above 1023: --port 7070")
        }
        Err(error) => Err(error).with_context(|| format!("port {port} cannot be listened on; choose another one with --port")),
    }
}

/// Runs the suite and serves it, until the future is dropped.
///
/// # Errors
///
/// If the listener fails.
pub async fn serve(suite: &Suite, listener: TcpListener) -> anyhow::Result<()> {
    let port = listener.local_addr()?.port();
    let served = axum::serve(listener, router(suite, port));
    tokio::select! {
        () = suite.live() => Ok(()),
        served = async { served.await } => Ok(served?),
    }
}

/// Everything there is on a port.
pub fn router(suite: &Suite, port: u16) -> Router {
    let hosts = Hosts::of(port);
    console::router(suite.clone())
        .merge(operator::router(suite.clone()))
        .layer(from_fn_with_state(hosts.clone(), guard::origin))
        .merge(Router::new().fallback(site).with_state(suite.clone()))
        .layer(from_fn_with_state(hosts, guard::host))
}

/// The API's routes first, then the demonstration site.
async fn site(State(suite): State<Suite>, request: Request) -> Response {
    if suite.wiring().route(request.method().as_str(), request.uri().path()).is_some() {
        return suite.request(request).await;
    }
    match demo::page(&suite, request.method(), request.uri().path()) {
        Some(page) => page,
        None => suite.request(request).await,
    }
}

/// A port to propose instead of a taken one.
fn free(port: u16) -> u16 {
    if port == 7070 { 7071 } else { 7070 }
}

#[cfg(test)]
mod tests;
