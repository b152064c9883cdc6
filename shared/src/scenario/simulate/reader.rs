//! What people do in a simulation, by assumption.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde::Serialize;

use super::Letter;
use crate::activity::{FormSubmission, Kind, Log, PageView};
use crate::condition::What;
use crate::id::{ClassId, FormId, PageViewId, draw};
use crate::playbook::Playbook;
use crate::playbook::scenario::{Scenario, Step};
use crate::scenario::{Enrollment, Passing};

/// How long after it is sent a mail is opened, and its link is followed; how long after it is asked or waited for, an answer
/// is given and something is done.
const OPENED: SignedDuration = SignedDuration::from_mins(30);
const CLICKED: SignedDuration = SignedDuration::from_mins(31);
const ANSWERED: SignedDuration = SignedDuration::from_mins(60);
const DONE: SignedDuration = SignedDuration::from_mins(60);

/// What people do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Assume {
    /// Everything that is hoped for: they open and click, give the first answer, and do what is waited for.
    Best,
    /// Nothing.
    Nothing,
    /// What they did so far, as often as they did.
    History(Rates),
}

/// How often people do something, from 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Rates {
    /// Letters that were opened, of those sent.
    pub opened: f64,
    /// Letters with a click, of those sent.
    pub clicked: f64,
    /// Questions answered, of those asked.
    pub answered: f64,
    /// What was waited for and came, of the waits that are over.
    pub came: f64,
}

/// What the rates are counted from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
struct Counts {
    sent: u32,
    opened: u32,
    clicked: u32,
    asked: u32,
    answered: u32,
    waited: u32,
    came: u32,
}

impl Rates {
    /// The rates that logs show; 0 where nothing of the kind is in them. Opens and clicks of machines are not counted.
    #[must_use]
    pub fn of<'l>(playbook: &Playbook, logs: impl Iterator<Item = &'l Log>, now: jiff::Timestamp) -> Self {
        let mut counts = Counts::default();
        for log in logs {
            let history = crate::fold::history(playbook, log, now);
            let (mut opened, mut clicked) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
            for step in history.iter().filter(|step| step.counts()) {
                match &step.activity.kind {
                    Kind::MailSent { owner: None, .. } => counts.sent += 1,
                    Kind::MailOpened { message } => counts.opened += u32::from(opened.insert(message)),
                    Kind::MailClicked { message, .. } => counts.clicked += u32::from(clicked.insert(message)),
                    Kind::Answered { .. } => counts.answered += 1,
                    Kind::Advanced { scenario, passed, .. } => {
                        let scenario = playbook.scenarios.get(scenario);
                        for passed in passed {
                            let step = scenario.and_then(|scenario| scenario.find(&passed.step)).map(|spot| spot.step);
                            match (step, &passed.how) {
                                (Some(Step::Ask(_)), Passing::Mailed { .. }) => counts.asked += 1,
                                (_, Passing::LeftHere) => {}
                                (Some(Step::WaitFor(_)), how) => {
                                    counts.waited += 1;
                                    counts.came += u32::from(*how == Passing::Came);
                                }
                                _ => {}
                            }
                        }
                    }
                    _ => {}
                }
            }
        }
        let rate = |part: u32, whole: u32| if whole == 0 { 0.0 } else { (f64::from(part) / f64::from(whole)).min(1.0) };
        Self {
            opened: rate(counts.opened, counts.sent),
            clicked: rate(counts.clicked, counts.sent),
            answered: rate(counts.answered, counts.asked),
            came: rate(counts.came, counts.waited),
        }
    }
}

impl Assume {
    /// What the reader of a letter does, and how long after it was sent.
    pub(super) fn reads(&self, playbook: &Playbook, letter: &Letter) -> Vec<(SignedDuration, Kind)> {
        let message = || letter.message.clone();
        let happens = |what: &str, rate: fn(&Rates) -> f64| self.draws(&[what, letter.message.as_str()], rate);
        let mut does = vec![];
        if happens("opens", |rates| rates.opened) {
            does.push((OPENED, Kind::MailOpened { message: message() }));
        }
        let links = playbook.mail(&letter.mail).and_then(|mail| mail.versions.values().next()).map(|version| &version.links);
        if let Some(target) = links.and_then(|links| links.first()).filter(|_| happens("clicks", |rates| rates.clicked)) {
            does.push((CLICKED, Kind::MailClicked { message: message(), link: 0, target: target.clone() }));
        }
        let asks = playbook.scenarios.get(&letter.scenario).and_then(|scenario| scenario.find(&letter.step));
        if let Some(Step::Ask(ask)) = asks.map(|spot| spot.step)
            && let Some(answer) = ask.answers.first()
            && happens("answers", |rates| rates.answered)
        {
            let (enrollment, step, answer) = (letter.enrollment.clone(), ask.id.clone(), answer.id.clone());
            let attribute = ask.attribute.clone();
            does.push((ANSWERED, Kind::Answered { enrollment, step, message: message(), attribute, answer }));
        }
        does
    }

