//! What came of a scenario, for the marketer who was given the link: the scenario drawn with its numbers. Nothing on the page
//! is about any single person.

mod diagram;

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use michi::io::{App, Error};
use michi::link;
use michi::playbook::scenario::Scenario;
use michi::playbook::{Language, Playbook};
use michi::scenario::results::{DEFINED, Figure, Letters, Results, wilson};

use crate::door::Door;
use crate::nothing::Nothing;
use crate::page::phrases::{self, Counted};
use crate::style::RESULTS as STYLE;
use diagram::{Diagram, Sign};

/// The page.
pub(crate) async fn show(State(door): State<Door>, Path(token): Path<String>) -> Response {
    match page(&door.app, &token).await {
        Ok(Some(page)) => door.results(&page),
        Ok(None) => door.nothing(&Nothing::NO_SUCH_RESULTS),
        Err(error) => {
            tracing::error!(%error, "a scenario's results could not be shown");
            door.unavailable()
        }
    }
}

/// None: the link opens nothing, or there is no such scenario, or it was never counted.
async fn page(app: &App, token: &str) -> Result<Option<ResultsPage>, Error> {
    let key = |number| app.keys.link(number).map(michi::io::Key::bytes);
    let Ok(link) = link::Results::open(token, key, app.clock.now()) else { return Ok(None) };
    let live = app.playbook().await?;
    let Some(scenario) = live.playbook.scenarios.get(&link.scenario) else { return Ok(None) };
    let results: Option<Results> = app.store.kept_report(&Results::kept_as(&link.scenario, None)).await?;
    Ok(results.map(|results| ResultsPage::new(&live.playbook, &link.scenario.to_string(), scenario, &results)))
}

