//! `answer`: what a signed link in a mail opens.
//!
//! - [`page`]: the lead page, which a salesperson reads without login
//! - `choices`: what mail a lead wants, and the end of it
//! - `confirm`: a consent is confirmed from the mailbox
//! - `question`: a lead answers the question of a scenario
//! - `results`: what came of a scenario, for a marketer
//! - `nothing`: what a link says that opens nothing
//! - `door`, [`style`], `body`: how pages are answered and look; what is posted from them
//!
//! A link is worth as much as a password, so nothing here writes its path to a log, and a link that opens nothing says
//! the same whatever is wrong with it.

mod body;
mod choices;
mod confirm;
mod door;
mod nothing;
pub mod page;
mod question;
mod results;
pub mod style;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use michi::activity::LogOwner;
use michi::fold::Folded;
use michi::io::{App, Error};
use michi::link::View;

use door::Door;
use nothing::Nothing;
use page::{Page, UnderWay};

/// The routes of `answer`. GET and HEAD change nothing.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/view/{token}", get(view))
        .route("/unsubscribe/{token}", get(choices::show).post(choices::take))
        .route("/confirm/{token}", get(confirm::show).post(confirm::take))
        .route("/question/{token}", get(question::show).post(question::take))
        .route("/results/{token}", get(results::show))
        .fallback(no_such_page)
        .with_state(Door::new(app))
}

/// The page of the lead that the link names.
async fn view(State(door): State<Door>, Path(token): Path<String>) -> Response {
    match lead_page(&door.app, &token).await {
        Ok(Some(page)) => door.answer(StatusCode::OK, &page),
        Ok(None) => door.nothing(&Nothing::NO_SUCH_PAGE),
        Err(error) => {
            tracing::error!(%error, "a lead page could not be opened");
            door.unavailable()
        }
    }
}

async fn no_such_page(State(door): State<Door>) -> Response {
    door.nothing(&Nothing::NO_SUCH_PAGE)
}

