//! The template and the real binaries, deployed by the ordinary commands into an emulator of AWS that nobody here wrote.
//!
//! Runs where `MICHI_DEPLOYMENT` names the folder with the tools, as `tests/run` does. What the emulator does not know
//! is taken out of the template, and stands in [`UNKNOWN`].

mod emulator;

use std::path::{Path, PathBuf};

use http::Method;
use michi::activity::LogOwner;
use michi::id::VisitorId;
use michi::io::Clock;
use serde_json::{Value, json};
use tokio::process::Command;

use self::emulator::{Emulator, run, within};
use crate::harness::{Visitor, buyer};

/// Resources that the emulator refuses: archives, and alarms over several metrics. cfn-lint alone looks at them.
const UNKNOWN: [&str; 4] = ["FactsArchive", "StreamAlarm", "ErrorsAlarm", "ThrottlesAlarm"];
/// And those that are off by default: Slack's.
const UNKNOWN_BUT_OFF: [&str; 4] = ["SlackConnection", "SlackDestination", "SlackRole", "SlackRule"];

/// The domain of the default playbook's sender.
const SENDER: &str = "Sender=tsumugi-works.example";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn tools() -> Option<PathBuf> {
    #[allow(clippy::disallowed_methods, reason = "tests/run speaks to the tests by variables")]
    let tools = std::env::var_os("MICHI_DEPLOYMENT").map(PathBuf::from);
    if tools.is_none() {
        println!("skipped: MICHI_DEPLOYMENT is not set; tests/run sets it once the tools are there");
    }
    tools
}

#[tokio::test]
async fn the_templates_are_clean() {
    let Some(tools) = tools() else { return };
    let infra = root().join("infra");
    let mut lint = Command::new(tools.join("sam/bin/cfn-lint"));
    run({
        lint.args(["template.yaml", "retained.yaml"]).current_dir(&infra);
        lint
    })
    .await
    .unwrap_or_else(|said| panic!("{said}"));
    let mut validate = sam(&tools);
    validate.args(["validate", "--lint", "--region", "us-east-1"]).current_dir(&infra);
    run(validate).await.unwrap_or_else(|said| panic!("{said}"));
}