/// What the page shows.
#[derive(Template)]
#[template(path = "results.html")]
pub(crate) struct ResultsPage {
    words: &'static Words,
    company: String,
    /// The scenario's name in its file.
    id: String,
    name: String,
    counted: String,
    /// How many leads were looked at.
    leads: String,
    unreadable: u64,
    /// Of the scenario as a whole: what, how many, which share.
    whole: Vec<(&'static str, u64, String)>,
    /// Why those left who did, each with how many.
    left: Vec<(String, u64)>,
    diagram: Diagram,
    /// What the drawing's signs mean, of those that are in it.
    legend: Vec<(Sign, &'static str)>,
    letters: Vec<Letter>,
    /// Versions that anybody entered, with how many; one alone is not worth telling.
    versions: Vec<(String, u64)>,
    /// What each figure means.
    means: Vec<(&'static str, &'static str)>,
}

/// One subject of one mail of one step.
struct Letter {
    /// The step; none: it is called as its mail.
    step: Option<String>,
    mail: String,
    /// Empty: the playbook has it no more.
    subject: String,
    sent: u64,
    /// What, how many, which share of the letters sent with its interval.
    shares: Vec<Share>,
    /// What else became of letters: reason and number.
    else_: Vec<(String, u64)>,
}

struct Share {
    what: &'static str,
    count: u64,
    /// In words; empty: nothing was sent.
    share: String,
    /// The bar, in per mille of its width: the share, and its interval from and how wide.
    bar: (u64, u64, u64),
}

impl ResultsPage {
    pub(crate) fn new(playbook: &Playbook, id: &str, scenario: &Scenario, results: &Results) -> Self {
        let language = playbook.setup.language;
        let counts = &results.counts;
        let sum = |figure: Figure| counts.sum(|mark| mark.step.is_none() && mark.figure == figure);
        let entered = sum(Figure::Entered);
        let whole = [Figure::Entered, Figure::UnderWay, Figure::Goal, Figure::Mql].map(|figure| {
            let count = sum(figure.clone());
            let share = if figure == Figure::Entered { String::new() } else { percent(count, entered) };
            (figure.defined().name(language), count, share)
        });
        let mut left: BTreeMap<String, u64> = BTreeMap::new();
        let mut versions: BTreeMap<String, u64> = BTreeMap::new();
        for (mark, count) in counts.iter() {
            match &mark.figure {
                Figure::Left(_) => *left.entry(mark.figure.reason(language)).or_default() += count,
                Figure::Entered => *versions.entry(mark.version.chars().take(8).collect()).or_default() += count,
                _ => {}
            }
        }
        let letters = counts.letters(&counts.steps(Some(scenario)), false);
        Self {
            words: Words::of(language),
            company: playbook.setup.company.name.clone(),
            id: id.to_owned(),
            name: scenario.name.in_language(language).to_owned(),
            counted: phrases::moment(&results.at.to_zoned(playbook.setup.time_zone.get().clone()), language),
            leads: phrases::count(usize::try_from(results.leads).unwrap_or(usize::MAX), Counted::Leads, language),
            unreadable: results.unreadable,
            whole: whole.to_vec(),
            left: left.into_iter().collect(),
            legend: Sign::legend(scenario, language),
            diagram: Diagram::of(playbook, scenario, counts, language),
            letters: letters.iter().map(|one| letter(playbook, one, language)).collect(),
            versions: if versions.len() > 1 { versions.into_iter().collect() } else { vec![] },
            means: DEFINED.iter().map(|one| (one.name(language), one.means(language))).collect(),
        }
    }
}

/// Figures of letters that are shown as shares of those sent.
const SHARES: [Figure; 5] = [Figure::Delivered, Figure::Opened, Figure::Clicked, Figure::Unsubscribed, Figure::Won];

fn letter(playbook: &Playbook, letters: &Letters<'_>, language: Language) -> Letter {
    let Letters { step, letter, figures, .. } = letters;
    let sent = letters.count(&Figure::Sent);
    let subject = letter.subject.text(&letter.mail, playbook).unwrap_or(Words::of(language).edited);
    let share = |figure: &Figure| {
        let count = letters.count(figure);
        Share { what: figure.defined().name(language), count, share: interval(count, sent), bar: bar(count, sent) }
    };
    let others = figures.iter().filter(|(figure, _)| !SHARES.contains(figure) && !matches!(figure, Figure::Owed | Figure::Sent));
    let others = others.map(|(figure, count)| {
        let (name, why) = (figure.defined().name(language), figure.reason(language));
        let colon = if language == Language::Ja { "：" } else { ": " };
        (if why.is_empty() { name.to_owned() } else { format!("{name}{colon}{why}") }, *count)
    });
    Letter {
        step: (step.as_str() != letter.mail.as_str()).then(|| step.to_string()),
        mail: letter.mail.to_string(),
        subject: subject.to_owned(),
        sent,
        shares: SHARES.iter().map(share).collect(),
        else_: others.collect(),
    }
}

/// A share in per cent; empty: there is nothing to divide by.
pub(crate) fn percent(some: u64, of: u64) -> String {
    #[allow(clippy::cast_precision_loss, reason = "there are fewer leads than 2^52")]
    if of == 0 { String::new() } else { format!("{:.0}%", some as f64 * 100.0 / of as f64) }
}

/// A share with its interval.
fn interval(some: u64, of: u64) -> String {
    match wilson(some, of) {
        Some((low, high)) => format!("{} ({:.0}–{:.0}%)", percent(some, of), low * 100.0, high * 100.0),
        None => String::new(),
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "shares lie between 0 and 1")]
fn bar(some: u64, of: u64) -> (u64, u64, u64) {
    let mille = |share: f64| (share * 1000.0).round() as u64;
    match wilson(some, of) {
        Some((low, high)) => (some * 1000 / of.max(1), mille(low), mille(high - low)),
        None => (0, 0, 0),
    }
}

/// Every text of the page.
struct Words {
    lang: &'static str,
    title: &'static str,
    counted: &'static str,
    over: &'static str,
    unreadable: &'static str,
    course: &'static str,
    letters: &'static str,
    no_letters: &'static str,
    sent: &'static str,
    edited: &'static str,
    left: &'static str,
    versions: &'static str,
    means: &'static str,
    shares: &'static str,
    behind: &'static str,
}

const EN: Words = Words {
    lang: "en",
    title: "Results of the scenario",
    counted: "Counted on ",
    over: " looked at",
    unreadable: "could not be read, so not counted",
    course: "Course",
    letters: "Letters",
    no_letters: "No letter was owed yet.",
    sent: "sent",
    edited: "(words that were edited since)",
    left: "Why runs ended",
    versions: "Entered by version of the scenario",
    means: "What the numbers mean",
    shares: "Shares are of the letters sent; in brackets the interval in which the true share lies with 95% confidence (Wilson). Where two intervals overlap widely, the difference may be chance.",
    behind: "The leads behind a number: ",
};

const JA: Words = Words {
    lang: "ja",
    title: "シナリオの結果",
    counted: "集計日時：",
    over: "を集計",
    unreadable: "件は読み取れず、集計に含まれていません",
    course: "流れ",
    letters: "メール",
    no_letters: "まだメールは作成されていません。",
    sent: "送信",
    edited: "（その後変更された文面）",
    left: "終了の理由",
    versions: "シナリオの版ごとの開始数",
    means: "数字の意味",
    shares: "割合は送信数に対するもので、かっこ内は真の値が95％の確からしさで含まれる範囲です（ウィルソンの信頼区間）。範囲が大きく重なる場合、その差は偶然かもしれません。",
    behind: "数字の内訳（リードの一覧）：",
};

impl Words {
    fn of(language: Language) -> &'static Self {
        match language {
            Language::En => &EN,
            Language::Ja => &JA,
        }
    }
}
