//! What happened, newest first: days, in them visits parted by half an hour of silence, in them what was done.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use michi::activity::Kind;
use michi::fold::Step;
use michi::lead::Lead;
use michi::mail::words::lasting;

use super::entry::{Entry, Teller};
use super::phrases::{self, Counted};
use super::reader::{Reader, Stamp};

/// Silence that ends a visit.
const SILENCE: SignedDuration = SignedDuration::from_mins(30);
/// So many entries are shown; of what is older the page says how much there is.
const ENTRIES: usize = 500;
/// So many visits stand open, the others open at a touch.
const OPEN: usize = 3;

/// Everything that happened.
#[derive(Debug)]
pub(crate) struct Timeline {
    pub(crate) days: Vec<Day>,
    /// What there is beyond.
    pub(crate) earlier: Option<String>,
}

/// The visits that began on one day.
#[derive(Debug)]
pub(crate) struct Day {
    pub(crate) title: String,
    pub(crate) visits: Vec<Visit>,
}

/// What was done without half an hour of silence.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) from: Stamp,
    pub(crate) until: Option<Stamp>,
    /// What was done in it, counted; empty if there is nothing to count.
    pub(crate) summary: Vec<String>,
    pub(crate) open: bool,
    /// Newest first.
    pub(crate) entries: Vec<Entry>,
    /// Entries of this visit that are not shown.
    pub(crate) more: Option<String>,
}

impl Visit {
    /// Whether it is one thing only, which needs no heading.
    pub(crate) fn alone(&self) -> bool {
        self.entries.len() == 1 && self.more.is_none()
    }
}

pub(crate) fn timeline<'a>(lead: &'a Lead, history: &[Step<'a>], reader: &'a Reader<'a>) -> Timeline {
    let teller = Teller::new(lead, history, reader);
    let near = |a: &Step<'_>, b: &Step<'_>| b.activity.at.duration_since(a.activity.at) <= SILENCE;
    // What michi notes for itself makes neither an entry nor a visit; time in sight is told with its page.
    let shown = |step: &&Step<'a>| is_time_in_sight(step) || teller.tells(step);
    let history: Vec<Step<'a>> = history.iter().filter(shown).copied().collect();
    let mut visits: Vec<&[Step<'_>]> = history.chunk_by(near).filter(|visit| told(visit) > 0).collect();
    visits.reverse();

    let mut days: Vec<(Date, Day)> = Vec::new();
    let (mut room, mut shown) = (ENTRIES, 0);
    for visit in &visits {
        let Some(first) = visit.first().filter(|_| room > 0) else { break };
        let visit = self::visit(visit, room, shown < OPEN, &teller, reader);
        room = room.saturating_sub(visit.entries.len());
        shown += 1;
        let date = reader.zoned(first.activity.at).date();
        match days.last_mut() {
            Some((last, day)) if *last == date => day.visits.push(visit),
            _ => days.push((date, Day { title: title(first.activity.at, reader), visits: vec![visit] })),
        }
    }
    let beyond = visits.get(shown..).unwrap_or_default();
    let entries = beyond.iter().map(|visit| told(visit)).sum();
    Timeline {
        days: days.into_iter().map(|(_, day)| day).collect(),
        earlier: (!beyond.is_empty()).then(|| phrases::earlier(beyond.len(), entries, reader.language)),
    }
}

/// How many of a visit's steps become entries.
fn told(visit: &[Step<'_>]) -> usize {
    visit.iter().filter(|step| !is_time_in_sight(step)).count()
}

fn is_time_in_sight(step: &Step<'_>) -> bool {
    matches!(step.activity.kind, Kind::Engaged { .. })
}

fn visit(steps: &[Step<'_>], room: usize, open: bool, teller: &Teller<'_>, reader: &Reader<'_>) -> Visit {
    let entries: Vec<Entry> = steps.iter().rev().filter_map(|step| teller.entry(step)).take(room).collect();
    let hidden = told(steps).saturating_sub(entries.len());
    let at = |step: Option<&Step<'_>>| step.map_or(reader.now, |step| step.activity.at);
    let (from, until) = (reader.clock(at(steps.first())), reader.clock(at(steps.last())));
    Visit {
        until: (until.text != from.text).then_some(until),
        from,
        summary: summary(steps, reader),
        open,
        entries,
        more: (hidden > 0).then(|| phrases::and_more(hidden, reader.language)),
    }
}

/// What people did in a visit: pages, time in sight, forms, downloads.
fn summary(steps: &[Step<'_>], reader: &Reader<'_>) -> Vec<String> {
    let (mut pages, mut forms, mut downloads, mut engaged) = (0, 0, 0, 0);
    for step in steps.iter().filter(|step| step.counts()) {
        match &step.activity.kind {
            Kind::PageViewed(_) => pages += 1,
            Kind::FormSubmitted(_) => forms += 1,
            Kind::Downloaded { .. } => downloads += 1,
            Kind::Engaged { millis, .. } => engaged += u64::from(*millis),
            _ => {}
        }
    }
    let counted = [(pages, Counted::Pages), (forms, Counted::Forms), (downloads, Counted::Downloads)];
    let mut summary: Vec<String> =
        counted.into_iter().filter(|(n, _)| *n > 0).map(|(n, what)| phrases::count(n, what, reader.language)).collect();
    if engaged > 0 {
        summary.push(lasting(engaged, reader.language));
    }
    summary
}

/// A day's name.
fn title(at: Timestamp, reader: &Reader<'_>) -> String {
    let (day, today) = (reader.zoned(at).date(), reader.zoned(reader.now).date());
    let name = phrases::date(day, reader.language);
    if day == today {
        format!("{} · {name}", reader.words.today)
    } else if day.tomorrow().is_ok_and(|next| next == today) {
        format!("{} · {name}", reader.words.yesterday)
    } else {
        name
    }
}
