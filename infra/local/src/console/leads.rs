//! Leads by worth now, and each of them in full.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use jiff::Timestamp;
use michi::activity::{LogOwner, Record};
use michi::fold::fold;
use michi::id::{LeadId, PlaybookVersion};
use michi::io::store::{self, Playbooks};
use michi::io::{Error, Versioned};
use michi::lead::{Lead, Stage};
use michi::link::View;
use michi::mail::words;
use michi::playbook::Language;
use serde::{Deserialize, Serialize};

use super::door::Refusal;
use super::page::{self, Frame, Moment, Reader};
use super::tables;
use super::text::line;
use super::{Console, Limit};

/// The index of leads by rank. Its partitions are named `<epoch>.<stage>.<shard>`.
const INDEX: &str = "rank";

/// `leads.json`: the hottest leads, hottest first.
#[derive(Serialize)]
struct Leads {
    now: Timestamp,
    playbook: PlaybookVersion,
    /// How many leads stand where, of stages that have any.
    counts: BTreeMap<Stage, usize>,
    leads: Vec<Summary>,
}

/// A lead in `leads.json`.
#[derive(Debug, Clone, Serialize)]
struct Summary {
    #[serde(flatten)]
    lead: store::Summary,
    /// The path of its page, for the playbook's first owner.
    view: Option<String>,
}

/// `leads/<id>.json`: everything there is.
#[derive(Serialize)]
struct Whole {
    now: Timestamp,
    playbook: PlaybookVersion,
    /// As in `leads.json`; null until the lead was first saved.
    summary: Option<Summary>,
    /// What the log amounts to now, by the playbook in use.
    lead: Lead,
    /// The log, oldest first.
    records: Vec<Record>,
}

#[derive(Deserialize)]
pub(super) struct Asked {
    stage: Option<String>,
    // Flattened, serde would not read the number.
    limit: Option<usize>,
}

