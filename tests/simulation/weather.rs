//! What goes wrong: a schedule is a value, so that a run can be repeated.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use michi_local::{Disorder, Fault, Mishap, Planned, Reports};

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
    pub(super) post: Post,
    /// What happens beside the nth call: before it leaves, or, if so said, after it has taken effect.
    pub(super) beside: Option<(u64, bool, Deed)>,
    /// Everything sleeps for a day from this day of the story on, when its letters have just been owed.
    pub(super) sleeps: Option<usize>,
}

/// What happens beside a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// Somebody ends mail by the link of an older letter: who means to leave, or else the first of the town.
    OptOut,
    /// That person's address is suppressed for another reason.
    Suppress,
    /// A schedule starts `notify` once more.
    Tick,
}

/// What becomes of SES's reports on their way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Post {
    /// They come at once.
    #[default]
    Prompt,
    /// None come.
    Lost,
    /// They come so much later.
    Late(SignedDuration),
    /// They come at once, and once more so much later.
    Twice(SignedDuration),
    /// Every other one is overtaken by the next.
    Overtaken,
    /// Each as chance has it, by a seed.
    Chance(u64),
}

impl Post {
    pub(super) fn lay(self, reports: &Reports) {
        let all = |mishap| reports.lay_random(0, 100, &[mishap]);
        let [minute, hour, day] = [1, 60, 24 * 60].map(SignedDuration::from_mins);
        match self {
            Self::Prompt => reports.lift(),
            Self::Lost => all(Mishap::Lost),
            Self::Late(by) => all(Mishap::Late(by)),
            Self::Twice(after) => all(Mishap::Twice(after)),
            Self::Overtaken => reports.lay((1..1000).step_by(2).map(|place| (place, Mishap::Late(minute)))),
            Self::Chance(seed) => {
                let mishaps = [
                    Mishap::Lost,
                    Mishap::Late(minute),
                    Mishap::Late(hour),
                    Mishap::Late(day),
                    Mishap::Twice(minute),
                    Mishap::Twice(day),
                ];
                reports.lay_random(seed, 50, &mishaps);
            }
        }
    }
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
        let post = [Post::Prompt, Post::Lost, Post::Chance(seed), Post::Chance(seed)][draw.below(4)];
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
            post,
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
