//! `GET /c/…` and `/o/…`: somebody follows a link in a mail, or a mail program fetches its pixel.
//!
//! A link's token names the letter and the number of the link; where it leads stands in the letter's link table and nowhere
//! else. What is written down are signals: whether a person did it is the fold's to say. Nothing here writes a path to a
//! log, since a token stands in it.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use michi::activity::{Activity, Kind, LogOwner, Record, Source};
use michi::id::ActivityId;
use michi::io::store::{Followed, Mark, Token};
use michi::io::{App, Error, Key};
use michi::link::{Click, OfLetter, Purpose};
use michi::mail::message::{Content, Message};
use michi::playbook::Playbook;
use michi::verdict::{Signals, Verdict};
use url::Url;

/// The parameter in which a page of the site finds the token that says whose browser it is in.
pub const TOKEN_PARAMETER: &str = "michi_token";
/// How long such a token is good.
const TOKEN_LIFE: SignedDuration = SignedDuration::from_mins(10);
/// A click sooner after the sending says nothing of whose browser it is.
const TOO_SOON: SignedDuration = SignedDuration::from_secs(60);
/// So many clicks in one letter are written down in a day: who has a link may follow it as often as he likes.
const CLICKS_A_DAY: u32 = 200;

/// The token in a path; an error if it is no text.
type InPath = Result<Path<String>, PathRejection>;

/// To where the link leads; `HEAD` too.
pub(crate) async fn click(State(app): State<App>, token: InPath, method: Method, headers: HeaderMap) -> Response {
    let key = |number| app.keys.link(number).map(Key::bytes);
    let Some(link) = token.ok().and_then(|Path(token)| Click::open(&token, key).ok()) else { return leads_nowhere() };
    let followed = match app.store.followed(&link.lead, &link.message).await {
        Ok(Some(followed)) => followed,
        Ok(None) => return leads_nowhere(),
        Err(error) => {
            tracing::error!(%error, message.id = %link.message, "a link in a mail cannot be followed");
            return not_just_now();
        }
    };
    let Some(mut target) = target(&followed.message, link.link) else { return leads_nowhere() };
    if followed.mailing.as_ref().is_some_and(|mailing| !mailing.permissions.no_clicks) {
        // Whoever follows a link gets where it leads, whether or not it can be written down.
        match note_click(&app, &link, &followed, &target, signals(&method, &headers)).await {
            Ok(Some(token)) => {
                target.query_pairs_mut().append_pair(TOKEN_PARAMETER, &token);
            }
            Ok(None) => {}
            Err(error) => tracing::error!(%error, message.id = %link.message, "a click in a mail is lost"),
        }
    }
    redirect(&target)
}

/// The pixel, the same whatever the token; `HEAD` too.
pub(crate) async fn open(State(app): State<App>, token: InPath, method: Method, headers: HeaderMap) -> Response {
    let key = |number| app.keys.link(number).map(Key::bytes);
    let read = |token: &str| OfLetter::open(Purpose::Open, token.strip_suffix(".gif").unwrap_or(token), key).ok();
    if let Some(letter) = token.ok().and_then(|Path(token)| read(&token))
        && let Err(error) = note_open(&app, letter, signals(&method, &headers)).await
    {
        tracing::error!(%error, "an opened mail is lost");
    }
    ([(header::CONTENT_TYPE, "image/gif"), (header::CACHE_CONTROL, "no-store")], PIXEL).into_response()
}

fn signals(method: &Method, headers: &HeaderMap) -> Signals {
    let user_agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    Signals { head: method == Method::HEAD, ..Signals::of(user_agent) }
}

/// Where a link of a letter leads: to a web page, as its link table says.
fn target(message: &Message, link: u16) -> Option<Url> {
    let Content::Letter(letter) = &message.content else { return None };
    Url::parse(letter.links.get(usize::from(link))?).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
}

