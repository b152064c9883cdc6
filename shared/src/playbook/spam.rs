//! `spam` in `playbook.yaml`: when a form looks like spam.

use serde::{Deserialize, Serialize};

use crate::activity::FormSubmission;
use crate::verdict::{Signals, Verdict};

/// When a form looks like spam. It makes no lead then, but lies in quarantine for thirty days, from where a person may let
/// it in. The figures are far above what an office full of interested people sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct SpamRules {
    /// Names of fields that people do not see, so that only a program fills them in.
    pub traps: Vec<String>,
    /// Nobody fills in a form within so many seconds of the page's showing.
    #[cfg_attr(feature = "authoring", schemars(range(min = 0, max = 60)))]
    pub seconds: u32,
    /// Forms a day that name one address.
    #[cfg_attr(feature = "authoring", schemars(range(min = 1, max = 1_000_000)))]
    pub per_address: u32,
    /// Forms a day from one network: all of an office, a fair, sometimes a telephone company.
    #[cfg_attr(feature = "authoring", schemars(range(min = 1, max = 1_000_000)))]
    pub per_network: u32,
    /// Sendings of one form a day.
    #[cfg_attr(feature = "authoring", schemars(range(min = 1, max = 1_000_000)))]
    pub per_form: u32,
}

impl Default for SpamRules {
    fn default() -> Self {
        Self { traps: vec!["web_address".to_owned()], seconds: 2, per_address: 10, per_network: 500, per_form: 5_000 }
    }
}

/// Why a form looks like spam.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspicion {
    /// A field that people do not see was filled in.
    Trap,
    /// It was sent sooner than anybody can write.
    TooFast,
    /// A program says of itself that it sent it.
    Machine,
    /// One browser has sent too many.
    Visitor,
    /// Too many have named this address.
    Address,
    /// Too many have come from this network.
    Network,
    /// The form was sent too often.
    Form,
}

impl SpamRules {
    pub(super) fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// What a form itself says; the limits know more.
    #[must_use]
    pub fn suspects(&self, form: Option<&FormSubmission>, signals: &Signals) -> Option<Suspicion> {
        if form.is_some_and(|form| form.fields.keys().any(|name| self.traps.contains(name))) {
            return Some(Suspicion::Trap);
        }
        if form.and_then(|form| form.millis).is_some_and(|millis| millis < self.seconds.saturating_mul(1_000)) {
            return Some(Suspicion::TooFast);
        }
        (signals.verdict() == Verdict::Machine).then_some(Suspicion::Machine)
    }
}

impl Suspicion {
    /// In words, for whoever looks through what is in quarantine.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Trap => "a field was filled in that people do not see",
            Self::TooFast => "it was sent sooner than anybody can write",
            Self::Machine => "a program sent it",
            Self::Visitor => "its browser has sent as much as is taken in a day",
            Self::Address => "its address was named as often as is taken in a day",
            Self::Network => "its network has sent as much as is taken in a day",
            Self::Form => "the form was sent as often as is taken in a day",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::id::FormId;

    #[test]
    fn a_form_gives_itself_away() {
        let rules = SpamRules::default();
        let check = |field: &str, millis, agent: &str, wanted| {
            let fields = BTreeMap::from([(field.to_owned(), "x".to_owned())]);
            let form = FormId::parse("inquiry").unwrap();
            let form = FormSubmission { form, page_view: None, url: None, address: None, fields, consent: None, millis };
            assert_eq!(rules.suspects(Some(&form), &Signals::of(Some(agent))), wanted, "{field} {millis:?} {agent}");
        };
        let browser = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
        check("company", None, browser, None);
        check("company", Some(2_000), browser, None);
        check("company", Some(1_999), browser, Some(Suspicion::TooFast));
        check("web_address", Some(60_000), browser, Some(Suspicion::Trap));
        check("company", Some(60_000), "curl/8.5.0", Some(Suspicion::Machine));
        assert_eq!(rules.suspects(None, &Signals::default()), None);
    }
}