    /// What a lead does that waits for a behaviour; none: nothing.
    pub(super) fn does(&self, playbook: &Playbook, scenario: &Scenario, at: &Enrollment) -> Option<(SignedDuration, Kind)> {
        let Step::WaitFor(step) = scenario.find(&at.place.step)?.step else { return None };
        let visit = at.place.visit.to_string();
        let causes = ["comes", at.id.as_str(), at.place.step.as_str(), &visit];
        if !self.draws(&causes, |rates| rates.came) {
            return None;
        }
        Some((DONE, act(playbook, &step.did, at.mail.as_ref())?))
    }

    /// Whether something happens that may or may not; always the same for the same causes.
    fn draws(&self, causes: &[&str], rate: fn(&Rates) -> f64) -> bool {
        const FINE: u64 = 1_000_000;
        match self {
            Self::Best => true,
            Self::Nothing => false,
            Self::History(rates) => (draw(causes, FINE) as f64) < rate(rates) * FINE as f64,
        }
    }
}

/// Something that is this, as if somebody did it; none: the playbook has no page or form of the class, or no mail was sent.
#[must_use]
pub fn act(playbook: &Playbook, what: &What, mail: Option<&crate::id::MessageId>) -> Option<Kind> {
    let some = |text: &str| text.to_owned();
    let form = |form: FormId| {
        let (address, fields, consent) = (None, BTreeMap::new(), None);
        Kind::FormSubmitted(FormSubmission { form, page_view: None, url: None, address, fields, consent, millis: None })
    };
    Some(match what {
        What::Page(class) => page(playbook, Some(class))?,
        What::PlainPage => page(playbook, None)?,
        What::AnyPage => page(playbook, None).or_else(|| page(playbook, playbook.setup.pages.first().map(|page| &page.class)))?,
        What::Form(class) => form(playbook.setup.forms.iter().find(|one| one.class == *class)?.forms.first()?.clone()),
        What::FormNamed(name) => form(name.clone()),
        What::Download => Kind::Downloaded { page_view: None, target: some("https://example.com/file.pdf") },
        What::Click => Kind::Clicked { page_view: None, target: some("https://example.com/"), text: None },
        What::Track(event) => Kind::Tracked { event: event.clone(), properties: BTreeMap::new() },
        What::MailOpened => Kind::MailOpened { message: mail?.clone() },
        What::MailClicked => Kind::MailClicked { message: mail?.clone(), link: 0, target: some("https://example.com/") },
        What::EventAttended => Kind::EventAttended { event: some("an event") },
        What::CallMade => Kind::CallMade { owner: None, note: None },
        What::CardExchanged => Kind::CardExchanged { owner: None, note: None },
        What::Visited => Kind::Visited { owner: None, note: None },
    })
}

/// A look at a page of this class, or of none.
fn page(playbook: &Playbook, class: Option<&ClassId>) -> Option<Kind> {
    let origin = playbook.setup.sites.first().map_or("https://example.com", |site| site.origin.as_str());
    let patterns = playbook.setup.pages.iter().filter(|page| Some(&page.class) == class).flat_map(|page| &page.paths);
    let paths = patterns.map(|pattern| pattern.to_string().replace('*', "x"));
    let urls = paths.chain(class.is_none().then(|| "/x-plain-page".to_owned())).map(|path| format!("{origin}{path}"));
    let url = urls.into_iter().find(|url| playbook.page_class(url) == class)?;
    let page_view = PageViewId::derive(&["simulated", &url]);
    Some(Kind::PageViewed(PageView { page_view, url, title: None, referrer: None, previous: None, campaign: BTreeMap::new() }))
}
