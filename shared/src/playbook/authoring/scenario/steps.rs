//! The steps of a scenario's file, laid out one after the other in the order in which they stand.

use super::super::mistake::Mistake;
use super::super::place::Place;

/// The most steps of one scenario, those in its ways too.
const MOST: usize = 500;
/// How deep the lists of steps may lie in each other.
const DEEPEST: usize = 8;

/// A step as it stands in the file.
pub(super) struct Step<'a> {
    /// What it does: the key it is written with.
    pub(super) kind: &'a str,
    /// What stands under that key.
    pub(super) body: Place<'a>,
    /// The steps that lie in it, by the ways on; one way may have none.
    pub(super) ways: Vec<Vec<usize>>,
}

/// All steps of a file.
pub(super) struct Steps<'a> {
    /// In the order of the file, each before those that lie in it.
    pub(super) all: Vec<Step<'a>>,
    /// Those that lie in no other.
    pub(super) outermost: Vec<usize>,
    /// Whether each of them is written with one known key, so that nothing is missing between them.
    pub(super) whole: bool,
    one_too_many: Option<Place<'a>>,
    /// Lists that lie too deep; what stands in them is not looked at.
    pub(super) too_deep: Vec<Place<'a>>,
}

impl<'a> Steps<'a> {
    /// The steps of the scenario at this place. It stops where there are too many of them.
    pub(super) fn of(scenario: Place<'a>) -> Self {
        let mut steps = Self { all: vec![], outermost: vec![], whole: true, one_too_many: None, too_deep: vec![] };
        steps.outermost = steps.list(scenario.key("steps"), 1);
        steps
    }

    /// The steps of one kind.
    pub(super) fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Step<'a>> {
        self.all.iter().filter(move |step| step.kind == kind)
    }

    /// What is said of a scenario with too many steps.
    pub(super) fn too_many(&self) -> Option<Mistake> {
        let remedy = "part it in several scenarios: one can set an attribute that lets leads into the next";
        Some(self.one_too_many?.mistake(format!("this scenario has more than {MOST} steps: this is the first too many"), remedy))
    }

    /// What is said of a list that lies too deep.
    pub(super) fn depth_trouble(list: Place<'_>) -> Mistake {
        let remedy = "let these ways go on with \"go_to\" at a step that lies less deep";
        list.mistake_at_key(format!("lists of steps lie more than {DEEPEST} deep in each other here"), remedy)
    }

    fn list(&mut self, list: Place<'a>, depth: usize) -> Vec<usize> {
        if depth > DEEPEST {
            self.too_deep.extend(list.items().next().map(|_| list));
            return vec![];
        }
        let mut here = Vec::new();
        for item in list.items() {
            if self.all.len() == MOST {
                self.one_too_many = self.one_too_many.or(Some(item));
            }
            if self.one_too_many.is_some() {
                break;
            }
            let mut entries = item.entries();
            let (Some((kind, body)), None) = (entries.next(), entries.next()) else {
                self.whole = false;
                continue;
            };
            let number = self.all.len();
            here.push(number);
            self.all.push(Step { kind, body, ways: vec![] });
            let lists = lists(kind, body);
            self.whole &= lists.is_some();
            let ways = lists.unwrap_or_default().into_iter().map(|list| self.list(list, depth + 1)).collect();
            if let Some(step) = self.all.get_mut(number) {
                step.ways = ways;
            }
        }
        here
    }
}

/// Where the lists of steps stand in a step of this kind; none if there is no such kind.
fn lists<'a>(kind: &str, body: Place<'a>) -> Option<Vec<Place<'a>>> {
    let ways = |list: &str| body.key(list).items().map(|way| way.key("steps"));
    let otherwise = [body.key("otherwise")];
    Some(match kind {
        "wait_for" => vec![body.key("then"), body.key("otherwise")],
        "branch" => ways("ways").chain(otherwise).collect(),
        "split" => ways("ways").collect(),
        "ask" => ways("answers").chain(otherwise).collect(),
        "mail" | "wait" | "wait_until" | "wait_date" | "series" | "set" | "notify" | "stop" | "go_to" => vec![],
        _ => return None,
    })
}

impl<'a> Step<'a> {
    /// Its id, if one stands there.
    pub(super) fn id(&self) -> Option<&'a str> {
        self.body.key("id").text()
    }
}
