//! SES's events on their way: made for each mail, carried by the template's rules, and what befalls them there.

use std::collections::BTreeMap;
use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::events::events;
use super::{Fate, Mail};
use crate::Now;
use crate::client::scramble;
use crate::dynamo::Ledger;
use crate::lock::lock;
use crate::template::{Rule, Wiring};

/// The bus that SES tells, and no other.
const DEFAULT_BUS: &str = "default";
const UNDERWAY: &str = "report";
const DEAD: &str = "dead report";
/// How long Lambda waits before it hands an event over again that a function failed at; the last for every further try.
const WAITS: [SignedDuration; 2] = [SignedDuration::from_mins(1), SignedDuration::from_mins(2)];

/// SES's events on their way to the functions.
pub struct Reports {
    state: Mutex<State>,
    rules: Vec<Rule>,
    /// The kinds of events that the configuration set asks for.
    asked: Vec<String>,
    ledger: Ledger,
    now: Now,
}

#[derive(Default)]
struct State {
    underway: BTreeMap<(Timestamp, i64), Delivery>,
    fates: BTreeMap<String, Fate>,
    posted: Vec<Posted>,
    /// Events since a schedule of mishaps was laid.
    count: u64,
    planned: BTreeMap<u64, Mishap>,
    random: Option<Random>,
}

struct Random {
    seed: u64,
    percent: u8,
    mishaps: Vec<Mishap>,
}

/// What befalls an event on its way: EventBridge promises no more than best effort for SES's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mishap {
    /// It never comes.
    Lost,
    /// It comes so much later, and others overtake it.
    Late(SignedDuration),
    /// It comes, and once more so much later.
    Twice(SignedDuration),
}

/// An event that SES told, and what befell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// When.
    pub at: Timestamp,
    /// SES's id of the mail.
    pub ses: String,
    /// EventBridge's `detail-type`.
    pub detail_type: &'static str,
    /// What befell it.
    pub mishap: Option<Mishap>,
}

/// An event that a function is due to get.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Delivery {
    pub(crate) rule: String,
    pub(crate) function: String,
    pub(crate) event: Value,
    at: Timestamp,
    tries: u32,
    retries: u32,
}

impl Reports {
    pub(super) fn open(wiring: &Wiring, ledger: Ledger, now: Now) -> anyhow::Result<Self> {
        let underway = ledger.numbered::<Delivery>(UNDERWAY)?.into_iter();
        let underway = underway.map(|(number, delivery)| ((delivery.at, number), delivery)).collect();
        let rules = wiring.rules.iter().filter(|rule| rule.bus == DEFAULT_BUS).cloned().collect();
        let state = Mutex::new(State { underway, ..State::default() });
        Ok(Self { state, rules, asked: wiring.mail_events.clone(), ledger, now })
    }

    /// Lays down what becomes of mail to an address from now on. Else SES's mailbox simulator's addresses do as they do at
    /// AWS, and all other mail is delivered.
    pub fn lay_fate(&self, address: &str, fate: Fate) {
        lock(&self.state).fates.insert(address.to_owned(), fate);
    }

    /// Lays a schedule of mishaps in place of the earlier one, by the number of the event from now on, from 1.
    pub fn lay(&self, mishaps: impl IntoIterator<Item = (u64, Mishap)>) {
        let mut state = lock(&self.state);
        (state.count, state.planned, state.random) = (0, mishaps.into_iter().collect(), None);
    }

    /// Lets each event meet one of these mishaps with a chance of `percent` in 100. The same seed strikes the same events as
    /// long as they come in the same order.
    pub fn lay_random(&self, seed: u64, percent: u8, mishaps: &[Mishap]) {
        self.lay([]);
        lock(&self.state).random = Some(Random { seed, percent, mishaps: mishaps.to_vec() });
    }

    /// No further mishaps.
    pub fn lift(&self) {
        self.lay([]);
    }

    /// Every event so far, in the order in which SES told them.
    pub fn posted(&self) -> Vec<Posted> {
        lock(&self.state).posted.clone()
    }

    /// When the next event comes to a function; none: none is on its way.
    pub fn next(&self) -> Option<Timestamp> {
        lock(&self.state).underway.keys().next().map(|(at, _)| *at)
    }

