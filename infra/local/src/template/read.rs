//! From the tree to the wiring, collecting every mistake on the way.

use serde_json::Value;

use super::node::{Content, Node, Place};
use super::value::{Names, Resource};
use super::{Deployed, Function, Index, Mapping, Mistake, Route, Rule, Segment, Table, Wiring};
use crate::filter::Pattern;

/// Resources that connect nothing to a function, or are read with what refers to them.
const SILENT: [&str; 17] = [
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Integration",
    // Its throttles are not modelled: one process is no flood.
    "AWS::ApiGatewayV2::Stage",
    "AWS::Budgets::",
    "AWS::CloudWatch::",
    // What hangs on the bus is the world's; the suite shows what was published.
    "AWS::Events::ApiDestination",
    "AWS::Events::Archive",
    "AWS::Events::Connection",
    "AWS::IAM::",
    "AWS::Lambda::Permission",
    "AWS::Logs::",
    "AWS::S3::Bucket",
    // Every sender counts as verified here.
    "AWS::SES::",
    "AWS::SNS::",
    // Dead letters: what fails here is seen on the console.
    "AWS::SQS::Queue",
    "AWS::Scheduler::ScheduleGroup",
    "AWS::SecretsManager::Secret",
];

/// The parameter that says from whom mail may come. It has no default: nobody else knows it.
const SENDER: &str = "Sender";

/// Reads the text of a template.
pub(super) fn parse(text: &str) -> Result<Node, Vec<Mistake>> {
    // As CloudFormation reads it: `N` is a text, only `true` and `false` are not.
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let place = error.location().map_or(Place { line: 1, column: 1 }, |at| Place { line: at.line(), column: at.column() });
        vec![(place, error.without_snippet().to_string())]
    })
}

/// Connects what a template describes.
pub(super) fn connect(root: &Node, deployed: Deployed<'_>) -> Result<Wiring, Vec<Mistake>> {
    let section = |name: &str| root.get(name).map(Node::entries).unwrap_or_default();
    let names = Names {
        parameters: section("Parameters")
            .iter()
            .map(|(name, _, node)| (name.as_str(), if name == SENDER { deployed.sender.into() } else { default_of(node) }))
            .collect(),
        conditions: section("Conditions").iter().map(|(name, _, node)| (name.as_str(), node)).collect(),
        resources: section("Resources")
            .iter()
            .map(|(name, _, node)| {
                let kind = node.get("Type").and_then(Node::text).unwrap_or_default();
                (name.as_str(), Resource { kind, properties: node.get("Properties") })
            })
            .collect(),
        collector_url: deployed.collector_url,
    };
    let mut reader =
        Reader { names, globals: root.get("Globals").and_then(|globals| globals.get("Function")), mistakes: Vec::new() };
    let mut wiring = Wiring::default();
    let mut later = Vec::new();
    for (name, place, node) in section("Resources") {
        let kind = node.get("Type").and_then(Node::text).unwrap_or_default();
        let exists = node.get("Condition").map_or(Ok(true), |condition| reader.names.holds_by_name(condition));
        if reader.keep(exists) != Some(true) {
            continue;
        }
        let Some(properties) = node.get("Properties") else {
            if !SILENT.iter().any(|silent| kind.starts_with(silent)) {
                reader.mistakes.push((*place, format!("`{name}` has no Properties")));
            }
            continue;
        };
        match kind {
            "AWS::DynamoDB::Table" => wiring.tables.extend(reader.table(name, properties)),
            "AWS::Events::EventBus" => wiring.buses.push(name.clone()),
            "AWS::Serverless::Function" => wiring.functions.extend(reader.lambda(name, properties)),
            "AWS::SES::ConfigurationSetEventDestination" => {
                let destination = properties.get("EventDestination").unwrap_or(properties);
                wiring.mail_events.extend(reader.texts(destination, "MatchingEventTypes"));
            }
            "AWS::Lambda::EventSourceMapping" | "AWS::ApiGatewayV2::Route" | "AWS::Events::Rule" => {
                later.push((kind, name, properties));
            }
            _ if SILENT.iter().any(|silent| kind.starts_with(silent)) => {}
            _ => reader.mistakes.push((*place, format!("`{name}` is a {kind}, which the local suite cannot wire"))),
        }
    }
    for (kind, name, properties) in later {
        match kind {
            "AWS::ApiGatewayV2::Route" => wiring.routes.extend(reader.route(&wiring.functions, properties)),
            "AWS::Events::Rule" => wiring.rules.extend(reader.rules(&wiring.functions, name, properties)),
            _ => wiring.mappings.extend(reader.mapping(&wiring, name, properties)),
        }
    }
    if reader.mistakes.is_empty() { Ok(wiring) } else { Err(reader.mistakes) }
}

