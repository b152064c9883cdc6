//! What is different between two playbooks, in the words of their files.

use std::collections::{BTreeMap, BTreeSet};

use michi::playbook::Language::En;
use michi::playbook::Playbook;
use michi::playbook::scenario::words::Words;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::shown::counted;

/// Something that stands in one playbook and not in the other, or otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The file in which it is written.
    pub file: &'static str,
    /// What it is, as in `interest rule pricing-page`.
    pub what: String,
    /// How it differs.
    pub change: Change,
    /// What it is in a line, where that says more than all its values: of a new scenario or mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brief: Option<String>,
}

/// How something differs from what is live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It is new; what it says.
    Added(Vec<(String, String)>),
    /// It is gone.
    Removed,
    /// It says something else.
    Changed(Vec<Field>),
    /// The same things stand in another order, which counts where the first that fits does.
    Reordered,
}

/// A value that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Its name; within something nested with a dot. Empty: the thing itself.
    pub name: String,
    /// What is live; none: nothing.
    pub from: Option<String>,
    /// What shall be; none: nothing.
    pub to: Option<String>,
}

/// A part of a playbook that is compared by itself.
struct Section {
    file: &'static str,
    noun: &'static str,
    at: &'static str,
    shape: Shape,
}

enum Shape {
    /// One thing.
    One,
    /// A list of things that are known by this field.
    List(&'static str),
    /// Things by name.
    Named,
}

const fn section(file: &'static str, noun: &'static str, at: &'static str, shape: Shape) -> Section {
    Section { file, noun, at, shape }
}

const SETUP: &str = "playbook.yaml";
const SCORING: &str = "scoring.yaml";

/// Every part of a playbook, in the order of the files. A test sees to it that none is left out.
const SECTIONS: &[Section] = &[
    section(SETUP, "company", "/setup/company", Shape::One),
    section(SETUP, "sender", "/setup/sender", Shape::One),
    section(SETUP, "language", "/setup/language", Shape::One),
    section(SETUP, "time zone", "/setup/time_zone", Shape::One),
    section(SETUP, "holidays", "/setup/holidays", Shape::One),
    section(SETUP, "national holidays", "/setup/national_holidays", Shape::One),
    section(SETUP, "write key", "/setup/write_key", Shape::One),
    section(SETUP, "site", "/setup/sites", Shape::List("origin")),
    section(SETUP, "class of pages", "/setup/pages", Shape::List("class")),
    section(SETUP, "class of forms", "/setup/forms", Shape::List("class")),
    section(SETUP, "owner", "/setup/owners", Shape::List("id")),
    section(SETUP, "spam", "/setup/spam", Shape::One),
    section(SETUP, "mail", "/setup/mail", Shape::One),
    section(SETUP, "delivery", "/setup/delivery", Shape::One),
    section(SCORING, "fit rule", "/scoring/fit/rules", Shape::List("id")),
    section(SCORING, "grades", "/scoring/fit/grades", Shape::One),
    section(SCORING, "margin of grades", "/scoring/fit/margin", Shape::One),
    section(SCORING, "half-life of interest", "/scoring/interest/half_life", Shape::One),
    section(SCORING, "momentum", "/scoring/interest/momentum", Shape::One),
    section(SCORING, "levels", "/scoring/interest/levels", Shape::One),
    section(SCORING, "margin of levels", "/scoring/interest/margin", Shape::One),
    section(SCORING, "interest rule", "/scoring/interest/rules", Shape::List("id")),
    section(SCORING, "group of interest rules", "/scoring/interest/groups", Shape::Named),
    section(SCORING, "daily limit of unconfirmed browsers", "/scoring/interest/unconfirmed_daily", Shape::One),
    section(SCORING, "exclusion", "/scoring/exclusions", Shape::List("id")),
    section(SCORING, "phase", "/scoring/phases", Shape::Named),
    section(SCORING, "cell of the matrix", "/scoring/matrix", Shape::Named),
    section(SCORING, "alert window", "/scoring/alert_window", Shape::One),
    section("segments.yaml", "segment", "/segments", Shape::Named),
    section("scenarios/*.yaml", "scenario", "/scenarios", Shape::Named),
    section("mail/*.md", "mail", "/mails", Shape::Named),
];

/// What of `wanted` differs from `live`, in the order of the files.
#[must_use]
pub fn differences(live: &Playbook, wanted: &Playbook) -> Vec<Difference> {
    // The types hold nothing that JSON cannot.
    let [before, after] = [live, wanted].map(|playbook| readable(serde_json::to_value(playbook).unwrap_or_default()));
    let differences = |section: &Section| section.differences(before.pointer(section.at), after.pointer(section.at));
    let mut differences: Vec<Difference> = SECTIONS.iter().flat_map(differences).collect();
    for difference in differences.iter_mut().filter(|difference| matches!(difference.change, Change::Added(_))) {
        difference.brief = brief(wanted, &difference.what);
    }
    differences
}

/// A scenario or mail in a line; none: it is something else.
fn brief(playbook: &Playbook, what: &str) -> Option<String> {
    let (noun, name) = what.split_once(' ')?;
    match noun {
        "scenario" => {
            let (_, scenario) = playbook.scenarios.iter().find(|(id, _)| id.as_str() == name)?;
            let steps = counted(scenario.all_steps().count(), "step", "steps");
            Some(format!("{steps}, begins {}", Words { playbook, language: En }.trigger(&scenario.trigger)))
        }
        "mail" => {
            let (_, mail) = playbook.mails.iter().find(|(id, _)| id.as_str() == name)?;
            let (_, own) = mail.version(playbook.setup.language)?;
            let languages: Vec<&str> = mail.versions.keys().map(|language| language.tag()).collect();
            Some(format!("\"{}\", in {}", own.subjects.first()?, languages.join(" and ")))
        }
        _ => None,
    }
}

/// The texts of mails are compared by their digests, of which a beginning is enough to see that they differ; the steps of
/// scenarios by their ids, so that one put in between does not change all behind it.
fn readable(mut playbook: Value) -> Value {
    let scenarios = playbook.get_mut("scenarios").and_then(Value::as_object_mut).into_iter().flatten();
    for scenario in scenarios.filter_map(|(_, scenario)| scenario.as_object_mut()) {
        let mut steps = Map::new();
        if let Some(list) = scenario.remove("steps") {
            scenario.insert("steps".to_owned(), laid_out(list, &mut steps));
        }
        scenario.extend(steps.into_iter().map(|(id, step)| (format!("step {id}"), step)));
    }
    let mails = playbook.get_mut("mails").and_then(Value::as_object_mut).into_iter().flatten();
    let versions = mails.filter_map(|(_, mail)| mail.get_mut("versions")?.as_object_mut()).flatten();
    for body in versions.filter_map(|(_, version)| version.get_mut("body")) {
        let digest = body.as_str().unwrap_or_default();
        *body = Value::String(format!("text {}", digest.get(..6).unwrap_or(digest)));
    }
    playbook
}

/// Takes the steps of a list, and those that lie in them, out by their ids; the list's ids stay.
fn laid_out(list: Value, steps: &mut Map<String, Value>) -> Value {
    let Value::Array(items) = list else { return list };
    let mut ids = Vec::new();
    for item in items {
        let Value::Object(mut item) = item else { continue };
        let mut id = String::new();
        for body in item.values_mut().filter_map(Value::as_object_mut) {
            id = taken(body, "id");
            for key in ["then", "otherwise"] {
                if let Some(inner) = body.get_mut(key) {
                    *inner = laid_out(inner.take(), steps);
                }
            }
            for (key, noun) in [("ways", "way"), ("answers", "answer")] {
                let Some(Value::Array(ways)) = body.remove(key) else { continue };
                for mut way in ways {
                    let Some(fields) = way.as_object_mut() else { continue };
                    let name = taken(fields, "id");
                    if let Some(inner) = fields.get_mut("steps") {
                        *inner = laid_out(inner.take(), steps);
                    }
                    body.insert(format!("{noun} {name}"), way);
                }
            }
        }
        ids.push(Value::String(id.clone()));
        steps.insert(id, Value::Object(item));
    }
    Value::Array(ids)
}

fn taken(fields: &mut Map<String, Value>, name: &str) -> String {
    fields.remove(name).as_ref().and_then(Value::as_str).unwrap_or_default().to_owned()
}

impl Section {
    fn differences(&self, live: Option<&Value>, wanted: Option<&Value>) -> Vec<Difference> {
        let found = |what: String, change| Difference { file: self.file, what, change, brief: None };
        let (live, wanted) = (self.things(live), self.things(wanted));
        let value = |things: &[(String, Value)], name: &str| {
            things.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
        };
        let mut differences = Vec::new();
        for (name, now) in &wanted {
            let what = format!("{}{}{name}", self.noun, if name.is_empty() { "" } else { " " });
            match value(&live, name) {
                None => differences.push(found(what, Change::Added(said(now)))),
                Some(before) if before != *now => differences.push(found(what, Change::Changed(fields(&before, now)))),
                Some(_) => {}
            }
        }
        let gone = live.iter().filter(|(name, _)| value(&wanted, name).is_none());
        differences.extend(gone.map(|(name, _)| found(format!("{} {name}", self.noun).trim().to_owned(), Change::Removed)));
        if matches!(self.shape, Shape::List(_)) {
            let common = |of: &[(String, Value)], other: &[(String, Value)]| -> Vec<String> {
                of.iter().filter(|(name, _)| value(other, name).is_some()).map(|(name, _)| name.clone()).collect()
            };
            if common(&live, &wanted) != common(&wanted, &live) {
                differences.push(found(format!("{}: order", self.noun), Change::Reordered));
            }
        }
        differences
    }

