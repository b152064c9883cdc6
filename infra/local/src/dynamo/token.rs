//! Transactions already run, by their `ClientRequestToken`.

use std::collections::{HashMap, VecDeque};

use dynoxide::DynoxideError;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// How long DynamoDB knows a token.
const KNOWN: SignedDuration = SignedDuration::from_mins(10);

#[derive(Default)]
pub(super) struct Tokens {
    runs: HashMap<String, Run>,
    /// The oldest first.
    order: VecDeque<(Timestamp, String)>,
}

struct Run {
    items: Value,
    answer: Value,
}

impl Tokens {
    /// The answer given under this token.
    ///
    /// # Errors
    ///
    /// If the token came with other items, as DynamoDB refuses it.
    pub(super) fn find(&mut self, token: &str, items: &Value, now: Timestamp) -> dynoxide::Result<Option<Value>> {
        while let Some((_, forgotten)) = self.order.pop_front_if(|(at, _)| now.duration_since(*at) >= KNOWN) {
            self.runs.remove(&forgotten);
        }
        match self.runs.get(token) {
            Some(run) if run.items == *items => Ok(Some(run.answer.clone())),
            Some(_) => Err(DynoxideError::IdempotentParameterMismatchException("The token was used with other items".to_owned())),
            None => Ok(None),
        }
    }

    pub(super) fn keep(&mut self, token: &str, items: &Value, answer: Value, at: Timestamp) {
        self.runs.insert(token.to_owned(), Run { items: items.clone(), answer });
        self.order.push_back((at, token.to_owned()));
    }
}
