//! What a function costs before it does anything: from its start to its first poll, its memory and its size, each start
//! interleaved with those of a function that does nothing; and what a warm beacon costs `track`.
//!
//! `cargo bench -p tests --bench start` builds the functions as they are deployed and runs them as processes. Lambda's
//! Runtime API is played by this file, AWS by the local suite over plain HTTP on loopback: connections are opened while
//! a function starts, and their TLS handshakes do not count here.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench"
)]

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use http::StatusCode;
use michi_local::{Options, Pace, Suite, server};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// How often each function is started.
const STARTS: usize = 40;
/// Beacons that `track` takes before and while it is measured.
const BEACONS: (usize, usize) = (200, 2_000);
/// What does nothing.
const MINIMAL: &str = "minimal";

fn main() {
    let functions = ["track", "score", "step", "notify", "relay", "feedback", "answer"];
    let release = build(&functions);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let suite = Suite::start(Options { pace: Pace::Real, ..Options::test() }).await.unwrap();
        let aws = server::bind(0).await.unwrap();
        let collector = format!("http://{}", aws.local_addr().unwrap());
        let served = suite.clone();
        tokio::spawn(async move { server::serve(&served, aws).await });
        let lambda = Lambda::serve().await;

        let mut figures: Vec<(&str, Vec<Start>)> = vec![];
        for round in 0..STARTS {
            for (place, name) in [MINIMAL].into_iter().chain(functions).enumerate() {
                let start = lambda.start(&binary(&release, name), &suite, name, &collector).await;
                if round == 0 {
                    figures.push((name, vec![]));
                }
                figures[place].1.push(start);
            }
        }
        println!("{STARTS} starts each, interleaved; medians, and how many times those of the minimal function\n");
        println!("{:9} {:>22} {:>20} {:>18}", "", "start to first poll", "peak memory", "size");
        let minimal = Row::of(&figures[0].1, &binary(&release, MINIMAL));
        for (name, starts) in &figures {
            let row = Row::of(starts, &binary(&release, name));
            let times = |one: f64, other: f64| format!("{:4.1}×", one / other);
            println!(
                "{name:9} {:9.2} ms {} {:9.1} MiB {} {:7.2} MB {}",
                row.millis,
                times(row.millis, minimal.millis),
                row.memory,
                times(row.memory, minimal.memory),
                row.size,
                times(row.size, minimal.size)
            );
        }
        let micros = lambda.beacons(&binary(&release, "track"), &suite, &collector).await;
        println!("\ntrack: {micros:.0} µs of processor time for a warm beacon, over {}", BEACONS.1);
    });
}

/// Builds the functions one by one, so that none gets a feature that another asked for.
fn build(functions: &[&str]) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let cargo = |args: &[&str]| {
        let done = Command::new(env!("CARGO")).args(["build", "--release", "--locked"]).args(args).current_dir(root).status();
        assert!(done.unwrap().success(), "cargo build --release {}", args.join(" "));
    };
    functions.iter().for_each(|function| cargo(&["-p", function]));
    cargo(&["-p", "relay", "--example", MINIMAL]);
    // This is target/PROFILE/deps/start-0123, whatever the profile.
    std::env::current_exe().unwrap().ancestors().nth(3).unwrap().join("release")
}

fn binary(release: &Path, name: &str) -> PathBuf {
    if name == MINIMAL { release.join("examples").join(name) } else { release.join(name) }
}

/// What one start took.
struct Start {
    time: Duration,
    /// KiB.
    memory: u64,
}

/// A function's figures: milliseconds, MiB, MB.
struct Row {
    millis: f64,
    memory: f64,
    size: f64,
}

impl Row {
    fn of(starts: &[Start], binary: &Path) -> Self {
        let median = |of: fn(&Start) -> f64| {
            let mut figures: Vec<f64> = starts.iter().map(of).collect();
            figures.sort_by(f64::total_cmp);
            figures[figures.len() / 2]
        };
        Self {
            millis: median(|start| start.time.as_secs_f64() * 1e3),
            memory: median(|start| start.memory as f64 / 1024.0),
            size: std::fs::metadata(binary).unwrap().len() as f64 / 1e6,
        }
    }
}

/// Lambda's Runtime API: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>.
struct Lambda {
    address: String,
    desk: Arc<Desk>,
}

#[derive(Default)]
struct Desk {
    /// When a function last asked for an event.
    polled: Mutex<Option<Instant>>,
    events: Mutex<VecDeque<Value>>,
    answers: Mutex<Vec<Value>>,
    moved: Notify,
}

