//! What is said of loops in a scenario, and of steps that nobody reaches.

use super::scenario::{SCENARIO, cases, with};
use super::*;
use crate::condition::{Condition, What};
use crate::id::{MailId, StepId, WayId};
use crate::lead::Stage;
use crate::playbook::Text;
use crate::playbook::mailing::Day;
use crate::playbook::scenario::*;
use crate::playbook::span::Span;

#[test]
fn a_loop_waits_somewhere() {
    const REMEDY: &str = "put a wait of 1h or more into it: wait_until lets pass at the very hour, wait_for at once after the deed, and a series whoever has had its mails";
    let check = |steps: &str, wanted: &[&str]| {
        let text = format!("name: x\ntrigger: by_hand\nsteps:\n{steps}");
        let all = with(&[(SCENARIO, &text), ("\n\n{{ question }}", "")]);
        let found: Vec<String> = mistakes(&all).iter().map(brief).collect();
        let wanted: Vec<String> = wanted.iter().map(|what| format!("{what} = {REMEDY}")).collect();
        assert_eq!(found, wanted, "{steps}");
    };
    check("  - go_to: { id: a, step: a }\n", &["[a] nothing waits in this loop: a > a"]);
    check("  - mail: { id: a, send: hello }\n  - go_to: { id: b, step: a }\n", &["[a] nothing waits in this loop: a > b > a"]);
    check("  - mail: { id: a, send: hello }\n  - wait: { id: w, for: 1h }\n  - go_to: { id: b, step: a }\n", &[]);
    check(
        "  - mail: { id: a, send: hello }\n  - wait: { id: w, for: 59m }\n  - go_to: { id: b, step: a }\n",
        &["[a] nothing waits in this loop: a > w > b > a"],
    );
    // Whoever comes back at that very hour passes again, and what has been done just now is done for a second visit, too.
    check(
        "  - wait_until: { id: m, days: [mon], hour: 9 }\n  - go_to: { id: b, step: m }\n",
        &["[m] nothing waits in this loop: m > b > m"],
    );
    check(
        "  - wait_for: { id: f, did: any_page, within: 7d, then: [{ go_to: { id: b, step: f } }] }\n",
        &["[f] nothing waits in this loop: f > b > f"],
    );
    check(
        "  - wait_for: { id: f, did: any_page, within: 7d, then: [{ stop: { id: e } }] }\n  - go_to: { id: b, step: f }\n",
        &[],
    );
    // A series is over at once for whoever has had its mails.
    check(
        "  - series: { id: s, mails: [hello], every: 7d }\n  - go_to: { id: b, step: s }\n",
        &["[s] nothing waits in this loop: s > b > s"],
    );
    // One way waits, the other does not.
    check(
        "  - branch:
      id: x
      ways:
        - { id: y, when: { level: [1] }, steps: [{ wait: { id: w, for: 1d } }] }
        - { id: z, when: { level: [2] } }
  - go_to: { id: b, step: x }\n",
        &["[x] nothing waits in this loop: x > b > x"],
    );
    // Out of the loop, and back by another step.
    check(
        "  - split: { id: x, ways: [{ id: l, share: 1, steps: [{ go_to: { id: p, step: q } }] }, { id: r, share: 1, steps: [{ stop: { id: e } }] }] }
  - mail: { id: q, send: hello }
  - go_to: { id: b, step: x }\n",
        &["[x] nothing waits in this loop: x > p > q > b > x"],
    );
    check(
        "  - wait_date: { id: d, date: { attribute: renewal } }\n  - go_to: { id: b, step: d }\n",
        &["[d] nothing waits in this loop: d > b > d"],
    );
}

#[test]
fn every_step_is_reached() {
    cases(
        r##"
        ␣␣- split => ␣␣- stop: { id: over }⏎␣␣- split
            [split] nobody comes to this step: every way through "over" leads elsewhere = take it away, or let a "go_to" lead here
        ␣␣- split => ␣␣- go_to: { id: over, step: why }⏎␣␣- split
            [split] nobody comes to this step: every way through "over" leads elsewhere = take it away, or let a "go_to" lead here
        ␣␣␣␣␣␣␣␣- series => ␣␣␣␣␣␣␣␣- stop: { id: over }⏎␣␣␣␣␣␣␣␣- series
            [series] nobody comes to this step: every way through "over" leads elsewhere = take it away, or let a "go_to" lead here
        "##,
    );
    // Who knows where a step leads that cannot be read.
    let changes = [("  - split", "  - go_to: { id: over, step: whi }\n  - split")];
    let found: Vec<String> = mistakes(&with(&changes)).iter().map(brief).collect();
    assert_eq!(
        found,
        ["[whi] no step is called \"whi\" = did you mean \"why\"? These names are given to a step of this scenario"]
    );
}

