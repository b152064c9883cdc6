//! Questions whose answers come in pages.

use serde_json::Value;

use super::Dynamo;

impl Dynamo {
    /// The answers to a query or a scan, page after page, as they are taken; an error ends them.
    pub fn pages<'d>(&'d self, operation: &'d str, request: Value) -> impl Iterator<Item = anyhow::Result<Value>> + 'd {
        let mut next = Some(request);
        std::iter::from_fn(move || {
            let mut request = next.take()?;
            let answer = self.call(operation, request.clone());
            if answer.status != 200 {
                let table = request.get("TableName").and_then(Value::as_str).unwrap_or("no table");
                return Some(Err(anyhow::anyhow!("{operation} of {table} is refused: {}", answer.body)));
            }
            next = answer.body.get("LastEvaluatedKey").cloned().map(|key| {
                if let Some(fields) = request.as_object_mut() {
                    fields.insert("ExclusiveStartKey".to_owned(), key);
                }
                request
            });
            Some(Ok(answer.body))
        })
    }

    /// The items that a query or a scan finds, in DynamoDB's JSON.
    pub fn items<'d>(&'d self, operation: &'d str, request: Value) -> impl Iterator<Item = anyhow::Result<Value>> + 'd {
        self.pages(operation, request).flat_map(|page| match page {
            Ok(mut page) => match page.get_mut("Items").map(Value::take) {
                Some(Value::Array(items)) => items.into_iter().map(Ok).collect(),
                _ => vec![],
            },
            Err(error) => vec![Err(error)],
        })
    }
}

/// The text of an item's attribute; empty: it has no such text.
#[must_use]
pub fn text<'a>(item: &'a Value, name: &str) -> &'a str {
    item.get(name).and_then(|value| value.get("S")?.as_str()).unwrap_or_default()
}
