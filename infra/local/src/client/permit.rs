//! What a function's role in the template allows it to call.

use serde_json::Value;

use super::record::Call;
use super::{Client, Outgoing, Refusal, Service};
use crate::template::{ACCOUNT, REGION};

impl Client {
    /// Refuses a call that the function's role does not allow, as IAM does. The suite's own calls need no role.
    pub(super) fn may(&self, call: &Call, outgoing: &Outgoing) -> Result<(), Refusal> {
        let Some(function) = self.function.as_deref() else { return Ok(()) };
        for (action, resource, partition) in asked(call, outgoing) {
            let partitions: Vec<&str> = partition.as_deref().into_iter().collect();
            let allowed = self.shared.grants.get(function).into_iter().flatten();
            if !allowed.into_iter().any(|grant| grant.allows(&action, &resource, &partitions)) {
                let status = if outgoing.service == Service::Ses { 403 } else { 400 };
                let message =
                    format!("{function} is not authorized to perform: {action} on resource: {resource}, by infra/template.yaml");
                return Err(Refusal::new(status, "AccessDeniedException", message));
            }
        }
        Ok(())
    }
}

/// Each action with its resource, and the partition key if it touches one.
fn asked(call: &Call, outgoing: &Outgoing) -> Vec<(String, String, Option<String>)> {
    let arn = |service: &str, rest: String| format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}");
    match outgoing.service {
        Service::DynamoDb => call
            .touches
            .iter()
            .map(|touch| {
                let index = touch.index.as_ref().map(|index| format!("/index/{index}")).unwrap_or_default();
                let resource = arn("dynamodb", format!("table/{}{index}", touch.table));
                (format!("dynamodb:{}", touch.action), resource, Some(touch.partition.clone()))
            })
            .collect(),
        Service::Ses => {
            let from = outgoing.body.get("FromEmailAddress").and_then(Value::as_str).unwrap_or_default();
            let domain = from.trim_end_matches('>').rsplit('@').next().unwrap_or_default();
            let set = outgoing.body.get("ConfigurationSetName").and_then(Value::as_str);
            let resources = [Some(format!("identity/{domain}")), set.map(|set| format!("configuration-set/{set}"))];
            resources.into_iter().flatten().map(|resource| ("ses:SendEmail".to_owned(), arn("ses", resource), None)).collect()
        }
        Service::EventBridge => {
            let entries = outgoing.body.get("Entries").and_then(Value::as_array).into_iter().flatten();
            entries
                .map(|entry| {
                    let bus = entry.get("EventBusName").and_then(Value::as_str).unwrap_or("default");
                    let bus = bus.rsplit('/').next().unwrap_or_default();
                    ("events:PutEvents".to_owned(), arn("events", format!("event-bus/{bus}")), None)
                })
                .collect()
        }
    }
}
