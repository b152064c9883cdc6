//! People go into the logs of their leads, a part of the list at a time. What was done is saved after each part, so that an
//! import that was broken off goes on there; and a part that is done twice changes nothing.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::time::Duration;

use anyhow::bail;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::{SignedDuration, Timestamp};
use michi::activity::{Activity, Kind, Record, Source};
use michi::collision::Collision;
use michi::consent::MailClass;
use michi::id::{ActivityId, ImportId, LeadId, OwnerId};
use michi::io::store::{Import, ListedRow};
use michi::io::{Retry, Store};
use michi::verdict::Signals;

use super::list::{Deed, List, Meeting, Person};
use super::told::{Done, Told};
use super::{How, ImportArgs};
use crate::account::Installation;

/// Rows of a part.
const PART: usize = 500;
/// So many parts may wait to be scored: what visitors do meanwhile waits behind them.
const AHEAD: usize = 4;
/// So many activities of a part are looked after.
const SAMPLE: usize = 10;
/// How often they are.
const LOOK: Duration = Duration::from_millis(200);
/// After so long without any of them being scored something is wrong.
const STUCK: Duration = Duration::from_secs(600);
/// When `score` tells sales of those made ready by a list that was broken off.
const BROKEN_OFF: SignedDuration = SignedDuration::from_mins(5);
/// The same of a list that is in: its last rows have been scored by then, or are due before it.
const SETTLED: SignedDuration = SignedDuration::from_mins(1);

/// Takes a list in, or only counts what would come of it, and says so in `told`.
///
/// # Errors
/// If it cannot be taken in, now or as it is; the same command goes on where this one ended.
pub(super) async fn carry(args: &ImportArgs, found: &Installation, list: &List, told: &mut Told) -> anyhow::Result<()> {
    let store = &found.store;
    let before = store.import(&told.id).await?;
    if let Some(undone) = before.as_ref().and_then(|import| import.undone.as_ref()) {
        bail!("this very import was taken back at {:.0} by {}: to make it again, name it with --id", undone.at, undone.by);
    }
    if let Some(other) = before.as_ref().filter(|import| import.content != told.content) {
        bail!("another list, or the same with other options, was imported as {}: {}; choose another --id", told.id, other.file);
    }
    let keys = found.keys().await?;
    let hashes: Vec<String> = list.people.iter().map(|person| keys.address_hash(&person.address)).collect();
    told.people = hashes.iter().collect::<HashSet<_>>().len();
    told.suppressed = store.suppressed(&hashes).await?.len();
    if let Some(import) = before.as_ref().filter(|import| import.ended.is_some()) {
        (told.done, told.new) = (Done::Before(import.ended), usize::try_from(import.new).unwrap_or(usize::MAX));
        return Ok(());
    }
    if args.dry_run {
        told.new = told.people - store.address_owners(&hashes).await?.len();
        return Ok(());
    }
    if list.people.is_empty() {
        return Ok(());
    }
    let import = match before {
        Some(import) => import,
        None => store.save_import(begun(args, list, told, found.now())?).await?,
    };
    told.resumed = usize::try_from(import.done).unwrap_or(usize::MAX);
    let carrier = Carrier { store, how: &args.how, list, hashes: &hashes, at_once: args.at_once };
    let import = carrier.carry(import, found).await?;
    (told.done, told.new) = (Done::Now, usize::try_from(import.new).unwrap_or(usize::MAX));
    Ok(())
}

/// The list's item, before the first row.
fn begun(args: &ImportArgs, list: &List, told: &Told, now: Timestamp) -> anyhow::Result<Import> {
    Ok(Import {
        id: told.id.clone(),
        content: told.content.clone(),
        file: told.file.clone(),
        by: args.by.name()?,
        began: now,
        basis: args.how.basis.map(super::ListBasis::basis),
        proof: args.how.proof.clone(),
        rows: list.people.len() as u64,
        done: 0,
        new: 0,
        ended: None,
        gathers: true,
        ready: 0,
        undone: None,
        step: 0,
        due: Some(now + BROKEN_OFF),
    })
}

