//! Lambda: what the functions are told.

use axum::response::Response;
use serde_json::json;

use super::{STACK, json as answer_json};
use crate::Suite;
use crate::client::Refusal;
use crate::template::{ACCOUNT, Function, REGION};

/// Beside the variables of a function: the suite's time, which may be another than the machine's.
const NOW: &str = "MICHI_LOCAL_NOW";

pub(super) async fn answer(suite: &Suite, method: &str, path: &[&str]) -> Result<Response, Refusal> {
    match (method, path) {
        ("GET", ["functions", name, "configuration"]) => Ok(answer_json(&configuration(suite, named(suite, name)?))),
        _ => Err(Refusal::new(400, "UnknownOperationException", format!("the local suite does not answer Lambda's {method}"))),
    }
}

/// The function of a deployed name: the stack's, then the folder's.
fn named<'a>(suite: &'a Suite, name: &str) -> Result<&'a Function, Refusal> {
    let folder = name.strip_prefix(STACK).and_then(|rest| rest.strip_prefix('-'));
    folder
        .and_then(|folder| suite.wiring().function(folder))
        .ok_or_else(|| Refusal::new(404, "ResourceNotFoundException", format!("Function not found: {}", arn(name))))
}

fn arn(name: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}")
}

fn configuration(suite: &Suite, function: &Function) -> serde_json::Value {
    let name = format!("{STACK}-{}", function.name);
    let mut variables = function.environment.clone();
    variables.insert(NOW.to_owned(), suite.now().to_string());
    json!({
        "FunctionName": name,
        "FunctionArn": arn(&name),
        "Environment": { "Variables": variables },
        "LoggingConfig": { "LogFormat": "JSON", "LogGroup": format!("/aws/lambda/{name}") },
    })
}
