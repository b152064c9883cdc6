//! A working day on a company's site: 10,000 page views by 500 browsers, at the rate of a million a month. Forty of them
//! ask for something and become leads; sales opens every alert; then a month passes.
//!
//! The browsers send what the snippet sends, when it does. The same seed gives the same day, to the last unit.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use http::{Method, Request};
use jiff::{SignedDuration, Timestamp};
use michi::id::LeadId;
use michi_local::Suite;
use serde_json::{Value, json};

use super::count::{Counts, Logged, Work};
use crate::clicks::letter;
use crate::harness::{BROWSER, ORIGIN, suite, write_key};

pub(super) const BROWSERS: usize = 500;
pub(super) const LEADS: usize = 40;
pub(super) const PAGES: usize = 20;
const DAY: i64 = 8 * 60 * 60;
/// The page after which a lead asks for something.
const ASKS: usize = 15;

const SITE: [(&str, &str); 12] = [
    ("/", "Hoshino Works — plan production without the spreadsheet"),
    ("/product", "The product: one plan from order to shipment"),
    ("/product/scheduling", "Finite scheduling on the shop floor"),
    ("/product/integrations?tab=erp", "Integrations: ERP, MES and spreadsheets"),
    ("/cases/kansai-precision", "関西精密様：段取り替えを一日三時間短縮"),
    ("/cases/nordic-foods", "Nordic Foods: “No longer the department that stops the line”"),
    ("/pricing", "Pricing"),
    ("/blog/2026/03/why-finite-scheduling-fails-in-week-two", "Why finite scheduling fails in week two"),
    ("/blog/2026/02/生産計画の属人化をなくす", "生産計画の属人化をなくす五つの手順"),
    ("/white-papers/production-planning", "White paper: production planning for mid-sized plants"),
    ("/about", "About us"),
    ("/contact", "Contact"),
];
const REFERRERS: [&str; 3] = ["https://www.google.com/", "", "https://www.linkedin.com/"];

/// SplitMix64.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn uuid(&mut self) -> String {
        let (one, two) = (self.next(), self.next());
        let (a, b, c) = (one >> 32, (one >> 16) & 0xffff, one & 0xfff);
        format!("{a:08x}-{b:04x}-4{c:03x}-a{:03x}-{:012x}", (two >> 48) & 0xfff, two & 0xffff_ffff_ffff)
    }
}

/// What happens in a browser.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// It shows its next page, having stayed on it for so many seconds when it ends.
    Shows { seconds: i64 },
    /// It hides the page, and tells how long it was read.
    Tells { millis: i64 },
    /// It sends its form.
    Asks,
}

struct Browser {
    id: String,
    chance: Chance,
    shown: usize,
    known: bool,
    url: String,
    page_view: Option<String>,
    /// Messages not yet sent.
    waiting: Vec<Value>,
}

/// What came of a trace.
pub(super) struct Trace {
    pub(super) suite: Suite,
    pub(super) counts: Counts,
    pub(super) start: Timestamp,
    write_key: String,
    steps: BinaryHeap<Reverse<(i64, usize, Step)>>,
    browsers: Vec<Browser>,
}

/// Runs the whole trace.
pub(super) async fn run(logged: Arc<Logged>) -> Trace {
    let suite = suite().await;
    let mut chance = Chance(20_260_401);
    let start = suite.now();
    let mut trace = Trace {
        start,
        counts: Counts::new(&suite, logged),
        write_key: write_key(&suite),
        suite,
        steps: BinaryHeap::new(),
        browsers: Vec::new(),
    };
    for number in 0..BROWSERS {
        trace.browsers.push(Browser {
            id: chance.uuid(),
            chance: Chance(chance.next()),
            shown: 0,
            known: false,
            url: String::new(),
            page_view: None,
            waiting: Vec::new(),
        });
        // Two visits, each of half the pages.
        for visit in 0..2 {
            let mut at = visit * (DAY / 2) + chance.below(usize::try_from(DAY / 2 - 1_200).unwrap()) as i64;
            for page in 0..PAGES / 2 {
                let seconds = 5 + chance.below(60) as i64;
                trace.steps.push(Reverse((at, number, Step::Shows { seconds })));
                at += seconds + 3;
                if number % (BROWSERS / LEADS) == 0
                    && number / (BROWSERS / LEADS) < LEADS
                    && visit == 1
                    && page + 1 == ASKS - PAGES / 2
                {
                    trace.steps.push(Reverse((at, number, Step::Asks)));
                    at += 30;
                }
            }
        }
    }
    trace.day().await;
    trace.month().await;
    trace
}

