//! What is known of a lead, and the grade it had along the way.

use std::collections::{BTreeMap, BTreeSet};

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
    /// The attributes that the lead set by answering a question: forms and lists change nothing in them.
    answered: BTreeSet<String>,
    pub(crate) address: Option<Address>,
    /// The rules that hold.
    pub(crate) fit: Vec<FitReason>,
    /// The grade, with what the margin keeps from earlier.
    pub(crate) grade: Grade,
}

pub(crate) fn profile(playbook: &Playbook, footsteps: &Footsteps<'_>) -> Profile {
    let rules = &playbook.scoring.fit;
    let mut profile =
        Profile { attributes: BTreeMap::new(), answered: BTreeSet::new(), address: None, fit: Vec::new(), grade: Grade::D };
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
        Kind::Listed { address: given, attributes, collisions } => {
            let new = profile.address.is_none();
            address(profile, step, Some(given));
            for (name, value) in attributes.iter().filter(|(name, _)| *name != "email") {
                let known = profile.attributes.get(name).is_some_and(|known| !known.unconfirmed);
                if !profile.answered.contains(name) && collisions.get(name).copied().unwrap_or_default().takes(known, new) {
                    set(profile, step, name, value);
                }
            }
            true
        }
        // The address is no attribute to be asked for.
        Kind::Answered { attribute, answer, .. } if attribute != "email" => {
            set(profile, step, attribute, answer.as_str());
            profile.answered.insert(attribute.clone());
            true
        }
        Kind::AttributeSet { name, value } => {
            profile.answered.remove(name);
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
    let fits = name != "email" && !profile.answered.contains(name) && !value.is_empty() && value.chars().count() <= LONGEST;
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

#[cfg(test)]
mod tests {
    use super::super::fold;
    use super::super::tests::{at, form, lead_log, link, playbook, record, visitor};
    use crate::activity::{Kind, Proof, Record};
    use crate::collision::Collision;
    use crate::id::{ActivityId, EnrollmentId, ImportId, MessageId, StepId, WayId};
    use crate::lead::Lead;

    const SAID: [(&str, Collision); 3] =
        [("company", Collision::Fill), ("role", Collision::Overwrite), ("phone", Collision::Never)];

    /// A list that says this of each attribute, at this minute.
    fn listed(minute: i64, value: &str) -> Record {
        let kind = Kind::Listed {
            address: "a@corp.example".to_owned().try_into().unwrap(),
            attributes: SAID.map(|(name, _)| (name.to_owned(), value.to_owned())).into(),
            collisions: SAID.map(|(name, collision)| (name.to_owned(), collision)).into(),
        };
        let id = ActivityId::derive(&[value]);
        Record { import: ImportId::parse(value).ok(), ..Record::decision(id, at(minute), kind) }
    }

    /// Company, role and telephone number that are known at last.
    fn known(records: Vec<Record>) -> [Option<String>; 3] {
        let lead: Lead = fold(&playbook(), &lead_log(records), at(100));
        assert_eq!(lead.attribute("email"), Some("a@corp.example"));
        SAID.map(|(name, _)| lead.attribute(name).map(str::to_owned))
    }

    #[track_caller]
    fn check(records: Vec<Record>, wanted: [Option<&str>; 3]) {
        assert_eq!(known(records), wanted.map(|value| value.map(str::to_owned)));
    }

    fn submitted(minute: i64, fields: &[(&str, &str)]) -> Vec<Record> {
        let (v, fields) = (visitor("v"), [&[("email", "a@corp.example")], fields].concat());
        vec![record("form", minute, &v, form("inquiry", &fields)), link("link", minute, &v, Proof::First)]
    }

    #[test]
    fn where_a_list_meets_what_is_known_its_rule_decides() {
        let own = [("company", "Own"), ("role", "Own"), ("phone", "Own")];
        // Whom the list brings, it describes; what the person says later corrects it.
        check(vec![listed(1, "list")], [Some("list"); 3]);
        check([vec![listed(1, "list")], submitted(2, &own)].concat(), [Some("Own"); 3]);
        check([submitted(1, &own), vec![listed(2, "list")]].concat(), [Some("Own"), Some("list"), Some("Own")]);
        check([submitted(1, &[]), vec![listed(2, "list")]].concat(), [Some("list"), Some("list"), None]);
        check(vec![listed(1, "first"), listed(2, "second")], [Some("first"), Some("second"), Some("first")]);
    }

    #[test]
    fn what_only_an_unproven_visitor_said_is_no_obstacle() {
        let v = visitor("v");
        let fields = [("email", "a@corp.example"), ("company", "Evil")];
        let claimed = vec![record("form", 1, &v, form("inquiry", &fields)), link("link", 1, &v, Proof::Claimed)];
        check([claimed, vec![listed(2, "list")]].concat(), [Some("list"), Some("list"), None]);
    }

    fn answered(minute: i64, attribute: &str, answer: &str) -> Record {
        let kind = Kind::Answered {
            enrollment: EnrollmentId::derive(&["e"]),
            step: StepId::parse("ask").unwrap(),
            message: MessageId::derive(&["m"]),
            attribute: attribute.to_owned(),
            answer: WayId::parse(answer).unwrap(),
        };
        Record::decision(ActivityId::derive(&["answered", attribute, answer, &minute.to_string()]), at(minute), kind)
    }

    #[test]
    fn what_was_answered_outranks_forms_and_lists_until_it_is_answered_or_set_anew() {
        let mut log = [
            submitted(1, &[("role", "Form")]),
            vec![answered(2, "role", "buyer"), listed(3, "list")],
            vec![record("later", 4, &visitor("v"), form("survey", &[("email", "a@corp.example"), ("role", "Form again")]))],
        ]
        .concat();
        check(log.clone(), [Some("list"), Some("buyer"), None]);
        log.push(answered(5, "role", "user"));
        check(log.clone(), [Some("list"), Some("user"), None]);
        log.push(answered(6, "role", "buyer"));
        check(log.clone(), [Some("list"), Some("buyer"), None]);
        // Set anew it is what it was before: the next who says something of it is believed.
        let set = Kind::AttributeSet { name: "role".to_owned(), value: "Set".to_owned() };
        log.push(Record::decision(ActivityId::derive(&["set"]), at(7), set));
        check(log.clone(), [Some("list"), Some("Set"), None]);
        log.push(record("last", 8, &visitor("v"), form("survey", &[("email", "a@corp.example"), ("role", "Last")])));
        check(log, [Some("list"), Some("Last"), None]);
    }

    #[test]
    fn an_answer_is_no_address() {
        check([submitted(1, &[]), vec![answered(2, "email", "b")]].concat(), [None, None, None]);
    }

    #[test]
    fn a_list_that_is_taken_back_has_said_nothing() {
        let undone = Kind::ImportUndone { import: ImportId::parse("first").unwrap() };
        let undone = Record::decision(ActivityId::derive(&["undone"]), at(3), undone);
        check(vec![listed(1, "first"), listed(2, "second"), undone], [Some("second"); 3]);
    }
}
