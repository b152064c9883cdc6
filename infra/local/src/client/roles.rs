//! The functions' roles, as the template grants them.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use crate::template::{Access, Grant, Wiring};

type ByFunction = BTreeMap<String, Vec<Grant>>;

/// What each function may call.
#[derive(Debug)]
pub struct Roles(RwLock<Option<ByFunction>>);

impl Roles {
    pub(super) fn of(wiring: &Wiring) -> Self {
        Self(RwLock::new(Some(by_function(wiring))))
    }

    /// Takes the roles of another reading of the template.
    pub fn take(&self, wiring: &Wiring) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(by_function(wiring));
    }

    /// Lets every function call what it likes, so that all it would call is seen and not only the first call refused.
    pub fn lift(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The first thing asked that no statement of the function's role allows.
    pub(super) fn refused<'a>(&self, function: &str, asks: &'a [Access]) -> Option<&'a Access> {
        let roles = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let grants = roles.as_ref()?.get(function).map(Vec::as_slice).unwrap_or_default();
        asks.iter().find(|access| !grants.iter().any(|grant| grant.allows(access)))
    }
}

fn by_function(wiring: &Wiring) -> ByFunction {
    wiring.functions.iter().map(|function| (function.name.clone(), function.grants.clone())).collect()
}
