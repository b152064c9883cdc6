//! The SDK's clients: one HTTP client with ring and five embedded roots, environment credentials, no retries of its own
//! where a repeat could do harm.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;

use super::{App, Clock, Error, KeyRing, Random, Settings, Store};

/// Amazon's roots, as in Mozilla's list: enough for every AWS endpoint, and far quicker to read than a system's store.
pub const ROOTS: &[u8] = include_bytes!("roots.pem");

/// The HTTP client of a function.
///
/// # Errors
/// If the embedded roots cannot be read.
pub fn http_client() -> Result<SharedHttpClient, Error> {
    let trust = TrustStore::empty().with_pem_certificate(ROOTS);
    let tls = TlsContext::builder()
        .with_trust_store(trust)
        .build()
        .map_err(|error| Error::never(format!("the embedded roots cannot be read: {error}")))?;
    Ok(Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(tls).build_https())
}

/// What the surroundings say of the account.
#[derive(Debug, Clone)]
pub struct Account {
    /// The region.
    pub region: String,
    /// Who calls.
    pub credentials: Credentials,
    /// Where to call instead of AWS, for emulators.
    pub endpoint: Option<String>,
}

/// One configuration for all clients.
#[must_use]
pub fn sdk_config(account: Account, http: SharedHttpClient) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(Duration::from_secs(5))
        .build();
    let mut config = SdkConfig::builder()
        .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::latest())
        .region(Region::new(account.region))
        .credentials_provider(SharedCredentialsProvider::new(account.credentials))
        .http_client(http)
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .timeout_config(timeouts);
    if let Some(endpoint) = account.endpoint {
        config = config.endpoint_url(endpoint);
    }
    config.build()
}

/// What a function reaches by its environment alone.
pub struct Connected {
    /// The environment.
    pub settings: Settings,
    /// For further clients.
    pub sdk: SdkConfig,
    /// Both tables.
    pub store: Store,
}

/// Builds the clients from the environment, without a call.
///
/// # Errors
/// Names the variable that is missing.
pub fn connect() -> Result<Connected, Error> {
    let settings = Settings::from_environment()?;
    let sdk = sdk_config(Account::from_environment()?, http_client()?);
    let store = Store::new(aws_sdk_dynamodb::Client::new(&sdk), &settings.activities_table, &settings.leads_table);
    Ok(Connected { settings, sdk, store })
}

/// Everything a function with keys needs, from its environment: called once, while Lambda starts it. Both connections
/// are opened side by side, and the first request finds the playbook there.
///
/// # Errors
/// Names what is missing or does not answer.
pub async fn start() -> Result<(App, SdkConfig), Error> {
    let Connected { settings, sdk, store } = connect()?;
    let secrets = aws_sdk_secretsmanager::Client::new(&sdk);
    let (ring, _connected) =
        tokio::join!(secrets.get_secret_value().secret_id(&settings.keys_secret).send(), store.live_version());
    let ring = ring.map_err(|error| {
        Error::later(format!("the key ring cannot be fetched: {}", aws_sdk_secretsmanager::error::DisplayErrorContext(&error)))
    })?;
    let keys = KeyRing::parse(ring.secret_string().unwrap_or_default())?;
    let app = App::new(store, Clock::System, Random::System, keys, settings);
    // Before the first playbook is published there is none to find; whoever needs one says so.
    let _ = app.playbook().await;
    Ok((app, sdk))
}
