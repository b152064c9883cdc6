//! A consent is confirmed from the mailbox: by a POST that a person makes. Scanners that follow every link in a mail, and
//! those that press buttons, are shown the page and change nothing.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use michi::activity::{Kind, LogOwner};
use michi::fold::fold;
use michi::io::{App, Error, Retry};
use michi::link::Confirm;
use michi::playbook::Language;

use crate::body::{Fields, by_a_person};
use crate::choices::{Asks, Confirmation, known};
use crate::door::Door;
use crate::nothing::Nothing;

/// How often a confirmation is begun anew when somebody else was faster.
const REREADS: usize = 5;

/// The page.
pub(crate) async fn show(State(door): State<Door>, Path(token): Path<String>) -> Response {
    let Some(link) = opened(&door.app, &token) else { return door.nothing(&Nothing::NO_SUCH_CONFIRMATION) };
    door.said(confirmation(&door.app, &link, false).await, StatusCode::OK)
}

/// What was posted.
pub(crate) async fn take(State(door): State<Door>, Path(token): Path<String>, headers: HeaderMap, body: Body) -> Response {
    let Some(link) = opened(&door.app, &token) else { return door.nothing(&Nothing::NO_SUCH_CONFIRMATION) };
    let person = by_a_person(&headers);
    let pressed = Fields::of(&headers, body).await.is_some_and(|fields| fields.says("confirm", "yes"));
    let status = if pressed { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    door.said(confirmation(&door.app, &link, person && pressed).await, status)
}

fn opened(app: &App, token: &str) -> Option<Confirm> {
    Confirm::open(token, |number| app.keys.link(number).map(michi::io::Key::bytes), app.clock.now()).ok()
}

/// The page as it is now, after the confirmation if one is `given`.
async fn confirmation(app: &App, link: &Confirm, given: bool) -> Result<Confirmation, Error> {
    let live = app.playbook().await?;
    let setup = &live.playbook.setup;
    let log = app.store.log(&LogOwner::Lead(app.store.home(&link.lead).await?)).await?;
    let lead = fold(&live.playbook, &log, app.clock.now());
    let language = lead.attribute("language").and_then(Language::named).unwrap_or(setup.language);
    for _ in 0..REREADS {
        let known = known(app, &link.lead, &live.playbook).await?;
        let mailing = known.as_ref().and_then(|known| known.mailing());
        let asks = match mailing.map(|mailing| &mailing.permissions) {
            Some(now) if now.awaits(&link.consent) => Asks::Open,
            Some(now) if now.ground().is_some_and(|ground| ground.activity == link.consent) => Asks::Given,
            Some(_) | None => Asks::Overtaken,
        };
        let (Some(known), Asks::Open, true) = (&known, asks, given) else {
            return Ok(Confirmation::new(setup, language, mailing, asks));
        };
        let confirmed = Kind::Confirmed { consent: link.consent.clone() };
        match known.write(app, vec![confirmed], &live.playbook).await {
            Ok(()) => {
                tracing::info!(lead.id = %link.lead, "a lead has confirmed its consent");
                return Ok(Confirmation::new(setup, language, mailing, Asks::Given));
            }
            Err(error) if error.retry == Retry::Reread => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::later("a confirmation was overtaken each time"))
}
