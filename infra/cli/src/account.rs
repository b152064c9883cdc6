//! The installation that a command works on: a stack in an account, or the local suite.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, anyhow, bail};
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials as _, error::CredentialsError};
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::HttpConnectorSettings;
use jiff::{SignedDuration, Timestamp};
use michi::io::{Clock, KeyRing, Settings, Store, Versioned};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::call::{Call, Line, Service, Unanswered, chain};

/// Which installation.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Which installation")]
pub struct Target {
    /// The name of its CloudFormation stack
    #[arg(long, env = "MICHI_STACK", default_value = "michi", value_name = "NAME")]
    pub stack: String,
    /// The profile in AWS's configuration files, else AWS_PROFILE
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// The region, else AWS_REGION or the profile's
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// Where to call instead of AWS, else AWS_ENDPOINT_URL
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
    /// The suite that `michi dev` runs on this machine: --local, or --local=PORT
    #[arg(long, value_name = "PORT", num_args = 0..=1, require_equals = true, default_missing_value = "7070", value_parser = port,
        conflicts_with_all = ["profile", "region", "endpoint"])]
    pub local: Option<u16>,
}

/// An installation that answered.
#[derive(Debug, Clone)]
pub struct Installation {
    /// Its stack.
    pub stack: String,
    /// What its functions are told.
    pub settings: Settings,
    /// Its tables.
    pub store: Store,
    /// How it is called.
    pub account: Account,
    /// How far its clock is ahead of this machine's: a local suite's may have been moved.
    ahead: SignedDuration,
}

/// An account, or what answers in its place.
#[derive(Debug, Clone)]
pub struct Account {
    /// For the SDK's clients.
    pub sdk: SdkConfig,
    line: Line,
    /// Whoever calls, for as long as that holds: to ask anew for each call may be a call itself.
    caller: Arc<Mutex<Option<Credentials>>>,
}

/// What Lambda says of a function, as far as it is asked.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Configuration {
    #[serde(default)]
    environment: Environment,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
struct Environment {
    #[serde(default)]
    variables: BTreeMap<String, String>,
}

/// How the address of a local suite's AWS protocol ends.
const LOCAL_DOOR: &str = "/_michi/aws";
/// The function that is asked what the installation consists of: all of them are told the same.
const ASKED: &str = "notify";
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(4);
/// How long an answer may take: a function that takes records anew has thirty seconds.
const ANSWER: Duration = Duration::from_secs(60);
/// Credentials are fetched anew so long before they end.
const STALE: Duration = Duration::from_secs(120);
const NO_CREDENTIALS: &str =
    "no credentials are found: sign in as for any AWS tool (`aws configure sso`, --profile, AWS_ACCESS_KEY_ID …)";

fn port(text: &str) -> Result<u16, &'static str> {
    text.parse().ok().filter(|port| *port > 0).ok_or("write the port on which `michi dev` listens, as in --local=7070")
}

impl Target {
    /// The suite on a port of this machine.
    #[must_use]
    pub fn local(port: u16) -> Self {
        Self { stack: "michi".to_owned(), profile: None, region: None, endpoint: None, local: Some(port) }
    }

    /// Finds the installation, by one call that changes nothing.
    ///
    /// # Errors
    /// Says what is missing or does not answer, and what to do about it.
    pub async fn open(&self) -> anyhow::Result<Installation> {
        let account = self.account().await?;
        let function = format!("{}-{ASKED}", self.stack);
        let asked = Call::get(Service::Lambda, format!("/2015-03-31/functions/{function}/configuration"));
        let told = match account.call(&asked).await? {
            Ok(told) => told,
            Err(refused) if refused.code() == "ResourceNotFoundException" => bail!(
                "there is no function {function} in {}, so no stack {} of michi's: name another with --stack, --region or --profile",
                account.place(),
                self.stack
            ),
            Err(unanswered) => return Err(account.explained(&unanswered)),
        };
        let told: Configuration = serde_json::from_slice(&told).context("Lambda's answer cannot be read")?;
        let variables = told.environment.variables;
        let settings = Settings::of(|name| variables.get(name).cloned())
            .with_context(|| format!("the function {function} is not michi's, or not of this command's version"))?;
        let now: Option<Timestamp> = variables.get("MICHI_LOCAL_NOW").and_then(|now| now.parse().ok());
        let dynamodb = aws_sdk_dynamodb::Client::new(&account.sdk);
        let store = Store::new(dynamodb, &settings.activities_table, &settings.leads_table);
        let ahead = now.map(|now| now.duration_since(Clock::System.now())).unwrap_or_default();
        Ok(Installation { stack: self.stack.clone(), settings, store, account, ahead })
    }

