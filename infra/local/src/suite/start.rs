//! Putting a suite together.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, anyhow};
use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::retry::{RetryConfig, RetryPartition};
use aws_types::SdkConfig;
use jiff::Timestamp;
use michi::io::{App, KeyRing, Random, Settings, Store, aws};
use michi::playbook::Playbook;
use tokio::sync::watch;

use super::functions::{Started, start_function};
use super::time::{Pace, Time};
use super::{Desk, Inner, Observed, Options, Suite, due, folder};
use crate::Now;
use crate::bus::EventBus;
use crate::client::Client;
use crate::dynamo::{Dynamo, Ledger};
use crate::functions::Functions;
use crate::ses::Mailbox;
use crate::streams::Streams;
use crate::template::{Deployed, REGION, Wiring};

const CLOCK: &str = "clock";
const KEYS: &str = "keys";

impl Suite {
    /// Starts a suite with michi's own functions and publishes its playbook.
    ///
    /// With a manual clock nothing moves by itself: see [`Suite::settle`] and [`Suite::advance`]. Otherwise
    /// [`Suite::live`] must run.
    ///
    /// # Errors
    ///
    /// If template or playbook have mistakes, which are named with their places, or the data folder cannot be used.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        Self::start_with(options, start_function).await
    }

    /// Starts a suite whose functions `start` makes by name.
    pub(crate) async fn start_with(
        options: Options,
        start: impl Fn(&str, App, &SdkConfig) -> Option<Started>,
    ) -> anyhow::Result<Self> {
        let desk = Desk::open(&options)?;
        let wiring = read_wiring(&options, desk.playbook())?;
        let folder = options.data.as_deref().map(folder::Folder::take).transpose()?;
        let time = Arc::new(Time::new(options.pace));
        let running = watch::Sender::new(0);
        let now = now(&time, running.subscribe());
        let dynamo = Arc::new(match &folder {
            Some(folder) => open_file(&folder.database(), now.clone())?,
            None => Dynamo::memory(now.clone())?,
        });
        for table in &wiring.tables {
            dynamo.create(table)?;
        }
        let ledger = Ledger::new(Arc::clone(&dynamo));
        if let Some(kept) = ledger.get::<Timestamp>(CLOCK)? {
            time.jump(kept);
        }
        let mailbox = Arc::new(Mailbox::open(&wiring, ledger.clone(), now.clone())?);
        let bus = Arc::new(EventBus::open(wiring.buses.clone(), ledger.clone(), now.clone())?);
        let client = Client::new(Arc::clone(&dynamo), Arc::clone(&mailbox), Arc::clone(&bus), &wiring, now.clone());
        let keys = key_ring(&options, &ledger)?;
        let surroundings = Surroundings { client: &client, time: &time, keys: &keys, options: &options };

        let own = surroundings.app(None, 0, &settings_of(&wiring)?);
        let mut apps = BTreeMap::new();
        let (mut handlers, mut routers) = (BTreeMap::new(), BTreeMap::new());
        for (number, function) in (1..).zip(&wiring.functions) {
            let settings = settings(&function.environment)
                .with_context(|| format!("the function {} lacks what it needs", function.resource))?;
            let app = surroundings.app(Some(&function.name), number, &settings);
            let sdk = surroundings.sdk(&client.for_function(&function.name));
            match start(&function.name, app.clone(), &sdk) {
                Some(Started::Events(handler)) => drop(handlers.insert(function.name.clone(), handler)),
                Some(Started::Http(router)) => drop(routers.insert(function.name.clone(), router)),
                None => {
                    return Err(anyhow!(
                        "the template has a function {} ({}), which this program has not",
                        function.resource,
                        function.name
                    ));
                }
            }
            apps.insert(function.name.clone(), app);
        }
        let functions = Arc::new(Functions::new(handlers, running, now.clone()));
        let patient = !matches!(options.pace, Pace::Manual(_));
        let streams = Streams::open(&wiring, &dynamo, Arc::clone(&functions), now, options.disorder, patient)?;
        let due = due::Due::of(&wiring, &dynamo);
        let inner = Inner {
            options,
            client,
            dynamo,
            mailbox,
            bus,
            ledger,
            time,
            functions,
            streams,
            due,
            apps,
            routers,
            own,
            desk: Mutex::new(desk),
            observed: Mutex::new(Observed::default()),
            started: Mutex::default(),
            wiring,
            _folder: folder,
        };
        let suite = Self { inner: Arc::new(inner) };
        suite.take_over_live().await?;
        suite.publish().await?;
        Ok(suite)
    }

    /// Keeps the clock, so that it goes on from here: before anything is done, so that after a restart nothing has
    /// happened in the future.
    pub(super) fn keep_clock(&self) -> anyhow::Result<()> {
        self.inner.ledger.put(CLOCK, &self.clock().now())
    }
}

