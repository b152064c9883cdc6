//! The two commands that look at many leads.

use std::fmt::Write as _;

use clap::Parser;
use michi::id::ScenarioId;
use michi_cli::account::Target;
use michi_cli::results::{self, ResultsArgs};
use michi_cli::simulate::{self, SimulateArgs};
use michi_local::server;

use crate::ground::{Ground, SCENARIO};
use crate::spent::{self, Watch};

/// Commands as they are typed.
#[derive(Parser)]
enum Typed {
    Simulate(SimulateArgs),
    Results(ResultsArgs),
}

/// Who is simulated, and for how long.
const SIMULATED: (usize, u32) = (1_000, 365);

/// `michi simulate` of a list: one starter scenario by each assumption, and all scenarios together.
pub(crate) async fn simulate(ground: &Ground) {
    let (leads, days) = SIMULATED;
    let mut csv = "email,name,company,role,employees\n".to_owned();
    for n in 0..leads {
        writeln!(csv, "p{n}@works{n}.example,Buyer {n},Works {n},Director,{n}").unwrap();
    }
    let list = ground.playbook().with_file_name("people.csv");
    std::fs::write(&list, csv).unwrap();
    for (scenario, assume) in [(Some("after-white-paper"), "none"), (Some("after-white-paper"), "best"), (None, "best")] {
        let (playbook, days) = (ground.playbook(), days.to_string());
        let mut words = vec!["michi", "simulate"];
        words.extend(scenario);
        words.extend(["--playbook", playbook.to_str().unwrap(), "--leads", list.to_str().unwrap()]);
        words.extend(["--days", &days, "--assume", assume, "--json"]);
        let Typed::Simulate(args) = Typed::parse_from(words) else { panic!("it is simulate") };
        let (watch, mut out) = (Watch::start(), vec![]);
        simulate::show(&args, &mut out).await.unwrap();
        let spent = watch.stop();
        let told: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(told["report"]["leads"], leads);
        println!(
            "michi simulate, {leads} leads, {days} days, {}, --assume {assume}: {:.2} s, {:.2} s of processor time",
            scenario.unwrap_or("all scenarios of the playbook"),
            spent.wall.as_secs_f64(),
            (spent.main + spent.others).as_secs_f64()
        );
    }
    println!();
}

/// `michi results --fresh` over all leads, asked over HTTP as an account is.
pub(crate) async fn results(ground: &Ground) {
    let suite = ground.open(&ground.copy("results")).await;
    let due = suite.now();
    ground.enroll(&suite, |_| due).await;
    while !suite.wake_ups(1).unwrap().iter().all(|one| one.due > due) {
        suite.tick("step").await.unwrap();
    }
    let listener = server::bind(0).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let router = server::router(&suite, port);
    tokio::spawn(async move { axum::serve(listener, router).await });
    let args = ["michi", "results", SCENARIO, "--fresh", "--json"];
    let Typed::Results(args) = Typed::parse_from(args) else { panic!("it is results") };
    let args = ResultsArgs { target: Target::local(port), ..args };
    let (before, watch, mut out) = (spent::sums(&suite, None), Watch::start(), vec![]);
    results::show(&args, &mut out).await.unwrap();
    let (spent, sums) = (watch.stop(), spent::since(&before, spent::sums(&suite, None)));
    let told: serde_json::Value = serde_json::from_slice(&out).unwrap();
    let id = ScenarioId::parse(SCENARIO).unwrap();
    assert_eq!((&told["leads"], &told["scenario"]), (&ground.leads().into(), &id.as_str().into()));
    println!(
        "michi results --fresh, {} leads, over HTTP to tables in the same process: {:.1} s; processor time per lead {:.0} µs by \
         command, HTTP and line, {:.0} µs by the engine; per lead:\n{}",
        ground.leads(),
        spent.wall.as_secs_f64(),
        spent.main.as_secs_f64() * 1e6 / ground.leads() as f64,
        spent.others.as_secs_f64() * 1e6 / ground.leads() as f64,
        spent::shares(&sums, ground.leads())
    );
}
