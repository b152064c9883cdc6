//! One entry of the timeline: what an activity says to sales.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use michi::activity::{FormSubmission, Kind, PageView, SalesAnswer};
use michi::consent::words_version;
use michi::fold::Step;
use michi::id::{ActivityId, EnrollmentId, MailId, MessageId, OwnerId, PageViewId, ScenarioId, StepId, WayId};
use michi::lead::Lead;
use michi::mail::words::{self as shared, lasting};
use michi::playbook::scenario;
use michi::scenario::{Passing, Subject};
use michi::verdict::Verdict;

use super::about::{About, about, host};
use super::phrases;
use super::points::number;
use super::reader::{Reader, Stamp, line, lines};
use super::scores::class_words;
use super::words;

/// One thing that happened.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) at: Stamp,
    pub(crate) what: &'static str,
    pub(crate) weight: Weight,
    pub(crate) about: About,
    /// What pages or forms of this class mean.
    pub(crate) class: Option<String>,
    /// How long it was in sight.
    pub(crate) engaged: Option<String>,
    pub(crate) notes: Vec<String>,
    /// Names and values.
    pub(crate) fields: Vec<(String, String)>,
    /// The points it gave or took.
    pub(crate) points: Option<String>,
    pub(crate) unconfirmed: bool,
    /// Why it counts for nothing, if it does.
    pub(crate) idle: Option<&'static str>,
}

/// How much an entry says to sales.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    Strong,
    Normal,
    Quiet,
}

impl Weight {
    /// The style sheet's word for it.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Strong => "strong",
            Self::Normal => "normal",
            Self::Quiet => "quiet",
        }
    }
}

/// Tells what happened, with what the fold made of it.
pub(crate) struct Teller<'a> {
    reader: &'a Reader<'a>,
    points: HashMap<&'a ActivityId, f64>,
    engaged: HashMap<(&'a PageViewId, Timestamp), u64>,
    mails: HashMap<&'a MessageId, &'a MailId>,
    /// Which of its mail's subjects a letter of a scenario had.
    subjects: HashMap<&'a MessageId, &'a Subject>,
    scenarios: HashMap<&'a EnrollmentId, &'a ScenarioId>,
}

/// What of an entry its kind decides.
struct Told {
    what: &'static str,
    weight: Weight,
    about: Option<About>,
    notes: Vec<String>,
    fields: Vec<(String, String)>,
}

impl Told {
    fn new(what: &'static str, weight: Weight) -> Self {
        Self { what, weight, about: None, notes: vec![], fields: vec![] }
    }

    /// With michi's own words in the place of what it was about.
    fn saying(self, text: impl Into<String>) -> Self {
        Self { about: Some(About { text: text.into(), link: None }), ..self }
    }

    fn noting(self, notes: Vec<String>) -> Self {
        Self { notes, ..self }
    }

    fn with(self, fields: Vec<(String, String)>) -> Self {
        Self { fields, ..self }
    }
}

