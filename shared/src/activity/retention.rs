//! How long the log keeps what happened.

use super::{Kind, Record};

/// How long a record is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Retention {
    /// Footsteps: 90 days for a visitor, 400 days for a lead.
    Passing,
    /// Until the lead is erased.
    Lasting,
}

impl Retention {
    /// Days that footsteps of a visitor are kept.
    pub const VISITOR_DAYS: i64 = 90;
    /// Days that footsteps of a lead are kept.
    pub const LEAD_DAYS: i64 = 400;
    /// How many of a lead's newest footsteps are kept at most.
    pub const LEAD_RECORDS: usize = 2_000;
}

impl Kind {
    /// How long a record of this kind is kept. Kinds that differ here are never packed into one record.
    #[must_use]
    pub fn retention(&self) -> Retention {
        match self {
            Self::PageViewed(_) | Self::Engaged { .. } | Self::Clicked { .. } | Self::MailOpened { .. } => Retention::Passing,
            Self::Downloaded { .. }
            | Self::Tracked { .. }
            | Self::FormSubmitted(_)
            | Self::Identified { .. }
            | Self::AttributeSet { .. }
            | Self::Consented { .. }
            | Self::VisitorLinked { .. }
            | Self::VisitorCut { .. }
            | Self::Enrolled { .. }
            | Self::Advanced { .. }
            | Self::Answered { .. }
            | Self::StageMoved { .. }
            | Self::SalesAnswered { .. }
            | Self::MailSent { .. }
            | Self::MailClicked { .. }
            | Self::Confirmed { .. }
            | Self::MailChosen { .. }
            | Self::TrackingChosen { .. }
            | Self::MailDelivered { .. }
            | Self::MailBounced { .. }
            | Self::MailComplained { .. }
            | Self::EventAttended { .. }
            | Self::CallMade { .. }
            | Self::CardExchanged { .. }
            | Self::Listed { .. }
            | Self::Visited { .. }
            | Self::ImportUndone { .. }
            | Self::Merged { .. } => Retention::Lasting,
        }
    }
}

impl Record {
    /// How long the record is kept.
    #[must_use]
    pub fn retention(&self) -> Retention {
        self.activities.iter().map(|a| a.kind.retention()).max().unwrap_or(Retention::Passing)
    }
}
