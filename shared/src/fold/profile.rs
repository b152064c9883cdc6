//! What is known of a lead, and the grade it had along the way.

use std::collections::BTreeMap;

use super::answers::{View, holds};
use super::footsteps::{Footsteps, Step};
use crate::activity::{Kind, Source};
use crate::address::Address;
use crate::lead::{Attribute, Grade};
use crate::playbook::Playbook;
use crate::scoring::FitReason;
use crate::scoring::rules::FitRules;

/// The longest value that is an attribute, in characters; longer texts stay in their form.
const LONGEST: usize = 200;

/// What is known of a lead.
pub(crate) struct Profile {
    pub(crate) attributes: BTreeMap<String, Attribute>,
    pub(crate) address: Option<Address>,
    /// The rules that hold.
    pub(crate) fit: Vec<FitReason>,
    /// The grade, with what the margin keeps from earlier.
    pub(crate) grade: Grade,
}

pub(crate) fn profile(playbook: &Playbook, footsteps: &Footsteps<'_>) -> Profile {
    let rules = &playbook.scoring.fit;
    let mut profile = Profile { attributes: BTreeMap::new(), address: None, fit: Vec::new(), grade: Grade::D };
    for step in &footsteps.all {
        if !learn(&mut profile, step) {
            continue;
        }
        let view = View::of_profile(playbook, &profile.attributes, profile.address.as_ref(), step.activity.at);
        profile.fit = rules
            .rules
            .iter()
            .filter(|rule| holds(&rule.when, &view))
            .map(|rule| FitReason { rule: rule.id.clone(), points: rule.points })
            .collect();
        profile.grade = grade_after(rules, profile.grade, profile.fit.iter().map(|reason| reason.points).sum());
    }
    profile
}

/// Takes over what an activity says of the lead; whether it said anything.
fn learn(profile: &mut Profile, step: &Step<'_>) -> bool {
    match &step.activity.kind {
        Kind::FormSubmitted(form) => {
            address(profile, step, form.address.as_ref());
            form.fields.iter().for_each(|(name, value)| offer(profile, step, name, value));
            true
        }
        Kind::Identified { address: given, traits, .. } => {
            address(profile, step, given.as_ref());
            traits.iter().for_each(|(name, value)| offer(profile, step, name, value));
            true
        }
        Kind::AttributeSet { name, value } => {
            if value.is_empty() {
                profile.attributes.remove(name);
            } else {
                set(profile, step, name, value);
            }
            if name == "email" {
                profile.address = Address::parse(value).ok();
            }
            true
        }
        _ => false,
    }
}

/// The lead's address is the first one it gave: another one would be another lead.
fn address(profile: &mut Profile, step: &Step<'_>, given: Option<&Address>) {
    if let (None, Some(address)) = (&profile.address, given) {
        profile.address = Some(address.clone());
        set(profile, step, "email", address.as_str());
    }
}

/// A browser that only claims to be the lead's fills what is empty; every other may also correct.
fn offer(profile: &mut Profile, step: &Step<'_>, name: &str, value: &str) {
    let value = value.trim();
    let fits = name != "email" && !value.is_empty() && value.chars().count() <= LONGEST;
    if fits && (!step.unconfirmed || !profile.attributes.contains_key(name)) {
        set(profile, step, name, value);
    }
}

fn set(profile: &mut Profile, step: &Step<'_>, name: &str, value: &str) {
    let unconfirmed = step.unconfirmed && step.record.source == Source::Site;
    profile.attributes.insert(name.to_owned(), Attribute { value: value.to_owned(), at: step.activity.at, unconfirmed });
}

/// A grade is reached at its cut and lost only `margin` below it.
fn grade_after(rules: &FitRules, before: Grade, points: f64) -> Grade {
    let cut = |grade| match grade {
        Grade::A => rules.grades.a,
        Grade::B => rules.grades.b,
        Grade::C => rules.grades.c,
        Grade::D => f64::NEG_INFINITY,
    };
    let kept = |grade: &Grade| points >= if *grade < before { cut(*grade) } else { cut(*grade) - rules.margin };
    Grade::ALL.into_iter().find(kept).unwrap_or(Grade::D)
}