impl Trace {
    async fn day(&mut self) {
        let mut minute = 0;
        while let Some(Reverse((at, number, step))) = self.steps.pop() {
            while minute * 60 <= at {
                self.counts.take(&self.suite, Work::AnonymousPages);
                self.suite.clock().set(self.start + SignedDuration::from_mins(minute));
                self.suite.sweep().await.unwrap();
                self.counts.take(&self.suite, Work::Leads);
                minute += 1;
            }
            self.suite.clock().set(self.start + SignedDuration::from_secs(at));
            match step {
                Step::Shows { seconds } => self.shows(at, number, seconds).await,
                Step::Tells { millis } => self.tells(number, millis).await,
                Step::Asks => self.asks(number).await,
            }
        }
    }

    /// What the day owes is done, sales opens its mail, and the leads cool.
    async fn month(&mut self) {
        self.counts.take(&self.suite, Work::AnonymousPages);
        let left = self.suite.finish(SignedDuration::from_hours(1)).await.unwrap();
        assert!(left.is_empty(), "{left:?}");
        self.counts.take(&self.suite, Work::Leads);
        for mail in self.suite.mailbox().mails() {
            let text = mail.text.as_deref().unwrap();
            let link = text.split_whitespace().find_map(|word| Some(word[word.find("/view/")?..].to_owned())).unwrap();
            self.send(Request::get(link).body(Body::empty()).unwrap(), Work::LeadPages).await;
        }
        self.suite.advance(SignedDuration::from_hours(30 * 24)).await.unwrap();
        self.counts.take(&self.suite, Work::Leads);
    }

    /// Each lead gets a letter, opens it and follows a link of it.
    pub(super) async fn letters(&mut self) {
        let leads = self.suite.items("Leads").unwrap();
        let leads = leads.iter().filter(|item| item["sk"]["S"] == "lead");
        let leads: Vec<LeadId> =
            leads.map(|item| LeadId::parse(item["pk"]["S"].as_str().unwrap().trim_start_matches("lead#")).unwrap()).collect();
        let mut letters = Vec::new();
        for lead in &leads {
            letters.push(letter(&self.suite, lead, &["https://partner.example/seminar/2026-12-04?utm_source=mail"]).await);
        }
        self.suite.advance(SignedDuration::from_mins(2)).await.unwrap();
        self.counts.take(&self.suite, Work::Idle);
        for letter in &letters {
            for (path, work) in [(letter.pixel(&self.suite), Work::Opens), (letter.link(&self.suite, 0), Work::Clicks)] {
                let request = Request::get(path).header("user-agent", BROWSER).body(Body::empty()).unwrap();
                self.send(request, work).await;
                self.suite.settle().await.unwrap();
                self.counts.take(&self.suite, work);
            }
        }
        // Until the clicks are clear.
        self.suite.advance(SignedDuration::from_mins(2)).await.unwrap();
        self.counts.take(&self.suite, Work::Clicks);
    }

    async fn shows(&mut self, at: i64, number: usize, seconds: i64) {
        if self.browsers[number].shown.is_multiple_of(PAGES / 2) {
            // The first page of a visit fetches the script; then it is cached.
            let script = Request::get("/michi.js").header("user-agent", BROWSER).body(Body::empty()).unwrap();
            self.send(script, Work::Scripts).await;
        }
        let now = self.suite.now();
        let browser = &mut self.browsers[number];
        let (path, title) = SITE[browser.chance.below(SITE.len())];
        browser.url = format!("{ORIGIN}{path}");
        let previous = browser.page_view.replace(browser.chance.uuid());
        let referrer = REFERRERS[browser.chance.below(REFERRERS.len())];
        let referrer = if previous.is_some() { browser.url.as_str() } else { referrer };
        let page = json!({"type": "page", "context": {"campaign": {}, "click_ids": {}, "locale": "ja-JP"},
            "properties": {"url": browser.url, "title": title, "referrer": referrer, "page_view": browser.page_view, "previous": previous}});
        browser.adds(now, page);
        browser.shown += 1;
        self.steps.push(Reverse((at + seconds, number, Step::Tells { millis: seconds * 1000 })));
        if self.browsers[number].known {
            self.counts.known_pages += 1;
            self.sends(number, Work::KnownPages).await;
        } else {
            self.counts.anonymous_pages += 1;
        }
    }