/// From the first installation ever to the last.
#[tokio::test(flavor = "multi_thread")]
async fn an_installation_lives() {
    let Some(tools) = tools() else { return };
    let built = build(&tools).await;
    let first = emulated(&built, "first.yaml", &read("tests/deployment/first.yaml"), &[]);
    let present = emulated(&built, "present.yaml", &read("infra/template.yaml"), &UNKNOWN);
    let emulator = Emulator::start(&tools).await;

    // An installation of long ago, which somebody's browser has told of two pages.
    emulator.deploy(&first, &[ARCHITECTURE]).await.unwrap_or_else(|said| panic!("{said}"));
    let playbook = root().join("infra/playbook");
    let apply = ["apply", playbook.to_str().unwrap(), "--yes", "--by", "mika", "--why", "the first"];
    let said = emulator.michi(&apply).await.unwrap_or_else(|said| panic!("{said}"));
    assert!(said.contains(" is live."), "{said}");
    let mut visitor = Visitor::new("deployed-visitor");
    for (path, title) in [("/cases/kansai-precision", "Kansai Precision"), ("/cases/nordic-foods", "Nordic Foods")] {
        beacon(&emulator, &visitor.page(Clock::System.now(), path, title, 40)).await;
    }
    let seed = emulator.aws("secretsmanager get-secret-value --secret-id michi/keys --query SecretString").await;

    // What is refused, is refused before anything is touched, and says why.
    for (parameters, why) in [
        (&[][..], "Sender"),
        (&["Sender=nonsense"], "must be a domain such as example.com, or one address"),
        (&[SENDER, "MaxWriteUnits=0"], "must be a number of write units a second"),
        (&[SENDER, "Monitoring=none", "AlarmMail=ops@example.com"], "AlarmMail has no alarms to hear of"),
    ] {
        let said = emulator.deploy(&present, parameters).await.expect_err(why);
        assert!(said.contains(why), "{parameters:?}: {said}");
    }

    // Today's template over it: data and keys are as they were.
    let said = emulator.deploy(&present, &[SENDER, ARCHITECTURE]).await.unwrap_or_else(|said| panic!("{said}"));
    assert!(said.contains("Successfully created/updated stack"), "{said}");
    let log = emulator.store().log(&LogOwner::Visitor(VisitorId::parse("deployed-visitor").unwrap())).await.unwrap();
    assert_eq!(log.records.len(), 2, "{log:?}");
    assert_eq!(emulator.aws("secretsmanager get-secret-value --secret-id michi/keys --query SecretString").await, seed);
    let said = emulator.deploy(&present, &[]).await.unwrap_or_else(|said| panic!("{said}"));
    assert!(said.contains("No changes to deploy"), "{said}");

    // A form makes the browser a lead, and sales is called.
    let snippet = emulator.request(Method::GET, &format!("{}/michi.js", collector(&emulator).await), None).await;
    assert!(snippet.status.is_success() && snippet.body.contains("/v1/"), "{snippet:?}");
    assert!(emulator.output("Snippet").await.contains("/michi.js"));
    beacon(&emulator, &visitor.page(Clock::System.now(), "/pricing", "Pricing", 40)).await;
    beacon(&emulator, &visitor.form(Clock::System.now(), "white-paper", &buyer())).await;
    let alert = alert_about(&emulator, "佐藤 美香", 60).await;
    let page = lead_page(&emulator, &alert).await;
    for part in ["佐藤 美香", "星野工業", "Nordic Foods"] {
        assert!(page.contains(part), "{part} is missing on the lead page: {page}");
    }

    let leads = emulator.michi(&["leads", "--csv"]).await.unwrap_or_else(|said| panic!("{said}"));
    assert!(leads.contains("星野工業") && leads.lines().count() == 2, "{leads}");
    // Some of what the doctor asks for, nobody here can answer: name servers, and counts of runs.
    let health = emulator.michi(&["doctor"]).await.unwrap_or_else(|said| said);
    let well = [
        "michi-leads is there, with a stream",
        "can be fetched and read",
        "is live, for Tsumugi Works",
        "is read for michi-relay",
    ];
    for part in well {
        assert!(health.lines().any(|line| line.starts_with("ok") && line.ends_with(part)), "{part}: {health}");
    }

    // Without its stream `score` is started by its schedule alone, and finds what is due.
    streams_of_score(&emulator, "--no-enabled").await;
    let mut second = Visitor::new("scheduled-visitor");
    for (path, title) in [("/cases/kansai-precision", "Kansai Precision"), ("/pricing", "Pricing")] {
        beacon(&emulator, &second.page(Clock::System.now(), path, title, 40)).await;
    }
    let mut other = buyer();
    other["email"] = json!("kenji@other-works.example");
    other["name"] = json!("Kenji Mori");
    beacon(&emulator, &second.form(Clock::System.now(), "contact", &other)).await;
    alert_about(&emulator, "Kenji Mori", 150).await;
    streams_of_score(&emulator, "--enabled").await;

    // A deployment that fails half-way leaves what was there, at work.
    let second_bus = "  Doubled:\n    Type: AWS::Events::EventBus\n    DependsOn: [Facts, Activities, Leads]\n    Properties:\n      \
                      Name:\n        Ref: AWS::StackName\n\n";
    let doubled = read("infra/template.yaml").replace("  Facts:\n", &format!("{second_bus}  Facts:\n"));
    let failing = emulated(&built, "failing.yaml", &doubled, &UNKNOWN);
    let said = emulator.deploy(&failing, &["MaxWriteUnits=500"]).await.expect_err("a name that is taken");
    assert!(said.contains("UPDATE_ROLLBACK_COMPLETE"), "{said}");
    assert!(lead_page(&emulator, &alert).await.contains("Nordic Foods"));

    // Taken down, it leaves the tables and the keys.
    emulator.aws("cloudformation delete-stack --stack-name michi").await;
    emulator.aws("cloudformation wait stack-delete-complete --stack-name michi").await;
    let log = emulator.store().log(&LogOwner::Visitor(VisitorId::parse("deployed-visitor").unwrap())).await.unwrap();
    assert_eq!(log.records.len(), 4, "{log:?}");
    assert_eq!(emulator.aws("secretsmanager get-secret-value --secret-id michi/keys --query SecretString").await, seed);
    let table = emulator.aws("dynamodb describe-table --table-name michi-leads").await;
    assert_eq!(table["Table"]["DeletionProtectionEnabled"], true);
    assert!(emulator.mails().await.len() >= 2);
}

/// The functions are built for this machine.
const ARCHITECTURE: &str = if cfg!(target_arch = "aarch64") { "Architecture=arm64" } else { "Architecture=x86_64" };

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

fn sam(tools: &Path) -> Command {
    let mut command = Command::new(tools.join("sam/bin/sam"));
    command.env("SAM_CLI_TELEMETRY", "0");
    command
}