struct Carrier<'a> {
    store: &'a Store,
    how: &'a How,
    list: &'a List,
    hashes: &'a [String],
    at_once: bool,
}

impl Carrier<'_> {
    async fn carry(&self, mut import: Import, found: &Installation) -> anyhow::Result<Import> {
        let bar = ProgressBar::new(self.list.people.len() as u64);
        bar.set_style(ProgressStyle::with_template("{bar:40} {pos} of {len} rows, {per_sec}, {eta} left {msg}")?);
        let collisions = self.how.collisions(self.list.attributes());
        let mut ahead: VecDeque<Vec<(LeadId, ActivityId)>> = VecDeque::new();
        let rows: Vec<(&Person, &String)> = self.list.people.iter().zip(self.hashes).collect();
        for (part, rows) in (0..).zip(rows.chunks(PART)) {
            let end = part as u64 * PART as u64 + rows.len() as u64;
            if end > import.done {
                let (new, scored) = self.part(&import, part, rows, &collisions, found.now()).await?;
                let now = found.now();
                let (new, due) = (import.new + new, Some(now + BROKEN_OFF));
                import = self.moved_on(Import { done: end, new, gathers: true, due, ..import }).await?;
                ahead.push_back(scored);
            }
            bar.set_position(end);
            while !self.at_once && ahead.len() > AHEAD {
                if let Some(first) = ahead.pop_front() {
                    self.wait(&first, &bar).await?;
                }
            }
        }
        bar.finish_and_clear();
        let now = found.now();
        self.moved_on(Import { ended: Some(now), due: Some(now + SETTLED), ..import }).await
    }

    async fn moved_on(&self, import: Import) -> anyhow::Result<Import> {
        match self.store.save_import(import.clone()).await {
            Ok(import) => Ok(import),
            // `score` has told sales of those who were ready by then; or somebody else is at the same list.
            Err(error) if error.retry == Retry::Reread => {
                let Some(stored) = self.store.import(&import.id).await? else { bail!("the import is gone") };
                if stored.undone.is_some() || stored.done > import.done {
                    bail!("somebody else imports or takes back the same list: see `michi import --list`");
                }
                Ok(self.store.save_import(Import { step: stored.step, ready: stored.ready, ..import }).await?)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Takes a part in. Answers how many leads it brought, and some of the activities that must be scored now.
    async fn part(
        &self,
        import: &Import,
        part: u32,
        rows: &[(&Person, &String)],
        collisions: &BTreeMap<String, Collision>,
        now: Timestamp,
    ) -> anyhow::Result<(u64, Vec<(LeadId, ActivityId)>)> {
        let hashes: Vec<String> = rows.iter().map(|(_, hash)| (*hash).clone()).collect();
        let owners = self.store.address_owners(&hashes).await?;
        let listed = rows.iter().map(|(person, hash)| {
            let brought = brought(&import.id, hash);
            let owner = owners.get(*hash);
            ListedRow {
                hash: (*hash).clone(),
                // A repeat finds its own.
                lead: owner.cloned().unwrap_or(brought),
                new: owner.is_none(),
                record: record(import, person, hash, collisions, now),
            }
        });
        let listed: Vec<ListedRow> = listed.collect();
        let leads: Vec<LeadId> = listed.iter().map(|row| row.lead.clone()).collect();
        let sample: Vec<usize> = (0..SAMPLE).map(|n| n * listed.len() / SAMPLE).collect();
        let activities: Vec<ActivityId> = listed.iter().map(|row| row.record.id.clone()).collect();
        // Before the rows: whom an undoing shall find must be kept first.
        self.store.put_members(&import.id, part, leads.clone()).await?;
        let taken = self.store.take_in(listed).await?;
        if taken != leads {
            self.store.put_members(&import.id, part, taken.clone()).await?;
        }
        let new: HashSet<&LeadId> = taken
            .iter()
            .zip(rows)
            .filter(|(lead, (_, hash))| **lead == brought(&import.id, hash))
            .map(|(lead, _)| lead)
            .collect();
        let scored = sample.into_iter().filter_map(|n| Some((taken.get(n)?.clone(), activities.get(n)?.clone())));
        Ok((new.len() as u64, scored.collect()))
    }

    /// Waits until these have been scored.
    async fn wait(&self, scored: &[(LeadId, ActivityId)], bar: &ProgressBar) -> anyhow::Result<()> {
        let (mut waited, mut before) = (Duration::ZERO, usize::MAX);
        loop {
            let waiting = self.store.unscored(scored).await?;
            if waiting == 0 {
                bar.set_message("");
                return Ok(());
            }
            if waiting < before {
                (waited, before) = (Duration::ZERO, waiting);
            }
            if waited >= STUCK {
                bail!("nothing has been scored for ten minutes: see `michi doctor`; the same command goes on from here");
            }
            bar.set_message("(waits for scoring)");
            tokio::time::sleep(LOOK).await;
            waited += LOOK;
        }
    }
}

/// The lead that a list brings with an address that nobody had.
fn brought(import: &ImportId, hash: &str) -> LeadId {
    LeadId::derive(&["lead", hash, import.as_str()])
}

/// What a row leaves in its lead's log. The ids and the time come from the list, so a repeat is the same record.
fn record(import: &Import, person: &Person, hash: &str, collisions: &BTreeMap<String, Collision>, now: Timestamp) -> Record {
    let id = |what: &[&str]| ActivityId::derive(&[&["list", import.id.as_str(), hash], what].concat());
    let own = |(name, rule): (&String, &Collision)| person.attributes.contains_key(name).then(|| (name.clone(), *rule));
    let row = id(&["listed", &person.line.to_string()]);
    let mut activities = vec![Activity {
        id: row.clone(),
        at: import.began,
        kind: Kind::Listed {
            address: person.address.clone(),
            attributes: person.attributes.clone(),
            collisions: collisions.iter().filter_map(own).collect(),
        },
    }];
    if let (Some(basis), Some(proof)) = (import.basis, &import.proof) {
        let by = Some(format!("{}: {proof}", import.by));
        let kind =
            Kind::Consented { class: MailClass::Marketing, granted: true, basis, text: None, awaits: false, form: None, by };
        activities.push(Activity { id: id(&["consented"]), at: import.began, kind });
    }
    if let Some(meeting) = &person.meeting {
        // Whichever list tells of it: one that was put right and imported again tells nothing twice.
        let Meeting { deed, at, event, owner, note } = meeting;
        let (deed, at, owner) = (format!("{deed:?}"), at.to_string(), owner.as_ref().map_or("", OwnerId::as_str));
        let text = |text: &'_ Option<String>| text.clone().unwrap_or_default();
        let id = ActivityId::derive(&["met", hash, &deed, &at, owner, &text(event), &text(note)]);
        activities.push(Activity { id, at: meeting.at.min(import.began), kind: met(meeting) });
    }
    Record {
        id: row,
        sent: import.began,
        at: import.began,
        received: now.max(import.began),
        visitor: None,
        source: Source::Michi,
        import: Some(import.id.clone()),
        signals: Signals::default(),
        activities,
    }
}

fn met(meeting: &Meeting) -> Kind {
    let Meeting { deed, at: _, event, owner, note } = meeting.clone();
    match deed {
        Deed::Event => Kind::EventAttended { event: event.unwrap_or_default() },
        Deed::Card => Kind::CardExchanged { owner, note: note.or(event) },
        Deed::Call => Kind::CallMade { owner, note },
        Deed::Visit => Kind::Visited { owner, note },
    }
}
