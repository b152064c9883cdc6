//! Signed links: what michi has signed opens as itself, and nothing else opens at all.

use std::fmt::Debug;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use michi::id::{ActivityId, LeadId, MessageId, OwnerId, ScenarioId};
use michi::link::{Click, Confirm, NoSuchLink, OfLetter, Purpose, Question, Results, View};
use proptest::prelude::*;

use super::bytes::{Input, changed};
use super::{cases, soon};

const KEYS: [[u8; 32]; 2] = [[7; 32], [8; 32]];
const ALL: [Purpose; 9] = [
    Purpose::Click,
    Purpose::Open,
    Purpose::Unsubscribe,
    Purpose::Answer,
    Purpose::View,
    Purpose::Form,
    Purpose::Confirm,
    Purpose::Question,
    Purpose::Results,
];

fn now() -> Timestamp {
    "2026-11-22T00:52:00Z".parse().unwrap()
}

fn key(number: u8) -> Option<&'static [u8; 32]> {
    KEYS.get(usize::from(number).checked_sub(1)?)
}

/// What a token opens for a purpose.
fn opened(purpose: Purpose, token: &str, now: Timestamp) -> Option<String> {
    fn said<T: Debug>(opened: Result<T, NoSuchLink>) -> Option<String> {
        opened.ok().map(|opened| format!("{opened:?}"))
    }
    match purpose {
        Purpose::Click => said(Click::open(token, key)),
        Purpose::View => said(View::open(token, key, now)),
        Purpose::Confirm => said(Confirm::open(token, key, now)),
        Purpose::Question => said(Question::open(token, key)),
        Purpose::Results => said(Results::open(token, key, now)),
        Purpose::Open | Purpose::Unsubscribe | Purpose::Answer | Purpose::Form => said(OfLetter::open(purpose, token, key)),
    }
}

/// A token that michi has signed.
#[derive(Debug, Clone)]
struct Signed {
    purpose: Purpose,
    token: String,
    opens: String,
    until: Option<Timestamp>,
}

static SIGNED: LazyLock<Vec<Signed>> = LazyLock::new(|| {
    let one = |purpose, token: &str, opens: &dyn Debug, until| {
        let token = token.rsplit('/').next().unwrap().to_owned();
        Signed { purpose, token, opens: format!("{opens:?}"), until }
    };
    let mut all = Vec::new();
    for (number, id) in [(1, "4q7m1v9kzt0xh5d2c8nrwy3bfa".to_owned()), (2, "a".to_owned()), (1, "x".repeat(100))] {
        let key = key(number).unwrap();
        let (lead, message) = (LeadId::parse(&*id).unwrap(), MessageId::parse(id).unwrap());
        let view = View::new(lead.clone(), OwnerId::parse("sato").unwrap(), now());
        all.push(one(Purpose::View, &view.token(number, key), &view, Some(view.expires)));
        let confirm = Confirm::new(lead.clone(), ActivityId::derive(&["consent"]), now());
        all.push(one(Purpose::Confirm, &confirm.url("", number, key), &confirm, Some(confirm.expires)));
        let click = Click { lead: lead.clone(), message: message.clone(), link: 7 };
        all.push(one(Purpose::Click, &click.url("", number, key), &click, None));
        let question = Question { lead: lead.clone(), message: message.clone(), answer: 3 };
        all.push(one(Purpose::Question, &question.url("", number, key), &question, None));
        let results = Results::new(ScenarioId::parse("after-a-paper").unwrap(), now());
        all.push(one(Purpose::Results, &results.url("", number, key), &results, Some(results.expires)));
        let letter = OfLetter { lead, message };
        for purpose in [Purpose::Open, Purpose::Unsubscribe, Purpose::Answer, Purpose::Form] {
            all.push(one(purpose, &letter.token(purpose, number, key), &letter, None));
        }
    }
    all
});

fn token() -> impl Strategy<Value = Input> {
    let texts = SIGNED.iter().map(|signed| signed.token.clone().into_bytes()).collect();
    let bytes = SIGNED.iter().map(|signed| URL_SAFE_NO_PAD.decode(&signed.token).unwrap()).collect();
    let encoded = changed(bytes).prop_map(|Input(bytes)| Input(URL_SAFE_NO_PAD.encode(bytes).into_bytes()));
    prop_oneof![changed(texts), encoded]
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn a_link_opens_as_what_was_signed_or_not_at_all(token in token(), days in 0..40_i64) {
        soon(move || {
            let (token, now) = (token.text(), now() + SignedDuration::from_hours(24 * days));
            for purpose in ALL {
                let wanted = SIGNED.iter().find(|signed| signed.purpose == purpose && signed.token == token);
                let wanted = wanted.filter(|signed| signed.until.is_none_or(|until| now < until));
                assert_eq!(opened(purpose, &token, now), wanted.map(|signed| signed.opens.clone()), "{purpose:?}");
            }
        });
    }
}
