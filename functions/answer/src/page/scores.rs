//! Fit and interest with every reason. What is shown sums to the number shown.

use std::collections::{BTreeMap, HashMap};

use michi::condition::What;
use michi::fold::Step;
use michi::id::{ActivityId, RuleId};
use michi::lead::Lead;
use michi::scoring::InterestReason;
use michi::scoring::rules::InterestRule;

use super::about::{About, about};
use super::phrases::{self, Counted};
use super::points::{number, shared_tenths, shares, tenths, to_tenths};
use super::reader::{Reader, Stamp};

/// So many of the newest reasons stand one by one.
const RECENT: usize = 30;
/// So many of the older ones stand below their rule and month; of what is older still, each rule tells the sum.
const OLDER: usize = 600;

/// How well the lead suits.
#[derive(Debug)]
pub(crate) struct FitView {
    pub(crate) points: String,
    /// What it could be at most.
    pub(crate) out_of: String,
    pub(crate) bar: Bar,
    pub(crate) grade: Option<String>,
    /// From how many points on each grade is given.
    pub(crate) cuts: String,
    pub(crate) rules: Vec<FitRow>,
}

/// A rule of fit, whether it holds or not.
#[derive(Debug)]
pub(crate) struct FitRow {
    pub(crate) why: String,
    pub(crate) points: String,
    pub(crate) met: bool,
}

/// How much the lead wants it.
#[derive(Debug)]
pub(crate) struct InterestView {
    pub(crate) points: String,
    pub(crate) bar: Bar,
    pub(crate) level: u8,
    pub(crate) cuts: String,
    pub(crate) fading: String,
    pub(crate) momentum: String,
    pub(crate) recent: Vec<Row>,
    pub(crate) older: Vec<Month>,
    pub(crate) rest: Vec<More>,
}

/// What one activity gave or took.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) why: String,
    pub(crate) about: About,
    pub(crate) when: Stamp,
    pub(crate) granted: String,
    pub(crate) cut: Option<String>,
    pub(crate) left: String,
    pub(crate) unconfirmed: bool,
}

/// What one rule gave in one month.
#[derive(Debug)]
pub(crate) struct Month {
    pub(crate) why: String,
    pub(crate) month: String,
    pub(crate) times: String,
    pub(crate) granted: String,
    pub(crate) left: String,
    pub(crate) rows: Vec<Row>,
}

/// What one rule gave before all that, together.
#[derive(Debug)]
pub(crate) struct More {
    pub(crate) why: String,
    pub(crate) more: String,
    pub(crate) granted: String,
    pub(crate) left: String,
}

/// A bar in hundredths of its width, with marks where the next better grade or level begins.
#[derive(Debug)]
pub(crate) struct Bar {
    pub(crate) filled: u32,
    pub(crate) marks: Vec<u32>,
}

impl Bar {
    fn new(points: f64, most: f64, marks: &[f64]) -> Self {
        let place = |points: f64| (points / most.max(1.0) * 100.0).clamp(0.0, 100.0).round() as u32;
        Self {
            filled: place(points),
            marks: marks.iter().map(|mark| place(*mark)).filter(|mark| (1..100).contains(mark)).collect(),
        }
    }
}

pub(crate) fn fit(lead: &Lead, reader: &Reader<'_>) -> FitView {
    let rules = &reader.playbook.scoring.fit;
    let parts: Vec<f64> = lead.fit.reasons.iter().map(|reason| reason.points).collect();
    let shown = lead.fit.reasons.iter().map(|reason| &reason.rule).zip(shares(&parts, lead.fit.points));
    let shown: HashMap<&RuleId, String> = shown.collect();
    let most: f64 = rules.rules.iter().map(|rule| rule.points.max(0.0)).sum();
    let cuts = [("A", rules.grades.a), ("B", rules.grades.b), ("C", rules.grades.c)];
    FitView {
        points: number(lead.fit.points),
        out_of: phrases::out_of(&number(most), reader.language),
        bar: Bar::new(lead.fit.points, most, &cuts.map(|(_, cut)| cut)),
        grade: lead.fit.grade.map(|grade| grade.to_string()),
        cuts: phrases::cuts(&cuts.map(|(name, cut)| (name, number(cut))), reader.language),
        rules: rules
            .rules
            .iter()
            .map(|rule| FitRow {
                why: rule.why.in_language(reader.language).to_owned(),
                met: shown.contains_key(&rule.id),
                points: shown.get(&rule.id).cloned().unwrap_or_else(|| number(rule.points)),
            })
            .collect(),
    }
}