/// A parameter's default, as the text that it is when referred to.
fn default_of(parameter: &Node) -> Value {
    Value::String(match parameter.get("Default").map(|node| &node.content) {
        Some(Content::Scalar(Value::String(text))) => text.clone(),
        Some(Content::Scalar(value)) => value.to_string(),
        _ => String::new(),
    })
}

pub(super) struct Reader<'a> {
    pub(super) names: Names<'a>,
    pub(super) globals: Option<&'a Node>,
    pub(super) mistakes: Vec<Mistake>,
}

impl Reader<'_> {
    pub(super) fn keep<T>(&mut self, result: Result<T, Mistake>) -> Option<T> {
        result.map_err(|mistake| self.mistakes.push(mistake)).ok()
    }

    /// The text under a key that must be there.
    pub(super) fn text(&mut self, node: &Node, key: &str) -> Option<String> {
        let found =
            node.get(key).ok_or_else(|| (node.place, format!("`{key}` is missing"))).and_then(|node| self.names.text(node));
        self.keep(found)
    }

    /// The values of a list of texts under a key; empty if it is not there.
    pub(super) fn texts(&mut self, node: &Node, key: &str) -> Vec<String> {
        let nodes = node.get(key).map(Node::elements).unwrap_or_default();
        nodes
            .iter()
            .filter_map(|node| {
                let text = self.names.text(node);
                self.keep(text)
            })
            .collect()
    }

    fn flag(&mut self, node: &Node, key: &str) -> bool {
        node.get(key).is_some() && self.text(node, key).as_deref() == Some("true")
    }

    pub(super) fn number<T: std::str::FromStr>(&mut self, node: &Node, key: &str) -> Option<T> {
        let at = node.get(key)?.place;
        let text = self.text(node, key)?;
        self.keep(text.parse().map_err(|_| (at, format!("`{key}` is a number, not {text}"))))
    }

    fn table(&mut self, name: &str, properties: &Node) -> Option<Table> {
        let attributes = properties.get("AttributeDefinitions").map(Node::elements).unwrap_or_default();
        let attributes: Vec<(String, String)> = attributes
            .iter()
            .filter_map(|node| Some((self.text(node, "AttributeName")?, self.text(node, "AttributeType")?)))
            .collect();
        let keys = self.keys(properties, &attributes);
        let indexes = properties.get("GlobalSecondaryIndexes").map(Node::elements).unwrap_or_default();
        let indexes = indexes
            .iter()
            .filter_map(|node| {
                let name = self.text(node, "IndexName")?;
                let keys = self.keys(node, &attributes);
                let projection = self.keep(node.get("Projection").map_or(Ok(Value::Null), |node| self.names.value(node)))?;
                Some(Index { name, keys, projection })
            })
            .collect();
        let stream = properties.get("StreamSpecification").and_then(|node| self.text(node, "StreamViewType"));
        let ttl = properties.get("TimeToLiveSpecification").and_then(|node| self.text(node, "AttributeName"));
        Some(Table { name: name.to_owned(), attributes, keys, indexes, stream, ttl })
    }

    /// A key schema, partition key first; each key must be a defined attribute.
    fn keys(&mut self, node: &Node, attributes: &[(String, String)]) -> Vec<String> {
        let Some(schema) = node.get("KeySchema") else {
            self.mistakes.push((node.place, "`KeySchema` is missing".to_owned()));
            return Vec::new();
        };
        let mut keys: Vec<(String, String)> = Vec::new();
        for element in schema.elements() {
            if let (Some(name), Some(kind)) = (self.text(element, "AttributeName"), self.text(element, "KeyType")) {
                if !attributes.iter().any(|(defined, _)| *defined == name) {
                    self.mistakes.push((element.place, format!("`{name}` is not among the AttributeDefinitions")));
                }
                keys.push((kind, name));
            }
        }
        keys.sort();
        keys.into_iter().map(|(_, name)| name).collect()
    }

    fn route(&mut self, functions: &[Function], properties: &Node) -> Option<Route> {
        let key = self.text(properties, "RouteKey")?;
        let at = properties.get("RouteKey").map_or(properties.place, |node| node.place);
        let (method, path) = self.keep(
            key.split_once(' ')
                .and_then(|(method, path)| Some((method.to_owned(), segments(path)?)))
                .ok_or_else(|| (at, format!("`{key}` is not of the form GET /path"))),
        )?;
        let target = self.text(properties, "Target")?;
        let at = properties.get("Target").map_or(properties.place, |node| node.place);
        let integration = target
            .strip_prefix("integrations/")
            .and_then(|name| self.names.resources.get(name))
            .filter(|resource| resource.kind == "AWS::ApiGatewayV2::Integration")
            .and_then(|resource| resource.properties)
            .ok_or_else(|| (at, format!("`{target}` is not integrations/ and the name of an integration")));
        let integration = self.keep(integration)?;
        let uri = self.text(integration, "IntegrationUri")?;
        let function = self.started(functions, integration, "IntegrationUri", &uri)?;
        Some(Route { method: (method != "ANY").then_some(method), key, path, function })
    }

    /// The functions that a rule starts. It may also lead out of michi: what is there is the world's.
    fn rules(&mut self, functions: &[Function], name: &str, properties: &Node) -> Vec<Rule> {
        let mut rules = Vec::new();
        for target in properties.get("Targets").map(Node::elements).unwrap_or_default() {
            let Some(arn) = self.text(target, "Arn").filter(|arn| arn.starts_with("arn:aws:lambda:")) else { continue };
            let Some(function) = self.started(functions, target, "Arn", &arn) else { continue };
            let Some(node) = properties.get("EventPattern") else {
                self.mistakes.push((properties.place, format!("rule `{name}` starts {function} without an EventPattern")));
                continue;
            };
            let written = self.names.value(node).map(|pattern| pattern.to_string());
            let Some(written) = self.keep(written) else { continue };
            let pattern = Pattern::parse(&written).map_err(|error| (node.place, format!("`{name}`, EventPattern: {error}")));
            let Some(pattern) = self.keep(pattern) else { continue };
            let bus = properties.get("EventBusName").and_then(|_| self.text(properties, "EventBusName"));
            let retries = functions.iter().find(|known| known.name == function).map_or(0, |known| known.retries);
            let bus = bus.unwrap_or_else(|| "default".to_owned());
            rules.push(Rule { name: name.to_owned(), bus, function, pattern, written, retries });
        }
        rules
    }

    fn mapping(&mut self, wiring: &Wiring, name: &str, properties: &Node) -> Option<Mapping> {
        let source = self.text(properties, "EventSourceArn")?;
        let table = wiring.tables.iter().find(|table| {
            source.strip_suffix("/stream/local").and_then(|arn| arn.rsplit('/').next()) == Some(table.name.as_str())
        });
        let at = properties.get("EventSourceArn").map_or(properties.place, |node| node.place);
        let table = table.ok_or_else(|| (at, format!("`{name}` reads {source}, which is no stream of a table here")));
        let table = self.keep(table.map(|table| table.name.clone()))?;
        let function = self.text(properties, "FunctionName")?;
        let function = self.started(&wiring.functions, properties, "FunctionName", &function)?;
        let filters =
            properties.get("FilterCriteria").and_then(|node| node.get("Filters")).map(Node::elements).unwrap_or_default();
        let mut patterns = Vec::new();
        let mut parsed = Vec::new();
        for filter in filters {
            let at = filter.get("Pattern").map_or(filter.place, |node| node.place);
            if let Some(text) = self.text(filter, "Pattern") {
                let pattern = Pattern::parse(&text).map_err(|error| (at, format!("`{name}`, Pattern: {error}")));
                parsed.extend(self.keep(pattern));
                patterns.push(text);
            }
        }
        let failures = properties.get("DestinationConfig").and_then(|node| node.get("OnFailure"));
        let failures = failures.and_then(|node| self.text(node, "Destination"));
        Some(Mapping {
            name: name.to_owned(),
            table,
            function,
            batch_size: self.number(properties, "BatchSize").unwrap_or(100),
            bisect: self.flag(properties, "BisectBatchOnFunctionError"),
            partial: self.texts(properties, "FunctionResponseTypes").iter().any(|kind| kind == "ReportBatchItemFailures"),
            retries: self.number::<i64>(properties, "MaximumRetryAttempts").and_then(|retries| u32::try_from(retries).ok()),
            filters: parsed,
            patterns,
            failures,
        })
    }

    /// The folder name of the function that a name or an ARN means.
    fn started(&mut self, functions: &[Function], node: &Node, key: &str, named: &str) -> Option<String> {
        let resource = named.rsplit(':').next().unwrap_or(named);
        let at = node.get(key).map_or(node.place, |node| node.place);
        let function = functions.iter().find(|function| function.resource == resource).map(|function| function.name.clone());
        self.keep(function.ok_or_else(|| (at, format!("`{key}` names `{resource}`, which is no function of this template"))))
    }
}

fn segments(path: &str) -> Option<Vec<Segment>> {
    let path = path.strip_prefix('/')?;
    let segment = |part: &str| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
        Some(name) if name.ends_with('+') => Segment::Rest,
        Some(_) => Segment::Any,
        None => Segment::Exact(part.to_owned()),
    };
    Some(path.split('/').map(segment).collect())
}