    /// The things in a section by name; of one thing the name is empty.
    fn things(&self, value: Option<&Value>) -> Vec<(String, Value)> {
        match (&self.shape, value) {
            (_, None) => Vec::new(),
            (Shape::One, Some(value)) => vec![(String::new(), value.clone())],
            (Shape::Named, Some(value)) => {
                value.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())).collect()
            }
            (Shape::List(key), Some(value)) => {
                let thing = |item: &Value| {
                    let mut item = item.clone();
                    let name = item.as_object_mut().and_then(|fields| fields.remove(*key));
                    (name.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned(), item)
                };
                value.as_array().into_iter().flatten().map(thing).collect()
            }
        }
    }
}

/// What a thing says, value by value.
fn said(value: &Value) -> Vec<(String, String)> {
    let mut flat = BTreeMap::new();
    flatten("", value, &mut flat);
    flat.into_iter().map(|(name, said)| (name, said.join(", "))).collect()
}

/// Where two things differ.
fn fields(live: &Value, wanted: &Value) -> Vec<Field> {
    let (mut before, mut now) = (BTreeMap::new(), BTreeMap::new());
    flatten("", live, &mut before);
    flatten("", wanted, &mut now);
    let names: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let mut fields = Vec::new();
    for name in names {
        let (from, to) = (before.get(name), now.get(name));
        match (from, to) {
            (from, to) if from == to => {}
            // Of a list what came and went; its order where nothing did.
            (Some(from), Some(to)) if from.len() > 1 || to.len() > 1 => {
                let only = |these: &[String], those: &[String]| {
                    let only: Vec<&str> = these.iter().filter(|one| !those.contains(one)).map(String::as_str).collect();
                    (!only.is_empty()).then(|| only.join(", "))
                };
                let (gone, come) = (only(from, to), only(to, from));
                let same = gone.is_none() && come.is_none();
                let whole = |list: &[String]| same.then(|| list.join(", "));
                fields.push(Field { name: name.clone(), from: gone.or_else(|| whole(from)), to: come.or_else(|| whole(to)) });
            }
            (from, to) => {
                let said = |list: Option<&Vec<String>>| list.map(|list| list.join(", "));
                fields.push(Field { name: name.clone(), from: said(from), to: said(to) });
            }
        }
    }
    fields
}

