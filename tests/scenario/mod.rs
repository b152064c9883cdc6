//! Scenarios from the form to the last mail: entered once, stepped on time, ended by whatever ends them, whatever fails.

mod engine;
mod faults;
mod journeys;
mod letters;
mod moments;
mod operating;
mod planted;
mod story;
mod sweep;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use michi::activity::{Kind, Log, LogOwner, Record};
use michi::id::{ActivityId, LeadId};
use michi::io::store::Mark;
use michi::playbook::Playbook;
use michi::scenario::{Enrollment, Left, Passed};
use michi_local::{Mail, Suite};
use serde_json::{Value, json};

use crate::harness::{Visitor, insist, suite};
use crate::playbook::{applied, changed};
use crate::spine::lead_of;

pub(crate) const MINUTE: SignedDuration = SignedDuration::from_mins(1);
pub(crate) const HOUR: SignedDuration = SignedDuration::from_hours(1);
pub(crate) const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The scenario of most journeys: two letters with days between, a wait for somebody to look at prices, an attribute, and
/// a last letter; weekdays from nine to six.
pub(crate) fn nurture() -> Value {
    json!({
        "name": "Nurture",
        "trigger": { "form": "white-paper" },
        "goal": { "did": { "what": { "form": "inquiry" } } },
        "window": { "days": ["mon", "tue", "wed", "thu", "fri"], "from": 9, "to": 18 },
        "steps": [
            { "mail": { "id": "hello", "send": "welcome" } },
            { "wait": { "id": "days", "for": "3d" } },
            { "mail": { "id": "cases", "send": "case-study" } },
            { "wait_for": { "id": "prices", "did": { "page": "pricing" }, "within": "14d",
                "then": [{ "set": { "id": "keen", "attribute": "mood", "to": "keen" } }],
                "otherwise": [{ "set": { "id": "cool", "attribute": "mood", "to": "cool" } }] } },
            { "mail": { "id": "talk", "send": "talk" } }
        ]
    })
}

/// A suite whose playbook has just these scenarios.
pub(crate) async fn suite_with(scenarios: &Value) -> Suite {
    let suite = suite().await;
    publish(&suite, scenarios).await;
    suite
}

/// Makes these the scenarios of the live playbook, and lets everybody see them.
pub(crate) async fn publish(suite: &Suite, scenarios: &Value) {
    let scenarios = scenarios.clone();
    publish_change(suite, move |playbook| playbook.scenarios = serde_json::from_value(scenarios).unwrap()).await;
}

/// Makes a changed playbook live, and lets everybody see it.
pub(crate) async fn publish_change(suite: &Suite, change: impl FnOnce(&mut Playbook)) {
    edit(suite, change).await;
    suite.advance(MINUTE * 3).await.unwrap();
}

/// Makes a changed playbook live.
async fn edit(suite: &Suite, change: impl FnOnce(&mut Playbook)) {
    let before = suite.own().playbook().await.unwrap().playbook;
    let changed = changed(suite, |playbook| {
        // What is kept has its mails' texts apart, so that only what changes is taken from there.
        playbook.scenarios.clone_from(&before.scenarios);
        playbook.segments.clone_from(&before.segments);
        playbook.setup.clone_from(&before.setup);
        change(playbook);
    });
    applied(suite, &changed, "ann").await;
    suite.own().forget_playbook().await;
}

/// Somebody who has asked for the white paper.
pub(crate) struct Reader {
    pub(crate) visitor: Visitor,
    pub(crate) lead: LeadId,
    address: String,
}

impl Reader {
    pub(crate) async fn of(suite: &Suite, name: &str) -> Self {
        Self::sending(suite, name, "white-paper").await
    }

