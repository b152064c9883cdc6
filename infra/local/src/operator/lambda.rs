//! Lambda: the functions by their deployed names, what they are told, what starts them; and starting one by hand.

use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{Asked, STACK, json as answer_json};
use crate::Suite;
use crate::client::Refusal;
use crate::template::{ACCOUNT, Function, Mapping, REGION};

/// Beside the variables of a function: the suite's time, which may be another than the machine's.
const NOW: &str = "MICHI_LOCAL_NOW";

pub(super) async fn answer(suite: &Suite, asked: &Asked, path: &[&str]) -> Result<Response, Refusal> {
    match (asked.method.as_str(), path) {
        ("GET", ["functions", name, "configuration"]) => Ok(answer_json(&configuration(suite, named(suite, name)?))),
        ("POST", ["functions", name, "invocations"]) => invoke(suite, named(suite, name)?, &asked.body).await,
        ("GET", ["event-source-mappings"]) => mappings(suite, &asked.question("FunctionName")),
        _ => Err(Refusal::new(400, "UnknownOperationException", "the local suite does not answer this question about Lambda")),
    }
}

/// The deployed name of a function.
pub(super) fn deployed(function: &str) -> String {
    format!("{STACK}-{function}")
}

/// The function of a deployed name: the stack's, then the folder's.
pub(super) fn named<'a>(suite: &'a Suite, name: &str) -> Result<&'a Function, Refusal> {
    let folder = name.strip_prefix(STACK).and_then(|rest| rest.strip_prefix('-'));
    folder
        .and_then(|folder| suite.wiring().function(folder))
        .ok_or_else(|| Refusal::new(404, "ResourceNotFoundException", format!("Function not found: {}", arn(name))))
}

pub(super) fn arn(name: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}")
}

/// The id of a mapping: its place in the template.
pub(super) fn mapping_id(suite: &Suite, name: &str) -> String {
    let place = suite.wiring().mappings.iter().position(|mapping| mapping.name == name).unwrap_or_default();
    format!("00000000-0000-4000-8000-{place:012x}")
}

fn configuration(suite: &Suite, function: &Function) -> Value {
    let name = deployed(&function.name);
    let mut variables = function.environment.clone();
    variables.insert(NOW.to_owned(), suite.now().to_string());
    json!({
        "FunctionName": name,
        "FunctionArn": arn(&name),
        "Environment": { "Variables": variables },
        "LoggingConfig": { "LogFormat": "JSON", "LogGroup": format!("/aws/lambda/{name}") },
    })
}

async fn invoke(suite: &Suite, function: &Function, payload: &[u8]) -> Result<Response, Refusal> {
    let payload = serde_json::from_slice(payload)
        .map_err(|_| Refusal::new(400, "InvalidRequestContentException", "Could not parse request body into json"))?;
    Ok(match suite.invoke(&function.name, payload).await {
        Ok(answer) => answer_json(&answer),
        Err(error) => ([("x-amz-function-error", "Unhandled")], answer_json(&json!({ "errorMessage": error }))).into_response(),
    })
}

fn mappings(suite: &Suite, function: &str) -> Result<Response, Refusal> {
    let function = named(suite, function)?;
    let said = |mapping: &Mapping| {
        json!({
            "UUID": mapping_id(suite, &mapping.name),
            "FunctionArn": arn(&deployed(&mapping.function)),
            "EventSourceArn": format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{}/stream/local", mapping.table),
            "State": "Enabled",
            "DestinationConfig": { "OnFailure": { "Destination": mapping.failures } },
        })
    };
    let own = suite.wiring().mappings.iter().filter(|mapping| mapping.function == function.name);
    Ok(answer_json(&json!({ "EventSourceMappings": own.map(said).collect::<Vec<_>>() })))
}