impl Lambda {
    async fn serve() -> Self {
        let desk = Arc::new(Desk::default());
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .with_state(Arc::clone(&desk));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, desk }
    }

    fn spawn(&self, binary: &Path, suite: &Suite, name: &str, collector: &str) -> Process {
        let mut command = Command::new(binary);
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::inherit()).stderr(Stdio::inherit());
        command.env("AWS_LAMBDA_RUNTIME_API", &self.address).env("AWS_ENDPOINT_URL", format!("{collector}/_michi/aws"));
        for (name, value) in [
            ("AWS_LAMBDA_FUNCTION_NAME", name),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "bench"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "bench"),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "bench"),
            ("AWS_SECRET_ACCESS_KEY", "bench"),
            ("MICHI_COLLECTOR_URL", collector),
        ] {
            command.env(name, value);
        }
        let settings = &suite.app("track").unwrap().settings;
        command
            .env("MICHI_ACTIVITIES_TABLE", &settings.activities_table)
            .env("MICHI_LEADS_TABLE", &settings.leads_table)
            .env("MICHI_BUS", &settings.bus)
            .env("MICHI_CONFIGURATION_SET", &settings.configuration_set)
            .env("MICHI_KEYS_SECRET", &settings.keys_secret);
        Process(command.spawn().unwrap())
    }

    /// From the start of a process to its first poll.
    async fn start(&self, binary: &Path, suite: &Suite, name: &str, collector: &str) -> Start {
        *self.desk.polled.lock().unwrap() = None;
        let began = Instant::now();
        let process = self.spawn(binary, suite, name, collector);
        let polled = self.wait(|desk| *desk.polled.lock().unwrap()).await;
        Start { time: polled.duration_since(began), memory: process.peak_memory() }
    }

    /// Microseconds of processor time for one beacon: a new visitor's page with its engaged time.
    async fn beacons(&self, binary: &Path, suite: &Suite, collector: &str) -> f64 {
        let process = self.spawn(binary, suite, "track", collector);
        let (before, measured) = BEACONS;
        self.hand_over(suite, 0..before).await;
        let began = process.processor_nanos();
        self.hand_over(suite, before..before + measured).await;
        (process.processor_nanos() - began) as f64 / 1e3 / measured as f64
    }

    async fn hand_over(&self, suite: &Suite, numbers: std::ops::Range<usize>) {
        let wanted = numbers.len();
        self.desk.answers.lock().unwrap().clear();
        self.desk.events.lock().unwrap().extend(numbers.map(|number| beacon(suite, number)));
        self.desk.moved.notify_waiters();
        let answers = self.wait(|desk| {
            let mut answers = desk.answers.lock().unwrap();
            (answers.len() == wanted).then(|| std::mem::take(&mut *answers))
        });
        for answer in answers.await {
            assert_eq!(answer["statusCode"], 200, "{answer}");
        }
    }

    async fn wait<T>(&self, found: impl Fn(&Desk) -> Option<T>) -> T {
        let waited = async {
            loop {
                let moved = self.desk.moved.notified();
                if let Some(found) = found(&self.desk) {
                    return found;
                }
                moved.await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), waited).await.expect("the function did not come so far in a minute")
    }
}

async fn next(State(desk): State<Arc<Desk>>) -> Response {
    desk.polled.lock().unwrap().get_or_insert_with(Instant::now);
    desk.moved.notify_waiters();
    loop {
        let moved = desk.moved.notified();
        if let Some(event) = desk.events.lock().unwrap().pop_front() {
            return Response::builder()
                .header("lambda-runtime-aws-request-id", "bench")
                .header("lambda-runtime-deadline-ms", u64::MAX / 2)
                .header("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-central-1:000000000000:function:bench")
                .body(Body::from(event.to_string()))
                .unwrap();
        }
        moved.await;
    }
}

/// Functions post their answers without saying that they are JSON.
async fn response(State(desk): State<Arc<Desk>>, answer: Bytes) -> StatusCode {
    desk.answers.lock().unwrap().push(serde_json::from_slice(&answer).unwrap());
    desk.moved.notify_waiters();
    StatusCode::ACCEPTED
}

/// What API Gateway makes of a beacon.
fn beacon(suite: &Suite, number: usize) -> Value {
    let (now, key, origin) =
        (suite.now().to_string(), suite.desk().playbook().setup.write_key.to_string(), "http://127.0.0.1:7070");
    let (visitor, view) = (format!("visitor-{number}"), format!("view-{number}"));
    let url = format!("{origin}/pricing");
    let message = |kind: Value| {
        let mut message = json!({"anonymousId": visitor, "timestamp": now});
        message.as_object_mut().unwrap().extend(kind.as_object().unwrap().clone());
        message
    };
    let page = json!({"type": "page", "messageId": format!("p-{number}"), "properties": {"url": url, "title": "Pricing", "page_view": view}});
    let engaged = json!({"type": "track", "event": "Page Engaged", "messageId": format!("e-{number}"),
        "properties": {"page_view": view, "url": url, "millis": 40_000}});
    let body = json!({"writeKey": key, "sentAt": now, "batch": [message(page), message(engaged)]}).to_string();
    let mut event: Value = serde_json::from_str(include_str!("../../functions/track/fixtures/http_api_v2.json")).unwrap();
    event["headers"]["origin"] = json!(origin);
    event["headers"]["content-length"] = json!(body.len().to_string());
    event["body"] = json!(body);
    event["isBase64Encoded"] = json!(false);
    event
}

/// A function at work; it ends with this.
struct Process(Child);

impl Process {
    /// KiB, as the kernel counts them.
    fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches("kB").trim().parse().unwrap()
    }

    /// Of all its threads.
    fn processor_nanos(&self) -> u64 {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.0.id())).unwrap();
        let nanos = threads.map(|thread| {
            let spent = std::fs::read_to_string(thread.unwrap().path().join("schedstat")).unwrap();
            spent.split(' ').next().unwrap().parse::<u64>().unwrap()
        });
        nanos.sum()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has been killed or has ended; either is what we want.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
