//! What a playbook's scenarios and segments say, told line by line.

use serde::Serialize;

use super::Language::{self, En, Ja};
use super::Playbook;
use super::scenario::words::Words;
use super::scenario::{Scenario, Step, Trigger};
use crate::condition::Condition;
use crate::id::{RuleId, ScenarioId, StepId};

/// Something of the playbook in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// What people call it, with its name in the files.
    pub title: String,
    /// What lets a lead in, on one line.
    pub brief: String,
    /// What holds for all of it.
    pub facts: Vec<Fact>,
    /// What happens, or what is asked, in order.
    pub lines: Vec<Line>,
}

/// One thing that holds for all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// What it is about.
    pub about: &'static str,
    /// What holds; several stand for themselves, and any of them is enough.
    pub says: Vec<String>,
}

/// A line of what happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// How deep it lies within others, from 0.
    pub depth: usize,
    /// The step that it tells; none: it tells when the lines below it, one deeper, are meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    /// What it says.
    pub text: String,
}

/// A scenario in words; `None` if there is none of that name.
#[must_use]
pub fn scenario(playbook: &Playbook, id: &ScenarioId, language: Language) -> Option<Explained> {
    let scenario = playbook.scenarios.get(id)?;
    let words = Words { playbook, language };
    let title = match language {
        En => format!("{} (scenario {id})", scenario.name.in_language(language)),
        Ja => format!("{}（シナリオ {id}）", scenario.name.in_language(language)),
    };
    let mut lines = Vec::new();
    told(&scenario.steps, 0, words, &mut lines);
    let brief = words.trigger(&scenario.trigger);
    Some(Explained { title, brief, facts: facts(scenario, words), lines })
}

fn facts(scenario: &Scenario, words: Words<'_>) -> Vec<Fact> {
    let language = words.language;
    let pick = |en: &'static str, ja: &'static str| match language {
        En => en,
        Ja => ja,
    };
    let mut facts = Vec::new();
    let mut add = |about: &'static str, says: Vec<String>| facts.extend((!says.is_empty()).then_some(Fact { about, says }));
    let begins = match words.who(scenario.who) {
        Some(who) => format!("{}{}{who}", words.trigger(&scenario.trigger), pick(". ", "。")),
        None => words.trigger(&scenario.trigger),
    };
    add(pick("Begins", "きっかけ"), vec![begins]);
    add(pick("For", "対象"), scenario.audience.iter().map(|who| who.words(language)).collect());
    let leaves = pick("; whoever reaches it leaves, and is counted as won", "（達成した相手は、そこで終わります）");
    add(pick("Goal", "目標"), scenario.goal.iter().map(|goal| goal.words(language) + leaves).collect());
    let exits = scenario.exits.iter().map(|(id, exit)| match language {
        En => format!("{id}: {}", exit.words(language)),
        Ja => format!("{id}：{}", exit.words(language)),
    });
    let refused = pick("the lead wants no marketing mail, or none may be sent to it", "配信停止、または送信できない相手になった");
    let ends = exits.chain([refused.to_owned()]).chain(words.in_sales(scenario.in_sales));
    add(pick("Ends early", "途中で終わる条件"), ends.collect());
    if scenario.trigger != Trigger::ByHand {
        add(pick("Again", "再び入る"), vec![words.again(scenario.again)]);
    }
    add(pick("Sends", "配信時間"), vec![words.window(scenario.window.as_ref())]);
    add(pick("On an edit", "変更したとき"), vec![words.under_way(scenario.under_way)]);
    facts
}

fn told(steps: &[Step], depth: usize, words: Words<'_>, lines: &mut Vec<Line>) {
    for step in steps {
        lines.push(Line { depth, step: Some(step.id().clone()), text: words.step(step) });
        for (way, steps) in words.ways(step) {
            let text = match (words.language, steps.is_empty()) {
                (En, false) => format!("{way}:"),
                (Ja, false) => format!("{way}："),
                (En, true) => format!("{way}: go on"),
                (Ja, true) => format!("{way}：次に進む"),
            };
            lines.push(Line { depth: depth + 1, step: None, text });
            told(steps, depth + 2, words, lines);
        }
    }
}

