//! `infra/template.yaml` as the wiring it describes: what is deployed is what runs here.

mod function;
mod grant;
mod node;
mod read;
mod value;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use jiff::SignedDuration;
use serde::Serialize;
use serde_json::Value;

use crate::filter::Pattern;
use node::{Node, Place};

pub use grant::{Access, Condition, FROM_ADDRESS, Grant, LEADING_KEYS, Test, wild};

/// The template as it stood when this was built.
pub const TEMPLATE: &str = include_str!("../../../template.yaml");
/// How the built-in template is named in messages.
pub const TEMPLATE_NAME: &str = "infra/template.yaml";

/// The region and the account of everything in one process.
pub(crate) const REGION: &str = "local";
pub(crate) const ACCOUNT: &str = "000000000000";

/// What only a deployment knows.
#[derive(Debug, Clone, Copy)]
pub struct Deployed<'a> {
    /// The address of the API, without a slash at the end.
    pub collector_url: &'a str,
    /// The parameter `Sender`: the domain, or the one address, that mail comes from.
    pub sender: &'a str,
}

/// Everything the template connects.
#[derive(Debug, Clone, Default)]
pub struct Wiring {
    /// Functions, in the template's order.
    pub functions: Vec<Function>,
    /// HTTP routes.
    pub routes: Vec<Route>,
    /// Streams that start functions.
    pub mappings: Vec<Mapping>,
    /// Rules of event buses that start functions.
    pub rules: Vec<Rule>,
    /// What SES is to tell of each mail, as a configuration set calls it.
    pub mail_events: Vec<String>,
    /// Tables.
    pub tables: Vec<Table>,
    /// The names of the event buses.
    pub buses: Vec<String>,
}

/// A function and what it may do.
#[derive(Debug, Clone)]
pub struct Function {
    /// The last part of `CodeUri`: the name of its folder and crate.
    pub name: String,
    /// Its name in the template.
    pub resource: String,
    /// Its environment, as it would be read in production.
    pub environment: BTreeMap<String, String>,
    /// What its role allows.
    pub grants: Vec<Grant>,
    /// What starts it by time.
    pub schedules: Vec<Schedule>,
    /// How often an event is handed over again that it fails at, where nobody waits for its answer.
    pub retries: u32,
}

/// A start by time.
#[derive(Debug, Clone, Serialize)]
pub struct Schedule {
    /// Its name under the function's `Events`.
    pub name: String,
    /// The time between two starts.
    pub every: SignedDuration,
    /// The payload.
    pub input: Value,
}

/// An HTTP route.
#[derive(Debug, Clone)]
pub struct Route {
    /// As written: `POST /v1/batch`.
    pub key: String,
    /// None for `ANY`.
    pub method: Option<String>,
    /// The path's segments.
    pub path: Vec<Segment>,
    /// The function that answers.
    pub function: String,
}

/// A part of a route's path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// This text.
    Exact(String),
    /// `{name}`: one segment, whatever it says.
    Any,
    /// `{name+}`: one segment or more, to the end.
    Rest,
}

/// A stream that starts a function.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// Its name in the template.
    pub name: String,
    /// The table whose stream it reads.
    pub table: String,
    /// The function it starts.
    pub function: String,
    /// The most records in one call.
    pub batch_size: usize,
    /// Whether a batch is halved when the function fails.
    pub bisect: bool,
    /// Whether the function names the records it could not handle.
    pub partial: bool,
    /// How often a batch is tried again; None for as long as the stream keeps it.
    pub retries: Option<u32>,
    /// The function sees what matches any of these; everything if there is none.
    pub filters: Vec<Pattern>,
    /// The filters as written.
    pub patterns: Vec<String>,
    /// Where batches go that are given up.
    pub failures: Option<String>,
}

/// A rule of an event bus that starts a function.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its name in the template.
    pub name: String,
    /// The bus's name.
    pub bus: String,
    /// The function it starts.
    pub function: String,
    /// The events it starts it for.
    pub pattern: Pattern,
    /// The pattern as written.
    pub written: String,
    /// How often an event is handed over again that the function fails at.
    pub retries: u32,
}

/// A table.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its name in the template, which is its name here.
    pub name: String,
    /// Attribute names with their types, `S`, `N` or `B`.
    pub attributes: Vec<(String, String)>,
    /// Partition key and sort key.
    pub keys: Vec<String>,
    /// Secondary indexes.
    pub indexes: Vec<Index>,
    /// What its stream shows, if it has one.
    pub stream: Option<String>,
    /// The attribute that says when an item expires.
    pub ttl: Option<String>,
}

/// A secondary index.
#[derive(Debug, Clone)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// Partition key and sort key.
    pub keys: Vec<String>,
    /// DynamoDB's `Projection`.
    pub projection: Value,
}

/// What is wrong with a template, every mistake with its place.
#[derive(Debug)]
pub struct Mistakes {
    file: PathBuf,
    mistakes: Vec<Mistake>,
}

type Mistake = (Place, String);

impl Wiring {
    /// Reads the template built into this program.
    pub fn built_in(deployed: Deployed<'_>) -> Result<Self, Mistakes> {
        // Read once: tests start many suites.
        static TREE: OnceLock<Result<Node, Vec<Mistake>>> = OnceLock::new();
        let tree = TREE.get_or_init(|| read::parse(TEMPLATE)).as_ref().map_err(Clone::clone);
        tree.and_then(|tree| read::connect(tree, deployed)).map_err(|mistakes| Mistakes::of(Path::new(TEMPLATE_NAME), mistakes))
    }

    /// Reads a template. `file` is how mistakes name it.
    pub fn parse(file: &Path, text: &str, deployed: Deployed<'_>) -> Result<Self, Mistakes> {
        read::parse(text).and_then(|tree| read::connect(&tree, deployed)).map_err(|mistakes| Mistakes::of(file, mistakes))
    }

    /// The function of this name.
    pub fn function(&self, name: &str) -> Option<&Function> {
        self.functions.iter().find(|function| function.name == name)
    }

    /// The route that answers a request, as API Gateway chooses: exact segments before any, any before the rest, a
    /// named method before `ANY`.
    pub fn route(&self, method: &str, path: &str) -> Option<&Route> {
        let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        self.routes
            .iter()
            .filter(|route| route.method.as_deref().is_none_or(|wanted| wanted == method) && route.covers(&segments))
            .min_by_key(|route| (route.path.iter().map(Segment::width).collect::<Vec<_>>(), route.method.is_none()))
    }
}

impl Route {
    fn covers(&self, segments: &[&str]) -> bool {
        let rest = self.path.last() == Some(&Segment::Rest);
        let long_enough = if rest { segments.len() >= self.path.len() } else { segments.len() == self.path.len() };
        long_enough
            && self.path.iter().zip(segments).all(|(part, segment)| match part {
                Segment::Exact(text) => text == segment,
                Segment::Any | Segment::Rest => !segment.is_empty(),
            })
    }
}

impl Segment {
    fn width(&self) -> u8 {
        match self {
            Self::Exact(_) => 0,
            Self::Any => 1,
            Self::Rest => 2,
        }
    }
}

impl Mistakes {
    fn of(file: &Path, mut mistakes: Vec<Mistake>) -> Self {
        mistakes.sort_by_key(|(place, _)| *place);
        Self { file: file.to_owned(), mistakes }
    }
}

impl std::fmt::Display for Mistakes {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, (Place { line, column }, mistake)) in self.mistakes.iter().enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            write!(formatter, "{end}{}:{line}:{column}: {mistake}", self.file.display())?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

#[cfg(test)]
mod tests;
