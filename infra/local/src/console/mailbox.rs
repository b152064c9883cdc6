//! The mails sent, and each of them as its reader sees it.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::header::{self, HeaderName};
use axum::response::{Html, IntoResponse, Response};
use jiff::Timestamp;
use michi::id::LeadId;
use serde::{Deserialize, Serialize};

use super::door::Refusal;
use super::page::{self, Frame, Moment, Reader};
use super::text::{header, line, plain};
use super::{Console, Limit};
use crate::Mail;

/// `mailbox.json`: the mails, newest first, without their bodies.
#[derive(Serialize)]
struct Mails<'a> {
    now: Timestamp,
    /// How many there are in all.
    count: usize,
    mails: Vec<Envelope<'a>>,
}

/// A mail in `mailbox.json`. `mailbox/<id>.json` is the whole [`Mail`].
#[derive(Serialize)]
struct Envelope<'a> {
    id: &'a str,
    at: Timestamp,
    from: &'a str,
    to: &'a [String],
    subject: &'a str,
    tags: &'a BTreeMap<String, String>,
}

impl<'a> Envelope<'a> {
    fn of(mail: &'a Mail) -> Self {
        let Mail { id, at, from, to, subject, tags, .. } = mail;
        Self { id, at: *at, from, to, subject, tags }
    }
}

pub(super) async fn json(
    State(console): State<Console>,
    limit: Result<Query<Limit>, QueryRejection>,
) -> Result<Response, Refusal> {
    let mails = console.suite.mailbox().mails();
    let shown = mails.iter().rev().take(limit?.get()).map(|mail| Envelope::of(mail)).collect();
    page::json(&Mails { now: console.suite.now(), count: mails.len(), mails: shown })
}

#[derive(Template)]
#[template(path = "mailbox.html")]
struct MailboxPage {
    frame: Frame,
    count: usize,
    mails: Vec<Line>,
}

/// A mail in the list.
struct Line {
    id: String,
    at: Moment,
    to: String,
    subject: String,
    tags: Vec<Tag>,
}

/// A tag that SES was given.
struct Tag {
    name: String,
    value: String,
    /// What it names.
    link: Option<String>,
}

pub(super) async fn show(
    State(console): State<Console>,
    limit: Result<Query<Limit>, QueryRejection>,
) -> Result<Response, Refusal> {
    let (mails, reader) = (console.suite.mailbox().mails(), Reader::of(&console));
    let lines = mails.iter().rev().take(limit?.get()).map(|mail| Line {
        id: mail.id.clone(),
        at: reader.said(mail.at),
        to: addresses(&mail.to),
        subject: line(&mail.subject),
        tags: tags(mail),
    });
    let frame = Frame::new(&console, "/mailbox", "Mailbox").refreshing();
    page::render(&MailboxPage { frame, count: mails.len(), mails: lines.collect() })
}

#[derive(Template)]
#[template(path = "mail.html")]
struct MailPage {
    frame: Frame,
    id: String,
    at: Moment,
    from: String,
    to: String,
    subject: String,
    tags: Vec<Tag>,
    part: Part,
    /// Whether the mail has an HTML part.
    html: bool,
    text: Option<Vec<Piece>>,
    /// Everything that goes to SES beside the bodies, name and value.
    headers: Vec<(String, String)>,
}

/// A piece of a mail's text.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// An address of this suite's own.
    Link(String),
}

/// The parts of a mail's page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Part {
    Html,
    Text,
    Headers,
}

#[derive(Deserialize)]
pub(super) struct Asked {
    part: Option<Part>,
}