pub(super) async fn json(
    State(console): State<Console>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Refusal> {
    let Query(asked) = asked?;
    page::json(&list(&console, stage(asked.stage.as_deref())?, Limit { limit: asked.limit }).await?)
}

#[derive(Template)]
#[template(path = "leads.html")]
struct LeadsPage {
    frame: Frame,
    total: usize,
    /// Stages to choose from: word in the address, name, number of leads, whether it is chosen.
    stages: Vec<(&'static str, &'static str, usize, bool)>,
    chosen: bool,
    /// How many leads stand where is looked.
    shown_of: usize,
    leads: Vec<Row>,
}

/// A lead in the list.
struct Row {
    id: LeadId,
    name: Option<String>,
    company: Option<String>,
    /// The mail address, where name and company are unknown.
    address: Option<String>,
    stage: &'static str,
    cell: Option<String>,
    excluded: bool,
    interest: String,
    momentum: String,
    surging: bool,
    phase: &'static str,
    last_seen: Option<Moment>,
    next_review: Option<Moment>,
    view: Option<String>,
    /// Folded with a playbook that is no longer in use.
    outdated: bool,
}

pub(super) async fn show(
    State(console): State<Console>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Refusal> {
    let Query(asked) = asked?;
    let chosen = stage(asked.stage.as_deref())?;
    let leads = list(&console, chosen, Limit { limit: asked.limit }).await?;
    let reader = Reader::of(&console);
    let stages = Stage::ALL.into_iter().filter_map(|stage| {
        let count = leads.counts.get(&stage).copied().unwrap_or(0);
        let here = chosen == Some(stage);
        (count > 0 || here).then(|| (stage.as_str(), page::stage(stage), count, here))
    });
    let total = leads.counts.values().sum();
    let mut rows = Vec::new();
    for lead in &leads.leads {
        let address = if lead.lead.name.is_none() && lead.lead.company.is_none() { address(&console, lead).await? } else { None };
        rows.push(Row::of(lead, address, &leads.playbook, &reader));
    }
    page::render(&LeadsPage {
        frame: Frame::new(&console, "/leads", "Leads").refreshing(),
        total,
        stages: stages.collect(),
        chosen: chosen.is_some(),
        shown_of: chosen.map_or(total, |stage| leads.counts.get(&stage).copied().unwrap_or(0)),
        leads: rows,
    })
}

/// One lead: the way to its page, or with `.json` behind the id all of it.
pub(super) async fn one(State(console): State<Console>, Path(name): Path<String>) -> Result<Response, Refusal> {
    let (name, json) = name.strip_suffix(".json").map_or((name.as_str(), false), |id| (id, true));
    let nobody = || Refusal::not_found("there is no such lead");
    let id = LeadId::parse(name).map_err(|_| nobody())?;
    let app = console.suite.own();
    let live = app.playbook().await?;
    let (id, item) = app.store.lead_at_home(&id).await?;
    if !json {
        item.ok_or_else(nobody)?;
        let no_owner = || Refusal::not_found("the playbook names no owner to whom the page could be shown");
        return Ok(Redirect::to(&view(&console, &live, &id).ok_or_else(no_owner)?).into_response());
    }
    let log = app.store.log(&LogOwner::Lead(id)).await?;
    if item.is_none() && log.records.is_empty() {
        return Err(nobody());
    }
    let now = console.suite.now();
    let mut playbooks = Playbooks::new(&app.store, &live);
    let summary = match &item {
        Some(item) => Some(Summary::of(playbooks.summary(item, now).await?, &console, &live)),
        None => None,
    };
    let lead = fold(&live.playbook, &log, now);
    let mut records = log.records;
    records.sort_by(|one, other| (one.at, &one.id).cmp(&(other.at, &other.id)));
    page::json(&Whole { now, playbook: live.version, summary, lead, records })
}

/// How many leads stand where.
pub(super) fn counts(console: &Console) -> anyhow::Result<BTreeMap<Stage, usize>> {
    Ok(Ranking::read(console)?.counts)
}

/// What the index holds.
#[derive(Default)]
struct Ranking {
    /// How many leads stand where.
    counts: BTreeMap<Stage, usize>,
    /// The formulas by which leads are ranked, each with a stage where there are such.
    formulas: BTreeSet<(String, Stage)>,
}

impl Ranking {
    fn read(console: &Console) -> anyhow::Result<Self> {
        let mut ranking = Self::default();
        for (partition, count) in tables::partitions(&console.suite, INDEX)? {
            if let Some((epoch, stage)) = ranked(&partition) {
                *ranking.counts.entry(stage).or_default() += count;
                ranking.formulas.insert((epoch.to_owned(), stage));
            }
        }
        Ok(ranking)
    }
}

/// Epoch and stage in the name of a partition.
fn ranked(partition: &str) -> Option<(&str, Stage)> {
    let mut parts = partition.split('.');
    let (epoch, stage) = (parts.next()?, parts.next()?);
    Some((epoch, known(stage)?))
}

fn known(word: &str) -> Option<Stage> {
    Stage::ALL.into_iter().find(|stage| stage.as_str() == word)
}

/// The stage in an address, if one is named.
fn stage(word: Option<&str>) -> Result<Option<Stage>, Refusal> {
    let Some(word) = word.filter(|word| !word.is_empty()) else { return Ok(None) };
    let words = || Stage::ALL.map(Stage::as_str).join(", ");
    known(word).map(Some).ok_or_else(|| Refusal::bad_request(format!("there is no such stage; the stages are {}", words())))
}

/// The hottest leads. After a change of the half-life some are still ranked by the formula before, and each formula is
/// asked for: they stand in one row by what they are worth now.
async fn list(console: &Console, only: Option<Stage>, limit: Limit) -> Result<Leads, Refusal> {
    let (app, now) = (console.suite.own(), console.suite.now());
    let live = app.playbook().await?;
    let Ranking { counts, formulas } = Ranking::read(console)?;
    let mut playbooks = Playbooks::new(&app.store, &live);
    let mut leads = Vec::new();
    for (epoch, stage) in formulas.into_iter().filter(|(_, stage)| only.is_none_or(|only| only == *stage)) {
        for item in app.store.leads_by_rank(&epoch, stage, limit.get()).await? {
            leads.push(Summary::of(playbooks.summary(&item, now).await?, console, &live));
        }
    }
    leads.sort_by(|one, other| other.lead.interest.total_cmp(&one.lead.interest).then_with(|| one.lead.id.cmp(&other.lead.id)));
    leads.truncate(limit.get());
    Ok(Leads { now, playbook: live.version, counts, leads })
}

impl Summary {
    fn of(lead: store::Summary, console: &Console, live: &Versioned) -> Self {
        Self { view: view(console, live, &lead.id), lead }
    }
}

/// The path of a lead's page, signed for the playbook's first owner.
fn view(console: &Console, live: &Versioned, lead: &LeadId) -> Option<String> {
    let owner = live.playbook.default_owner()?;
    let (number, key) = console.suite.own().keys.signing()?;
    let link = View::new(lead.clone(), owner.id.clone(), console.suite.now());
    Some(link.url("", number, key.bytes()))
}

/// The mail address that a lead's log ends up with: the item in the table has none.
async fn address(console: &Console, lead: &Summary) -> Result<Option<String>, Error> {
    let app = console.suite.own();
    let log = app.store.log(&LogOwner::Lead(lead.lead.id.clone())).await?;
    let lead = fold(&app.playbook().await?.playbook, &log, console.suite.now());
    Ok(lead.attribute("email").map(line))
}

impl Row {
    fn of(lead: &Summary, address: Option<String>, playbook: &PlaybookVersion, reader: &Reader) -> Self {
        let Summary { lead, view } = lead;
        let shown = |text: &Option<String>| text.as_deref().map(line).filter(|text| !text.is_empty());
        Self {
            id: lead.id.clone(),
            name: shown(&lead.name),
            company: shown(&lead.company),
            address,
            stage: page::stage(lead.stage),
            cell: lead.cell.map(|cell| cell.to_string()),
            excluded: lead.excluded,
            interest: format!("{:.1}", lead.interest),
            momentum: format!("{:.1}", lead.momentum),
            surging: lead.surging,
            phase: words::phase(lead.phase, Language::En),
            last_seen: lead.last_seen.map(|at| reader.said(at)),
            next_review: lead.next_review.map(|at| reader.said(at)),
            view: view.clone(),
            outdated: lead.playbook != *playbook,
        }
    }
}
