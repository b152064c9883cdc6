//! Activities: the immutable things that happened, and the records in which the log keeps them.
//!
//! To add a kind: add it to [`Kind`], then follow the compiler through [`Kind::retention`],
//! the fold and the words shown to people.

mod retention;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::collision::Collision;
use crate::consent::{Basis, MailClass};
use crate::id::{
    ActivityId, EnrollmentId, FormId, HandoffId, ImportId, LeadId, MailId, MessageId, OwnerId, PageViewId, ScenarioId, StepId,
    TopicId, VisitorId, WayId,
};
use crate::lead::{Cell, Stage};
use crate::scenario::{Entry, Left, Passed};
use crate::verdict::Signals;

pub use retention::Retention;

/// All activities of a lead, or of a visitor who is no lead yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Log {
    /// Whose log it is.
    pub owner: LogOwner,
    /// What happened, in no particular order; the fold sorts it.
    pub records: Vec<Record>,
}

/// Whose log it is: the partition that holds it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LogOwner {
    /// A person with an address.
    Lead(LeadId),
    /// A browser that nobody has identified.
    Visitor(VisitorId),
}

/// One item of the log: what one beacon brought, or one decision. Its activities share sender, signals and retention.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The id of the first activity in it.
    pub id: ActivityId,
    /// When it happened by the sender's own clock, the same on every retry: with the id, the record's key.
    pub sent: Timestamp,
    /// When it happened, corrected by what is known of the sender's clock; never after `received`.
    pub at: Timestamp,
    /// When michi took it.
    pub received: Timestamp,
    /// The browser it came from, if one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visitor: Option<VisitorId>,
    /// Who says so.
    pub source: Source,
    /// The list it came with, if one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import: Option<ImportId>,
    /// What hints at a machine.
    #[serde(default, skip_serializing_if = "Signals::is_empty")]
    pub signals: Signals,
    /// What happened, oldest first.
    pub activities: Vec<Activity>,
}

/// Who says that something happened, and so how far it is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A browser, by the public key: believed as far as its visitor's link goes.
    Site,
    /// A server of the customer's, by a secret key.
    Server,
    /// michi's own decision.
    Michi,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Activity {
    /// Its id: it counts once, however often it is written.
    pub id: ActivityId,
    /// When it happened, corrected as the record's time is.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub kind: Kind,
}