impl<'a> Teller<'a> {
    pub(crate) fn new(lead: &'a Lead, history: &[Step<'a>], reader: &'a Reader<'a>) -> Self {
        let mut teller = Self {
            reader,
            points: lead.interest.reasons.iter().map(|reason| (&reason.activity, reason.points)).collect(),
            engaged: lead.pages.iter().map(|page| ((&page.page_view, page.at), page.engaged)).collect(),
            mails: HashMap::new(),
            subjects: HashMap::new(),
            scenarios: HashMap::new(),
        };
        for step in history {
            match &step.activity.kind {
                Kind::MailSent { message, mail, .. } => {
                    teller.mails.insert(message, mail);
                }
                Kind::Enrolled { scenario, enrollment, .. } => {
                    teller.scenarios.insert(enrollment, scenario);
                }
                Kind::Advanced { passed, .. } => teller.subjects.extend(passed.iter().filter_map(|passed| match &passed.how {
                    Passing::Mailed { message, subject, .. } => Some((message, subject)),
                    _ => None,
                })),
                _ => {}
            }
        }
        teller
    }

    /// Whether a step makes an entry.
    pub(crate) fn tells(&self, step: &Step<'_>) -> bool {
        self.told(step).is_some()
    }

    /// The entry for a step; none for time in sight, which is told with its page.
    pub(crate) fn entry(&self, step: &Step<'_>) -> Option<Entry> {
        let told = self.told(step)?;
        let engaged = match &step.activity.kind {
            Kind::PageViewed(page) => self.engaged.get(&(&page.page_view, step.activity.at)).filter(|millis| **millis > 0),
            _ => None,
        };
        Some(Entry {
            at: self.reader.clock(step.activity.at),
            what: told.what,
            weight: told.weight,
            about: told.about.unwrap_or_else(|| about(step, self.reader)),
            class: class_words(step, self.reader),
            engaged: engaged.map(|millis| lasting(*millis, self.reader.language)),
            notes: told.notes,
            fields: told.fields,
            points: self.points.get(&step.activity.id).and_then(|points| signed(*points)),
            unconfirmed: step.unconfirmed,
            idle: match step.judged.verdict {
                Verdict::Human => None,
                Verdict::Machine => Some(self.reader.words.machine),
                Verdict::Unclear => Some(self.reader.words.unclear),
            },
        })
    }

    fn told(&self, step: &Step<'_>) -> Option<Told> {
        use Weight::{Normal, Quiet, Strong};
        let (words, language) = (self.reader.words, self.reader.language);
        Some(match &step.activity.kind {
            Kind::Engaged { .. } => return None,
            Kind::PageViewed(page) => Told::new(words.page, Normal).noting(self.origin(page)),
            Kind::Clicked { .. } => Told::new(words.click, Quiet),
            Kind::Downloaded { .. } => Told::new(words.download, Strong),
            Kind::Tracked { properties, .. } => Told::new(words.event, Normal).with(self.fields(properties)),
            Kind::FormSubmitted(form) => Told::new(words.form, Strong).with(self.fields(&form.fields)).noting(self.consent(form)),
            Kind::Identified { traits, .. } => Told::new(words.identified, Normal).with(self.fields(traits)),
            Kind::AttributeSet { name, value } => {
                let value = if value.is_empty() { words.removed.to_owned() } else { line(value) };
                Told::new(words.changed, Quiet).saying(format!("{}{}{value}", words::attribute(name, language), words.colon))
            }
            Kind::Consented { granted, text, awaits, by, .. } => {
                let said = if *granted { words.leave_given } else { words.leave_withdrawn };
                let agreed = text.as_ref().map(|text| phrases::agreed_words(&line(text), &words_version(text), language));
                let notes = agreed.into_iter().chain(by.as_deref().map(line));
                let notes = notes.chain(awaits.then(|| words.awaits.to_owned())).collect();
                Told::new(words.mail_leave, Quiet).saying(said).noting(notes)
            }
            Kind::VisitorLinked { proof, .. } => Told::new(words.browser, Quiet).saying(phrases::proof(*proof, language)),
            Kind::VisitorCut { .. } => Told::new(words.browser, Quiet).saying(words.browser_gone),
            Kind::Enrolled { .. } => Told::new(words.scenario_entered, Quiet),
            // Its mails, notices and answers stand in the list themselves.
            Kind::Advanced { left: None, .. } => return None,
            Kind::Advanced { left: Some(why), .. } => Told::new(words.scenario_left, Quiet).noting(vec![why.words(language)]),
            Kind::Answered { enrollment, step, attribute, answer, .. } => {
                let (said, question) = match self.asked(enrollment, step, answer) {
                    Some((question, said)) => (said, question),
                    None => (line(answer.as_str()), words::attribute(attribute, language).into_owned()),
                };
                Told::new(words.answered, Strong).saying(said).noting(vec![question])
            }
            Kind::StageMoved { from, to, cell, by_rules, corrects, .. } => {
                let (from, to) = (shared::stage(*from, language), shared::stage(*to, language));
                let cell = cell.iter().map(|cell| shared::cell(*cell, language));
                let why = [(*by_rules, words.by_rules), (corrects.is_some(), words.corrected)];
                let why = why.into_iter().filter(|(holds, _)| *holds).map(|(_, why)| why.to_owned());
                let notes = cell.chain(why).collect();
                Told::new(words.stage, Strong).saying(format!("{from} → {to}")).noting(notes)
            }
            Kind::SalesAnswered { owner, answer, .. } => {
                let (said, note) = match answer {
                    SalesAnswer::Accepted => (words.accepted.to_owned(), None),
                    SalesAnswer::Rejected { reason } => (words.rejected.to_owned(), Some(lines(reason))),
                    SalesAnswer::Recycled { until } => {
                        (format!("{} {}", words.recycled, phrases::date(self.reader.zoned(*until).date(), language)), None)
                    }
                };
                let said = format!("{}{}{said}", self.owner(owner), words.colon);
                Told::new(words.sales, Strong).saying(said).noting(note.into_iter().collect())
            }
            Kind::MailSent { message, mail, owner } => {
                let mail = self.mail(message, mail);
                let to = owner.as_ref().map(|owner| format!(" → {}", self.owner(owner))).unwrap_or_default();
                Told::new(words.mail_sent, Quiet).saying(mail + &to)
            }
            Kind::MailDelivered { .. } => return None,
            Kind::MailBounced { bounce, why, .. } => Told::new(words.mail_bounced, Normal)
                .saying(phrases::bounce(*bounce, language))
                .noting(why.iter().map(|why| line(why)).collect()),
            Kind::MailComplained { .. } => Told::new(words.mail_complained, Strong),
            Kind::MailChosen { topic, wanted, .. } => {
                let said = if *wanted { words.leave_given } else { words.leave_withdrawn };
                let topic = topic.iter().map(|topic| line(topic.as_str())).collect();
                Told::new(words.mail_leave, Quiet).saying(said).noting(topic)
            }
            Kind::Confirmed { .. } => Told::new(words.mail_leave, Quiet).saying(words.leave_confirmed),
            Kind::TrackingChosen { .. } => Told::new(words.tracking, Quiet),
            Kind::CardExchanged { owner, note } => {
                let by = owner.as_ref().map(|owner| self.owner(owner)).unwrap_or_default();
                Told::new(words.card, Strong).saying(by).noting(note.iter().map(|note| lines(note)).collect())
            }
            Kind::Visited { owner, note } => {
                let by = owner.as_ref().map(|owner| self.owner(owner)).unwrap_or_default();
                Told::new(words.visit, Strong).saying(by).noting(note.iter().map(|note| lines(note)).collect())
            }
            Kind::Listed { attributes, .. } => Told::new(words.listed, Normal).with(self.fields(attributes)),
            Kind::ImportUndone { .. } => return None,
            Kind::Merged { .. } => Told::new(words.merged, Quiet).saying(words.merged_with),
            Kind::MailOpened { message } => Told::new(words.mail_opened, Quiet).noting(self.which(message)),
            Kind::MailClicked { message, .. } => Told::new(words.mail_clicked, Normal).noting(self.which(message)),
            Kind::EventAttended { .. } => Told::new(words.attended, Strong),
            Kind::CallMade { owner, note } => {
                let by = owner.as_ref().map(|owner| self.owner(owner)).unwrap_or_default();
                Told::new(words.call, Strong).saying(by).noting(note.iter().map(|note| lines(note)).collect())
            }
        })
    }

    /// Where a visit came from: another site, a campaign.
    fn origin(&self, page: &PageView) -> Vec<String> {
        let words = self.reader.words;
        let foreign = page.referrer.as_deref().filter(|referrer| self.reader.own_page(referrer).is_none());
        let mut notes: Vec<String> =
            foreign.and_then(host).map(|host| format!("{} {host}", words.came_from)).into_iter().collect();
        let campaign: Vec<String> = ["utm_campaign", "utm_source", "utm_medium"]
            .iter()
            .filter_map(|name| page.campaign.get(*name))
            .map(|value| line(value))
            .filter(|value| !value.is_empty())
            .collect();
        if !campaign.is_empty() {
            notes.push(format!("{} {}", words.campaign, campaign.join(" / ")));
        }
        notes
    }

    fn fields(&self, fields: &BTreeMap<String, String>) -> Vec<(String, String)> {
        let named = |(name, value): (&String, &String)| (words::attribute(name, self.reader.language).into_owned(), lines(value));
        let mut fields: Vec<_> = fields.iter().collect();
        fields.sort_by_key(|(name, _)| words::place(name));
        fields.into_iter().map(named).filter(|(_, value)| !value.is_empty()).collect()
    }

    fn consent(&self, form: &FormSubmission) -> Vec<String> {
        let words = self.reader.words;
        let said = |granted| if granted { words.leave_given } else { words.leave_withdrawn };
        form.consent.iter().map(|consent| said(consent.granted).to_owned() + words.colon + &line(&consent.text)).collect()
    }

    fn owner(&self, id: &OwnerId) -> String {
        let owner = self.reader.playbook.setup.owners.iter().find(|owner| owner.id == *id);
        owner.map_or_else(|| id.to_string(), |owner| owner.name.clone())
    }

    /// Which mail a message was.
    fn which(&self, message: &MessageId) -> Vec<String> {
        self.mails.get(message).map(|mail| self.mail(message, mail)).into_iter().collect()
    }

    /// What a mail is called: michi's own in words, others by the subject that it had. Where that is not known any more, or
    /// differs from reader to reader, by the name of its file.
    fn mail(&self, message: &MessageId, id: &MailId) -> String {
        let Reader { playbook, language, .. } = *self.reader;
        if let Some(own) = phrases::own_mail(id.as_str(), language) {
            return own.to_owned();
        }
        let only = || match playbook.mail(id)?.version(language)?.1.subjects.as_slice() {
            [only] => Some(only.as_str()),
            _ => None,
        };
        let subject = self.subjects.get(message).map_or_else(only, |subject| subject.text(id, playbook));
        line(subject.filter(|subject| !subject.contains(['{', '}'])).unwrap_or(id.as_str()))
    }

    /// The question that a step asks, and what this answer to it says.
    fn asked(&self, enrollment: &EnrollmentId, step: &StepId, answer: &WayId) -> Option<(String, String)> {
        let scenario = self.reader.playbook.scenarios.get(*self.scenarios.get(enrollment)?)?;
        let scenario::Step::Ask(ask) = scenario.find(step)?.step else { return None };
        let answer = ask.answers.iter().find(|known| known.id == *answer)?;
        let language = self.reader.language;
        Some((line(ask.question.in_language(language)), line(answer.text.in_language(language))))
    }
}

/// Points with the sign that says whether they were given or taken; none where a limit left nothing of them.
fn signed(points: f64) -> Option<String> {
    let number = number(points);
    match number.as_str() {
        "0" => None,
        _ if points > 0.0 => Some(format!("+{number}")),
        _ => Some(number),
    }
}