/// One mail: its page, or with `.json` behind the id all of it, or with `.eml` its source, which mail programs open.
pub(super) async fn show_one(
    State(console): State<Console>,
    Path(name): Path<String>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Refusal> {
    if let Some(id) = name.strip_suffix(".json") {
        return page::json(&*find(&console, id)?);
    }
    if let Some(id) = name.strip_suffix(".eml") {
        let headers = [(header::CONTENT_TYPE, "message/rfc822"), (header::CONTENT_DISPOSITION, "attachment")];
        return Ok((headers, find(&console, id)?.source()).into_response());
    }
    let mail = find(&console, &name)?;
    let frame = Frame { title: line(&mail.subject), ..Frame::new(&console, "/mailbox", "") };
    let usual = if mail.html.is_some() { Part::Html } else { Part::Text };
    page::render(&MailPage {
        frame,
        id: mail.id.clone(),
        at: Reader::of(&console).at(mail.at),
        from: header(&mail.from),
        to: addresses(&mail.to),
        subject: line(&mail.subject),
        tags: tags(&mail),
        part: asked?.part.unwrap_or(usual),
        html: mail.html.is_some(),
        text: mail.text.as_deref().map(|text| pieces(&plain(text), &console.suite.options().collector_url)),
        headers: headers(&mail),
    })
}

/// What a mail's HTML may do wherever it is opened: nothing but look as it does, and lead away when it is clicked.
const SANDBOX: &str = "sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation; \
                       default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; \
                       frame-ancestors 'self'";

/// The HTML part, for the frame on its mail's page.
pub(super) async fn html(State(console): State<Console>, Path(id): Path<String>) -> Result<Response, Refusal> {
    let mail = find(&console, &id)?;
    let html = mail.html.as_deref().ok_or_else(|| Refusal::not_found("the mail has no HTML part"))?;
    let headers: [(HeaderName, &str); 3] = [
        (header::CONTENT_SECURITY_POLICY, SANDBOX),
        (header::X_FRAME_OPTIONS, "SAMEORIGIN"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    Ok((headers, Html(leading_out(html))).into_response())
}

/// The HTML with its links leading out of the frame.
fn leading_out(html: &str) -> String {
    const BASE: &str = "<base target=\"_top\">";
    // Capital letters in ASCII have the same length: places in both texts agree.
    let lower = html.to_ascii_lowercase();
    let behind = |tag: &str| {
        let open = lower.find(tag)?;
        Some(open + lower.get(open..)?.find('>')? + 1)
    };
    let place = behind("<head").or_else(|| behind("<!doctype")).unwrap_or(0);
    let (before, after) = html.split_at_checked(place).unwrap_or(("", html));
    format!("{before}{BASE}{after}")
}

/// The text with the links in it that lead to this suite: those of others stay text.
fn pieces(text: &str, address: &str) -> Vec<Piece> {
    let (mut pieces, mut rest, own) = (Vec::new(), text, format!("{address}/"));
    while let Some((before, link)) = rest.find(&own).and_then(|place| rest.split_at_checked(place)) {
        let end = link.find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"')).unwrap_or(link.len());
        let (link, after) = link.split_at_checked(end).unwrap_or((link, ""));
        pieces.extend([Piece::Text(before.to_owned()), Piece::Link(link.to_owned())]);
        rest = after;
    }
    pieces.push(Piece::Text(rest.to_owned()));
    pieces
}

fn find(console: &Console, id: &str) -> Result<std::sync::Arc<Mail>, Refusal> {
    console.suite.mailbox().mail(id).ok_or_else(|| Refusal::not_found("there is no such mail in the mailbox"))
}

fn addresses(addresses: &[String]) -> String {
    addresses.iter().map(|address| header(address)).collect::<Vec<_>>().join(", ")
}

fn tags(mail: &Mail) -> Vec<Tag> {
    let link = |name: &str, value: &str| match name {
        "lead" => LeadId::parse(value).ok().map(|lead| format!("/_michi/leads/{lead}")),
        "message" => Some(format!("/_michi/messages#{value}")),
        _ => None,
    };
    let tags = mail.tags.iter();
    tags.map(|(name, value)| Tag { name: line(name), value: line(value), link: link(name, value) }).collect()
}

fn headers(mail: &Mail) -> Vec<(String, String)> {
    let named = |name: &str, value: &str| (name.to_owned(), plain(value));
    let mut headers = vec![named("From", &mail.from)];
    headers.extend(mail.to.iter().map(|to| named("To", to)));
    headers.extend(mail.reply_to.iter().map(|to| named("Reply-To", to)));
    headers.push(named("Subject", &mail.subject));
    headers.extend(mail.headers.iter().map(|(name, value)| (plain(name), plain(value))));
    headers.extend(mail.configuration_set.as_deref().map(|set| named("(configuration set)", set)));
    headers.push(named("(SES message id)", &mail.id));
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_links_to_this_suite_are_links() {
        let link = |text: &str| Piece::Link(text.to_owned());
        let text = |text: &str| Piece::Text(text.to_owned());
        let found = pieces("a http://x/y?z\nhttp://x.example/ http://x/", "http://x");
        assert_eq!(found, [text("a "), link("http://x/y?z"), text("\nhttp://x.example/ "), link("http://x/"), text("")]);
        assert_eq!(pieces("none", "http://x"), [text("none")]);
    }

    #[test]
    fn links_lead_out_of_the_frame_wherever_the_head_is() {
        let base = "<base target=\"_top\">";
        for (before, after) in [
            ("<!doctype html><html><HEAD lang=\"ja\">", "<title>道</title></head>"),
            ("<!DOCTYPE html>", "<p>道</p>"),
            ("", "<p>道</p>"),
            ("", "<head"),
        ] {
            assert_eq!(leading_out(&format!("{before}{after}")), format!("{before}{base}{after}"));
        }
    }
}