/// Builds every function as for a deployment; answers where they are.
async fn build(tools: &Path) -> PathBuf {
    let built = tools.join("built");
    let mut build = sam(tools);
    // cargo-lambda stands beside sam, and finds cargo where everybody does.
    let path = [tools.join("sam/bin").into_os_string(), variable("PATH").unwrap_or_default()].join(std::ffi::OsStr::new(":"));
    build.env("PATH", path);
    // This machine's own compiler and C library do, since nothing is built for another one. And the functions are to
    // work here, not to be small or quick: `cargo bench --bench start` measures them as they are shipped.
    build.envs([
        ("CARGO_LAMBDA_COMPILER", "cargo"),
        ("CARGO_PROFILE_RELEASE_LTO", "off"),
        ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
        ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0"),
    ]);
    build
        .arg("build")
        .arg("--build-dir")
        .arg(&built)
        .args(["--parameter-overrides", ARCHITECTURE])
        .current_dir(root().join("infra"));
    run(build).await.unwrap_or_else(|said| panic!("{said}"));
    built
}

fn variable(name: &str) -> Option<std::ffi::OsString> {
    #[allow(clippy::disallowed_methods, reason = "what sam is called with is what the tests were called with")]
    std::env::var_os(name)
}

/// A template as the emulator can take it, beside the built functions.
fn emulated(built: &Path, name: &str, template: &str, unknown: &[&str]) -> PathBuf {
    let mut skipped = Vec::new();
    let text = without(template, |line| {
        let resource = line.strip_prefix("  ")?.strip_suffix(':').filter(|name| !name.starts_with(' '))?;
        let skip = unknown.contains(&resource) || UNKNOWN_BUT_OFF.contains(&resource);
        skip.then(|| skipped.push(resource.to_owned()))
    });
    assert!(unknown.iter().all(|resource| skipped.iter().any(|skipped| skipped == resource)), "{skipped:?} of {unknown:?}");
    // It knows neither the keys that a call touches nor whom a mail is from: of grants it enforces action and resource.
    // The local suite enforces the rest.
    let text = without(&text, |line| (line.len() - line.trim_start().len() == 14 && line.trim() == "Condition:").then_some(()));
    // It asks for the right to send mail from everywhere, where AWS asks for that of the identity.
    let text = text.replace("configuration-set/${Mail}\"\n", "configuration-set/${Mail}\"\n                - \"*\"\n");
    // A `Ref` to a secret gives its name there, where AWS gives its ARN.
    let mut text = text.replace("Ref: Keys\n", "Fn::GetAtt: [Keys, Id]\n").replace("[Ref: Keys]", "[Fn::GetAtt: [Keys, Id]]");
    for function in ["Track", "Score", "Step", "Notify", "Relay", "Feedback", "Answer"] {
        text = text.replace(&format!("CodeUri: ../functions/{}", function.to_lowercase()), &format!("CodeUri: {function}"));
    }
    let path = built.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// A text without the lines that `begins` is said of, and what stands deeper below them.
fn without<'a>(text: &'a str, mut begins: impl FnMut(&'a str) -> Option<()>) -> String {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let mut left = String::new();
    let mut below = None;
    for line in text.lines() {
        if line.is_empty() || below.is_none_or(|from| depth(line) <= from) {
            below = begins(line).map(|()| depth(line));
        }
        if below.is_none() {
            left.push_str(line);
            left.push('\n');
        }
    }
    left
}

async fn collector(emulator: &Emulator) -> String {
    emulator.output("CollectorUrl").await
}

/// Sends a beacon as the snippet does. Functions that are just deployed may need a moment.
async fn beacon(emulator: &Emulator, messages: &[Value]) {
    let url = format!("{}/v1/batch", collector(emulator).await);
    let body = json!({"writeKey": "pk_demo", "sentAt": Clock::System.now().to_string(), "batch": messages});
    let answer = emulator.request(Method::POST, &url, Some(&body)).await;
    assert!(answer.status.is_success(), "{answer:?}");
}

/// The mail that tells sales about a person.
async fn alert_about(emulator: &Emulator, name: &str, seconds: u64) -> Value {
    let look = || async {
        let mails = emulator.mails().await;
        mails.into_iter().find(|mail| mail["Subject"].as_str().is_some_and(|subject| subject.contains(name)))
    };
    within(seconds, "the alert", look).await
}

/// The lead page that an alert links to.
async fn lead_page(emulator: &Emulator, alert: &Value) -> String {
    let text = alert["BodyText"].as_str().unwrap();
    let url = text.split_whitespace().find(|word| word.contains("/view/")).unwrap_or_else(|| panic!("no link: {alert}"));
    let page = emulator.request(Method::GET, url, None).await;
    assert!(page.status.is_success(), "{page:?}");
    page.body
}

async fn streams_of_score(emulator: &Emulator, enabled: &str) {
    let mappings = emulator.aws("lambda list-event-source-mappings --function-name michi-score").await;
    let id = mappings["EventSourceMappings"][0]["UUID"].as_str().unwrap().to_owned();
    emulator.aws(&format!("lambda update-event-source-mapping --uuid {id} {enabled}")).await;
}