/// Steps of every kind, with ids that are given later, and with references to any of them.
fn steps(depth: u32) -> impl Strategy<Value = Vec<Step>> {
    let id = || StepId::parse("x").unwrap();
    let span =
        prop_oneof![Just("5m"), Just("59m"), Just("1h"), Just("3d")].prop_map(|text| Span::try_from(text.to_owned()).unwrap());
    let hello = || MailId::parse("hello").unwrap();
    let leaf = prop_oneof![
        3 => Just(Step::Mail(MailStep { id: id(), send: hello(), late: Late::Do })),
        1 => span.clone().prop_map(move |span| Step::Wait(WaitStep { id: id(), span })),
        1 => Just(Step::WaitUntil(WaitUntilStep { id: id(), days: vec![Day::Mon], hour: 9 })),
        1 => span.clone().prop_map(move |every| Step::Series(SeriesStep { id: id(), mails: vec![hello()], every, late: Late::Do })),
        1 => Just(Step::Stop(StopStep { id: id() })),
        3 => (0..40_u32).prop_map(move |to| Step::GoTo(GoToStep { id: id(), step: StepId::parse(format!("s{to}")).unwrap() })),
    ];
    let step = leaf.prop_recursive(depth, 24, 4, move |inner| {
        let list = || prop::collection::vec(inner.clone(), 0..4);
        let way = |n: usize, steps| Way {
            id: WayId::parse(format!("w{n}")).unwrap(),
            when: Condition::Stage(vec![Stage::Lead]),
            steps,
        };
        prop_oneof![
            (span.clone(), list(), list()).prop_map(move |(within, then, otherwise)| {
                Step::WaitFor(WaitForStep { id: id(), did: What::AnyPage, within, then, otherwise })
            }),
            (prop::collection::vec(list(), 1..3), list()).prop_map(move |(ways, otherwise)| {
                let ways = ways.into_iter().enumerate().map(|(n, steps)| way(n, steps)).collect();
                Step::Branch(BranchStep { id: id(), ways, otherwise })
            }),
            prop::collection::vec(list(), 2..4).prop_map(move |ways| {
                let share = |(n, steps)| Share { id: WayId::parse(format!("w{n}")).unwrap(), share: 1, steps };
                Step::Split(SplitStep { id: id(), ways: ways.into_iter().enumerate().map(share).collect() })
            }),
        ]
    });
    prop::collection::vec(step, 1..8)
}

/// Gives each step an id of its own, in the order in which they stand, and lets each reference name one of them.
fn numbered(json: &mut Value, next: &mut usize) {
    match json {
        Value::Array(items) => items.iter_mut().for_each(|item| numbered(item, next)),
        Value::Object(fields) => {
            if fields.get("id").is_some_and(|id| id == "x") {
                fields.insert("id".to_owned(), format!("s{next}").into());
                *next += 1;
            }
            // In the order of the file: the map itself is sorted by name.
            for key in [
                "mail",
                "wait",
                "wait_until",
                "wait_for",
                "branch",
                "split",
                "series",
                "stop",
                "go_to",
                "ways",
                "steps",
                "then",
                "otherwise",
            ] {
                if let Some(inner) = fields.get_mut(key) {
                    numbered(inner, next);
                }
            }
        }
        _ => {}
    }
}

fn referring(steps: &mut [Step], count: usize) {
    for step in steps {
        match step {
            Step::GoTo(go) => {
                let wanted: usize = go.step.as_str().trim_start_matches('s').parse().unwrap();
                go.step = StepId::parse(format!("s{}", wanted % count)).unwrap();
            }
            Step::WaitFor(step) => {
                referring(&mut step.then, count);
                referring(&mut step.otherwise, count);
            }
            Step::Branch(step) => {
                step.ways.iter_mut().for_each(|way| referring(&mut way.steps, count));
                referring(&mut step.otherwise, count);
            }
            Step::Split(step) => step.ways.iter_mut().for_each(|way| referring(&mut way.steps, count)),
            _ => {}
        }
    }
}

/// Where somebody stands who walks through the steps: the lists that were gone into, each with the place in it.
type Stand<'s> = Vec<(&'s [Step], usize)>;

