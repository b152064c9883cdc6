//! Faults: which call fails, and how. A schedule is a value, so that a run can be repeated.

use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use super::Service;
use super::record::Call;
use crate::lock::lock;

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Fault {
    /// The connection fails; nothing happened.
    BeforeLeaving,
    /// It took effect, and the answer is lost.
    AfterEffect,
    /// The service says: not so fast. Nothing happened.
    Throttle,
    /// DynamoDB says that another transaction holds the item. Nothing happened. No fault for other calls.
    Conflict,
    /// The service says no, for ever. Nothing happened.
    Refuse,
    /// The function ends here; nothing happened.
    CrashBefore,
    /// It took effect, and the function ends before it hears of it.
    CrashAfter,
}

/// Which call a fault strikes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum At {
    /// The call of this number among all calls of functions, from 1, since the schedule was laid.
    Call(u64),
    /// The nth call, from 1, that is of this kind.
    Nth {
        /// By this function; None for any.
        function: Option<String>,
        /// To this service.
        service: Service,
        /// Of this operation; None for any.
        operation: Option<String>,
        /// Which of them, from 1.
        nth: u64,
    },
}

/// One fault of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// Which call it strikes.
    pub at: At,
    /// How the call fails.
    pub fault: Fault,
    /// Whether the SDK's own retries of the call fail too, so that the function sees the failure. Otherwise only the
    /// first attempt fails, and the retry meets whatever effect the first one had.
    pub all_attempts: bool,
}

/// The schedule of one suite, and what it has done.
#[derive(Debug, Default)]
pub struct Faults(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    planned: Vec<(Planned, u64)>,
    random: Option<Random>,
    struck: Vec<Planned>,
    /// SDK calls whose every attempt fails.
    lasting: Vec<(String, Fault)>,
    base: u64,
    last: u64,
}

#[derive(Debug, Clone)]
struct Random {
    seed: u64,
    percent: u8,
    kinds: Vec<Fault>,
    all_attempts: bool,
}

impl Planned {
    /// Call number `call` fails so that the function sees it.
    pub fn call(call: u64, fault: Fault) -> Self {
        Self { at: At::Call(call), fault, all_attempts: true }
    }

    /// The nth call of an operation by a function fails so that the function sees it.
    pub fn nth(function: &str, service: Service, operation: &str, nth: u64, fault: Fault) -> Self {
        let at = At::Nth { function: Some(function.to_owned()), service, operation: Some(operation.to_owned()), nth };
        Self { at, fault, all_attempts: true }
    }

    /// Only the first attempt fails; the SDK's retry goes through.
    pub fn first_attempt(self) -> Self {
        Self { all_attempts: false, ..self }
    }
}

impl Faults {
    /// Lays a schedule in place of the earlier one. Calls are counted from here.
    pub fn lay(&self, schedule: impl IntoIterator<Item = Planned>) {
        let mut state = lock(&self.0);
        let planned = schedule.into_iter().map(|planned| (planned, 0)).collect();
        *state = State { planned, base: state.last, last: state.last, ..State::default() };
    }

    /// Lets each call fail with a chance of `percent` in 100, in one of the given ways. The same seed strikes the same
    /// calls in the same ways as long as calls come in the same order.
    pub fn lay_random(&self, seed: u64, percent: u8, kinds: &[Fault], all_attempts: bool) {
        self.lay([]);
        lock(&self.0).random = Some(Random { seed, percent, kinds: kinds.to_vec(), all_attempts });
    }

    /// No further faults.
    pub fn lift(&self) {
        self.lay([]);
    }

    /// The faults that have struck since the schedule was laid, each by its call's number: a schedule that repeats them.
    pub fn struck(&self) -> Vec<Planned> {
        lock(&self.0).struck.clone()
    }

    /// Faults of the schedule that have not struck.
    pub fn waiting(&self) -> usize {
        lock(&self.0).planned.len()
    }

    /// The number of calls by functions since the schedule was laid.
    pub fn calls(&self) -> u64 {
        let state = lock(&self.0);
        state.last - state.base
    }

    /// The fault for a call, if any. `sdk_call` is the same for all attempts of one call.
    pub(super) fn strike(&self, call: &Call, sdk_call: &str) -> Option<Fault> {
        let ordinal = call.ordinal?;
        let state = &mut *lock(&self.0);
        if call.attempt > 1 {
            return state.lasting.iter().find(|(lasting, _)| lasting == sdk_call).map(|(_, fault)| *fault);
        }
        state.last = state.last.max(ordinal);
        let number = ordinal - state.base;
        let planned = state.planned(call, number).or_else(|| state.chance(number)).filter(|planned| planned.fault.fits(call))?;
        if planned.all_attempts {
            state.lasting.push((sdk_call.to_owned(), planned.fault));
        }
        state.struck.push(Planned { at: At::Call(number), ..planned });
        state.struck.last().map(|planned| planned.fault)
    }
}

impl State {
    fn planned(&mut self, call: &Call, number: u64) -> Option<Planned> {
        let mut due = None;
        for (index, (planned, seen)) in self.planned.iter_mut().enumerate() {
            let strikes = match &planned.at {
                At::Call(at) => *at == number,
                At::Nth { function, service, operation, nth } => {
                    let of_this_kind = function.as_ref().is_none_or(|function| call.function.as_ref() == Some(function))
                        && *service == call.service
                        && operation.as_ref().is_none_or(|operation| *operation == call.operation);
                    *seen += u64::from(of_this_kind);
                    of_this_kind && *seen == *nth
                }
            };
            if strikes && due.is_none() {
                due = Some(index);
            }
        }
        due.map(|index| self.planned.remove(index).0)
    }

    fn chance(&self, number: u64) -> Option<Planned> {
        let random = self.random.as_ref()?;
        let draw = scramble(random.seed ^ scramble(number));
        let kind = usize::try_from(draw >> 32).ok()?.checked_rem(random.kinds.len())?;
        let fault = *random.kinds.get(kind)?;
        (draw % 100 < u64::from(random.percent)).then_some(Planned {
            at: At::Call(number),
            fault,
            all_attempts: random.all_attempts,
        })
    }
}

impl Fault {
    fn fits(self, call: &Call) -> bool {
        let transactional = call.service == Service::DynamoDb
            && (crate::dynamo::writes(&call.operation) || call.operation.starts_with("Transact"))
            && call.operation != "BatchWriteItem";
        self != Self::Conflict || transactional
    }
}

/// SplitMix64's finalizer: neighbouring numbers come out unlike each other.
pub(crate) fn scramble(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
