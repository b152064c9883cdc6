//! What became of a message, in words for whoever runs michi.

use jiff::Timestamp;

use super::gate::{Deferral, Refusal};
use super::message::{Event, Report, State};
use super::text::cleaned;
use crate::activity::Bounce;

/// The most of a reason that is shown, in characters.
const REASON: usize = 200;

/// Where a message stands.
#[must_use]
pub fn state(state: &State) -> &'static str {
    match state {
        State::Pending { .. } => "pending",
        State::Claimed { .. } => "being sent",
        State::Unknown { .. } => "unknown: may have been sent",
        State::Sent { .. } => "sent",
        State::Failed => "failed",
        State::Expired => "expired",
        State::Held => "held: a person must look",
    }
}

/// What is known of a mail that was sent.
#[must_use]
pub fn report_words(report: Report) -> &'static str {
    match report {
        Report::Sent => "shown to have been sent",
        Report::Delayed => "the reader's mail server takes its time",
        Report::Delivered => "delivered",
        Report::Bounced(Bounce::Undetermined) => "came back, for a reason that the mail server does not tell",
        Report::Bounced(Bounce::Blocked) => "came back: the mail server refuses the sender, not the address",
        Report::Bounced(Bounce::Transient) => "came back, for now",
        Report::Bounced(Bounce::Permanent) => "came back for good: there is no such mailbox",
        Report::Complained => "called spam by the reader",
    }
}

/// Why the gate lets a message out later.
#[must_use]
pub fn deferral(why: Deferral) -> &'static str {
    match why {
        Deferral::InSales => "sales has the lead in hand",
        Deferral::Cap => "the lead has got as much mail as it may get for now",
        Deferral::Window => "outside the hours for such mail",
        Deferral::Paused => "marketing mail is paused: too much of it came back",
        Deferral::Pacing => "as much as may go out was going out",
        Deferral::Trouble => "something is wrong that a person must mend; the logs say what",
    }
}

/// What happened to it. `said` puts an instant into words.
pub fn event(event: &Event, said: impl Fn(Timestamp) -> String) -> String {
    let line = |text: &str| cleaned(text, REASON);
    match event {
        Event::Claimed { attempt } => format!("claimed, attempt {attempt}"),
        Event::Accepted { ses, .. } => format!("accepted by SES as {}", line(ses)),
        Event::NotNow { why, .. } => format!("surely not sent, and tried again later: {}", line(why)),
        Event::Never { why, .. } => format!("refused for good: {}", line(why)),
        Event::NoAnswer { why, .. } => format!("no answer: {}", line(why)),
        Event::LeaseEnded => "the claim's time was over, and nobody had said what came of it".to_owned(),
        Event::Deferred { until, why } => {
            format!("put off to {}: {}", said(*until), deferral(*why))
        }
        Event::Refused { why } => {
            let why = match why {
                Refusal::Suppressed => "nothing may be sent to this recipient",
                Refusal::NoConsent => "there is no ground to write to the lead",
                Refusal::OptedOut => "the lead wants no such mail",
                Refusal::Unwanted => "the lead does not want this topic",
                Refusal::NoAddress => "no address is known",
                Refusal::NoSuchMail => "the playbook by which it was owed has no such mail",
                Refusal::NoSuchOwner => "the playbook knows no such owner: add one of this id in playbook.yaml",
                Refusal::LeadGone => "the lead is gone",
                Refusal::Merged => "the lead was merged into another, which gets its own mail",
                Refusal::TooLate => "it came too late to be of use",
                Refusal::Cancelled => "what it belongs to is over: its broadcast was cancelled, or its lead left the scenario",
            };
            format!("not let out: {why}")
        }
        Event::Reported { report, .. } => report_words(*report).to_owned(),
        Event::Rejected { why } => format!("SES would not send it after all: {}", line(why)),
        Event::Released => "released by hand".to_owned(),
        Event::GivenUp => "given up by hand".to_owned(),
    }
}