    async fn account(&self) -> anyhow::Result<Account> {
        let endpoint = self.local.map(|port| format!("http://127.0.0.1:{port}{LOCAL_DOOR}")).or_else(|| self.endpoint.clone());
        let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(ANSWER).build();
        let suite = endpoint.as_ref().is_some_and(|endpoint| endpoint.trim_end_matches('/').ends_with(LOCAL_DOOR));
        let proxy = if suite { ProxyConfig::disabled() } else { ProxyConfig::from_env() };
        let connection = Connection { tls: tls()?, proxy };
        let sdks = connection.clone();
        let http = Builder::new().build_with_connector_fn(move |settings, _| sdks.connector(settings.cloned()));
        let mut config = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard());
        if let Some(profile) = &self.profile {
            config = config.profile_name(profile);
        }
        if let Some(region) = &self.region {
            config = config.region(Region::new(region.clone()));
        }
        if let Some(endpoint) = &endpoint {
            config = config.endpoint_url(endpoint);
        }
        if suite {
            // A suite checks no signature, so nobody's own keys are used for it.
            let nobody = Credentials::new("local", "local", None, None, "the local suite");
            config = config.region(Region::new("local")).credentials_provider(nobody);
        }
        let sdk = config.load().await;
        let Some(region) = sdk.region().map(ToString::to_string) else {
            bail!("no region is set: give --region or AWS_REGION, or `region` in the profile");
        };
        let settings = HttpConnectorSettings::builder().connect_timeout(CONNECT).read_timeout(ANSWER).build();
        let endpoint = sdk.endpoint_url().map(str::to_owned);
        let account = Account {
            line: Line { connector: Arc::new(connection.connector(Some(settings))), region, endpoint },
            sdk,
            caller: Arc::default(),
        };
        account.credentials().await.map(|_| account)
    }
}

impl Account {
    /// Makes a call that no client here knows; the inner error is for whoever can make something of a refusal, and for
    /// [`Self::explained`].
    ///
    /// # Errors
    /// If the call cannot be made at all.
    pub async fn call(&self, call: &Call) -> anyhow::Result<Result<Vec<u8>, Unanswered>> {
        self.line.send(&self.credentials().await?, call).await
    }

    /// Fetches a page of the web as a browser would: its status and body.
    ///
    /// # Errors
    /// If nothing comes back.
    pub async fn fetch(&self, url: &str) -> anyhow::Result<(u16, Vec<u8>)> {
        self.line.fetch(url).await
    }

    /// Who calls; they may have to be fetched anew in the midst of a long command.
    async fn credentials(&self) -> anyhow::Result<Credentials> {
        let mut caller = self.caller.lock().await;
        let soon = SystemTime::from(Clock::System.now()) + STALE;
        if let Some(known) = caller.as_ref().filter(|known| known.expiry().is_none_or(|end| end > soon)) {
            return Ok(known.clone());
        }
        let Some(provider) = self.sdk.credentials_provider() else { bail!(NO_CREDENTIALS) };
        let fetched = provider.provide_credentials().await.map_err(|error| match &error {
            CredentialsError::CredentialsNotLoaded(_) => anyhow!(NO_CREDENTIALS),
            _ => anyhow!(
                "the credentials cannot be used: if a sign-in has ended, `aws sso login` begins a new one: {}",
                chain(&error)
            ),
        })?;
        *caller = Some(fetched.clone());
        Ok(fetched)
    }

    /// Where calls go, in words.
    #[must_use]
    pub fn place(&self) -> String {
        let region = &self.line.region;
        self.line.endpoint.as_ref().map_or_else(|| format!("the region {region}"), |endpoint| format!("{endpoint} ({region})"))
    }

