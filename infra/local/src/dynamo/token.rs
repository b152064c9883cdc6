//! Transactions already run, by their `ClientRequestToken`.

use std::collections::HashMap;

use dynoxide::DynoxideError;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// How long DynamoDB knows a token.
const KNOWN: SignedDuration = SignedDuration::from_mins(10);

#[derive(Default)]
pub(super) struct Tokens(HashMap<String, Run>);

struct Run {
    at: Timestamp,
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
        self.0.retain(|_, run| now.duration_since(run.at) < KNOWN);
        match self.0.get(token) {
            Some(run) if run.items == *items => Ok(Some(run.answer.clone())),
            Some(_) => Err(DynoxideError::IdempotentParameterMismatchException("The token was used with other items".to_owned())),
            None => Ok(None),
        }
    }

    pub(super) fn keep(&mut self, token: &str, items: &Value, answer: Value, at: Timestamp) {
        self.0.insert(token.to_owned(), Run { at, items: items.clone(), answer });
    }
}