/// What can happen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Kind {
    /// A page was shown.
    PageViewed(PageView),
    /// Somebody had the page in sight for this long since the last such activity.
    Engaged {
        /// The showing of the page.
        page_view: PageViewId,
        /// Its address.
        url: String,
        /// Milliseconds in sight and in focus.
        millis: u32,
    },
    /// A link was clicked.
    Clicked {
        /// The showing of the page.
        page_view: Option<PageViewId>,
        /// Where the link goes.
        target: String,
        /// What it says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// A file was downloaded.
    Downloaded {
        /// The showing of the page, if a page led there.
        page_view: Option<PageViewId>,
        /// The file's address.
        target: String,
    },
    /// Something of the customer's own, by the Segment spec's `track`.
    Tracked {
        /// What the customer calls it.
        event: String,
        /// What the customer says of it, flattened to text.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        properties: BTreeMap<String, String>,
    },
    /// A form was sent.
    FormSubmitted(FormSubmission),
    /// Somebody said who the visitor is, by the Segment spec's `identify`.
    Identified {
        /// The mail address claimed, if one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        address: Option<Address>,
        /// Attributes claimed.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        traits: BTreeMap<String, String>,
        /// What bears the claim out.
        proof: Proof,
        /// The one-use token of a mail's link, to be redeemed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<String>,
    },
    /// An attribute was set on michi's or the customer's own authority.
    AttributeSet {
        /// Its name.
        name: String,
        /// Its value; empty takes it away.
        value: String,
    },
    /// Consent to mail was given or withdrawn.
    Consented {
        /// The class of mail.
        class: MailClass,
        /// Given or withdrawn.
        granted: bool,
        /// On what ground.
        basis: Basis,
        /// The words that were agreed to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        /// It counts only once it is confirmed from the mailbox.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        awaits: bool,
        /// The form it was given in, if in one: who sent it says how far the consent is believed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        form: Option<ActivityId>,
        /// Who says so on the person's behalf, and how it can be shown: by whom a card was taken, where a list comes from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// A consent was confirmed from the mailbox.
    Confirmed {
        /// The activity that gave the consent.
        consent: ActivityId,
    },
    /// The lead chose to get mail or not to get it.
    MailChosen {
        /// Of which topic; none: any marketing mail.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        topic: Option<TopicId>,
        /// To get it.
        wanted: bool,
        /// How the choice was made.
        by: OptOut,
        /// The message whose link led there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<MessageId>,
    },
    /// The lead chose whether michi may see mail being opened and its links being followed.
    TrackingChosen {
        /// Opens may be seen.
        opens: bool,
        /// Clicks may be seen.
        clicks: bool,
    },
    /// From this moment the visitor's history belongs to this lead.
    VisitorLinked {
        /// The browser.
        visitor: VisitorId,
        /// How it is known.
        proof: Proof,
        /// Nothing the visitor did before belongs to this lead; none: everything before does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<Timestamp>,
    },
    /// The browser gave another address: what it did from then on belongs to another lead.
    VisitorCut {
        /// The browser.
        visitor: VisitorId,
        /// The moment it gave the other address.
        from: Timestamp,
    },
    /// The lead entered a scenario.
    Enrolled {
        /// The scenario.
        scenario: ScenarioId,
        /// This run of it.
        enrollment: EnrollmentId,
        /// The scenario's own version.
        version: String,
        /// What let it in.
        entry: Entry,
    },
    /// The lead went on in a scenario, or left it.
    Advanced {
        /// The scenario.
        scenario: ScenarioId,
        /// This run of it.
        enrollment: EnrollmentId,
        /// The scenario's own version by which it went.
        version: String,
        /// The steps it passed.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        passed: Vec<Passed>,
        /// Why it left, if it did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        left: Option<Left>,
    },
    /// The lead answered the question of a scenario.
    Answered {
        /// This run of the scenario.
        enrollment: EnrollmentId,
        /// The step that asked.
        step: StepId,
        /// The message whose link led there.
        message: MessageId,
        /// The attribute that keeps the answer.
        attribute: String,
        /// The answer.
        answer: WayId,
    },
    /// The lead moved to another stage.
    StageMoved {
        /// From where.
        from: Stage,
        /// To where.
        to: Stage,
        /// The cell at that moment.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cell: Option<Cell>,
        /// The alert this move owed to sales; none when one went out lately, or when the rules moved it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        alert: Option<MessageId>,
        /// The alert that this move takes back: what had led to it was a machine's doing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        corrects: Option<MessageId>,
        /// Nothing happened: the playbook was changed.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        by_rules: bool,
    },
    /// Sales answered a hand-off.
    SalesAnswered {
        /// The hand-off.
        handoff: HandoffId,
        /// Who answered.
        owner: OwnerId,
        /// What.
        answer: SalesAnswer,
    },
    /// A mail was sent.
    MailSent {
        /// The message.
        message: MessageId,
        /// Which mail it was.
        mail: MailId,
        /// The owner it went to; none: the lead.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<OwnerId>,
    },
    /// The reader's mail server took the mail.
    MailDelivered {
        /// The message.
        message: MessageId,
    },
    /// The mail came back.
    MailBounced {
        /// The message.
        message: MessageId,
        /// For how long.
        bounce: Bounce,
        /// What the mail server said, without addresses.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// The reader called the mail spam.
    MailComplained {
        /// The message.
        message: MessageId,
    },
    /// A mail's pixel was fetched.
    MailOpened {
        /// The message.
        message: MessageId,
    },
    /// A link in a mail was followed.
    MailClicked {
        /// The message.
        message: MessageId,
        /// Which of its links.
        #[serde(default)]
        link: u16,
        /// The link's address.
        target: String,
    },
    /// The lead came to an event.
    EventAttended {
        /// Its name.
        event: String,
    },
    /// Somebody spoke with the lead.
    CallMade {
        /// By whom.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<OwnerId>,
        /// What came of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// The lead handed over a business card.
    CardExchanged {
        /// To whom.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<OwnerId>,
        /// Where, or on what occasion.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// Somebody visited the lead, or was visited.
    Visited {
        /// Who.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<OwnerId>,
        /// What came of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// A list said this of the lead.
    Listed {
        /// The lead's address.
        address: Address,
        /// What it said, by attribute.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        attributes: BTreeMap<String, String>,
        /// What counts where something is known already, by attribute; of those that are not here, [`Collision::Fill`].
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        collisions: BTreeMap<String, Collision>,
    },
    /// A list was taken back: nothing that came with it counts.
    ImportUndone {
        /// The list.
        import: ImportId,
    },
    /// Another lead turned out to be the same person: from here on this log holds that one's, too.
    Merged {
        /// The other lead.
        lead: LeadId,
        /// The letters to its address: what mail servers say of them says nothing of this lead's.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        letters: Vec<MessageId>,
    },
}

/// How a reader says what mail to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptOut {
    /// The mail program's own button (RFC 8058).
    OneClick,
    /// The page that every mail links to.
    Page,
}

/// For how long a mail cannot be delivered, the gravest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bounce {
    /// The mail server does not say.
    Undetermined,
    /// It was the sender that was refused, not the address.
    Blocked,
    /// For now.
    Transient,
    /// For good: there is no such mailbox.
    Permanent,
}

/// One showing of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageView {
    /// Its id.
    pub page_view: PageViewId,
    /// The page's address.
    pub url: String,
    /// The page's title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Where the visitor came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referrer: Option<String>,
    /// The page shown before in the same tab.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<PageViewId>,
    /// Campaign parameters and click ids, by their names in the address.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub campaign: BTreeMap<String, String>,
}

/// A form as sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormSubmission {
    /// Which form.
    pub form: FormId,
    /// The showing of the page it stood on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_view: Option<PageViewId>,
    /// The page's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The mail address in it, if it has a good one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// Every field, by name, the address too.
    pub fields: BTreeMap<String, String>,
    /// Whether mail was agreed to, and to which words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<FormConsent>,
    /// Milliseconds from the page's showing to the form's sending, if its page tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub millis: Option<u32>,
}

/// The answer to a form's question whether mail may be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormConsent {
    /// Yes or no.
    pub granted: bool,
    /// The words beside the box.
    pub text: String,
}

