//! What the pure engine alone makes of what came from outside: no store, no sweep, nothing that fails. Something may be done
//! to it between two of its turns: so it says what may come of the same thing done beside a call.

use std::collections::BTreeMap;

use jiff::Timestamp;
use michi::activity::{Kind, Log, LogOwner, Record};
use michi::fold::Folded;
use michi::id::{ActivityId, EnrollmentId, LeadId, MailId, MessageId, PlaybookVersion, ScenarioId};
use michi::playbook::Playbook;
use michi::playbook::scenario::Scenario;
use michi::scenario::{
    Advance, Bound, Enrollment, Inside, Left, Newest, News, Owed, Seen, Waiting, advance, bound, enroll, entering, inside,
};

use super::story::{Told, told};

/// Something that is done to those under way.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// This version goes live.
    Edit(PlaybookVersion),
    /// The scenario is paused.
    PauseAll,
    /// The lead alone rests in it.
    PauseOne,
    /// The lead's log learns this.
    Learn(Kind),
    /// Somebody ends it.
    Stop,
    /// Somebody lets the lead in on this occasion.
    Enroll(&'static str),
    /// The lead turns out to be another, with a log of its own, which learns this of it.
    Merge { into: LeadId, own: Vec<Record>, learns: Box<Record> },
}

/// What is done, when, and when a pause ends.
#[derive(Debug, Clone)]
pub(super) struct Done {
    pub(super) act: Act,
    pub(super) of: ScenarioId,
    pub(super) at: Timestamp,
    pub(super) resumed: Option<Timestamp>,
}

/// A letter that was owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) at: Timestamp,
    pub(super) mail: MailId,
    pub(super) subject: u16,
    pub(super) playbook: PlaybookVersion,
}

/// What came of it.
pub(super) struct Ran {
    pub(super) told: Told,
    pub(super) letters: BTreeMap<MessageId, Letter>,
    /// How often it had moved in the scenario by the time that something was done.
    pub(super) moved: Option<usize>,
    /// When each of its turns came, and what was known by then.
    turns: Vec<(Timestamp, u64)>,
}

/// The engine under way.
pub(super) struct Engine<'p> {
    playbooks: &'p BTreeMap<PlaybookVersion, Playbook>,
    live: PlaybookVersion,
    lead: LeadId,
    log: Log,
    ahead: Vec<Record>,
    open: Vec<Enrollment>,
    inside: Inside,
    paused: Option<ScenarioId>,
    letters: BTreeMap<MessageId, Letter>,
    mails: usize,
    now: Timestamp,
    turns: Vec<(Timestamp, u64)>,
    changes: u64,
    done: Option<Done>,
    /// The turn before which it is done.
    turn: Option<usize>,
    moved: Option<usize>,
}

impl<'p> Engine<'p> {
    /// `log`: as it was in the end; what the engine itself says in it is left out.
    pub(super) fn new(
        playbooks: &'p BTreeMap<PlaybookVersion, Playbook>,
        live: &PlaybookVersion,
        lead: &'p LeadId,
        log: &Log,
    ) -> Self {
        let own = |kind: &Kind| {
            matches!(kind, Kind::Enrolled { .. } | Kind::Advanced { .. } | Kind::AttributeSet { .. } | Kind::MailSent { .. })
        };
        let outside = |record: &&Record| !record.activities.iter().any(|activity| own(&activity.kind));
        Self {
            playbooks,
            live: live.clone(),
            lead: lead.clone(),
            log: Log { owner: LogOwner::Lead(lead.clone()), records: vec![] },
            ahead: log.records.iter().filter(outside).cloned().collect(),
            open: vec![],
            inside: Inside::new(),
            paused: None,
            letters: BTreeMap::new(),
            mails: 0,
            now: Timestamp::MIN,
            turns: vec![],
            changes: 0,
            done: None,
            turn: None,
            moved: None,
        }
    }

    /// With something done before one of its turns; none: never, but its moment comes all the same.
    pub(super) fn with(self, done: &Done, turn: Option<usize>) -> Self {
        Self { done: Some(done.clone()), turn, ..self }
    }

    /// Goes on until then.
    pub(super) fn run(mut self, until: Timestamp) -> Ran {
        loop {
            let set = self.done.iter().flat_map(|done| [Some(done.at), done.resumed]).flatten();
            let next = self.ahead.iter().map(|record| record.received).chain(self.open.iter().map(|one| one.due)).chain(set);
            let Some(next) = next.filter(|at| *at > self.now && *at <= until).min() else { break };
            self.now = next;
            while self.look() {}
        }
        Ran { told: told(&self.log, self.mails), letters: self.letters, moved: self.moved, turns: self.turns }
    }

    /// Looks at the lead as `score` does, and takes it along as `step` does. Whether anything came of it.
    fn look(&mut self) -> bool {
        let changes = self.changes;
        self.resume();
        self.take_turn();
        let arrived: Vec<Record> = self.ahead.extract_if(.., |record| record.received <= self.now).collect();
        let news: Vec<ActivityId> = arrived.iter().map(|record| record.id.clone()).collect();
        self.log.records.extend(arrived);
        let (playbook, log) = (&self.playbooks[&self.live], &self.log);
        let folded = Folded::of(playbook, log, self.now);
        let news = News { records: &news, inside: &self.inside, before: None };
        let entered = entering(playbook, &self.live, &self.lead, &folded, news, self.now);
        self.inside = inside(playbook, &folded);
        for one in entered {
            self.enter(one.enrollment, one.record);
        }
        let open: Vec<EnrollmentId> = self.open.iter().map(|one| one.id.clone()).collect();
        for id in open {
            while self.step(&id) {}
        }
        self.changes > changes
    }

