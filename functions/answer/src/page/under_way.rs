//! Where the lead stands in the scenarios in which it is under way.

use std::sync::Arc;

use jiff::Timestamp;
use michi::fold::Folded;
use michi::id::LeadId;
use michi::io::store::{Lies, Pause, Playbooks};
use michi::io::{Error, Store, Versioned};
use michi::playbook::scenario::words::Words;
use michi::playbook::scenario::{Scenario, Step};
use michi::playbook::{Language, Playbook};
use michi::scenario::{Bound, Enrollment, Left, Waiting, bound, runs};

use super::reader::{Reader, Stamp, line};

/// A scenario in which a lead is under way.
#[derive(Debug, Clone)]
pub struct UnderWay {
    /// Where it stands, and what it waits for.
    pub enrollment: Enrollment,
    /// Where in the due index that lies.
    pub lies: Lies,
    /// Nobody goes on in the scenario.
    pub paused: Option<Pause>,
    /// The playbook by which it goes on; none: its scenario was taken away, so it leaves.
    pub(super) by: Option<Arc<Playbook>>,
}

impl UnderWay {
    /// Everything in which a lead is under way. A lead whose log tells of nothing costs no call.
    ///
    /// # Errors
    /// If that cannot be read.
    pub async fn of(store: &Store, live: &Versioned, lead: &LeadId, folded: &Folded<'_>) -> Result<Vec<Self>, Error> {
        if runs(folded).iter().all(|run| run.left.is_some()) {
            return Ok(vec![]);
        }
        let (enrollments, mut pauses) = (store.enrollments_lying(lead).await?, store.pauses().await?);
        let mut playbooks = Playbooks::new(store, live);
        let mut all = Vec::with_capacity(enrollments.len());
        for (enrollment, lies) in enrollments {
            let by = match bound(&live.playbook, &enrollment) {
                Bound::Live(_) => Some(Arc::clone(&live.playbook)),
                Bound::Pinned => Some(playbooks.get(&enrollment.playbook).await?),
                Bound::Gone => None,
            };
            all.push(Self { paused: pauses.remove(&enrollment.scenario), enrollment, lies, by });
        }
        Ok(all)
    }

    /// What the scenario is called; its id where the playbook has it no more.
    #[must_use]
    pub fn name(&self, language: Language) -> String {
        let name = self.scenario().map(|(_, scenario)| scenario.name.in_language(language));
        name.unwrap_or(self.enrollment.scenario.as_str()).to_owned()
    }

    /// What the step says before which the lead stands, or why the lead leaves there.
    #[must_use]
    pub fn says(&self, language: Language) -> String {
        match (self.scenario(), self.step()) {
            (Some((playbook, _)), Some(step)) => Words { playbook, language }.step(step).trim_end_matches([':', '：']).to_owned(),
            (Some(_), None) => Left::StepGone.words(language),
            (None, _) => Left::ScenarioGone.words(language),
        }
    }

    /// When it goes on, at the latest; none: what it waits for has no time.
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        match self.waiting() {
            Waiting::Until(until)
            | Waiting::Behaviour { until }
            | Waiting::Answer { until, .. }
            | Waiting::Series { until, .. } => Some(*until),
            Waiting::Nothing => Some(self.enrollment.due),
            Waiting::Mail(_) | Waiting::Resume { .. } => None,
        }
    }

    /// Whether this lead alone is paused.
    #[must_use]
    pub fn rests(&self) -> bool {
        matches!(self.enrollment.waiting, Waiting::Resume { .. })
    }

    /// What it waits for, or waited for before it was paused.
    fn waiting(&self) -> &Waiting {
        match &self.enrollment.waiting {
            Waiting::Resume { before } => before,
            waiting => waiting,
        }
    }

    fn scenario(&self) -> Option<(&Playbook, &Scenario)> {
        let playbook = self.by.as_deref()?;
        Some((playbook, playbook.scenarios.get(&self.enrollment.scenario)?))
    }

    fn step(&self) -> Option<&Step> {
        self.scenario()?.1.find(&self.enrollment.place.step).map(|spot| spot.step)
    }
}

/// The same as it is read.
#[derive(Debug)]
pub(crate) struct Course {
    pub(crate) name: String,
    pub(crate) since: Stamp,
    /// What the step does.
    pub(crate) says: String,
    pub(crate) waits: Waits,
    /// Why it does not go on.
    pub(crate) halts: Vec<String>,
}

/// What is waited for, in words around a time.
#[derive(Debug)]
pub(crate) struct Waits {
    pub(crate) before: &'static str,
    pub(crate) until: Option<Stamp>,
    pub(crate) after: &'static str,
}

pub(crate) fn courses(under_way: &[UnderWay], reader: &Reader<'_>) -> Vec<Course> {
    let course = |one: &UnderWay| Course {
        name: line(&one.name(reader.language)),
        since: reader.when(one.enrollment.entered),
        says: one.says(reader.language),
        waits: waits(one, reader),
        halts: halts(one, reader),
    };
    under_way.iter().map(course).collect()
}

fn waits(one: &UnderWay, reader: &Reader<'_>) -> Waits {
    let until = one.until();
    let is_wait = matches!(one.step(), Some(Step::Wait(_) | Step::WaitUntil(_) | Step::WaitDate(_)));
    let halted = one.rests() || one.paused.is_some() || one.lies != Lies::Due;
    if !halted && until.is_some_and(|until| until <= reader.now) {
        let before = pick(reader.language, ["Goes on within a minute or two", "まもなく次へ進みます"]);
        return Waits { before, until: None, after: "" };
    }
    let said = match one.waiting() {
        Waiting::Until(_) if is_wait => [["Until", ""], ["", "まで待機"]],
        Waiting::Until(_) => [["Until its hours begin,", ""], ["配信時間になるまで待機：", ""]],
        Waiting::Behaviour { .. } => [["At most until", ""], ["最長", "まで待機"]],
        Waiting::Answer { .. } => [["Waits for the answer, at most until", ""], ["最長", "まで回答を待機"]],
        Waiting::Series { .. } => [["The next is due", ""], ["次の予定：", ""]],
        Waiting::Mail(_) => [["Waits until the mail before it is sent or given up", ""], ["前のメールの送信待ち", ""]],
        Waiting::Nothing | Waiting::Resume { .. } => [["Goes on", ""], ["", "に次へ進みます"]],
    };
    let [before, after] = pick(reader.language, said);
    Waits { before, until: until.map(|until| reader.when(until)), after }
}

fn halts(one: &UnderWay, reader: &Reader<'_>) -> Vec<String> {
    let paused = one.paused.as_ref().map(|pause| {
        let (since, by) = (reader.when(pause.since).text, line(&pause.by));
        pick(
            reader.language,
            [format!("The scenario is paused since {since}, by {by}"), format!("シナリオを一時停止中（{since}から、{by}）")],
        )
    });
    let rests = ["This lead alone is paused in it", "このリードだけ一時停止中"];
    let held = ["Held: it failed time and again, and somebody must look", "失敗が続いたため保留中（担当者の確認が必要）"];
    let said = [(one.rests(), rests), (one.lies == Lies::Held, held)];
    let said = said.into_iter().filter(|(holds, _)| *holds).map(|(_, said)| pick(reader.language, said).to_owned());
    paused.into_iter().chain(said).collect()
}

fn pick<T>(language: Language, [en, ja]: [T; 2]) -> T {
    match language {
        Language::En => en,
        Language::Ja => ja,
    }
}