    async fn tells(&mut self, number: usize, millis: i64) {
        let now = self.suite.now();
        let browser = &mut self.browsers[number];
        // One page in four has a click worth telling.
        if browser.chance.below(4) == 0 {
            let click =
                json!({"target": "https://www.youtube.com/watch?v=kansai-precision", "text": "Watch the three-minute tour"});
            browser.tracks(now, "Link Clicked", click);
        }
        browser.tracks(now, "Page Engaged", json!({"millis": millis}));
        let work = if browser.known { Work::KnownPages } else { Work::AnonymousPages };
        self.sends(number, work).await;
    }

    async fn asks(&mut self, number: usize) {
        let now = self.suite.now();
        let browser = &mut self.browsers[number];
        let form = if number.is_multiple_of(3) { "inquiry" } else { "white-paper" };
        let fields = json!({"email": format!("buyer{number}@plant-{number}.example"), "name": format!("佐藤 美香 {number}"),
            "company": format!("星野工業 {number}"), "role": "Director", "industry": "Manufacturing", "employees": "250",
            "phone": format!("+81 3 1234 {number:04}"), "message": "生産計画を見直しています。資料をお送りください。"});
        let consent =
            json!({"granted": true, "text": "Yes, write to me about products and events. I can take this back at any time."});
        browser.tracks(now, "Form Submitted", json!({"form": form, "fields": fields, "consent": consent}));
        self.sends(number, Work::Leads).await;
    }

    /// Sends what waits in a browser, and lets what follows from it happen.
    async fn sends(&mut self, number: usize, work: Work) {
        let waiting = std::mem::take(&mut self.browsers[number].waiting);
        let body = json!({"writeKey": self.write_key, "sentAt": self.suite.now().to_string(), "batch": waiting});
        let request = Request::builder().method(Method::POST).uri("/v1/batch");
        let request =
            request.header("origin", ORIGIN).header("content-type", "text/plain;charset=UTF-8").header("user-agent", BROWSER);
        let answer = self.send(request.body(Body::from(body.to_string())).unwrap(), work).await;
        self.browsers[number].known = answer["known"] == true;
        if work != Work::AnonymousPages {
            self.suite.settle().await.unwrap();
            self.counts.take(&self.suite, work);
        }
    }

    async fn send(&mut self, request: Request<Body>, work: Work) -> Value {
        let own = !matches!(work, Work::AnonymousPages | Work::Scripts);
        if own {
            self.counts.take(&self.suite, Work::AnonymousPages);
        }
        let response = self.suite.request(request).await;
        assert!(response.status().is_success() || response.status().is_redirection(), "{response:?}");
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 10_000_000).await.unwrap();
        let head: usize = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        self.counts.request(work, (head + bytes.len()) as u64);
        if own {
            self.counts.take(&self.suite, work);
        }
        serde_json::from_slice(&bytes).unwrap_or_default()
    }
}

impl Browser {
    fn adds(&mut self, now: Timestamp, mut message: Value) {
        message["messageId"] = json!(self.chance.uuid());
        message["timestamp"] = json!(format!("{now:.3}"));
        message["anonymousId"] = json!(self.id);
        self.waiting.push(message);
    }

    fn tracks(&mut self, now: Timestamp, event: &str, mut properties: Value) {
        properties["page_view"] = json!(self.page_view);
        properties["url"] = json!(self.url);
        self.adds(now, json!({"type": "track", "event": event, "properties": properties}));
    }
}
