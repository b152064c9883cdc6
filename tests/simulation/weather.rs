//! What goes wrong: a schedule is a value, so that a run can be repeated.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use michi_local::{Disorder, Fault, Planned};

/// One schedule.
#[derive(Debug, Clone, Default)]
pub(super) struct Weather {
    /// Calls that fail.
    pub(super) faults: Vec<Planned>,
    /// Calls that fail by chance: the seed, and how many in 100.
    pub(super) storm: Option<(u64, u8)>,
    /// Clocks that are wrong.
    pub(super) skew: BTreeMap<String, SignedDuration>,
    /// How the streams misbehave.
    pub(super) disorder: Option<Disorder>,
    /// What becomes of SES's reports.
    pub(super) reports: Reports,
    /// What happens beside the nth call: before it leaves, or, if so said, after it has taken effect.
    pub(super) beside: Option<(u64, bool, Deed)>,
    /// Everything sleeps for a day from this day of the story on, when its letters have just been owed.
    pub(super) sleeps: Option<usize>,
}

/// What happens beside a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// Who means to leave does so now.
    OptOut,
    /// The address of whoever means to leave is suppressed for another reason.
    Suppress,
    /// A schedule starts `notify` once more.
    Tick,
}

/// What becomes of SES's reports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Reports {
    /// None come.
    pub(super) lost: bool,
    /// They come so much later.
    pub(super) late: SignedDuration,
    /// Each comes twice.
    pub(super) doubled: bool,
    /// The last comes first.
    pub(super) backwards: bool,
}

/// How requests of readers come in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Door {
    /// As if a GET did what a POST does.
    pub(super) get_acts: bool,
}

/// How calls fail in a storm.
pub(super) const STORM: &[Fault] =
    &[Fault::Throttle, Fault::Conflict, Fault::BeforeLeaving, Fault::AfterEffect, Fault::CrashBefore, Fault::CrashAfter];

/// Functions on the mail path whose clocks may be wrong.
const CLOCKS: [&str; 5] = ["track", "score", "notify", "feedback", "answer"];

impl Weather {
    /// Every kind of trouble together, by a seed.
    pub(super) fn of(seed: u64) -> Self {
        let mut draw = Draw(seed);
        let late = [0, 0, 1, 20, 40, 24 * 60][draw.below(6)];
        let reports = Reports {
            lost: draw.below(8) == 0,
            late: SignedDuration::from_mins(late),
            doubled: draw.below(3) == 0,
            backwards: draw.below(3) == 0,
        };
        let mut skew = BTreeMap::new();
        for function in CLOCKS {
            skew.insert(function.to_owned(), super::SKEW * [-1, 0, 0, 1][draw.below(4)]);
        }
        let disorder = Disorder { seed, shards: 1 + u32::try_from(draw.below(3)).unwrap(), redelivered_percent: 20 };
        let deeds = [Deed::OptOut, Deed::Suppress, Deed::Tick];
        let beside = (u64::try_from(draw.below(250)).unwrap(), draw.below(2) == 0, deeds[draw.below(3)]);
        Self {
            faults: vec![],
            storm: Some((seed, 4)),
            skew,
            disorder: (draw.below(2) == 0).then_some(disorder),
            reports,
            beside: (draw.below(2) == 0).then_some(beside),
            sleeps: (draw.below(4) == 0).then(|| draw.below(3)),
        }
    }
}

/// SplitMix64: numbers that follow from a seed.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 33).unwrap() % bound
    }
}
