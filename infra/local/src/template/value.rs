//! CloudFormation's intrinsic functions, evaluated as if everything were deployed under its own name.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::node::{Content, Node, Place};
use super::{ACCOUNT, REGION};

/// What can be referred to in a template.
pub(super) struct Names<'a> {
    pub(super) parameters: BTreeMap<&'a str, Value>,
    pub(super) conditions: BTreeMap<&'a str, &'a Node>,
    pub(super) resources: BTreeMap<&'a str, Resource<'a>>,
    pub(super) collector_url: &'a str,
}

pub(super) struct Resource<'a> {
    pub(super) kind: &'a str,
    pub(super) properties: Option<&'a Node>,
}

/// A value, or what is wrong with it and where.
pub(super) type Evaluated<T> = Result<T, (Place, String)>;

impl Names<'_> {
    /// The value of a node, with every function in it replaced by what it stands for.
    pub(super) fn value(&self, node: &Node) -> Evaluated<Value> {
        match &node.content {
            Content::Scalar(value) => Ok(value.clone()),
            Content::List(nodes) => nodes.iter().map(|node| self.value(node)).collect(),
            Content::Map(entries) => match entries.as_slice() {
                [(name, _, argument)] if name == "Ref" => self.reference(argument),
                [(name, place, argument)] if name.starts_with("Fn::") => self.function(name, *place, argument),
                _ => {
                    let entries = entries.iter().map(|(name, _, node)| Ok((name.clone(), self.value(node)?)));
                    entries.collect::<Evaluated<Map<_, _>>>().map(Value::Object)
                }
            },
        }
    }

    /// The text of a node.
    pub(super) fn text(&self, node: &Node) -> Evaluated<String> {
        match self.value(node)? {
            Value::String(text) => Ok(text),
            Value::Number(number) => Ok(number.to_string()),
            Value::Bool(truth) => Ok(truth.to_string()),
            other => Err((node.place, format!("expected a text, not {other}"))),
        }
    }

    fn function(&self, name: &str, place: Place, argument: &Node) -> Evaluated<Value> {
        let arguments = argument.elements();
        match (name, arguments) {
            ("Fn::GetAtt", [resource, attribute]) => match (resource.text(), attribute.text()) {
                (Some(resource), Some(attribute)) => self.attribute(place, resource, attribute).map(Value::String),
                _ => Err((argument.place, "Fn::GetAtt takes the names of a resource and an attribute".to_owned())),
            },
            ("Fn::GetAtt", [dotted]) => match dotted.text().and_then(|text| text.split_once('.')) {
                Some((resource, attribute)) => self.attribute(place, resource, attribute).map(Value::String),
                None => Err((argument.place, "Fn::GetAtt takes the names of a resource and an attribute".to_owned())),
            },
            ("Fn::Sub", [template]) => match template.text() {
                Some(text) => self.substitute(template.place, text).map(Value::String),
                None => Err((argument.place, "Fn::Sub is read here with one text".to_owned())),
            },
            ("Fn::If", [condition, yes, no]) => {
                let name = condition.text().unwrap_or_default();
                let holds = self.conditions.get(name).ok_or((condition.place, format!("there is no condition `{name}`")))?;
                if self.holds(holds)? { self.value(yes) } else { self.value(no) }
            }
            ("Fn::Equals" | "Fn::Not" | "Fn::And" | "Fn::Or", _) => {
                let (parts, holds) = match name {
                    "Fn::Equals" => (arguments.iter().map(|node| self.value(node)).collect::<Evaluated<Vec<_>>>()?, None),
                    _ => (Vec::new(), Some(arguments.iter().map(|node| self.holds(node)).collect::<Evaluated<Vec<_>>>()?)),
                };
                let truth = match (name, holds) {
                    ("Fn::Not", Some(holds)) => holds.iter().all(|holds| !holds),
                    ("Fn::And", Some(holds)) => holds.iter().all(|holds| *holds),
                    (_, Some(holds)) => holds.iter().any(|holds| *holds),
                    (_, None) => parts.windows(2).all(|pair| pair.first() == pair.last()),
                };
                Ok(Value::Bool(truth))
            }
            _ => Err((place, format!("{name} is not read by the local suite in this form"))),
        }
    }

    fn holds(&self, condition: &Node) -> Evaluated<bool> {
        match condition.get("Condition") {
            Some(name) => self.holds_by_name(name),
            None => Ok(self.value(condition)? == Value::Bool(true)),
        }
    }

    /// Whether the condition of this name holds.
    pub(super) fn holds_by_name(&self, name: &Node) -> Evaluated<bool> {
        let condition = self.conditions.get(name.text().unwrap_or_default());
        self.holds(condition.ok_or((name.place, "there is no such condition".to_owned()))?)
    }

    fn reference(&self, argument: &Node) -> Evaluated<Value> {
        let name = argument.text().unwrap_or_default();
        if let Some(value) = self.parameters.get(name) {
            return Ok(value.clone());
        }
        self.named(argument.place, name).map(Value::String)
    }

    /// What `Ref` gives for a resource or a pseudo parameter.
    fn named(&self, place: Place, name: &str) -> Evaluated<String> {
        let text = match name {
            "AWS::Region" => REGION,
            "AWS::AccountId" => ACCOUNT,
            "AWS::Partition" => "aws",
            "AWS::StackName" => "michi",
            _ => {
                let resource = self.resources.get(name);
                return match resource.map(|resource| resource.kind) {
                    Some("AWS::SecretsManager::Secret") => self.attribute(place, name, "Arn"),
                    Some(_) => Ok(name.to_owned()),
                    None => Err((place, format!("there is no parameter or resource `{name}`"))),
                };
            }
        };
        Ok(text.to_owned())
    }

    fn attribute(&self, place: Place, name: &str, attribute: &str) -> Evaluated<String> {
        let resource = self.resources.get(name).ok_or((place, format!("there is no resource `{name}`")))?;
        let arn = |service: &str, rest: &str| format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}{name}");
        match (resource.kind, attribute) {
            ("AWS::DynamoDB::Table", "Arn") => Ok(arn("dynamodb", "table/")),
            ("AWS::DynamoDB::Table", "StreamArn") => {
                match resource.properties.and_then(|properties| properties.get("StreamSpecification")) {
                    Some(_) => Ok(format!("{}/stream/local", arn("dynamodb", "table/"))),
                    None => Err((place, format!("table `{name}` has no stream"))),
                }
            }
            ("AWS::Serverless::Function", "Arn") => Ok(arn("lambda", "function:")),
            ("AWS::Events::EventBus", "Arn") => Ok(arn("events", "event-bus/")),
            ("AWS::SecretsManager::Secret", "Arn") => Ok(arn("secretsmanager", "secret:")),
            ("AWS::S3::Bucket", "Arn") => Ok(format!("arn:aws:s3:::{}", name.to_lowercase())),
            ("AWS::SQS::Queue", "Arn") => Ok(arn("sqs", "")),
            ("AWS::ApiGatewayV2::Api", "ApiEndpoint") => Ok(self.collector_url.to_owned()),
            (kind, _) => Err((place, format!("the local suite does not know attribute `{attribute}` of `{name}`, a {kind}"))),
        }
    }

    fn substitute(&self, place: Place, text: &str) -> Evaluated<String> {
        let mut result = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}').ok_or((place, "`${` without `}`".to_owned()))?;
            result.push_str(before);
            result.push_str(&match (name.split_once('.'), self.parameters.get(name)) {
                (_, Some(value)) => value.as_str().map_or_else(|| value.to_string(), str::to_owned),
                (Some((resource, attribute)), None) => self.attribute(place, resource, attribute)?,
                (None, None) => self.named(place, name)?,
            });
            rest = after;
        }
        result.push_str(rest);
        Ok(result)
    }
}