/// A segment in words, with those it asks for; `None` if there is none of that name.
#[must_use]
pub fn segment(playbook: &Playbook, id: &RuleId, language: Language) -> Option<Explained> {
    let condition = playbook.segments.get(id)?;
    let (title, about, used) = match language {
        En => (format!("segment {id}"), "In it", "Used by"),
        Ja => (format!("セグメント {id}"), "含まれる相手", "使用箇所"),
    };
    let who = match language {
        En => "every lead for which this holds, as long as it holds",
        Ja => "次の条件を満たす相手（満たしている間だけ）",
    };
    let mut facts = vec![Fact { about, says: vec![who.to_owned()] }];
    let users = users(playbook, id, language);
    facts.extend((!users.is_empty()).then_some(Fact { about: used, says: users }));
    let mut lines = Vec::new();
    asked(playbook, condition, 0, language, &mut lines);
    Some(Explained { title, brief: condition.words(language), facts, lines })
}

/// A condition, each part on a line of its own.
fn asked(playbook: &Playbook, condition: &Condition, depth: usize, language: Language, lines: &mut Vec<Line>) {
    let mut add = |text: String| lines.push(Line { depth, step: None, text });
    let pick = |en: &str, ja: &str| match language {
        En => en.to_owned(),
        Ja => ja.to_owned(),
    };
    match condition {
        Condition::All(parts) | Condition::Any(parts) if parts.len() > 1 => {
            add(match condition {
                Condition::All(_) => pick("all of these:", "次のすべて："),
                _ => pick("at least one of these:", "次のどれか："),
            });
            parts.iter().for_each(|part| asked(playbook, part, depth + 1, language, lines));
        }
        Condition::All(parts) | Condition::Any(parts) => {
            parts.iter().for_each(|part| asked(playbook, part, depth, language, lines));
        }
        Condition::Not(part) if matches!(**part, Condition::All(_) | Condition::Any(_) | Condition::Segment(_)) => {
            add(pick("not this:", "次に当てはまらない："));
            asked(playbook, part, depth + 1, language, lines);
        }
        Condition::Segment(name) => match playbook.segments.get(name) {
            Some(inner) => {
                add(format!("{}{}", condition.words(language), pick(":", "：")));
                asked(playbook, inner, depth + 1, language, lines);
            }
            None => add(condition.words(language)),
        },
        other => add(other.words(language)),
    }
}

/// The scenarios and segments that ask for a segment.
fn users(playbook: &Playbook, id: &RuleId, language: Language) -> Vec<String> {
    let asks = |condition: &Condition| asks_for(condition, id);
    let [scenario, segment] = match language {
        En => ["scenario", "segment"],
        Ja => ["シナリオ", "セグメント"],
    };
    let scenarios = playbook.scenarios.iter().filter(|(_, one)| {
        let own = one.audience.iter().chain(&one.goal).chain(one.exits.values());
        matches!(&one.trigger, Trigger::Segment(name) if name == id) || own.into_iter().any(asks) || branches(&one.steps, id)
    });
    let segments = playbook.segments.iter().filter(|(_, condition)| asks(condition));
    let scenarios = scenarios.map(|(name, _)| format!("{scenario} {name}"));
    scenarios.chain(segments.map(|(name, _)| format!("{segment} {name}"))).collect()
}

fn branches(steps: &[Step], id: &RuleId) -> bool {
    steps.iter().any(|step| {
        let own = matches!(step, Step::Branch(branch) if branch.ways.iter().any(|way| asks_for(&way.when, id)));
        own || step.lists().into_iter().any(|list| branches(list, id))
    })
}

fn asks_for(condition: &Condition, id: &RuleId) -> bool {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => parts.iter().any(|part| asks_for(part, id)),
        Condition::Not(part) => asks_for(part, id),
        Condition::Segment(name) => name == id,
        Condition::Attribute(_)
        | Condition::Address(_)
        | Condition::Did(_)
        | Condition::Stage(_)
        | Condition::Cell(_)
        | Condition::Grade(_)
        | Condition::Level(_)
        | Condition::Phase(_)
        | Condition::Surging(_) => false,
    }
}
