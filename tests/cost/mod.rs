//! What michi costs: the counts of one trace, times list prices. `cost/sheet.txt` is the result, for readers and for
//! whoever makes michi dearer.
//!
//! - `trace`: a working day on a company's site
//! - `count`: what it takes
//! - `price`: what that costs, by `prices.json`

mod count;
mod price;
mod trace;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use michi_local::template::TEMPLATE;
use serde_json::Value;

use self::count::{CALL_MILLIS, Logged, MAIL_MILLIS, OWN_MILLIS, Taken, Work, indexed, stored};
use self::price::{Bill, Prices, REGIONS};
use self::trace::{BROWSERS, LEADS, PAGES, Trace};
use crate::harness::{columns, compare_with_file};

/// Minutes in a month of 730 hours.
const MINUTES: f64 = 43_800.0;
/// For how many months a page view of nobody known is kept: 90 days.
const ANONYMOUS_MONTHS: f64 = 90.0 / (730.0 / 24.0);
const GB: f64 = 1e9;

const CLICKS: &str = "A hundred thousand links followed in mail, judged and scored";
const OPENS: &str = "A hundred thousand mails opened";

/// The bills that the README names.
const IN_README: [&str; 9] = [
    "A million page views of nobody known",
    "Keeping them for 90 days",
    "A million page views of leads, scored at once",
    "A thousand leads: found, told on the bus, and looked at for a month",
    "A thousand mails to sales",
    CLICKS,
    OPENS,
    "A month of what a million page views a month and a thousand leads leave",
    "A month without a visitor",
];

/// Bytes that stand in the tables and their indexes.
#[derive(Default)]
struct Stored {
    anonymous: u64,
    anonymous_items: u64,
    leads: u64,
    playbook: u64,
}

/// `MICHI_REFRESH=1 cargo test -p tests cost` writes the sheet anew.
#[tokio::test]
async fn the_cost_sheet_holds() {
    let logged = Arc::new(Logged::default());
    let to = Arc::clone(&logged);
    // As `telemetry` writes them, at the level that the template sets.
    let logs =
        tracing_subscriber::fmt().json().with_current_span(false).with_max_level(tracing_subscriber::filter::LevelFilter::WARN);
    let _guard =
        tracing_subscriber::util::SubscriberInitExt::set_default(logs.with_writer(move || Shared(Arc::clone(&to))).finish());
    let mut trace = trace::run(logged).await;
    for function in ["score", "step", "notify", "relay"] {
        trace.suite.tick(function).await.unwrap();
    }
    trace.counts.take(&trace.suite, Work::Idle);
    let stored = Stored::of(&trace);
    let idle = trace.counts.of.get(&Work::Idle).cloned().unwrap_or_default();
    trace.letters().await;
    trace.counts.of.insert(Work::Idle, idle);
    let bills = bills(&trace, &stored);
    compare_with_file("cost/sheet.txt", &sheet(&trace, &stored, &bills));

    let prices = Prices::read();
    let readme = crate::tidy::read("README.md");
    for title in IN_README {
        let bill = bills.iter().find(|bill| bill.title == title).unwrap();
        let [here, there] = REGIONS.map(|region| bill.total(&prices, region));
        let row = format!("| {title} | {here:.2} | {there:.2} |");
        assert!(readme.contains(&row), "README.md, What it costs, lacks this row:\n{row}");
    }
    let of = |name: &str| bills.iter().find(|bill| bill.title.starts_with(name)).unwrap().total(&prices, "us-east-1");
    assert!(trace.counts.of[&Work::AnonymousPages].log_bytes == 0, "a page view of nobody known logs nothing");
    assert!(of("A million page views of nobody known") <= 2.0, "dearer than 2 dollars");
    assert!(of("Keeping them for 90 days") <= 0.75, "storage is dearer than 0.75 dollars");
    assert!(of("A month without a visitor") <= 0.75, "idling is dearer than 0.75 dollars a month");
}

struct Shared(Arc<Logged>);

