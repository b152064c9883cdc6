//! What a DynamoDB request touches: actions, tables, indexes and partition keys.

use std::collections::BTreeMap;

use serde_json::Value;

use super::record::Touch;

/// The partition key's attribute, by table.
pub(super) type PartitionKeys = BTreeMap<String, String>;

pub(super) fn touches(operation: &str, body: &Value, keys: &PartitionKeys) -> Vec<Touch> {
    match operation {
        "TransactWriteItems" => items(body, "TransactItems")
            .filter_map(|item| item.as_object()?.iter().next())
            .map(|(kind, part)| {
                let action = if kind == "ConditionCheck" { "ConditionCheckItem".to_owned() } else { format!("{kind}Item") };
                touch(&action, part, keys)
            })
            .collect(),
        "TransactGetItems" => {
            items(body, "TransactItems").filter_map(|item| item.get("Get")).map(|get| touch("GetItem", get, keys)).collect()
        }
        "BatchWriteItem" | "BatchGetItem" => {
            let tables = body.get("RequestItems").and_then(Value::as_object).into_iter().flatten();
            tables
                .flat_map(|(table, requests)| {
                    let written =
                        requests.as_array().into_iter().flatten().filter_map(|request| request.as_object()?.values().next());
                    let written = written.filter_map(|part| part.get("Item").or_else(|| part.get("Key")));
                    let read = requests.get("Keys").and_then(Value::as_array).into_iter().flatten();
                    written.chain(read).map(move |key| Touch {
                        action: operation.to_owned(),
                        table: table.clone(),
                        index: None,
                        partition: partition(key, table, keys),
                    })
                })
                .collect()
        }
        "ListTables" => Vec::new(),
        _ => vec![touch(operation, body, keys)],
    }
}

fn items<'a>(body: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    body.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn touch(action: &str, part: &Value, keys: &PartitionKeys) -> Touch {
    let table = part.get("TableName").and_then(Value::as_str).unwrap_or_default();
    let key = part.get("Key").or_else(|| part.get("Item"));
    Touch {
        action: action.to_owned(),
        table: table.to_owned(),
        index: part.get("IndexName").and_then(Value::as_str).map(str::to_owned),
        partition: key.map_or_else(|| queried(part).unwrap_or_default(), |key| partition(key, table, keys)),
    }
}

fn partition(key: &Value, table: &str, keys: &PartitionKeys) -> String {
    let value = keys.get(table).and_then(|name| key.get(name)).and_then(|value| value.get("S"));
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The partition key a query names: the value of the first equality of its key condition.
fn queried(part: &Value) -> Option<String> {
    let conditions = part.get("KeyConditionExpression")?.as_str()?.split(" AND ");
    let equality =
        conditions.filter(|condition| !condition.contains(['<', '>'])).find_map(|condition| condition.split_once('='))?;
    let placeholder = equality.1.trim_matches([' ', '(', ')']);
    let value = part.get("ExpressionAttributeValues")?.get(placeholder)?.get("S")?;
    value.as_str().map(str::to_owned)
}
