//! What a function's role in the template allows it to call.

use std::collections::BTreeMap;

use serde_json::Value;

use super::record::{Call, Touch};
use super::{Client, Outgoing, Refusal, Service};
use crate::template::{ACCOUNT, Access, FROM_ADDRESS, LEADING_KEYS, REGION};

impl Client {
    /// Refuses a call that the function's role does not allow, as IAM does. The suite's own calls need no role.
    pub(super) fn may(&self, call: &Call) -> Result<(), Refusal> {
        let Some(function) = self.function.as_deref() else { return Ok(()) };
        let Some(access) = self.shared.roles.refused(function, &call.asks) else { return Ok(()) };
        let status = if call.service == Service::Ses { 403 } else { 400 };
        let message = format!("{function} is not authorized to perform: {access}, by infra/template.yaml");
        Err(Refusal::new(status, "AccessDeniedException", message))
    }
}

/// What a call asks of the role it is made under.
///
/// The parts of a transaction or a batch that do the same to the same table are asked for together: whether AWS looks at
/// them one by one or all at once, what one statement allows is allowed.
pub(super) fn asks(outgoing: &Outgoing, touches: &[Touch]) -> Vec<Access> {
    match outgoing.service {
        Service::DynamoDb => items(touches),
        Service::Ses => mail(&outgoing.body),
        Service::EventBridge => {
            let entries = outgoing.body.get("Entries").and_then(Value::as_array).into_iter().flatten();
            let bus = |entry: &Value| {
                let bus = entry.get("EventBusName").and_then(Value::as_str).unwrap_or("default");
                bus.rsplit('/').next().unwrap_or_default().to_owned()
            };
            let mut buses: Vec<String> = entries.map(bus).collect();
            buses.sort();
            buses.dedup();
            buses.into_iter().map(|bus| access("events:PutEvents", "events", &format!("event-bus/{bus}"))).collect()
        }
    }
}

fn access(action: &str, service: &str, resource: &str) -> Access {
    let resource = format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}");
    Access { action: action.to_owned(), resource, context: BTreeMap::new() }
}

fn items(touches: &[Touch]) -> Vec<Access> {
    let mut asked: Vec<Access> = Vec::new();
    for touch in touches {
        let index = touch.index.as_ref().map(|index| format!("/index/{index}")).unwrap_or_default();
        let new = access(&format!("dynamodb:{}", touch.action), "dynamodb", &format!("table/{}{index}", touch.table));
        let place = asked.iter().position(|known| (&known.action, &known.resource) == (&new.action, &new.resource));
        let place = place.unwrap_or(asked.len());
        if place == asked.len() {
            asked.push(new);
        }
        // A scan names no partition.
        if let Some(access) = asked.get_mut(place).filter(|_| !touch.partition.is_empty()) {
            let keys = access.context.entry(LEADING_KEYS).or_default();
            if !keys.contains(&touch.partition) {
                keys.push(touch.partition.clone());
            }
        }
    }
    asked
}

fn mail(request: &Value) -> Vec<Access> {
    let text = |name: &str| request.get(name).and_then(Value::as_str);
    let from = text("FromEmailAddress").unwrap_or_default();
    let from = from.rsplit('<').next().unwrap_or_default().trim_end_matches('>');
    let domain = from.rsplit('@').next().unwrap_or_default();
    let resources =
        [Some(format!("identity/{domain}")), text("ConfigurationSetName").map(|set| format!("configuration-set/{set}"))];
    let asked = resources.into_iter().flatten().map(|resource| access("ses:SendEmail", "ses", &resource));
    asked.map(|access| Access { context: BTreeMap::from([(FROM_ADDRESS, vec![from.to_owned()])]), ..access }).collect()
}