/// The template as it would be deployed for this playbook: SES may send for the playbook's sender.
pub(super) fn read_wiring(options: &Options, playbook: &Playbook) -> anyhow::Result<Wiring> {
    let deployed = Deployed { collector_url: &options.collector_url, sender: playbook.setup.sender.address.domain() };
    let Some(path) = &options.template else {
        return Ok(Wiring::built_in(deployed)?);
    };
    let text = std::fs::read_to_string(path).with_context(|| format!("the template {} cannot be read", path.display()))?;
    Ok(Wiring::parse(path, &text, deployed)?)
}

fn open_file(path: &Path, now: Now) -> anyhow::Result<Dynamo> {
    Dynamo::file(path, now).with_context(|| {
        format!(
            "{} is no database of michi's, or damaged; move it away to begin anew, or name another folder with --data",
            path.display()
        )
    })
}

/// The time, caught up with the machine's where the clock flows.
fn now(time: &Arc<Time>, running: watch::Receiver<usize>) -> Now {
    let time = Arc::clone(time);
    Arc::new(move || {
        time.flow(*running.borrow() > 0);
        time.clock().now()
    })
}

/// The same keys for as long as the data lives: links in old mails go on working.
fn key_ring(options: &Options, ledger: &Ledger) -> anyhow::Result<KeyRing> {
    if let Some(kept) = ledger.get::<String>(KEYS)? {
        return Ok(KeyRing::parse(&kept)?);
    }
    let random = random(options, u64::MAX);
    let ring = KeyRing::generate(&format!("{}{}", random.text(), random.text()));
    ledger.put(KEYS, &ring.to_json())?;
    Ok(ring)
}

fn random(options: &Options, number: u64) -> Random {
    options.seed.map_or(Random::System, |seed| Random::seeded(crate::client::scramble(seed ^ crate::client::scramble(number))))
}

/// Settings as a function reads them from its environment.
fn settings(environment: &BTreeMap<String, String>) -> anyhow::Result<Settings> {
    Ok(Settings::of(|name| environment.get(name).cloned())?)
}

/// The suite itself has the settings of any function: they all share them.
fn settings_of(wiring: &Wiring) -> anyhow::Result<Settings> {
    let function = wiring.functions.first().context("the template has no function")?;
    settings(&function.environment).with_context(|| format!("the function {} lacks what it needs", function.resource))
}

struct Surroundings<'a> {
    client: &'a Client,
    time: &'a Time,
    keys: &'a KeyRing,
    options: &'a Options,
}

/// The SDK shares its allowance of retries among all clients of a name; each suite has one of its own.
static SUITES: AtomicU64 = AtomicU64::new(0);

impl Surroundings<'_> {
    fn app(&self, function: Option<&str>, number: u64, settings: &Settings) -> App {
        let client = function.map_or_else(|| self.client.clone(), |function| self.client.for_function(function));
        let partition = format!("suite {}", SUITES.fetch_add(1, Ordering::Relaxed));
        let config = aws_sdk_dynamodb::config::Builder::from(&self.sdk(&client)).retry_partition(RetryPartition::new(partition));
        let dynamodb = aws_sdk_dynamodb::Client::from_conf(config.build());
        let store = Store::new(dynamodb, &settings.activities_table, &settings.leads_table);
        let skew = function.and_then(|function| self.options.skew.get(function)).copied().unwrap_or_default();
        App::new(store, self.time.clock_of(skew), random(self.options, number), self.keys.clone(), settings.clone())
    }

    /// The functions' own configuration, but for the waits between retries: here nobody is spared by them.
    fn sdk(&self, client: &Client) -> SdkConfig {
        let credentials = Credentials::new("local", "local", None, None, "the local suite");
        let account = aws::Account { region: REGION.to_owned(), credentials, endpoint: None };
        let config = aws::sdk_config(account, client.http_client()).into_builder();
        config.retry_config(RetryConfig::standard().with_initial_backoff(Duration::from_millis(1))).build()
    }
}
