//! `answer`: what a signed link in a mail opens.
//!
//! - [`page`]: the lead page, which a salesperson reads without login
//! - `choices`: what mail a lead wants, and the end of it
//! - `confirm`: a consent is confirmed from the mailbox
//! - `question`: a lead answers the question of a scenario
//! - `results`: what came of a scenario, for a marketer
//!
//! A link is worth as much as a password, so nothing here writes its path to a log, and a link that opens nothing says
//! the same whatever is wrong with it.

mod body;
mod choices;
mod confirm;
pub mod page;
mod question;
mod results;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use michi::activity::LogOwner;
use michi::fold::fold;
use michi::io::{App, Error};
use michi::link::View;
use sha2::{Digest as _, Sha256};

use page::Page;

/// The style of what sales reads; the security policy names its digest.
pub(crate) const STYLE: &str = include_str!("../templates/page.css");
/// The style of what leads read.
pub(crate) const CHOICES_STYLE: &str = include_str!("../templates/choices.css");
/// The style of what marketers read.
pub(crate) const RESULTS_STYLE: &str = include_str!("../templates/results.css");

/// What a handler gets.
#[derive(Clone)]
struct Door {
    app: App,
    /// What every answer carries to sales.
    headers: Arc<HeaderMap>,
    /// What every answer carries to leads, whose pages post to where they came from.
    posting: Arc<HeaderMap>,
    /// What every answer carries to marketers.
    results: Arc<HeaderMap>,
}

/// The routes of `answer`. GET and HEAD change nothing.
pub fn router(app: App) -> Router {
    let headers = |style, form_action| Arc::new(headers(style, form_action));
    let door = Door {
        app,
        headers: headers(STYLE, "'none'"),
        posting: headers(CHOICES_STYLE, "'self'"),
        results: headers(RESULTS_STYLE, "'none'"),
    };
    Router::new()
        .route("/view/{token}", get(view))
        .route("/unsubscribe/{token}", get(choices::show).post(choices::take))
        .route("/confirm/{token}", get(confirm::show).post(confirm::take))
        .route("/question/{token}", get(question::show).post(question::take))
        .route("/results/{token}", get(results::show))
        .fallback(no_such_page)
        .with_state(door)
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
    let log = app.store.log(&LogOwner::Lead(lead)).await?;
    let lead = fold(&live.playbook, &log, now);
    let language = owner.language.unwrap_or(live.playbook.setup.language);
    Ok(Some(Page::new(&live.playbook, &lead, &log, now, language)))
}

/// A page that shows nothing of anybody, to people whose language is not known.
#[derive(Template)]
#[template(path = "nothing.html")]
struct Nothing {
    title: &'static str,
    /// Language, heading, text.
    said: [(&'static str, &'static str, &'static str); 2],
}

impl Nothing {
    const NO_SUCH_PAGE: Self = Self {
        title: "michi",
        said: [
            (
                "en",
                "There is nothing here",
                "The link is not complete, or it has expired: a link to a lead works for 30 days. The newest alert about \
                 the lead has a fresh one.",
            ),
            (
                "ja",
                "ページがありません",
                "リンクが途切れているか、有効期限（30日）が過ぎています。最新のアラートのリンクをお使いください。",
            ),
        ],
    };
    const NO_SUCH_CHOICES: Self = Self {
        title: "michi",
        said: [
            (
                "en",
                "There is nothing here",
                "The link is not complete. Please open it from the mail itself, or answer the mail: whoever sent it will end it.",
            ),
            (
                "ja",
                "ページがありません",
                "リンクが途切れています。メールのリンクから直接開いていただくか、メールにご返信のうえ、配信停止をお申し付けください。",
            ),
        ],
    };
    const NO_SUCH_CONFIRMATION: Self = Self {
        title: "michi",
        said: [
            (
                "en",
                "There is nothing here",
                "The link is not complete, or it has expired: it works for 7 days. You can ask for our mail again on our site.",
            ),
            (
                "ja",
                "ページがありません",
                "リンクが途切れているか、有効期限（7日）が過ぎています。配信をご希望の場合は、サイトからもう一度お申し込みください。",
            ),
        ],
    };
    const NO_SUCH_QUESTION: Self = Self {
        title: "michi",
        said: [
            (
                "en",
                "This question is closed",
                "The link is not complete, or we keep no data about you any more. Nothing was changed, and there is nothing \
                 for you to do. If you would like to tell us something, please answer the mail.",
            ),
            (
                "ja",
                "このご質問は終了しました",
                "リンクが途切れているか、お客様の情報はすでに保存されておりません。変更は何も行われず、お手続きも不要です。お伝えになりたいことがございましたら、メールにご返信ください。",
            ),
        ],
    };
    const NO_SUCH_RESULTS: Self = Self {
        title: "michi",
        said: [
            (
                "en",
                "There is nothing here",
                "The link is not complete, or it has expired: it works for 30 days. \"michi results\" with --link makes a fresh one.",
            ),
            (
                "ja",
                "ページがありません",
                "リンクが途切れているか、有効期限（30日）が過ぎています。「michi results」の --link で新しいリンクを作成できます。",
            ),
        ],
    };
    const UNAVAILABLE: Self = Self {
        title: "michi",
        said: [
            ("en", "Not just now", "The page could not be put together. Please try again in a minute."),
            ("ja", "ただいま表示できません", "少し待ってから、もう一度お試しください。"),
        ],
    };
}

impl Door {
    fn answer(&self, status: StatusCode, page: &impl Template) -> Response {
        rendered(status, &self.headers, page)
    }

    /// A link that opens nothing.
    fn nothing(&self, page: &Nothing) -> Response {
        self.answer(StatusCode::NOT_FOUND, page)
    }

    /// A page for a lead.
    fn said(&self, page: Result<impl Template, Error>, status: StatusCode) -> Response {
        match page {
            Ok(page) => rendered(status, &self.posting, &page),
            Err(error) => {
                tracing::error!(%error, "what a lead chose or answered could not be read or kept");
                self.unavailable()
            }
        }
    }

    /// The page of a question; none: it is closed.
    fn asked(&self, page: Result<Option<impl Template>, Error>, status: StatusCode) -> Response {
        match page.transpose() {
            Some(page) => self.said(page, status),
            None => self.nothing(&Nothing::NO_SUCH_QUESTION),
        }
    }

    fn unavailable(&self) -> Response {
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

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt as _;
    use jiff::Timestamp;
    use michi::id::{LeadId, OwnerId};
    use michi::io::{Clock, KeyRing, Random, Settings, Store, aws};
    use michi::link::VIEW_DAYS;
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