impl std::io::Write for Shared {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        (&*self.0).write(line)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Stored {
    fn of(trace: &Trace) -> Self {
        let mut sum = Self::default();
        for table in ["Activities", "Leads"] {
            for item in trace.suite.items(table).unwrap() {
                let indexes = [["pk", "sk", "due_part", "due_at"], ["pk", "sk", "rank_part", "rank"]];
                let bytes = stored(&item) + indexes.into_iter().filter_map(|keys| indexed(&item, keys)).sum::<u64>();
                match (table, item["pk"]["S"].as_str().unwrap().split('#').next().unwrap()) {
                    ("Activities", "visitor") => {
                        sum.anonymous += bytes;
                        sum.anonymous_items += 1;
                    }
                    ("Leads", "playbook") => sum.playbook += bytes,
                    _ => sum.leads += bytes,
                }
            }
        }
        sum
    }
}

/// What is paid for what.
fn bills(trace: &Trace, stored: &Stored) -> Vec<Bill> {
    let counts = &trace.counts;
    let (pages, known) = (counts.anonymous_pages as f64, counts.known_pages as f64);
    let taken = |work| counts.of.get(&work).cloned().unwrap_or_default();
    let mails = taken(Work::Mails).mails as f64;
    let memory = memory_gb();
    let bill = |title: &str, work, factor| Bill::of(title, &taken(work), factor, memory);
    let page_gb = stored.anonymous as f64 / stored.anonymous_items as f64 * 1e6 / GB;
    let lead_gb = stored.leads as f64 / LEADS as f64 * 1e3 / GB;
    let playbook_gb = stored.playbook as f64 / GB;
    let visits = taken(Work::Scripts).requests as f64;
    let count = |kind: &str| TEMPLATE.matches(&format!("Type: {kind}\n")).count() as f64;
    let mut idle = bill("A month without a visitor", Work::Idle, MINUTES);
    idle.add("schedules", count("ScheduleV2") * MINUTES, "eventbridge_scheduler_invocation");
    idle.add("secrets", count("AWS::SecretsManager::Secret"), "secrets_manager_secret_month");
    let kept = page_gb * ANONYMOUS_MONTHS;
    // An alarm over an expression is paid for each metric in it.
    let within = |what: &str| TEMPLATE.matches(&format!("{what}:")).count() as f64;
    let watched = count("AWS::CloudWatch::Alarm") - within("  Expression") + within("  MetricStat");
    let filters = TEMPLATE.split("Type: AWS::Logs::MetricFilter\n").skip(1);
    let counted: BTreeSet<&str> = filters.filter_map(|filter| filter.split_once("MetricName: ")?.1.lines().next()).collect();
    vec![
        bill("A million page views of nobody known", Work::AnonymousPages, 1e6 / pages),
        Bill::new("Keeping them for 90 days").with("GB months", kept, "dynamodb_storage_gb_month"),
        bill("A hundred thousand visits, each fetching the script", Work::Scripts, 1e5 / visits),
        bill("A thousand leads: found, told on the bus, and looked at for a month", Work::Leads, 1e3 / LEADS as f64),
        bill("A million page views of leads, scored at once", Work::KnownPages, 1e6 / known),
        bill("A thousand mails to sales", Work::Mails, 1e3 / mails),
        bill(CLICKS, Work::Clicks, 1e5 / taken(Work::Clicks).requests as f64),
        bill(OPENS, Work::Opens, 1e5 / taken(Work::Opens).requests as f64),
        bill("A thousand lead pages opened", Work::LeadPages, 1e3 / taken(Work::LeadPages).requests as f64),
        Bill::new("A month of what a million page views a month and a thousand leads leave")
            .with("GB in tables and indexes", kept + lead_gb + playbook_gb, "dynamodb_storage_gb_month")
            .with("GB with point-in-time recovery", kept + lead_gb + playbook_gb, "dynamodb_pitr_gb_month"),
        Bill::new("An on-demand backup of the same, a month").with(
            "GB",
            kept + lead_gb + playbook_gb,
            "dynamodb_backup_gb_month",
        ),
        idle,
        Bill::new("Alarms, if they are switched on, a month").with("metrics watched", watched, "cloudwatch_alarm_month").with(
            "metrics counted in logs",
            counted.len() as f64,
            "cloudwatch_metric_month",
        ),
        Bill::new("The dashboard beside them").with(
            "dashboards",
            count("AWS::CloudWatch::Dashboard"),
            "cloudwatch_dashboard_month",
        ),
        Bill::new("A thousand stream records that nobody could handle, kept for a month").with("puts", 1e3, "s3_put").with(
            "GB months",
            1e3 * 4e3 / GB,
            "s3_storage_gb_month",
        ),
        Bill::new("A thousand starts of a function, beside its runs")
            .with("GB seconds", 1e3 * 0.2 * memory, "lambda_arm64_gb_second")
            .with("reads of the key ring", 1e3, "secrets_manager_call"),
    ]
}

/// The memory of a function, in GB; of the largest, should they differ.
fn memory_gb() -> f64 {
    let sizes = TEMPLATE.lines().filter_map(|line| line.trim().strip_prefix("MemorySize: ")?.parse::<f64>().ok());
    sizes.fold(0.0, f64::max) / 1024.0
}

fn sheet(trace: &Trace, stored: &Stored, bills: &[Bill]) -> String {
    let prices = Prices::read();
    let mut text = format!(
        "What michi takes, and what that costs.\n\n\
         Counted: {BROWSERS} browsers show {PAGES} pages each, {} of them in the name of {LEADS} leads, at the rate of a million\n\
         page views a month. What follows from it is done, sales opens its mail, and a month passes.\n\
         Then each lead gets a mail, opens it and follows a link of it.\n\n\
         Times list prices of {} in US dollars, no free tier: tests/cost/prices.json says which of them were read there and\n\
         which are long known; a GB has a billion bytes. Assumed, since no model of a cloud knows it: a run is billed {OWN_MILLIS} ms and {CALL_MILLIS} ms for each call\n\
         it makes, {MAIL_MILLIS} ms for one to SES, and 200 ms when a function starts; bytes out are those the functions answer.\n",
        trace.counts.known_pages, prices.as_of,
    );
    text.push_str("\n# Counts\n\n");
    text.push_str(&counted(trace));
    let share = stored.anonymous as f64 / stored.anonymous_items as f64;
    writeln!(
        text,
        "\nStored at the end, with the hundred bytes an item or index entry is charged beside its own: {} bytes of {} records of\n\
         nobody known ({share:.1} each), {} bytes of {LEADS} leads, {} bytes of the playbook.",
        stored.anonymous, stored.anonymous_items, stored.leads, stored.playbook
    )
    .unwrap();
    text.push_str("\n# Dollars\n");
    for bill in bills {
        writeln!(text, "\n{}\n", bill.title).unwrap();
        text.push_str(&bill.lines(&prices));
    }
    text
}

fn counted(trace: &Trace) -> String {
    let works = [
        (Work::AnonymousPages, format!("{} page views of nobody known", trace.counts.anonymous_pages)),
        (Work::Scripts, "fetching the script".to_owned()),
        (Work::Leads, format!("{LEADS} leads, for a month")),
        (Work::KnownPages, format!("{} page views of leads", trace.counts.known_pages)),
        (Work::Mails, "mails to sales".to_owned()),
        (Work::LeadPages, "lead pages opened".to_owned()),
        (Work::Clicks, "links followed in mail".to_owned()),
        (Work::Opens, "mails opened".to_owned()),
        (Work::Idle, "a minute with nothing due".to_owned()),
    ];
    let mut rows: Vec<[String; 3]> = Vec::new();
    for (work, name) in works {
        let taken: &Taken = &trace.counts.of[&work];
        let mut name = name;
        let mut row = |what: &str, number: String| rows.push([std::mem::take(&mut name), what.to_owned(), number]);
        let plain: BTreeMap<&str, u64> = BTreeMap::from([
            ("requests", taken.requests),
            ("milliseconds of runs", taken.millis),
            ("entries on the bus", taken.entries),
            ("mails", taken.mails),
            ("bytes logged", taken.log_bytes),
            ("bytes out", taken.bytes_out),
        ]);
        for (what, number) in plain.into_iter().filter(|(_, number)| *number > 0) {
            row(what, number.to_string());
        }
        for (function, runs) in &taken.runs {
            row(&format!("runs of {function}"), runs.to_string());
        }
        for (place, units) in &taken.units {
            for (kind, number) in [("read", units.read), ("write", units.write)] {
                if number > 0.0 {
                    row(&format!("{kind} units of {place}"), number.to_string());
                }
            }
        }
    }
    columns(["for", "what", "count"], &rows)
}

/// The prices are complete: the same in each region, each with how well it is known.
#[test]
fn every_price_is_known_in_each_region() {
    let prices: Value = serde_json::from_str(include_str!("prices.json")).unwrap();
    let names = |region: &str| prices["regions"][region].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(REGIONS[0]), names(REGIONS[1]));
    for price in REGIONS.iter().flat_map(|region| prices["regions"][region].as_object().unwrap().values()) {
        assert!(["read", "common"].contains(&price["confidence"].as_str().unwrap()), "{price}");
        assert!(price["usd"].as_f64().unwrap() > 0.0 && price["per"].as_f64().unwrap() >= 1.0, "{price}");
    }
}