    fn enter(&mut self, enrollment: Enrollment, record: Record) {
        self.log.records.push(record);
        self.open.push(enrollment);
        self.changes += 1;
    }

    /// Takes an enrollment along to its next effect; whether it is due still.
    fn step(&mut self, id: &EnrollmentId) -> bool {
        self.take_turn();
        let Some(place) = self.open.iter().position(|one| one.id == *id) else { return false };
        let one = self.open[place].clone();
        if self.paused.as_ref() == Some(&one.scenario) {
            return false;
        }
        let by = match bound(&self.playbooks[&self.live], &one) {
            Bound::Live(_) => &self.live,
            Bound::Pinned => &one.playbook,
            Bound::Gone => return self.move_on(place, &one, Advance::ended(&one, Left::ScenarioGone), &one.playbook.clone()),
        };
        let (version, playbook) = (by.clone(), &self.playbooks[by]);
        let folded = Folded::of(playbook, &self.log, self.now);
        let seen = Seen { folded: &folded, playbook, version: &version, newest: Newest::GivenUp, now: self.now };
        match advance(&playbook.scenarios[&one.scenario], &one, &seen) {
            Some(advance) => self.move_on(place, &one, advance, &version),
            None => false,
        }
    }

    fn move_on(&mut self, place: usize, before: &Enrollment, advance: Advance, version: &PlaybookVersion) -> bool {
        self.changes += 1;
        self.log.records.extend(advance.record(before, self.now));
        if let Some(Owed::Mail { message, mail, subject, .. }) = &advance.owed {
            self.mails += 1;
            let letter = Letter { at: self.now, mail: mail.clone(), subject: *subject, playbook: version.clone() };
            self.letters.insert(message.clone(), letter);
            let sent = Kind::MailSent { message: message.clone(), mail: mail.clone(), owner: None };
            self.learn(&["sent", message.as_str()], sent);
        }
        match advance.after {
            Some(after) => {
                self.open[place] = after;
                self.open[place].due <= self.now
            }
            None => {
                drop(self.open.remove(place));
                false
            }
        }
    }

    fn learn(&mut self, id: &[&str], kind: Kind) {
        self.log.records.push(Record::decision(ActivityId::derive(id), self.now, kind));
    }

    fn take_turn(&mut self) {
        let due = self.turn == Some(self.turns.len());
        self.turns.push((self.now, self.changes));
        if let Some(done) = self.done.clone().filter(|_| due) {
            self.changes += 1;
            self.moved = Some(moves(&self.log, &done.of));
            self.act(&done);
        }
    }

    fn act(&mut self, done: &Done) {
        let of_it = |one: &&mut Enrollment| one.scenario == done.of;
        match &done.act {
            Act::Edit(version) => self.live = version.clone(),
            Act::PauseAll => self.paused = Some(done.of.clone()),
            Act::PauseOne => {
                for one in self.open.iter_mut().filter(of_it) {
                    one.waiting = Waiting::Resume { before: Box::new(one.waiting.clone()) };
                }
            }
            Act::Learn(kind) => self.learn(&["learned"], kind.clone()),
            Act::Stop => {
                while let Some(place) = self.open.iter().position(|one| one.scenario == done.of) {
                    let one = self.open[place].clone();
                    let version = one.playbook.clone();
                    self.move_on(place, &one, Advance::ended(&one, Left::ByHand), &version);
                }
            }
            Act::Merge { into, own, learns } => {
                while let Some(one) = self.open.first().cloned() {
                    let version = one.playbook.clone();
                    self.move_on(0, &one, Advance::ended(&one, Left::Merged), &version);
                }
                self.log.owner = LogOwner::Lead(into.clone());
                self.log.records.extend(own.iter().cloned().chain([(**learns).clone()]));
                // What the lead stood in before is nothing to the other.
                (self.lead, self.inside) = (into.clone(), Inside::new());
            }
            Act::Enroll(occasion) => {
                let playbook = &self.playbooks[&self.live];
                let (folded, scenario): (_, &Scenario) =
                    (Folded::of(playbook, &self.log, self.now), &playbook.scenarios[&done.of]);
                let entering = enroll(playbook, &self.live, (&done.of, scenario), &self.lead, &folded, occasion, self.now);
                if let Ok(entering) = entering {
                    self.enter(entering.enrollment, entering.record);
                }
            }
        }
    }

    /// Goes on with what was paused, once that is said.
    fn resume(&mut self) {
        if self.done.as_ref().and_then(|done| done.resumed).is_none_or(|resumed| resumed > self.now) {
            return;
        }
        self.paused = None;
        for one in &mut self.open {
            if let Waiting::Resume { before } = &one.waiting {
                one.waiting = (**before).clone();
            }
        }
    }
}

/// How often a lead has moved in a scenario: entered it, gone on, left.
pub(super) fn moves(log: &Log, of: &ScenarioId) -> usize {
    let moved = |kind: &Kind| match kind {
        Kind::Enrolled { scenario, .. } | Kind::Advanced { scenario, .. } => scenario == of,
        _ => false,
    };
    log.records.iter().flat_map(|record| &record.activities).filter(|activity| moved(&activity.kind)).count()
}

impl Ran {
    /// The turns, no further off a moment than that, before which something new may come of what is done: at the others it
    /// would be as at the one before.
    pub(super) fn turns_near(&self, at: Timestamp, within: jiff::SignedDuration) -> Vec<usize> {
        let near = |(_, (time, _)): &(usize, &(Timestamp, u64))| time.duration_since(at).abs() <= within;
        let mut turns: Vec<(usize, &(Timestamp, u64))> = self.turns.iter().enumerate().filter(near).collect();
        turns.dedup_by_key(|(_, (_, changes))| *changes);
        turns.into_iter().map(|(turn, _)| turn).collect()
    }
}
