//! The bucket of failures: batches of stream records that no try got through, as Lambda leaves them.

use std::collections::BTreeSet;

use anyhow::{Context as _, anyhow};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::account::Installation;
use crate::call::{Call, Service};

/// The functions that a stream starts.
pub(crate) const STREAMED: [&str; 3] = ["score", "notify", "relay"];
/// What the names of Lambda's objects begin with.
const PREFIX: &str = "aws/lambda/";

/// What reads a stream for a function.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Mapping {
    /// Whether it reads.
    pub(crate) state: Option<String>,
    /// What came of it lately, if Lambda says so.
    pub(crate) last_processing_result: Option<String>,
    destination_config: Option<Destinations>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Destinations {
    on_failure: Option<Destination>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Destination {
    destination: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Mappings {
    #[serde(default)]
    event_source_mappings: Vec<Mapping>,
}

/// A batch in the bucket.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    /// The function that could not handle it, by its deployed name.
    pub(crate) function: String,
    /// Its records, as the function got them.
    pub(crate) records: Vec<Value>,
    /// All of the object.
    whole: Value,
}

impl Installation {
    /// What reads the streams for a function.
    pub(crate) async fn mappings(&self, function: &str) -> anyhow::Result<Vec<Mapping>> {
        let path = format!("/2015-03-31/event-source-mappings/?FunctionName={}", self.function(function));
        let answer = self.ask(&Call::get(Service::Lambda, path)).await.context("the streams cannot be looked up")?;
        let answer: Mappings = serde_json::from_slice(&answer).context("Lambda's answer cannot be read")?;
        Ok(answer.event_source_mappings)
    }

    /// The objects in the buckets that the streams' failures go to, by bucket and key, the oldest first.
    pub(crate) async fn failures(&self) -> anyhow::Result<Vec<(String, String)>> {
        let mut buckets = BTreeSet::new();
        for function in STREAMED {
            buckets.extend(self.mappings(function).await?.iter().filter_map(Mapping::bucket));
        }
        let mut objects = Vec::new();
        for bucket in buckets {
            objects.extend(self.keys_in(&bucket).await?.into_iter().map(|key| (bucket.clone(), key)));
        }
        // The names end with day and time.
        objects.sort_by(|(_, one), (_, other)| moment(one).cmp(moment(other)));
        Ok(objects)
    }

    async fn keys_in(&self, bucket: &str) -> anyhow::Result<Vec<String>> {
        let (mut keys, mut next) = (Vec::new(), None::<String>);
        loop {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.append_pair("list-type", "2").append_pair("prefix", PREFIX);
            if let Some(next) = &next {
                query.append_pair("continuation-token", next);
            }
            // S3 signs a blank as %20 only.
            let path = format!("/{bucket}?{}", query.finish().replace('+', "%20"));
            let answer = self.ask(&Call::get(Service::S3, path)).await.context("the bucket of failures cannot be listed")?;
            let text = String::from_utf8_lossy(&answer);
            let page = roxmltree::Document::parse(&text).context("S3's list cannot be read")?;
            let texts = |name: &'static str| {
                page.descendants().filter(move |node| node.tag_name().name() == name).filter_map(|node| node.text())
            };
            keys.extend(texts("Key").map(str::to_owned));
            next = texts("NextContinuationToken").next().map(str::to_owned);
            if next.is_none() {
                return Ok(keys);
            }
        }
    }

    /// A batch; none if the object is gone.
    pub(crate) async fn batch(&self, bucket: &str, key: &str) -> anyhow::Result<Option<Batch>> {
        let path = format!("/{bucket}/{key}");
        match self.account.call(&Call::get(Service::S3, path)).await? {
            Ok(object) => Batch::read(&object).with_context(|| format!("the object {key} cannot be read")).map(Some),
            Err(refused) if refused.code() == "NoSuchKey" => Ok(None),
            Err(unanswered) => Err(self.account.explained(&unanswered).context(format!("the object {key} cannot be fetched"))),
        }
    }

    /// Drops a batch, or keeps of it what is left.
    pub(crate) async fn keep_of_batch(&self, bucket: &str, key: &str, batch: &Batch, left: Vec<Value>) -> anyhow::Result<()> {
        let path = format!("/{bucket}/{key}");
        let call = match left.is_empty() {
            true => Call::delete(Service::S3, path),
            false => Call::put(Service::S3, path, batch.with(left).to_string().into_bytes()),
        };
        self.ask(&call).await.map(|_| ()).with_context(|| format!("the object {key} cannot be dropped"))
    }
}

impl Mapping {
    fn bucket(&self) -> Option<String> {
        let arn = self.destination_config.as_ref()?.on_failure.as_ref()?.destination.as_ref()?;
        arn.split_once(":s3:::").map(|(_, bucket)| bucket.to_owned())
    }
}

/// Where in the name of an object its time begins.
fn moment(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}

impl Batch {
    /// Reads an object. Lambda's own texts show the payload as JSON and as text that holds JSON: both are taken.
    fn read(object: &[u8]) -> anyhow::Result<Self> {
        let whole: Value = serde_json::from_slice(object).context("it is no JSON")?;
        let arn = whole.pointer("/requestContext/functionArn").and_then(Value::as_str).context("it names no function")?;
        // arn:aws:lambda:<region>:<account>:function:<name>[:<alias>]
        let function = arn.split(':').nth(6).context("it names no function")?.to_owned();
        let payload = match whole.get("payload") {
            Some(Value::String(text)) => serde_json::from_str(text).context("its payload is no JSON")?,
            Some(payload) => payload.clone(),
            None => return Err(anyhow!("it has no payload")),
        };
        let records = payload.get("Records").and_then(Value::as_array).context("its payload has no records")?.clone();
        Ok(Self { function, records, whole })
    }

    /// The object with other records.
    fn with(&self, records: Vec<Value>) -> Value {
        let mut whole = self.whole.clone();
        if let Some(fields) = whole.as_object_mut() {
            fields.insert("payload".to_owned(), json!({ "Records": records }));
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As in Lambda's documentation, with the payload in both forms.
    fn object(payload: &Value) -> Vec<u8> {
        json!({
            "requestContext": { "functionArn": "arn:aws:lambda:us-east-2:123456789012:function:michi-score",
                "condition": "RetryAttemptsExhausted", "approximateInvokeCount": 1 },
            "version": "1.0", "timestamp": "2019-11-14T00:13:49.717Z",
            "DDBStreamBatchInfo": { "shardId": "shardId-00000001573689847184-864758bb", "batchSize": 1 },
            "payload": payload,
        })
        .to_string()
        .into_bytes()
    }

    #[test]
    fn a_batch_is_read_in_both_forms_and_keeps_what_is_left() {
        let records = json!({ "Records": [{ "eventID": "1" }, { "eventID": "2" }] });
        for payload in [records.clone(), Value::String(records.to_string())] {
            let batch = Batch::read(&object(&payload)).unwrap();
            assert_eq!((batch.function.as_str(), batch.records.len()), ("michi-score", 2));
            let left = batch.with(vec![json!({ "eventID": "2" })]);
            assert_eq!(Batch::read(left.to_string().as_bytes()).unwrap().records, [json!({ "eventID": "2" })]);
            assert_eq!(left["version"], "1.0");
        }
        assert!(Batch::read(b"{}").is_err() && Batch::read(&object(&Value::Null)).is_err());
    }
}