/// How it is known that a browser is a lead's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// Somebody typed the address of a lead who was known already: anybody could.
    Claimed,
    /// The address was new when this browser gave it, so there was nobody to pretend to be.
    First,
    /// A click on a mail's link, or the site's own signature.
    Proven,
}

/// What sales said of a lead offered to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum SalesAnswer {
    /// We take it.
    Accepted,
    /// It is none of ours.
    Rejected {
        /// Why.
        reason: String,
    },
    /// Not now.
    Recycled {
        /// From when on it may be offered again.
        until: Timestamp,
    },
}

impl Kind {
    /// The address by which this activity says whose the browser is.
    #[must_use]
    pub fn address(&self) -> Option<&Address> {
        match self {
            Self::FormSubmitted(form) => form.address.as_ref(),
            Self::Identified { address, .. } => address.as_ref(),
            Self::Listed { address, .. } => Some(address),
            _ => None,
        }
    }
}

impl Record {
    /// A record of one decision of michi's own, taken at `now`.
    #[must_use]
    pub fn decision(id: ActivityId, now: Timestamp, kind: Kind) -> Self {
        Self {
            id: id.clone(),
            sent: now,
            at: now,
            received: now,
            visitor: None,
            source: Source::Michi,
            import: None,
            signals: Signals::default(),
            activities: vec![Activity { id, at: now, kind }],
        }
    }
}
