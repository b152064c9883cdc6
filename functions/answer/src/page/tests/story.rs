//! A buyer's week as a log, and the page it makes.

use std::collections::BTreeMap;

use askama::Template as _;
use jiff::{SignedDuration, Timestamp};
use michi::activity::{Activity, FormConsent, FormSubmission, Kind, Log, LogOwner, PageView, Proof, Record, Source};
use michi::address::Address;
use michi::fold::Folded;
use michi::id::{ActivityId, FormId, LeadId, MailId, MessageId, OwnerId, PageViewId, VisitorId};
use michi::lead::{Cell, Lead, Stage};
use michi::playbook::authoring::default_playbook;
use michi::playbook::{Language, Playbook};
use michi::verdict::Signals;

use super::super::{Page, UnderWay};

pub(super) const SITE: &str = "http://127.0.0.1:7070";

/// A log being told, one thing after the other.
pub(super) struct Story {
    pub(super) now: Timestamp,
    pub(super) lead: LeadId,
    pub(super) visitor: VisitorId,
    pub(super) signals: Signals,
    pub(super) records: Vec<Record>,
    pub(super) under_way: Vec<UnderWay>,
}

impl Story {
    /// Begins on a Monday morning in Tokyo.
    pub(super) fn new() -> Self {
        Self {
            now: "2026-11-16T09:00:00+09:00".parse().unwrap(),
            lead: LeadId::parse("lead-1").unwrap(),
            visitor: VisitorId::parse("visitor-1").unwrap(),
            signals: Signals::default(),
            records: vec![],
            under_way: vec![],
        }
    }

    pub(super) fn pass(&mut self, minutes: i64) -> &mut Self {
        self.now += SignedDuration::from_mins(minutes);
        self
    }

    pub(super) fn add(&mut self, source: Source, kind: Kind) -> &mut Self {
        let id = ActivityId::parse(format!("a{:06}", self.records.len())).unwrap();
        let visitor = (source == Source::Site).then(|| self.visitor.clone());
        self.records.push(Record {
            import: None,
            id: id.clone(),
            sent: self.now,
            at: self.now,
            received: self.now,
            visitor,
            source,
            signals: self.signals.clone(),
            activities: vec![Activity { id, at: self.now, kind }],
        });
        self
    }

    pub(super) fn page(&mut self, path: &str, title: &str, seconds: u32) -> &mut Self {
        let page_view = PageViewId::parse(format!("p{:06}", self.records.len())).unwrap();
        let url = if path.contains("://") { path.to_owned() } else { format!("{SITE}{path}") };
        let title = (!title.is_empty()).then(|| title.to_owned());
        let page = PageView {
            page_view: page_view.clone(),
            url: url.clone(),
            title,
            referrer: None,
            previous: None,
            campaign: BTreeMap::new(),
        };
        self.add(Source::Site, Kind::PageViewed(page));
        if seconds > 0 {
            self.now += SignedDuration::from_secs(i64::from(seconds));
            self.add(Source::Site, Kind::Engaged { page_view, url, millis: seconds * 1000 });
        }
        self
    }

    pub(super) fn form(&mut self, form: &str, fields: &[(&str, &str)]) -> &mut Self {
        let fields: BTreeMap<_, _> = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let address = fields.get("email").and_then(|address| Address::parse(address).ok());
        let consent = Some(FormConsent { granted: true, text: "Send me news by mail".to_owned() });
        let form = FormId::parse(form).unwrap();
        self.add(
            Source::Site,
            Kind::FormSubmitted(FormSubmission { form, page_view: None, url: None, address, fields, consent, millis: None }),
        )
    }

    pub(super) fn linked(&mut self, proof: Proof) -> &mut Self {
        let visitor = self.visitor.clone();
        self.add(Source::Michi, Kind::VisitorLinked { visitor, proof, since: None })
    }

    pub(super) fn log(&self) -> Log {
        Log { owner: LogOwner::Lead(self.lead.clone()), records: self.records.clone() }
    }

    pub(super) fn told(&self, language: Language) -> Told {
        let (playbook, log) = (playbook(), self.log());
        let folded = Folded::of(&playbook, &log, self.now);
        let page = Page::new(&playbook, &folded, &self.under_way, self.now, language);
        let html = page.render().unwrap();
        Told { lead: folded.lead.clone(), page, html }
    }
}

pub(super) struct Told {
    pub(super) lead: Lead,
    pub(super) page: Page,
    pub(super) html: String,
}

pub(super) fn playbook() -> Playbook {
    default_playbook().unwrap()
}

/// A buyer's week: reads, comes back, requests the white paper, asks.
pub(super) fn buyer() -> Story {
    let mut story = Story::new();
    story.page("/", "Tsumugi Works", 20).page("/products/loom", "Loom, the planning board | Tsumugi Works", 75);
    if let Some(Kind::PageViewed(first)) = story.records.first_mut().map(|record| &mut record.activities[0].kind) {
        first.referrer = Some("https://www.google.com/search?q=planning".to_owned());
        first.campaign =
            BTreeMap::from([("utm_campaign".to_owned(), "autumn fair".to_owned()), ("gclid".to_owned(), "x1".to_owned())]);
    }
    story.pass(2).page("/careers", "Careers | Tsumugi Works", 5);
    story.pass(3 * 24 * 60).page("/cases/kansai-seiki", "Case study: Kansai Seiki | Tsumugi Works", 190);
    story.page("/cases/nagano-foods", "Case study: Nagano Foods | Tsumugi Works", 64).page(
        "/pricing",
        "Pricing | Tsumugi Works",
        130,
    );
    story.pass(1).page("/white-paper", "White paper | Tsumugi Works", 40);
    story.form(
        "white-paper",
        &[
            ("email", "hanako.yamada@kansai-seiki.example"),
            ("name", "山田 花子"),
            ("company", "関西精機株式会社"),
            ("role", "製造部長"),
            ("phone", "06-1234-5678"),
        ],
    );
    story.linked(Proof::First);
    story.add(Source::Site, Kind::Downloaded { page_view: None, target: format!("{SITE}/files/%E8%B3%87%E6%96%99.pdf") });
    story.pass(2 * 24 * 60).page("/pricing", "Pricing | Tsumugi Works", 215);
    story.pass(1).form(
        "inquiry",
        &[
            ("email", "hanako.yamada@kansai-seiki.example"),
            ("industry", "製造業"),
            ("employees", "320名"),
            ("message", "3拠点での利用を検討しています。\n来週、30分ほどお時間をいただけますか。"),
        ],
    );
    let (cell, alert) = (Cell::try_from("A1".to_owned()).ok(), MessageId::parse("m1").ok());
    story.add(
        Source::Michi,
        Kind::StageMoved { from: Stage::Lead, to: Stage::Mql, cell, alert: alert.clone(), corrects: None, by_rules: false },
    );
    story.add(
        Source::Michi,
        Kind::MailSent { message: alert.unwrap(), mail: MailId::parse("alert").unwrap(), owner: OwnerId::parse("sales").ok() },
    );
    story.pass(9);
    story
}