    pub(crate) async fn sending(suite: &Suite, name: &str, form: &str) -> Self {
        let mut visitor = Visitor::new(name);
        let address = format!("{name}@aoba.example");
        insist(suite, &visitor.form(suite.now(), form, &json!({ "email": address, "name": "森 花" }))).await;
        suite.settle().await.unwrap();
        let (lead, _) = lead_of(suite, &visitor).await;
        Self { visitor, lead, address }
    }

    pub(crate) fn mails(&self, suite: &Suite) -> Vec<Arc<Mail>> {
        suite.mailbox().mails().into_iter().filter(|mail| mail.to == [self.address.as_str()]).collect()
    }

    /// When which mail reached the lead, in its hours.
    pub(crate) async fn got(&self, suite: &Suite) -> Vec<String> {
        let said = |at: Timestamp| at.in_tz("Asia/Tokyo").unwrap().strftime("%a %d %b %H:%M").to_string();
        let log = self.log(suite).await;
        let mut sent: Vec<(Timestamp, String)> = activities(&log)
            .filter_map(|(at, kind)| match kind {
                Kind::MailSent { mail, owner: None, .. } => Some((at, mail.to_string())),
                _ => None,
            })
            .collect();
        sent.sort();
        sent.into_iter().map(|(at, mail)| format!("{} {mail}", said(at))).collect()
    }

    pub(crate) async fn log(&self, suite: &Suite) -> Log {
        suite.own().store.log(&LogOwner::Lead(self.lead.clone())).await.unwrap()
    }

    /// The steps it passed, in order.
    pub(crate) async fn passed(&self, suite: &Suite) -> Vec<Passed> {
        let log = self.log(suite).await;
        let mut passed: Vec<(Timestamp, ActivityId, Vec<Passed>)> = Vec::new();
        for record in &log.records {
            for activity in &record.activities {
                if let Kind::Advanced { passed: some, .. } = &activity.kind {
                    passed.push((activity.at, activity.id.clone(), some.clone()));
                }
            }
        }
        passed.sort_by_key(|(at, ..)| *at);
        passed.into_iter().flat_map(|(.., passed)| passed).collect()
    }

    /// The same as `step: how`.
    pub(crate) async fn path(&self, suite: &Suite) -> Vec<String> {
        self.passed(suite).await.iter().map(|one| format!("{}: {}", one.step, how(one))).collect()
    }

    /// Why it left, each time it did.
    pub(crate) async fn left(&self, suite: &Suite) -> Vec<Left> {
        let log = self.log(suite).await;
        let left = activities(&log).filter_map(|(_, kind)| match kind {
            Kind::Advanced { left: Some(left), .. } => Some(left.clone()),
            _ => None,
        });
        left.collect()
    }

    /// How often it entered.
    pub(crate) async fn entered(&self, suite: &Suite) -> usize {
        activities(&self.log(suite).await).filter(|(_, kind)| matches!(kind, Kind::Enrolled { .. })).count()
    }

    pub(crate) async fn open(&self, suite: &Suite) -> Vec<Enrollment> {
        suite.own().store.enrollments_of(&self.lead).await.unwrap()
    }

    /// Something that its log learns, and `score` with it.
    pub(crate) async fn append(&self, suite: &Suite, kind: Kind, id: &str) {
        let record = Record::decision(ActivityId::derive(&[id, self.lead.as_str()]), suite.now(), kind);
        let log = LogOwner::Lead(self.lead.clone());
        suite.own().store.append(&log, &record, Mark::Guaranteed).await.unwrap();
        suite.settle().await.unwrap();
    }
}

fn activities(log: &Log) -> impl Iterator<Item = (Timestamp, &Kind)> {
    log.records.iter().flat_map(|record| &record.activities).map(|activity| (activity.at, &activity.kind))
}

fn how(passed: &Passed) -> String {
    let how = serde_json::to_value(&passed.how).unwrap();
    match how.get("mailed") {
        Some(mailed) => format!("mailed {}", mailed["mail"].as_str().unwrap()),
        None => how.as_str().map_or_else(|| how.to_string(), str::to_owned),
    }
}