pub(crate) fn interest(lead: &Lead, history: &[Step<'_>], reader: &Reader<'_>) -> InterestView {
    let rules = &reader.playbook.scoring.interest;
    let (level_1, level_2, level_3) = (rules.levels.level_1, rules.levels.level_2, rules.levels.level_3);
    let cuts = [("1", number(level_1)), ("2", number(level_2)), ("3", number(level_3))];
    let most = (level_1 * 4.0 / 3.0).max(lead.interest.points);
    let reasons = Reasons::new(lead, history, reader);
    let (recent, older, rest) = reasons.rows();
    InterestView {
        points: number(lead.interest.points),
        bar: Bar::new(lead.interest.points, most, &[level_1, level_2, level_3]),
        level: lead.interest.level.number(),
        cuts: phrases::cuts(&cuts, reader.language),
        fading: phrases::fading(&rules.half_life.words(reader.language), reader.language),
        momentum: phrases::momentum(
            &number(lead.interest.momentum),
            &rules.momentum.half_life.words(reader.language),
            &number(rules.momentum.surging),
            reader.language,
        ),
        recent,
        older,
        rest,
    }
}

/// What sales reads about a page or form of this kind: the `why` of the rule that gives points for it.
pub(crate) fn class_words(step: &Step<'_>, reader: &Reader<'_>) -> Option<String> {
    use michi::activity::Kind;
    let class = step.class?;
    let names = |rule: &&InterestRule| match (&rule.on, &step.activity.kind) {
        (What::Page(named), Kind::PageViewed(_)) | (What::Form(named), Kind::FormSubmitted(_)) => named == class,
        _ => false,
    };
    let rule = reader.playbook.scoring.interest.rules.iter().find(names);
    Some(rule.map_or_else(|| class.as_str().replace(['_', '-'], " "), |rule| rule.why.in_language(reader.language).to_owned()))
}

/// Every reason, newest first, in three lots: one by one, by rule and month, and by rule alone.
struct Reasons<'a> {
    reader: &'a Reader<'a>,
    steps: HashMap<&'a ActivityId, &'a Step<'a>>,
    total: f64,
    recent: Vec<&'a InterestReason>,
    /// By how far back the month is, then by rule.
    older: BTreeMap<(i64, &'a RuleId), Vec<&'a InterestReason>>,
    rest: BTreeMap<&'a RuleId, Vec<&'a InterestReason>>,
}

impl<'a> Reasons<'a> {
    fn new(lead: &'a Lead, history: &'a [Step<'a>], reader: &'a Reader<'a>) -> Self {
        let mut newest_first = lead.interest.reasons.iter().rev();
        let recent = newest_first.by_ref().take(RECENT).collect();
        let mut older: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for reason in newest_first.by_ref().take(OLDER) {
            let month = reader.zoned(reason.at);
            let months = i64::from(month.year()) * 12 + i64::from(month.month());
            older.entry((-months, &reason.rule)).or_default().push(reason);
        }
        let mut rest: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for reason in newest_first {
            rest.entry(&reason.rule).or_default().push(reason);
        }
        let steps = history.iter().map(|step| (&step.activity.id, step)).collect();
        Self { reader, steps, total: lead.interest.points, recent, older, rest }
    }

    /// The rows, with shares of shares: rows sum to their month, and months, single rows and the rest to the total.
    fn rows(&self) -> (Vec<Row>, Vec<Month>, Vec<More>) {
        let sum = |reasons: &Vec<&InterestReason>| reasons.iter().map(|reason| reason.now).sum::<f64>();
        let parts: Vec<f64> = self
            .recent
            .iter()
            .map(|reason| reason.now)
            .chain(self.older.values().map(sum))
            .chain(self.rest.values().map(sum))
            .collect();
        let shares = shared_tenths(&parts, to_tenths(self.total));
        let (singles, others) = shares.split_at(self.recent.len().min(shares.len()));
        let (months, sums) = others.split_at(self.older.len().min(others.len()));
        let within: Vec<Vec<i64>> = self
            .older
            .values()
            .zip(months)
            .map(|(reasons, share)| shared_tenths(&reasons.iter().map(|reason| reason.now).collect::<Vec<_>>(), *share))
            .collect();

        // All have a decimal as soon as one needs it, so that they stand below each other.
        let decimal = shares.iter().chain(within.iter().flatten()).any(|share| share % 10 != 0);
        let rows = |reasons: &[&InterestReason], shares: &[i64]| -> Vec<Row> {
            reasons.iter().zip(shares).map(|(reason, share)| self.row(reason, tenths(*share, decimal))).collect()
        };
        let older = self.older.iter().zip(months.iter().zip(&within)).map(|(((_, rule), reasons), (share, within))| Month {
            why: self.why(rule),
            month: reasons.first().map(|first| self.month(first)).unwrap_or_default(),
            times: phrases::count(reasons.len(), Counted::Times, self.reader.language),
            granted: granted(reasons),
            left: tenths(*share, decimal),
            rows: rows(reasons, within),
        });
        let rest = self.rest.iter().zip(sums).map(|((rule, reasons), share)| More {
            why: self.why(rule),
            more: phrases::and_more(reasons.len(), self.reader.language),
            granted: granted(reasons),
            left: tenths(*share, decimal),
        });
        (rows(&self.recent, singles), older.collect(), rest.collect())
    }

    fn row(&self, reason: &InterestReason, left: String) -> Row {
        let taken = self.rule(&reason.rule).is_some_and(|rule| rule.points < 0.0);
        let cut = (to_tenths(reason.cut) != 0).then(|| phrases::cut(&number(reason.cut), taken, self.reader.language));
        Row {
            why: self.why(&reason.rule),
            about: self.steps.get(&reason.activity).map(|step| about(step, self.reader)).unwrap_or_default(),
            when: self.reader.when(reason.at),
            granted: number(reason.points),
            cut,
            left,
            unconfirmed: reason.unconfirmed,
        }
    }

    fn month(&self, reason: &InterestReason) -> String {
        self.reader.zoned(reason.at).strftime(self.reader.words.month_format).to_string()
    }

    fn rule(&self, id: &RuleId) -> Option<&'a InterestRule> {
        self.reader.playbook.scoring.interest.rules.iter().find(|rule| rule.id == *id)
    }

    fn why(&self, id: &RuleId) -> String {
        self.rule(id).map_or_else(|| id.to_string(), |rule| rule.why.in_language(self.reader.language).to_owned())
    }
}

fn granted(reasons: &[&InterestReason]) -> String {
    number(reasons.iter().map(|reason| reason.points).sum())
}
