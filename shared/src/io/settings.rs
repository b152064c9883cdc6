//! Settings: every environment variable michi reads, in one place, read once.

use super::Error;

/// What a function is told by its surroundings. `infra/template.yaml` sets these.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `MICHI_ACTIVITIES_TABLE`: the table of activities.
    pub activities_table: String,
    /// `MICHI_LEADS_TABLE`: the table of leads.
    pub leads_table: String,
    /// `MICHI_BUS`: the event bus facts go to.
    pub bus: String,
    /// `MICHI_COLLECTOR_URL`: where the world reaches track and answer, without a slash at the end.
    pub collector_url: String,
    /// `MICHI_CONFIGURATION_SET`: the SES configuration set every mail is sent with.
    pub configuration_set: String,
    /// `MICHI_KEYS_SECRET`: the secret that holds the key ring.
    pub keys_secret: String,
}

impl Settings {
    /// Reads the environment.
    ///
    /// # Errors
    /// Names the variable that is missing.
    pub fn from_environment() -> Result<Self, Error> {
        Self::of(variable)
    }

    /// Reads the variables of a function, wherever they are known from.
    ///
    /// # Errors
    /// Names the variable that is missing.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let read = |name| required(name, variable(name));
        Ok(Self {
            activities_table: read("MICHI_ACTIVITIES_TABLE")?,
            leads_table: read("MICHI_LEADS_TABLE")?,
            bus: read("MICHI_BUS")?,
            collector_url: read("MICHI_COLLECTOR_URL")?,
            configuration_set: read("MICHI_CONFIGURATION_SET")?,
            keys_secret: read("MICHI_KEYS_SECRET")?,
        })
    }
}

/// `MICHI_LOG`: what the functions log; read apart, since logging begins before anything can be missing.
pub(super) fn log_level() -> Option<String> {
    variable("MICHI_LOG")
}

fn variable(name: &str) -> Option<String> {
    #[allow(clippy::disallowed_methods, reason = "this is where settings are read")]
    std::env::var(name).ok()
}

fn required(name: &str, value: Option<String>) -> Result<String, Error> {
    let missing = || Error::never(format!("the environment variable {name} is not set; infra/template.yaml sets it"));
    value.filter(|value| !value.is_empty()).ok_or_else(missing)
}

fn read(name: &str) -> Result<String, Error> {
    required(name, variable(name))
}

impl super::aws::Account {
    /// Reads the account from the variables that Lambda sets: `AWS_REGION`, `AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`; and `AWS_ENDPOINT_URL`, which emulators set.
    ///
    /// # Errors
    /// Names the variable that is missing.
    pub fn from_environment() -> Result<Self, Error> {
        let credentials = aws_credential_types::Credentials::new(
            read("AWS_ACCESS_KEY_ID")?,
            read("AWS_SECRET_ACCESS_KEY")?,
            read("AWS_SESSION_TOKEN").ok(),
            None,
            "environment",
        );
        Ok(Self { region: read("AWS_REGION")?, credentials, endpoint: read("AWS_ENDPOINT_URL").ok() })
    }
}