    /// Events that no try could get through, each with why the last failed.
    pub fn dead(&self) -> anyhow::Result<Vec<(String, Value)>> {
        self.ledger.entries(DEAD)
    }

    /// Has every event that was given up come once more, as when a person hands it over anew. Answers how many there were.
    ///
    /// # Errors
    /// If they cannot be read or kept.
    pub fn redrive(&self) -> anyhow::Result<usize> {
        let dead = self.ledger.numbered::<(String, Value)>(DEAD)?;
        for (number, (_, event)) in &dead {
            for rule in self.rules.iter().filter(|rule| rule.pattern.matches(event)) {
                let Rule { name, function, retries, .. } = rule.clone();
                self.send_off(Delivery { rule: name, function, event: event.clone(), at: (self.now)(), tries: 0, retries })?;
            }
            self.ledger.remove(*number)?;
        }
        Ok(dead.len())
    }

    /// Tells what becomes of a mail.
    pub(super) fn tell(&self, mail: &Mail) -> anyhow::Result<()> {
        let to = mail.to.first().map(String::as_str).unwrap_or_default();
        let fate = lock(&self.state).fates.get(to).cloned().unwrap_or_else(|| Fate::of(to));
        for (kind, event) in events(mail, &fate) {
            if !self.asked.iter().any(|asked| asked == kind.asked) {
                continue;
            }
            let mishap = lock(&self.state).mishap();
            let posted = Posted { at: mail.at, ses: mail.id.clone(), detail_type: kind.detail_type, mishap };
            lock(&self.state).posted.push(posted);
            let waits = match mishap {
                None => vec![SignedDuration::ZERO],
                Some(Mishap::Lost) => vec![],
                Some(Mishap::Late(by)) => vec![by],
                Some(Mishap::Twice(by)) => vec![SignedDuration::ZERO, by],
            };
            for wait in waits {
                for rule in self.rules.iter().filter(|rule| rule.pattern.matches(&event)) {
                    let Rule { name, function, retries, .. } = rule.clone();
                    let at = (self.now)().checked_add(wait)?;
                    self.send_off(Delivery { rule: name, function, event: event.clone(), at, tries: 0, retries })?;
                }
            }
        }
        Ok(())
    }

    fn send_off(&self, delivery: Delivery) -> anyhow::Result<()> {
        let number = self.ledger.append(UNDERWAY, &delivery)?;
        lock(&self.state).underway.insert((delivery.at, number), delivery);
        Ok(())
    }

    /// Takes the next event that is due.
    pub(crate) fn take(&self) -> anyhow::Result<Option<Delivery>> {
        let now = (self.now)();
        let taken = {
            let mut state = lock(&self.state);
            state.underway.first_entry().filter(|first| first.key().0 <= now).map(|first| first.remove_entry())
        };
        let Some(((_, number), delivery)) = taken else { return Ok(None) };
        self.ledger.remove(number)?;
        Ok(Some(delivery))
    }

    /// Takes back an event that its function failed at: it comes again, or is given up.
    pub(crate) fn failed(&self, delivery: Delivery, reason: &str) -> anyhow::Result<()> {
        if delivery.tries >= delivery.retries {
            tracing::error!(rule = delivery.rule, function = delivery.function, reason, "an event is given up");
            return self.ledger.append(DEAD, &(reason, delivery.event)).map(|_| ());
        }
        let wait = WAITS.get(delivery.tries as usize).or(WAITS.last()).copied().unwrap_or_default();
        let at = (self.now)().checked_add(wait)?;
        self.send_off(Delivery { at, tries: delivery.tries + 1, ..delivery })
    }
}

impl State {
    fn mishap(&mut self) -> Option<Mishap> {
        self.count += 1;
        if let Some(mishap) = self.planned.get(&self.count) {
            return Some(*mishap);
        }
        let random = self.random.as_ref()?;
        let draw = scramble(random.seed ^ scramble(self.count));
        let which = usize::try_from(draw >> 33).ok()?.checked_rem(random.mishaps.len())?;
        (draw % 100 < u64::from(random.percent)).then(|| random.mishaps.get(which).copied()).flatten()
    }
}

impl std::fmt::Debug for Reports {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Reports").field("underway", &lock(&self.state).underway.len()).finish_non_exhaustive()
    }
}