/// Writes a click down. Answers the token that says whose browser it is, if the click looks like its reader's and leads to
/// a page that will ask.
async fn note_click(
    app: &App,
    link: &Click,
    followed: &Followed,
    target: &Url,
    signals: Signals,
) -> Result<Option<String>, Error> {
    let now = app.clock.now();
    if !app.store.count("click", link.message.as_str(), now.to_zoned(TimeZone::UTC).date(), CLICKS_A_DAY).await? {
        return Ok(None);
    }
    let since_sent = followed.message.handed_over().map(|then| now.duration_since(then));
    let millis = since_sent.and_then(|since| u64::try_from(since.as_millis()).ok());
    let live = app.playbook().await?;
    let proves = signals.verdict() == Verdict::Human
        && since_sent.is_some_and(|since| since >= TOO_SOON)
        && is_on_a_site(target, &live.playbook);
    let chance = app.random.text();
    let id = ActivityId::derive(&["click", link.message.as_str(), &link.link.to_string(), &chance]);
    let clicked = Kind::MailClicked { message: link.message.clone(), link: link.link, target: target.to_string() };
    let record = record(id.clone(), now, now, Signals { since_sent: millis, ..signals }, clicked);
    let log = LogOwner::Lead(followed.reader.clone());
    if !proves {
        return app.store.append(&log, &record, Mark::Guaranteed).await.map(|()| None);
    }
    let expires = now.saturating_add(TOKEN_LIFE).unwrap_or(now);
    let (token, about) = (app.random.text(), Token { lead: followed.reader.clone(), click: id, expires });
    app.store.append_with_token(&log, &record, &token, &about).await.map(|()| Some(token))
}

fn is_on_a_site(target: &Url, playbook: &Playbook) -> bool {
    playbook.allows_origin(&target.origin().ascii_serialization())
}

/// Writes an opened mail down, at most once an hour for browsers and for each other kind of program: whoever has a pixel
/// may fetch it as often as he likes.
async fn note_open(app: &App, letter: OfLetter, signals: Signals) -> Result<(), Error> {
    let (reader, mailing) = app.store.reader(&letter.lead).await?;
    if mailing.is_none_or(|mailing| mailing.permissions.no_opens) {
        return Ok(());
    }
    let now = app.clock.now();
    let began = now.as_second() - now.as_second().rem_euclid(60 * 60);
    let verdict = signals.verdict();
    let id = ActivityId::derive(&["open", letter.message.as_str(), &began.to_string(), kind_of(verdict)]);
    let began = Timestamp::from_second(began).unwrap_or(now);
    let mark = if verdict == Verdict::Machine { Mark::Quiet } else { Mark::Hint };
    let record = record(id, began, now, signals, Kind::MailOpened { message: letter.message });
    app.store.append(&LogOwner::Lead(reader), &record, mark).await
}

fn kind_of(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Human => "browser",
        Verdict::Machine => "machine",
        Verdict::Unclear => "unclear",
    }
}

fn record(id: ActivityId, sent: Timestamp, now: Timestamp, signals: Signals, kind: Kind) -> Record {
    Record {
        id: id.clone(),
        sent,
        at: now,
        received: now,
        visitor: None,
        source: Source::Site,
        import: None,
        signals,
        activities: vec![Activity { id, at: now, kind }],
    }
}

/// What every answer to a link carries: nobody keeps it, and nobody learns the link by it.
const PRIVATE: [(HeaderName, &str); 3] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
];

fn redirect(target: &Url) -> Response {
    match HeaderValue::from_str(target.as_str()) {
        Ok(target) => (StatusCode::FOUND, PRIVATE, [(header::LOCATION, target)]).into_response(),
        // An address is written in ASCII once it is parsed.
        Err(_) => leads_nowhere(),
    }
}

fn leads_nowhere() -> Response {
    let said = [
        ("This link leads nowhere", "It is not complete, or the mail that it stands in is more than 400 days old."),
        ("リンク先がありません", "リンクが途切れているか、400日以上前のメールです。"),
    ];
    (StatusCode::NOT_FOUND, PRIVATE, page(said)).into_response()
}

fn not_just_now() -> Response {
    let said = [
        ("Not just now", "The link could not be followed. Please try again in a minute."),
        ("ただいま開けません", "少し待ってから、もう一度お試しください。"),
    ];
    (StatusCode::SERVICE_UNAVAILABLE, PRIVATE, [(header::RETRY_AFTER, "60")], page(said)).into_response()
}

/// A page for people whose language is not known.
fn page([(en, en_more), (ja, ja_more)]: [(&str, &str); 2]) -> Response {
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{en}</title><h1>{en}</h1><p>{en_more}</p><div lang=\"ja\"><h1>{ja}</h1><p>{ja_more}</p></div></html>"
    );
    let policy = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(page)).into_response()
}

/// A transparent picture of one dot, as GIF.
const PIXEL: &[u8] = b"GIF89a\x01\0\x01\0\x80\0\0\xff\xff\xff\0\0\0!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";