    /// What an unanswered call means, and what to do about it.
    #[must_use]
    pub fn explained(&self, unanswered: &Unanswered) -> anyhow::Error {
        let place = self.place();
        match unanswered {
            Unanswered::NoAnswer(why) => {
                let Some(endpoint) = &self.line.endpoint else {
                    return anyhow!("{place} does not answer; is there a network? ({why})");
                };
                match endpoint.trim_end_matches('/').strip_suffix(LOCAL_DOOR) {
                    Some(suite) if why.contains("tcp connect error") => anyhow!(
                        "nothing listens at {suite}: `michi dev` starts a suite there; if one runs on another port, give --local=PORT"
                    ),
                    _ => anyhow!("{place} does not answer; is the address right? ({why})"),
                }
            }
            Unanswered::Refused { code, message, .. } => match code.as_str() {
                "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => {
                    anyhow!("the credentials have expired: sign in again (`aws sso login`)")
                }
                "UnrecognizedClientException"
                | "InvalidClientTokenId"
                | "InvalidAccessKeyId"
                | "InvalidSignatureException"
                | "SignatureDoesNotMatch" => {
                    anyhow!("the credentials are not valid in {place}: sign in again, or choose another --profile ({code})")
                }
                _ => anyhow!("{place} refuses it: {code}: {message}"),
            },
        }
    }

    /// The same for a call of one of the SDK's clients.
    pub fn explained_sdk<E: ProvideErrorMetadata + std::error::Error + 'static>(&self, error: &SdkError<E>) -> anyhow::Error {
        self.explained(&match error.as_service_error() {
            Some(refused) => Unanswered::Refused {
                status: error.raw_response().map_or(0, |raw| raw.status().as_u16()),
                code: refused.code().unwrap_or_default().to_owned(),
                message: refused.message().unwrap_or_default().to_owned(),
            },
            None => Unanswered::NoAnswer(chain(error)),
        })
    }
}

impl Installation {
    /// Now, by the installation's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let now = Clock::System.now();
        now.checked_add(self.ahead).unwrap_or(now)
    }

    /// The deployed name of a function.
    #[must_use]
    pub fn function(&self, folder: &str) -> String {
        format!("{}-{folder}", self.stack)
    }

    /// The live playbook.
    ///
    /// # Errors
    /// If none was published, or the tables do not answer.
    pub async fn playbook(&self) -> anyhow::Result<Versioned> {
        let live = self.store.live().await?.context("no playbook has been published: `michi apply` makes one live")?;
        let playbook = Arc::new(self.store.playbook(&live.version).await?);
        Ok(Versioned { version: live.version, since: live.since, playbook })
    }

    /// Makes a call that no client here knows, where nothing can be made of a refusal.
    ///
    /// # Errors
    /// If it is not answered, with what to do about it.
    pub async fn ask(&self, call: &Call) -> anyhow::Result<Vec<u8>> {
        self.account.call(call).await?.map_err(|unanswered| self.account.explained(&unanswered))
    }

    /// The key ring: addresses stand in the tables under its digests.
    ///
    /// # Errors
    /// If it cannot be fetched or read.
    pub async fn keys(&self) -> anyhow::Result<KeyRing> {
        let client = aws_sdk_secretsmanager::Client::new(&self.account.sdk);
        let secret = client.get_secret_value().secret_id(&self.settings.keys_secret).send().await;
        let secret = secret.map_err(|error| self.account.explained_sdk(&error).context("the key ring cannot be fetched"))?;
        Ok(KeyRing::parse(secret.secret_string().unwrap_or_default())?)
    }
}

/// Whom to trust: unlike a function, somebody's machine may stand behind a proxy with roots of its own, so the system's
/// count too where there are any.
fn tls() -> anyhow::Result<TlsContext> {
    let system = !rustls_native_certs::load_native_certs().certs.is_empty();
    let trust = TrustStore::empty().with_native_roots(system).with_pem_certificate(michi::io::aws::ROOTS);
    TlsContext::builder().with_trust_store(trust).build().context("the embedded certificates cannot be read")
}

/// How connections are made.
#[derive(Clone)]
struct Connection {
    tls: TlsContext,
    proxy: ProxyConfig,
}

impl Connection {
    fn connector(&self, settings: Option<HttpConnectorSettings>) -> Connector {
        let mut connector = Connector::builder().proxy_config(self.proxy.clone());
        connector.set_connector_settings(settings);
        connector.set_sleep_impl(Some(SharedAsyncSleep::new(TokioSleep::new())));
        connector.tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(self.tls.clone()).build()
    }
}
