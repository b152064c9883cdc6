//! S3: the bucket of failures. Its objects are the batches that were given up, as Lambda leaves them there.

use axum::body::Body;
use axum::response::Response;
use http::{StatusCode, header};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::{Asked, lambda};
use crate::client::Refusal;
use crate::streams::Abandoned;
use crate::{Suite, template};

/// Objects in one page of a list.
const PAGE: usize = 1_000;

pub(super) async fn answer(suite: &Suite, asked: &Asked, bucket: &str, key: &str) -> Result<Response, Refusal> {
    let arn = format!("arn:aws:s3:::{bucket}");
    if !suite.wiring().mappings.iter().any(|mapping| mapping.failures.as_deref() == Some(&arn)) {
        return Err(Refusal::new(404, "NoSuchBucket", "The specified bucket does not exist"));
    }
    let given_up = suite.given_up().map_err(|error| Refusal::new(500, "InternalError", error.to_string()))?;
    let missing = || Refusal::new(404, "NoSuchKey", "The specified key does not exist.");
    let one = || given_up.iter().find(|(number, batch)| name(suite, *number, batch) == key).ok_or_else(missing);
    let kept = |outcome: anyhow::Result<()>| outcome.map_err(|error| Refusal::new(500, "InternalError", error.to_string()));
    match asked.method.as_str() {
        "GET" if key.is_empty() => Ok(list(suite, asked, &given_up)),
        "GET" => one().map(|(_, batch)| reply("application/json", object(batch).to_string())),
        "DELETE" => {
            if let Ok((number, _)) = one() {
                kept(suite.drop_given_up(*number))?;
            }
            let mut gone = Response::new(Body::empty());
            *gone.status_mut() = StatusCode::NO_CONTENT;
            Ok(gone)
        }
        "PUT" => {
            let (number, batch) = one()?;
            let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
            let records = body.pointer("/payload/Records").and_then(Value::as_array);
            let records = records.ok_or_else(|| Refusal::new(400, "MalformedObject", "here an object is a batch of records"))?;
            kept(suite.keep_given_up(*number, &Abandoned { records: records.clone(), ..batch.clone() }))?;
            Ok(reply("application/xml", String::new()))
        }
        _ => Err(Refusal::new(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")),
    }
}

fn reply(kind: &str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    if let Ok(kind) = kind.parse() {
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    response
}

/// The name of an object, as Lambda names it.
fn name(suite: &Suite, number: i64, batch: &Abandoned) -> String {
    let at = batch.at.to_zoned(TimeZone::UTC);
    let mapping = lambda::mapping_id(suite, &batch.mapping);
    let (day, moment) = (at.strftime("%Y/%m/%d"), at.strftime("%Y-%m-%dT%H.%M.%S"));
    format!("aws/lambda/{mapping}/shardId-00000000000000000000-00000000/{day}/{moment}-00000000-0000-4000-8000-{number:012x}")
}

fn list(suite: &Suite, asked: &Asked, given_up: &[(i64, Abandoned)]) -> Response {
    let (prefix, after) = (asked.question("prefix"), asked.question("continuation-token"));
    let mut names: Vec<(String, &Abandoned)> = given_up
        .iter()
        .map(|(number, batch)| (name(suite, *number, batch), batch))
        .filter(|(name, _)| name.starts_with(&prefix) && *name > after)
        .collect();
    names.sort_by(|(one, _), (other, _)| one.cmp(other));
    let more = names.len() > PAGE;
    names.truncate(PAGE);
    let next = names.last().filter(|_| more).map(|(name, _)| format!("<NextContinuationToken>{name}</NextContinuationToken>"));
    let contents: String = names
        .iter()
        .map(|(name, batch)| format!("<Contents><Key>{name}</Key><LastModified>{:.3}</LastModified></Contents>", batch.at))
        .collect();
    let next = next.unwrap_or_default();
    reply(
        "application/xml",
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <IsTruncated>{more}</IsTruncated>{next}{contents}</ListBucketResult>"
        ),
    )
}

/// What Lambda writes of a batch that it gave up.
fn object(batch: &Abandoned) -> Value {
    let number = |record: Option<&Value>| record.and_then(|record| record.pointer("/dynamodb/SequenceNumber")).cloned();
    let stream = batch.records.first().and_then(|record| record.get("eventSourceARN")).cloned();
    json!({
        "requestContext": {
            "requestId": "00000000-0000-4000-8000-000000000000",
            "functionArn": lambda::arn(&lambda::deployed(&batch.function)),
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 1,
        },
        "responseContext": { "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled" },
        "version": "1.0",
        "timestamp": format!("{:.3}", batch.at),
        "DDBStreamBatchInfo": {
            "shardId": "shardId-00000000000000000000-00000000",
            "startSequenceNumber": number(batch.records.first()),
            "endSequenceNumber": number(batch.records.last()),
            "batchSize": batch.records.len(),
            "streamArn": stream.unwrap_or_else(|| template::REGION.into()),
        },
        "payload": { "Records": batch.records },
    })
}
