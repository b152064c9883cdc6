//! JSON with something done to its tree.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use super::bytes::{Change, Input, change, word};

/// No tree grows beyond so many nodes.
const MOST: usize = 20_000;

/// One thing done to a tree. A place is any node of it.
#[derive(Debug, Clone)]
enum Graft {
    /// Something else stands there.
    Put { at: Index, value: Value },
    /// What stands in one place stands in another, too.
    Copy { from: Index, to: Index },
    /// An entry of it is gone.
    Remove { at: Index, entry: Index },
    /// An entry has another name.
    Rename { at: Index, entry: Index, name: String },
    /// It has so many more entries, in an object under a name of their own.
    Fill { at: Index, name: String, count: usize, value: Value },
    /// It lies so much deeper.
    Wrap { at: Index, depth: usize, name: String },
    /// Something is done to its text.
    Text { at: Index, change: Change },
}

/// A text of any kind; some are very long.
fn text() -> impl Strategy<Value = String> {
    let word = || word().prop_map(|word| String::from_utf8_lossy(&word).into_owned());
    let often = (word(), prop_oneof![2 => 1..9_usize, 1 => 100..9_000_usize])
        .prop_map(|(word, times)| word.chars().cycle().take(times).collect::<String>());
    prop_oneof![3 => word(), 1 => often]
}

fn value() -> impl Strategy<Value = Value> {
    let odd = vec![
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(1e308),
        json!(i64::MIN),
        json!(u64::MAX),
        json!([]),
        json!({}),
        json!([null]),
        json!({"email": "a@example.com", "consent": {"granted": true, "text": "yes"}}),
        // No time that can be kept, the last that can, one to come, one long past.
        json!("9999-12-31T23:59:59.999Z"),
        json!("9999-12-30T00:00:00Z"),
        json!("2026-11-22T11:30:00Z"),
        json!("2019-02-28T00:00:00+09:00"),
        json!("0000-01-01T00:00:00Z"),
    ];
    prop_oneof![3 => select(odd), 2 => text().prop_map(Value::String)]
}

fn graft() -> impl Strategy<Value = Graft> {
    let at = any::<Index>;
    let count = prop_oneof![3 => 1..12_usize, 2 => 12..120_usize, 1 => 490..520_usize];
    prop_oneof![
        5 => (at(), value()).prop_map(|(at, value)| Graft::Put { at, value }),
        2 => (at(), at()).prop_map(|(from, to)| Graft::Copy { from, to }),
        2 => (at(), at()).prop_map(|(at, entry)| Graft::Remove { at, entry }),
        3 => (at(), at(), text()).prop_map(|(at, entry, name)| Graft::Rename { at, entry, name }),
        2 => (at(), text(), count, value()).prop_map(|(at, name, count, value)| Graft::Fill { at, name, count, value }),
        2 => (at(), prop_oneof![4 => 1..9_usize, 1 => 9..140_usize], text())
            .prop_map(|(at, depth, name)| Graft::Wrap { at, depth, name }),
        3 => (at(), change()).prop_map(|(at, change)| Graft::Text { at, change }),
    ]
}

impl Graft {
    fn apply(&self, tree: &mut Value) {
        let nodes = nodes(tree);
        let (Self::Put { at, .. }
        | Self::Copy { to: at, .. }
        | Self::Remove { at, .. }
        | Self::Rename { at, .. }
        | Self::Fill { at, .. }
        | Self::Wrap { at, .. }
        | Self::Text { at, .. }) = self;
        let copied = match self {
            Self::Copy { from, .. } => nth(tree, &mut from.index(nodes)).cloned(),
            _ => None,
        };
        let Some(node) = nth(tree, &mut at.index(nodes)) else { return };
        match (self, &mut *node) {
            (Self::Put { value, .. }, _) => *node = value.clone(),
            (Self::Copy { .. }, _) => *node = copied.unwrap_or_default(),
            (Self::Remove { entry, .. }, Value::Object(map)) if !map.is_empty() => {
                let name = map.keys().nth(entry.index(map.len())).cloned();
                name.and_then(|name| map.remove(&name));
            }
            (Self::Remove { entry, .. }, Value::Array(items)) if !items.is_empty() => {
                drop(items.remove(entry.index(items.len())))
            }
            (Self::Rename { entry, name, .. }, Value::Object(map)) if !map.is_empty() => {
                let old = map.keys().nth(entry.index(map.len())).cloned();
                if let Some(value) = old.and_then(|old| map.remove(&old)) {
                    map.insert(name.clone(), value);
                }
            }
            (Self::Fill { name, count, value, .. }, Value::Object(map)) => {
                map.insert(name.clone(), (0..*count).map(|n| (format!("n{n}"), value.clone())).collect());
            }
            (Self::Fill { count, value, .. }, Value::Array(items)) if nodes < MOST => {
                let more = items.first().cloned().unwrap_or_else(|| value.clone());
                items.extend(std::iter::repeat_n(more, *count));
            }
            (Self::Wrap { depth, name, .. }, _) => {
                for _ in 0..*depth {
                    let inner = node.take();
                    *node = if name.is_empty() { json!([inner]) } else { json!({ name: inner }) };
                }
            }
            (Self::Text { change, .. }, Value::String(text)) => {
                let mut bytes = std::mem::take(text).into_bytes();
                change.apply(&mut bytes, &[b"2026-11-22T09:59:00.120Z".to_vec(), b"a@example.com".to_vec()]);
                *text = String::from_utf8_lossy(&bytes).into_owned();
            }
            _ => {}
        }
    }
}

fn nodes(tree: &Value) -> usize {
    1 + match tree {
        Value::Array(items) => items.iter().map(nodes).sum(),
        Value::Object(map) => map.values().map(nodes).sum(),
        _ => 0,
    }
}

/// The node that comes after so many others.
fn nth<'t>(tree: &'t mut Value, before: &mut usize) -> Option<&'t mut Value> {
    if *before == 0 {
        return Some(tree);
    }
    *before -= 1;
    match tree {
        Value::Array(items) => items.iter_mut().find_map(|item| nth(item, before)),
        Value::Object(map) => map.values_mut().find_map(|value| nth(value, before)),
        _ => None,
    }
}

/// One of the seeds with a few things done to it.
pub(super) fn changed(seeds: Vec<Value>) -> impl Strategy<Value = Value> {
    (any::<Index>(), vec(graft(), 0..6)).prop_map(move |(seed, grafts)| {
        let mut tree = seed.get(&seeds).clone();
        grafts.iter().for_each(|graft| graft.apply(&mut tree));
        tree
    })
}

/// The same as text, to which something may be done in turn.
pub(super) fn written(seeds: Vec<Value>) -> impl Strategy<Value = Input> {
    let texts: Vec<Vec<u8>> = seeds.iter().map(|seed| seed.to_string().into_bytes()).collect();
    let changes = prop_oneof![2 => Just(vec![]), 1 => vec(change(), 1..4)];
    (changed(seeds), changes).prop_map(move |(tree, changes)| {
        let mut bytes = tree.to_string().into_bytes();
        changes.iter().for_each(|change| change.apply(&mut bytes, &texts));
        Input(bytes)
    })
}