/// The values in something nested, by their names; a list of plain values stays together.
fn flatten(name: &str, value: &Value, into: &mut BTreeMap<String, Vec<String>>) {
    let below = |part: &str| if name.is_empty() { part.to_owned() } else { format!("{name}.{part}") };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(part, value)| flatten(&below(part), value, into)),
        Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            items.iter().enumerate().for_each(|(n, item)| flatten(&below(&(n + 1).to_string()), item, into));
        }
        Value::Array(items) => drop(into.insert(name.to_owned(), items.iter().map(plain).collect())),
        one => drop(into.insert(name.to_owned(), vec![plain(one)])),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), |number| number.to_string()),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use michi::playbook::authoring::{check, default_files, default_playbook};

    use super::*;

    /// The default playbook with texts replaced in its files.
    fn edited(edits: &[(&str, &str)]) -> Playbook {
        let mut files = default_files();
        for (from, to) in edits {
            let found = files.iter_mut().filter(|file| String::from_utf8_lossy(&file.bytes).contains(from));
            let found = found.map(|file| file.bytes = String::from_utf8_lossy(&file.bytes).replacen(from, to, 1).into_bytes());
            assert_eq!(found.count(), 1, "{from}");
        }
        check(&files).unwrap()
    }

    fn shown(edits: &[(&str, &str)]) -> String {
        let differences = differences(&default_playbook().unwrap(), &edited(edits));
        differences.iter().map(|one| format!("{} {} {:?}\n", one.file, one.what, one.change)).collect()
    }

    #[test]
    fn every_part_of_a_playbook_is_compared() {
        let all = edited(&[
            ("#delivery:\n#  approval", "delivery:\n  approval"),
            ("#spam:\n#  traps: [web_address]", "spam:\n  traps: [nickname]"),
            ("#mail:\n#  topics:\n#    - id: news\n#      name", "mail:\n  topics:\n    - id: news\n      name"),
            ("holidays: []", "holidays: [2026-05-04]\nnational_holidays: japan"),
        ]);
        fn leaves(at: &str, value: &Value, into: &mut Vec<String>) {
            match value {
                Value::Object(fields) if !SECTIONS.iter().any(|section| section.at == at) => {
                    fields.iter().for_each(|(name, value)| leaves(&format!("{at}/{name}"), value, into));
                }
                _ => into.push(at.to_owned()),
            }
        }
        let mut found = Vec::new();
        leaves("", &serde_json::to_value(all).unwrap(), &mut found);
        found.sort();
        let mut known: Vec<&str> = SECTIONS.iter().map(|section| section.at).collect();
        known.sort_unstable();
        assert_eq!(found, known);
    }

    #[test]
    fn a_difference_names_its_file_and_what_was_said() {
        assert_eq!(shown(&[]), "");
        let edits = [
            ("points: 10\n    - id: case-study-page", "points: 25\n    - id: case-study-page"),
            ("class: careers\n    paths: [\"*/careers*\", ", "class: careers\n    paths: [\"*/stellen*\", "),
            ("times: 3, within: 30d", "times: 5, within: 30d"),
            ("  C1: mql\n", ""),
            ("price-checking:\n  did", "price-watching:\n  did"),
            ("segment: price-checking", "segment: price-watching"),
            ("Is there something that you cannot find?", "Is something missing?"),
        ];
        insta::assert_snapshot!(shown(&edits), @r#"
        playbook.yaml class of pages careers Changed([Field { name: "paths", from: Some("*/careers*"), to: Some("*/stellen*") }])
        scoring.yaml interest rule pricing-page Changed([Field { name: "points", from: Some("10"), to: Some("25") }])
        scoring.yaml exclusion applicant Changed([Field { name: "when.did.times", from: Some("3"), to: Some("5") }])
        scoring.yaml cell of the matrix C1 Removed
        segments.yaml segment moving-now Changed([Field { name: "all.2.any.1.segment", from: Some("price-checking"), to: Some("price-watching") }])
        segments.yaml segment price-watching Added([("did.times", "2"), ("did.what.page", "pricing"), ("did.within", "14d")])
        segments.yaml segment price-checking Removed
        mail/*.md mail welcome Changed([Field { name: "versions.en.body", from: Some("text 61fa49"), to: Some("text z8mc39") }])
        "#);
    }

    #[test]
    fn a_step_put_between_two_others_changes_neither() {
        let anchor = "  - wait: { id: a-week, for: 7d }\n";
        let more = format!("{anchor}  - set: {{ id: mark, attribute: reads, to: often }}\n");
        insta::assert_snapshot!(shown(&[(anchor, &more), ("- stop: { id: with-sales }", "- stop: { id: over }")]), @r#"
        scenarios/*.yaml scenario after-white-paper Changed([Field { name: "step how-far.ask.answer ready.steps", from: Some("with-sales"), to: Some("over") }, Field { name: "step mark.set.attribute", from: None, to: Some("reads") }, Field { name: "step mark.set.to", from: None, to: Some("often") }, Field { name: "steps", from: None, to: Some("mark") }])
        "#);
    }

    #[test]
    fn another_order_is_a_difference() {
        let first = "    - id: mail-clicked\n      why: { en: Clicked a link in a mail, ja: メールのリンクをクリック }\n      on: mail_clicked\n      points: 3\n";
        let anchor = "    - id: inquiry\n";
        let moved = format!("{first}{anchor}");
        assert!(shown(&[(first, ""), (anchor, &moved)]).contains("interest rule: order Reordered"));
    }
}
