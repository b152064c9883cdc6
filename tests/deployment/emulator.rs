//! An AWS account on this machine, which enforces permissions, and the commands that people use on one.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use http::StatusCode;
use michi::io::{Store, aws};
use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

/// Where it says everything is.
const REGION: &str = "us-east-1";
/// Its name for whoever may do everything.
const ROOT: &str = "test";

/// The emulator. It ends with this value.
pub(super) struct Emulator {
    process: Child,
    port: u16,
    tools: PathBuf,
    http: reqwest::Client,
    _home: tempfile::TempDir,
}

/// An answer over HTTP.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: String,
}

impl Emulator {
    /// Starts it, from what `tests/run` installed under `tools`.
    pub(super) async fn start(tools: &Path) -> Self {
        let port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let home = tempfile::tempdir().unwrap();
        let log = std::fs::File::create(tools.join("emulator.log")).unwrap();
        let process = Command::new(tools.join("emulator/bin/ministack"))
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", home.path())
            .env("TMPDIR", home.path())
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", port.to_string())
            .env("MINISTACK_HOST", "localhost")
            .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}"))
            // Every call is held to the policies of its caller.
            .env("AUTH", "true")
            // It would listen on every interface.
            .env("IOT_MTLS_ENABLED", "false")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("the emulator can be started");
        let emulator = Self { process, port, tools: tools.to_owned(), http: reqwest::Client::new(), _home: home };
        let ready = || async { emulator.http.get(emulator.address("/_ministack/health")).send().await.ok() };
        within(60, "the emulator", ready).await;
        emulator
    }

    fn address(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// `sam deploy` with the parameters, each as in `Name=value`. What it says, as an error if it failed.
    pub(super) async fn deploy(&self, template: &Path, parameters: &[&str]) -> Result<String, String> {
        let sam = Command::new(self.tools.join("sam/bin/sam"));
        let mut command = self.with_account(sam, &["deploy", "--no-confirm-changeset", "--no-progressbar", "--config-file"]);
        command.env("SAM_CLI_TELEMETRY", "0");
        command.arg(super::root().join("infra/samconfig.toml")).arg("--template-file").arg(template);
        if !parameters.is_empty() {
            command.arg("--parameter-overrides").args(parameters);
        }
        run(command).await
    }

    /// A call of the AWS command line that must succeed.
    pub(super) async fn aws(&self, arguments: &str) -> Value {
        let mut command = self.with_account(Command::new(self.tools.join("sam/bin/aws")), &["--output", "json"]);
        command.args(arguments.split(' '));
        let said = run(command).await.unwrap_or_else(|said| panic!("aws {arguments}: {said}"));
        serde_json::from_str(&said).unwrap_or(Value::Null)
    }

    /// An output of the stack.
    pub(super) async fn output(&self, name: &str) -> String {
        let stacks = self.aws("cloudformation describe-stacks --stack-name michi").await;
        let outputs = stacks["Stacks"][0]["Outputs"].as_array().unwrap().clone();
        let output = outputs.iter().find(|output| output["OutputKey"] == name).unwrap_or_else(|| panic!("{name}: {outputs:?}"));
        output["OutputValue"].as_str().unwrap().to_owned()
    }

    /// A request to an address of the API, whose host name nobody resolves here.
    pub(super) async fn request(&self, method: http::Method, url: &str, body: Option<&Value>) -> Answer {
        let url: http::Uri = url.parse().unwrap();
        let path = url.path_and_query().map_or("/", |path| path.as_str());
        let mut request = self.http.request(method, self.address(path)).header("host", url.authority().unwrap().as_str());
        request = request.header("origin", crate::harness::ORIGIN).header("user-agent", crate::harness::BROWSER);
        if let Some(body) = body {
            request = request.header("content-type", "text/plain").body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        Answer { status: answer.status(), body: answer.text().await.unwrap() }
    }

    /// The mails that SES took, oldest first.
    pub(super) async fn mails(&self) -> Vec<Value> {
        let answer = self.http.get(self.address("/_ministack/ses/messages")).send().await.unwrap();
        let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        let accounts = answer["messages"].as_object().unwrap().values();
        accounts.flat_map(|mails| mails.as_array().unwrap().clone()).collect()
    }

    /// The installation's tables, as an operator reads them.
    pub(super) fn store(&self) -> Store {
        let credentials = aws_credential_types::Credentials::new(ROOT, ROOT, None, None, "tests");
        let account = aws::Account { region: REGION.to_owned(), credentials, endpoint: Some(self.address("")) };
        let sdk = aws::sdk_config(account, aws::http_client().unwrap());
        Store::new(aws_sdk_dynamodb::Client::new(&sdk), "michi-activities", "michi-leads")
    }

    /// The `michi` command. What it says, as an error if it failed.
    pub(super) async fn michi(&self, arguments: &[&str]) -> Result<String, String> {
        // The tests of its package, which come before, leave it above these.
        let here = std::env::current_exe().unwrap();
        let program = here.ancestors().nth(2).unwrap().join("michi");
        run(self.with_account(Command::new(program), arguments)).await
    }

    fn with_account(&self, mut command: Command, arguments: &[&str]) -> Command {
        command
            .args(arguments)
            .env("AWS_ENDPOINT_URL", self.address(""))
            .env("AWS_ACCESS_KEY_ID", ROOT)
            .env("AWS_SECRET_ACCESS_KEY", ROOT)
            .env("AWS_REGION", REGION)
            .env("AWS_DEFAULT_REGION", REGION);
        command
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // Asked to end, it ends the functions that it started; killed, it would leave them behind.
        let Some(id) = self.process.id() else { return };
        let _ = std::process::Command::new("kill").arg(id.to_string()).status();
        for _ in 0..100 {
            if self.process.try_wait().is_ok_and(|ended| ended.is_some()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// Runs a command to its end: what it says, as an error if it failed.
pub(super) async fn run(mut command: Command) -> Result<String, String> {
    let output =
        command.stdin(Stdio::null()).kill_on_drop(true).output().await.map_err(|error| format!("{command:?}: {error}"))?;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok(said(&output.stdout))
    } else {
        Err(format!("{}{}", said(&output.stdout), said(&output.stderr)))
    }
}

/// Looks again and again until something is there.
pub(super) async fn within<T, F: Future<Output = Option<T>>>(seconds: u64, what: &str, look: impl Fn() -> F) -> T {
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < end, "{what}: not within {seconds} s");
        sleep(Duration::from_millis(250)).await;
    }
}