/// The step at which one stands, after going on behind the steps whose lists are over; none: at the end.
fn settled(mut stand: Stand<'_>) -> Option<(Stand<'_>, &Step)> {
    loop {
        let (list, at) = *stand.last()?;
        if let Some(step) = list.get(at) {
            return Some((stand, step));
        }
        stand.pop();
        if let Some((_, at)) = stand.last_mut() {
            *at += 1;
        }
    }
}

/// Everywhere one may stand after one step.
fn walked<'s>(all: &'s [Step], stand: &Stand<'s>, step: &'s Step) -> Vec<Stand<'s>> {
    match step {
        Step::Stop(_) => vec![],
        Step::GoTo(go) => found(&vec![(all, 0)], &go.step).into_iter().collect(),
        step if step.lists().is_empty() => {
            let mut next = stand.clone();
            next.last_mut().unwrap().1 += 1;
            vec![next]
        }
        step => step.lists().into_iter().map(|list| stand.iter().copied().chain([(list, 0)]).collect()).collect(),
    }
}

fn found<'s>(stand: &Stand<'s>, id: &StepId) -> Option<Stand<'s>> {
    let (list, _) = *stand.last()?;
    list.iter().enumerate().find_map(|(at, step)| {
        let mut here = stand.clone();
        here.last_mut()?.1 = at;
        if step.id() == id {
            return Some(here);
        }
        step.lists().into_iter().find_map(|inner| found(&here.iter().copied().chain([(inner, 0)]).collect(), id))
    })
}

/// Everywhere one may stand at once after one step.
fn rushed<'s>(all: &'s [Step], stand: &Stand<'s>, step: &'s Step) -> Vec<Stand<'s>> {
    let hour = Span::try_from("1h".to_owned()).unwrap();
    let mut next = walked(all, stand, step);
    match step {
        Step::Wait(step) if step.span >= hour => next.clear(),
        Step::WaitFor(step) if step.within >= hour => next.truncate(1),
        _ => {}
    }
    next
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// The check finds a loop exactly where somebody who walks on and on, and never waits, takes more steps than there are;
    /// and a step that nobody reaches exactly where a walk through everything comes past none of it.
    #[test]
    fn loops_and_dead_steps_are_those_that_a_walk_finds(drawn in steps(3)) {
        let mut json = serde_json::to_value(&drawn).unwrap();
        let mut count = 0;
        numbered(&mut json, &mut count);
        let mut steps: Vec<Step> = serde_json::from_value(json).unwrap();
        referring(&mut steps, count);
        let text = Text { en: "x".to_owned(), ja: "x".to_owned() };
        let scenario = Scenario {
            name: text, trigger: Trigger::ByHand, who: Who::New, audience: None, goal: None, exits: BTreeMap::new(),
            again: Again::Never, in_sales: InSales::Leave, window: None, under_way: UnderWay::Move, steps,
        };
        let text = serde_json::to_string(&scenario).unwrap();
        let found = mistakes(&with(&[(SCENARIO, &text), ("\n\n{{ question }}", "")]));
        let said = |what: &str| found.iter().any(|mistake| mistake.what.starts_with(what));

        let all = scenario.steps.as_slice();
        let key = |step: &Step| step.id().to_string();
        let mut seen: BTreeMap<String, (Stand<'_>, &Step)> = BTreeMap::new();
        let mut open: Vec<Stand<'_>> = vec![vec![(all, 0)]];
        while let Some(stand) = open.pop() {
            let Some((stand, step)) = settled(stand) else { continue };
            if seen.contains_key(&key(step)) {
                continue;
            }
            open.extend(walked(all, &stand, step));
            seen.insert(key(step), (stand, step));
        }
        // All who have walked so far without a wait, from every step there is.
        let everywhere = (0..count).filter_map(|n| self::found(&vec![(all, 0)], &StepId::parse(format!("s{n}")).unwrap()));
        let mut walkers: BTreeMap<String, (Stand<'_>, &Step)> =
            everywhere.filter_map(settled).map(|(stand, step)| (key(step), (stand, step))).collect();
        for _ in 0..=count {
            let next = walkers.values().flat_map(|(stand, step)| rushed(all, stand, step)).filter_map(settled);
            walkers = next.map(|(stand, step)| (key(step), (stand, step))).collect();
        }
        prop_assert_eq!(said("nothing waits in this loop"), !walkers.is_empty(), "{}", text);
        prop_assert_eq!(said("nobody comes to this step"), seen.len() < count, "{}", text);
        prop_assert!(found.iter().all(|mistake| mistake.what.starts_with("no")), "{:?}", found);
    }
}
