//! The question of a scenario is answered: by a POST that a person makes. The mail's links only choose the answer; scanners
//! that follow every link, and those that press buttons, are shown the page and change nothing.
//!
//! What was answered last counts, also when the scenario has gone on without an answer or is over for the lead.

mod page;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use michi::activity::{Kind, Log, LogOwner, Record};
use michi::id::{ActivityId, EnrollmentId, StepId, WayId};
use michi::io::store::Mark;
use michi::io::{App, Error};
use michi::link;
use michi::mail::letter::{Cause, Question};
use michi::mail::message::Content;
use michi::playbook::Language;

use crate::body::{Fields, by_a_person};
use crate::door::Door;
use crate::nothing::Nothing;
use page::{Notice, QuestionPage};

/// The page, with the answer chosen that the link stands for.
pub(crate) async fn show(State(door): State<Door>, Path(token): Path<String>) -> Response {
    let Some(link) = opened(&door.app, &token) else { return door.nothing(&Nothing::NO_SUCH_QUESTION) };
    let page = async {
        let Some(asked) = Asked::of(&door.app, &link).await? else { return Ok(None) };
        let given = asked.newest().map(|(_, answer, _)| answer.clone());
        asked.page(&door.app, link.answer, given, None).await.map(Some)
    };
    door.asked(page.await, StatusCode::OK)
}

/// What was posted from the page.
pub(crate) async fn take(State(door): State<Door>, Path(token): Path<String>, headers: HeaderMap, body: Body) -> Response {
    let Some(link) = opened(&door.app, &token) else { return door.nothing(&Nothing::NO_SUCH_QUESTION) };
    let person = by_a_person(&headers);
    let fields = Fields::of(&headers, body).await.unwrap_or_default();
    let mut status = StatusCode::OK;
    let page = async {
        let Some(asked) = Asked::of(&door.app, &link).await? else { return Ok(None) };
        let given = asked.newest().map(|(_, answer, _)| answer.clone());
        let Some(answer) = asked.question.answers.iter().map(|answer| &answer.id).find(|id| fields.says("answer", id.as_str()))
        else {
            status = StatusCode::BAD_REQUEST;
            return asked.page(&door.app, link.answer, given, Some(Notice::NotUnderstood)).await.map(Some);
        };
        if !person {
            return asked.page(&door.app, link.answer, given, None).await.map(Some);
        }
        asked.keep(&door.app, &link, answer).await?;
        asked.page(&door.app, link.answer, Some(answer.clone()), Some(Notice::Kept)).await.map(Some)
    };
    let page = page.await;
    door.asked(page, status)
}

fn opened(app: &App, token: &str) -> Option<link::Question> {
    link::Question::open(token, |number| app.keys.link(number).map(michi::io::Key::bytes)).ok()
}

/// A question as it was mailed, with the log of whom it was mailed to.
struct Asked {
    question: Question,
    enrollment: EnrollmentId,
    step: StepId,
    language: Language,
    link: link::Question,
    log: Log,
}

impl Asked {
    /// None: there is no such lead or letter any more, or the letter asks nothing.
    async fn of(app: &App, link: &link::Question) -> Result<Option<Self>, Error> {
        let Some(message) = app.store.letter(&link.lead, &link.message).await? else { return Ok(None) };
        let language = message.language;
        let Content::Letter(letter) = message.content else { return Ok(None) };
        let (Some(question), Cause::Scenario { enrollment, step, .. }) = (letter.question, letter.cause) else {
            return Ok(None);
        };
        let reach = app.store.reach(&link.lead).await?;
        if !reach.lead_exists {
            return Ok(None);
        }
        let log = app.store.log(&LogOwner::Lead(reach.lead)).await?;
        Ok(Some(Self { question, enrollment, step, language, link: link.clone(), log }))
    }

    /// The answer that counts now: the activity, what it says, and when.
    fn newest(&self) -> Option<(&ActivityId, &WayId, Timestamp)> {
        let activities = self.log.records.iter().flat_map(|record| &record.activities);
        let answers = activities.filter_map(|activity| match &activity.kind {
            Kind::Answered { message, answer, .. } if *message == self.link.message => Some((&activity.id, answer, activity.at)),
            _ => None,
        });
        answers.max_by_key(|(id, _, at)| (*at, *id))
    }

    /// Whether the scenario is over for the lead.
    fn is_over(&self) -> bool {
        let mut activities = self.log.records.iter().flat_map(|record| &record.activities);
        activities.any(|activity| {
            matches!(&activity.kind, Kind::Advanced { enrollment, left: Some(_), .. } if *enrollment == self.enrollment)
        })
    }

    /// Appends the answer, unless it is the one that counts already.
    async fn keep(&self, app: &App, link: &link::Question, answer: &WayId) -> Result<(), Error> {
        let newest = self.newest();
        if newest.is_some_and(|(_, known, _)| known == answer) {
            return Ok(());
        }
        // Who says the same of the same state of things says it once; who comes back to an earlier answer says it anew.
        let before = newest.map_or("", |(id, ..)| id.as_str());
        let id = ActivityId::derive(&["answered", link.message.as_str(), before, answer.as_str()]);
        let now = app.clock.now();
        let after = newest.and_then(|(_, _, at)| at.checked_add(SignedDuration::from_millis(1)).ok());
        let kind = Kind::Answered {
            enrollment: self.enrollment.clone(),
            step: self.step.clone(),
            message: link.message.clone(),
            attribute: self.question.attribute.clone(),
            answer: answer.clone(),
        };
        let record = Record::decision(id, after.map_or(now, |after| after.max(now)), kind);
        app.store.append(&self.log.owner, &record, Mark::Guaranteed).await?;
        tracing::info!(lead.id = %link.lead, message.id = %link.message, "a lead has answered a question");
        Ok(())
    }

    async fn page(&self, app: &App, linked: u16, given: Option<WayId>, notice: Option<Notice>) -> Result<QuestionPage, Error> {
        let live = app.playbook().await?;
        // What is posted is chosen; else what the link stands for.
        let linked = self.question.answers.get(usize::from(linked)).map(|answer| &answer.id);
        let chosen = if notice == Some(Notice::Kept) { given.as_ref() } else { linked.or(given.as_ref()) };
        Ok(QuestionPage::new(&live.playbook.setup, self.language, &self.question, chosen, given.as_ref(), self.is_over(), notice))
    }
}
