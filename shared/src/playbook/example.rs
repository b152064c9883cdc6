//! `scenarios/NAME.test.yaml`: what a scenario does with somebody who does this and that, as its author means it.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::condition::What;
use crate::id::{MailId, StepId, WayId};

/// The examples of one scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct Examples {
    /// Each of them is tried for itself.
    #[cfg_attr(feature = "authoring", schemars(length(min = 1)))]
    pub examples: Vec<Example>,
}

/// One lead that goes along the scenario. It enters on day 0, at ten in the morning by the playbook's clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct Example {
    /// What it shows, in a line.
    pub name: String,
    /// Day 0.
    #[serde(default = "a_monday")]
    pub begins: Date,
    /// What is known of the lead, by attribute.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lead: BTreeMap<String, String>,
    /// What happens meanwhile.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub happens: Vec<Happening>,
    /// What is to come of it. A mail that is not named here must not go out up to the last day that is.
    #[cfg_attr(feature = "authoring", schemars(length(min = 1)))]
    pub expect: Vec<Expectation>,
}

/// By what an example says that its lead does not enter.
pub const KEPT_OUT: &str = "kept out";

/// A Monday with no public holiday of Japan in the ten weeks behind it, so that letters go out on the days that are counted.
fn a_monday() -> Date {
    Date::constant(2027, 5, 10)
}

/// Something that happens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct Happening {
    /// On which day, from 0.
    #[cfg_attr(feature = "authoring", schemars(range(min = 0, max = 1000)))]
    pub day: u32,
    /// At which hour.
    #[serde(default = "three")]
    #[cfg_attr(feature = "authoring", schemars(range(min = 0, max = 23)))]
    pub hour: u32,
    /// What the lead does; a click or an opening is of the newest mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub does: Option<What>,
    /// The answer it gives to the question that is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<WayId>,
    /// What becomes known of it, by attribute; empty takes it away.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(
        feature = "authoring",
        schemars(extend("additionalProperties" = serde_json::json!({"type": "string", "minLength": 0})))
    )]
    pub becomes: BTreeMap<String, String>,
}

fn three() -> u32 {
    15
}

/// What is to come of it on one day. All that is given must hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct Expectation {
    /// On which day, from 0.
    #[cfg_attr(feature = "authoring", schemars(range(min = 0, max = 1000)))]
    pub day: u32,
    /// This mail goes out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<MailId>,
    /// At the end of the day it stands before this step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<StepId>,
    /// It leaves, for this reason: `end`, `goal`, `exit NAME`, `stopped STEP`, `unsubscribed`, `in_sales`; or `kept out`, if
    /// it does not enter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<String>,
}
