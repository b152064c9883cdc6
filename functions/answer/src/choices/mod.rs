//! What mail a lead wants: the page that every mail links to, and what is posted to it.
//!
//! GET and HEAD show. A POST acts, and what it decides holds from its commit on: no mail is claimed afterwards that it
//! forbids. Whoever posts the end of mail is believed, machine or not: a mail program does it by itself.

mod page;
mod wish;
mod words;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use michi::activity::{Activity, Kind, LogOwner, Record};
use michi::fold::fold;
use michi::id::{ActivityId, LeadId};
use michi::io::{App, Error, Retry};
use michi::link::{OfLetter, Purpose};
use michi::mail::mailing::Mailing;
use michi::playbook::Playbook;

use crate::body::Fields;
use crate::door::Door;
use crate::nothing::Nothing;
pub(crate) use page::{Asks, Confirmation};
use page::{Choices, Notice};
use wish::Wish;

/// How often a choice is begun anew when somebody else was faster.
const REREADS: usize = 5;

/// The page.
pub(crate) async fn show(State(door): State<Door>, Path(token): Path<String>) -> Response {
    let Some(link) = opened(&door.app, &token) else { return door.nothing(&Nothing::NO_SUCH_CHOICES) };
    door.said(shown(&door.app, &link, None).await, StatusCode::OK)
}

/// What was posted: from the page, or by a mail program.
pub(crate) async fn take(State(door): State<Door>, Path(token): Path<String>, headers: HeaderMap, body: Body) -> Response {
    let Some(link) = opened(&door.app, &token) else { return door.nothing(&Nothing::NO_SUCH_CHOICES) };
    let fields = Fields::of(&headers, body).await.unwrap_or_default();
    let Some(wish) = Wish::of(&fields) else {
        return door.said(shown(&door.app, &link, Some(Notice::NotUnderstood)).await, StatusCode::BAD_REQUEST);
    };
    door.said(chosen(&door.app, &link, &wish).await, StatusCode::OK)
}

fn opened(app: &App, token: &str) -> Option<OfLetter> {
    OfLetter::open(Purpose::Unsubscribe, token, |number| app.keys.link(number).map(michi::io::Key::bytes)).ok()
}

/// Writes a wish down, if it changes anything, and shows what holds then.
async fn chosen(app: &App, link: &OfLetter, wish: &Wish) -> Result<Choices, Error> {
    for _ in 0..REREADS {
        let live = app.playbook().await?;
        let Some(known) = known(app, &link.lead, &live.playbook).await? else { return shown(app, link, None).await };
        let permissions = known.mailing().map(|mailing| mailing.permissions.clone()).unwrap_or_default();
        let kinds = wish.against(&permissions, &live.playbook.setup.mail.topics, &link.message);
        if kinds.is_empty() {
            return shown(app, link, Some(Notice::Kept)).await;
        }
        match known.write(app, kinds, &live.playbook).await {
            Ok(()) => {
                tracing::info!(lead.id = %link.lead, message.id = %link.message, "a lead has chosen what mail it wants");
                return shown(app, link, Some(Notice::Kept)).await;
            }
            // Somebody else was faster, or this very call before its answer was lost: what holds now says which.
            Err(error) if error.retry == Retry::Reread => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::later("a choice about mail was overtaken each time"))
}

async fn shown(app: &App, link: &OfLetter, notice: Option<Notice>) -> Result<Choices, Error> {
    let live = app.playbook().await?;
    let setup = &live.playbook.setup;
    // The reader knows the language of the mail that led here.
    let language = app.store.letter(&link.lead, &link.message).await?.map_or(setup.language, |message| message.language);
    let known = known(app, &link.lead, &live.playbook).await?;
    Ok(Choices::new(setup, language, known.as_ref().map(Known::mailing), notice))
}

/// What is known of a lead that can be written to.
pub(crate) struct Known {
    /// Who it is now.
    lead: LeadId,
    /// As it is stored.
    stored: Option<Mailing>,
    /// As the log says, where nothing is stored.
    folded: Option<Mailing>,
}

/// What must be known to keep the choice of whoever the lead is now; none: there is no such lead any more.
pub(crate) async fn known(app: &App, lead: &LeadId, playbook: &Playbook) -> Result<Option<Known>, Error> {
    let reach = app.store.reach(lead).await?;
    if !reach.lead_exists {
        return Ok(None);
    }
    let folded = match &reach.mailing {
        Some(_) => None,
        None => {
            let log = app.store.log(&LogOwner::Lead(reach.lead.clone())).await?;
            Mailing::of(&fold(playbook, &log, app.clock.now()), None)
        }
    };
    Ok(Some(Known { lead: reach.lead, stored: reach.mailing, folded }))
}

impl Known {
    pub(crate) fn mailing(&self) -> Option<&Mailing> {
        self.stored.as_ref().or(self.folded.as_ref())
    }

    /// Writes what the lead said into its mailing item and its log, both or neither.
    pub(crate) async fn write(&self, app: &App, kinds: Vec<Kind>, playbook: &Playbook) -> Result<(), Error> {
        let (lead, mailing) = (&self.lead, self.mailing());
        let (now, revision) = (app.clock.now(), mailing.map_or(0, |mailing| mailing.revision).to_string());
        let at = mailing.map_or(now, |mailing| mailing.permissions.next(now));
        // Whoever says something else of the same state of things wrote it down first, or not at all.
        let id = |place: usize| ActivityId::derive(&["choice", lead.as_str(), &revision, &place.to_string()]);
        let activities = kinds.into_iter().enumerate().map(|(place, kind)| Activity { id: id(place), at, kind });
        let activities: Vec<Activity> = activities.collect();
        let Some(first) = activities.first() else { return Ok(()) };
        let record = Record { activities: activities.clone(), ..Record::decision(first.id.clone(), at, first.kind.clone()) };
        let after = mailing.map(|mailing| mailing.learning_all(&record, &playbook.setup.mail.bounces));
        app.store.choose(lead, self.stored.as_ref(), after.as_ref(), &record, now).await
    }
}
