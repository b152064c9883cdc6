//! Functions: their environment, what their roles allow, and what starts them by time.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde_json::Value;

use super::node::{Node, Place};
use super::read::Reader;
use super::{Condition, Function, Grant, Schedule};

/// What Lambda does unless it is told otherwise.
const RETRIES: u32 = 2;

impl Reader<'_> {
    pub(super) fn lambda(&mut self, resource: &str, properties: &Node) -> Option<Function> {
        let uri = self.text(properties, "CodeUri")?;
        let name = uri.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned();
        let mut environment = BTreeMap::new();
        for scope in [self.globals, Some(properties)].into_iter().flatten() {
            let variables =
                scope.get("Environment").and_then(|node| node.get("Variables")).map(Node::entries).unwrap_or_default();
            for (variable, _, node) in variables {
                let text = self.names.text(node);
                environment.extend(self.keep(text).map(|text| (variable.clone(), text)));
            }
        }
        let grants = properties.get("Policies").map(Node::elements).unwrap_or_default();
        let grants = grants.iter().flat_map(|policy| self.policy(policy)).collect();
        let events = properties.get("Events").map(Node::entries).unwrap_or_default();
        let schedules = events.iter().filter_map(|(name, place, event)| self.schedule(name, *place, event)).collect();
        let invoked = properties.get("EventInvokeConfig");
        let retries = invoked.and_then(|invoked| self.number(invoked, "MaximumRetryAttempts")).unwrap_or(RETRIES);
        Some(Function { name, resource: resource.to_owned(), environment, grants, schedules, retries })
    }

    fn policy(&mut self, policy: &Node) -> Vec<Grant> {
        let Some(statements) = policy.get("Statement") else {
            self.mistakes.push((policy.place, "a policy is read here with its statements in it".to_owned()));
            return Vec::new();
        };
        let mut grants = Vec::new();
        for statement in statements.elements() {
            let condition = statement.get("Condition").map(|node| Ok((node.place, self.names.value(node)?))).transpose();
            let conditions = condition.and_then(|condition| {
                let read = |(place, condition): (Place, Value)| Condition::read(&condition).map_err(|mistake| (place, mistake));
                condition.map_or_else(|| Ok(Vec::new()), read)
            });
            let Some(conditions) = self.keep(conditions) else { continue };
            if self.text(statement, "Effect").as_deref() != Some("Allow") {
                self.mistakes.push((statement.place, "only allowing statements are modelled".to_owned()));
            }
            let Some(sid) = self.text(statement, "Sid") else { continue };
            let (actions, resources) = (self.texts(statement, "Action"), self.texts(statement, "Resource"));
            grants.push(Grant { sid, actions, resources, conditions });
        }
        grants
    }

    fn schedule(&mut self, name: &str, place: Place, event: &Node) -> Option<Schedule> {
        let (Some("ScheduleV2"), Some(properties)) = (event.get("Type").and_then(Node::text), event.get("Properties")) else {
            self.mistakes
                .push((place, format!("`{name}`: a function's Events are schedules; routes and streams stand on their own")));
            return None;
        };
        let expression = self.text(properties, "ScheduleExpression")?;
        let every = rate(&expression).ok_or_else(|| {
            let at = properties.get("ScheduleExpression").map_or(place, |node| node.place);
            (at, format!("`{expression}` is not of the form rate(1 minute)"))
        });
        let every = self.keep(every)?;
        let input = match properties.get("Input") {
            Some(node) => {
                let text = self.text(properties, "Input")?;
                self.keep(serde_json::from_str(&text).map_err(|error| (node.place, format!("`Input` is not JSON: {error}"))))?
            }
            None => Value::Null,
        };
        Some(Schedule { name: name.to_owned(), every, input })
    }
}

/// `rate(5 minutes)` as a duration.
fn rate(expression: &str) -> Option<SignedDuration> {
    let (count, unit) = expression.strip_prefix("rate(")?.strip_suffix(')')?.split_once(' ')?;
    let count: i64 = count.parse().ok().filter(|count| *count > 0)?;
    match unit.trim_end_matches('s') {
        "minute" => Some(SignedDuration::from_mins(count)),
        "hour" => Some(SignedDuration::from_hours(count)),
        "day" => Some(SignedDuration::from_hours(count.checked_mul(24)?)),
        _ => None,
    }
}
