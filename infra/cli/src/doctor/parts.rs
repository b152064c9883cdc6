//! What an installation consists of: tables, key ring, playbook, and the way in.

use michi::io::Versioned;

use super::{Check, Patient};

/// Both tables, and whether they have a stream: without it everything waits for the schedules.
pub(super) async fn tables(patient: &Patient<'_>) -> Vec<Check> {
    let settings = &patient.found.settings;
    let client = aws_sdk_dynamodb::Client::new(&patient.found.account.sdk);
    let mut checks = Vec::new();
    for table in [&settings.activities_table, &settings.leads_table] {
        let what = "table";
        checks.push(match client.describe_table().table_name(table).send().await {
            Ok(told) => {
                let description = told.table.unwrap_or_else(|| aws_sdk_dynamodb::types::TableDescription::builder().build());
                let streams = description.stream_specification.is_some_and(|stream| stream.stream_enabled);
                let status = description.table_status.map(|status| status.to_string()).unwrap_or_default();
                match (status.as_str(), streams) {
                    ("ACTIVE" | "UPDATING", true) => Check::ok(what, format!("{table} is there, with a stream")),
                    ("ACTIVE" | "UPDATING", false) => Check::failed(
                        what,
                        format!("{table} has no stream: nothing is done at once, and plain page views of known leads never"),
                        "deploy infra/template.yaml again: it asks for a stream of new images",
                    ),
                    _ => Check::warning(what, format!("{table} is {status}"), "wait until it is ACTIVE, then look again"),
                }
            }
            Err(error) => match error.as_service_error() {
                Some(refused) if refused.is_resource_not_found_exception() => Check::failed(
                    what,
                    format!("{table} does not exist"),
                    "restore it from its backup under this name, or deploy infra/template.yaml again",
                ),
                _ => Check::unseen(what, &patient.found.account.explained_sdk(&error)),
            },
        });
    }
    checks
}

/// Whether the key ring can be fetched and used.
pub(super) async fn keys(patient: &Patient<'_>) -> Check {
    match patient.found.keys().await {
        Ok(_) => Check::ok("key ring", "can be fetched and read"),
        Err(error) => Check::failed(
            "key ring",
            format!("{error:#}"),
            "without it no link is valid and no address is known: restore the secret's earlier version; never generate it anew",
        ),
    }
}

/// Whether a playbook is live.
pub(super) fn playbook(live: &anyhow::Result<Versioned>) -> Check {
    match live {
        Ok(live) => Check::ok("playbook", format!("{} is live, for {}", live.version, live.playbook.setup.company.name)),
        Err(error) => Check::failed("playbook", format!("{error:#}"), "publish one: michi apply"),
    }
}

/// Whether browsers get the snippet.
pub(super) async fn collector(patient: &Patient<'_>) -> Check {
    let url = format!("{}/michi.js", patient.found.settings.collector_url);
    let remedy =
        "the address is the parameter CollectorUrl, else the API's own: does its name resolve, is its certificate valid?";
    match patient.found.account.fetch(&url).await {
        Ok((200, body)) if !body.is_empty() => Check::ok("collector", format!("{url} answers")),
        Ok((status, _)) => Check::failed("collector", format!("{url} answers with status {status}"), remedy),
        Err(error) => Check::failed("collector", format!("{url} does not answer: {error:#}"), remedy),
    }
}