/// The page, if the link is whole, its lead is one and its owner still works here.
async fn lead_page(app: &App, token: &str) -> Result<Option<Page>, Error> {
    let now = app.clock.now();
    let Ok(link) = View::open(token, |number| app.keys.link(number).map(michi::io::Key::bytes), now) else {
        return Ok(None);
    };
    let live = app.playbook().await?;
    let Some(owner) = live.playbook.setup.owners.iter().find(|owner| owner.id == link.owner) else { return Ok(None) };
    let (lead, item) = app.store.lead_at_home(&link.lead).await?;
    if item.is_none_or(|item| item.erased.is_some()) {
        return Ok(None);
    }
    let log = app.store.log(&LogOwner::Lead(lead.clone())).await?;
    let folded = Folded::of(&live.playbook, &log, now);
    let under_way = UnderWay::of(&app.store, &live, &lead, &folded).await?;
    let language = owner.language.unwrap_or(live.playbook.setup.language);
    Ok(Some(Page::new(&live.playbook, &folded, &under_way, now, language)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::body::Body;
    use axum::http::{HeaderMap, Request};
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use http_body_util::BodyExt as _;
    use jiff::Timestamp;
    use michi::id::{LeadId, OwnerId};
    use michi::io::{Clock, KeyRing, Random, Settings, Store, aws};
    use michi::link::VIEW_DAYS;
    use sha2::{Digest as _, Sha256};
    use tower::ServiceExt as _;

    use super::*;

    const NOW: &str = "2026-11-22T05:05:00Z";

    /// A router whose tables nobody can reach: no link that opens nothing may ask them anything.
    fn unreachable() -> Router {
        let settings = Settings {
            activities_table: "activities".to_owned(),
            leads_table: "leads".to_owned(),
            bus: "bus".to_owned(),
            collector_url: "https://collect.example".to_owned(),
            configuration_set: "michi".to_owned(),
            keys_secret: "keys".to_owned(),
        };
        let credentials = aws_credential_types::Credentials::new("id", "secret", None, None, "test");
        let account =
            aws::Account { region: "eu-central-1".to_owned(), credentials, endpoint: Some("http://127.0.0.1:9".to_owned()) };
        let sdk = aws::sdk_config(account, aws::http_client().unwrap());
        let store = Store::new(aws_sdk_dynamodb::Client::new(&sdk), &settings.activities_table, &settings.leads_table);
        let clock = Clock::manual(NOW.parse().unwrap());
        router(App::new(store, clock, Random::System, KeyRing::generate("chance"), settings))
    }

    async fn ask(request: Request<Body>) -> (StatusCode, HeaderMap, String) {
        let response = unreachable().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        (parts.status, parts.headers, String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap())
    }

    fn get(path: &str) -> Request<Body> {
        Request::get(path).body(Body::empty()).unwrap()
    }

    fn link(keys: &KeyRing, now: Timestamp) -> String {
        let view = View::new(LeadId::parse("lead-1").unwrap(), OwnerId::parse("sales").unwrap(), now);
        let (number, key) = keys.signing().unwrap();
        view.token(number, key.bytes())
    }

    #[tokio::test]
    async fn a_link_that_opens_nothing_says_the_same_whatever_is_wrong() {
        let (keys, now) = (KeyRing::generate("chance"), NOW.parse::<Timestamp>().unwrap());
        let whole = link(&keys, now);
        let (status, headers, body) = ask(get("/nothing-at-all")).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert!(body.contains("There is nothing here") && body.contains("ページがありません"));
        assert!(body.contains(&format!("{VIEW_DAYS} days")) && body.contains(&format!("{VIEW_DAYS}日")));
        let expired = link(&keys, now - jiff::SignedDuration::from_hours(VIEW_DAYS * 24));
        let another = link(&KeyRing::generate("another"), now);
        let bits = (0..whole.len() * 6).step_by(7).map(|bit| flipped(&whole, bit)).filter(|token| *token != whole);
        for token in bits.chain([expired, another, format!("{whole}A"), "x".repeat(3_000), "%00".to_owned(), "a%2Fb".to_owned()])
        {
            let (other_status, other_headers, other_body) = ask(get(&format!("/view/{token}"))).await;
            assert_eq!((other_status, &other_headers, other_body.as_str()), (status, &headers, body.as_str()), "{token}");
        }
    }

    /// The token with one of its bits turned.
    fn flipped(token: &str, bit: usize) -> String {
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let mut bytes = URL_SAFE_NO_PAD.decode(token).unwrap();
        if let Some(byte) = bytes.get_mut(bit / 8) {
            *byte ^= 1 << (bit % 8);
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    #[tokio::test]
    async fn a_whole_link_waits_while_the_tables_do_not_answer() {
        let token = link(&KeyRing::generate("chance"), NOW.parse().unwrap());
        let (status, headers, body) = ask(get(&format!("/view/{token}"))).await;
        assert_eq!((status, headers.get("retry-after").unwrap().as_bytes()), (StatusCode::SERVICE_UNAVAILABLE, b"60".as_slice()));
        assert!(body.contains("try again") && !body.contains("lead-1") && !body.contains("127.0.0.1"));
    }

    #[tokio::test]
    async fn no_log_holds_a_link() {
        let token = link(&KeyRing::generate("chance"), NOW.parse().unwrap());
        let kept = Kept::default();
        let writer = kept.clone();
        let logs = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone()).finish();
        let guard = tracing::subscriber::set_default(logs);
        ask(get(&format!("/view/{token}"))).await;
        ask(get(&format!("/view/{}", flipped(&token, 99)))).await;
        drop(guard);
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        // Which lines come depends on what other tests have logged first: `tracing` remembers who listens to each.
        assert!(!text.is_empty());
        assert!(!text.contains(&token[..20]) && !text.contains("/view/"));
    }

    /// Where the logs of a test go.
    #[derive(Clone, Default)]
    struct Kept(Arc<std::sync::Mutex<Vec<u8>>>);

    impl std::io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn every_answer_is_kept_by_nobody_and_runs_nothing() {
        let (_, headers, body) = ask(get("/view/x")).await;
        for (name, value) in [
            ("content-type", "text/html; charset=utf-8"),
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            ("x-robots-tag", "noindex, nofollow, noarchive"),
            ("x-frame-options", "DENY"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(headers.get_all(name).iter().collect::<Vec<_>>(), [value], "{name}");
        }
        let policy = headers.get("content-security-policy").unwrap().to_str().unwrap();
        let style = body.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
        let digest = STANDARD.encode(Sha256::digest(style));
        assert!(
            policy.starts_with("default-src 'none'; ") && policy.contains(&format!("style-src 'sha256-{digest}'")),
            "{policy}"
        );
    }

    #[tokio::test]
    async fn head_answers_as_get_does_and_nothing_else_is_answered() {
        let (status, headers, body) = ask(Request::head("/view/x").body(Body::empty()).unwrap()).await;
        assert_eq!((status, body.as_str()), (StatusCode::NOT_FOUND, ""));
        assert_eq!(headers.get("cache-control").unwrap(), "no-store");
        let (status, ..) = ask(Request::post("/view/x").body(Body::empty()).unwrap()).await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    }

    #[tokio::test]
    async fn the_event_of_the_api_reaches_the_route() {
        let event = lambda_http::request::from_str(include_str!("../fixtures/view.json")).unwrap();
        let (parts, _) = event.into_parts();
        let named: serde_json::Value = serde_json::from_str(include_str!("../fixtures/view.json")).unwrap();
        assert_eq!(parts.uri.path(), named["rawPath"].as_str().unwrap());
        let (status, headers, body) = ask(Request::from_parts(parts, Body::empty())).await;
        let (nothing, _, same) = ask(get("/view/x")).await;
        assert_eq!((status, headers.get("cache-control").unwrap().as_bytes(), body), (nothing, b"no-store".as_slice(), same));
    }
}
