//! By which door a payload in quarantine goes in again. Its shape says where it came from.

use michi::io::store::{DueKey, Poison, Wake};
use serde_json::{Value, json};

/// A way back.
#[derive(Debug, PartialEq)]
pub(super) enum Door {
    /// As a record of the stream, to a function.
    Record { function: &'static str, record: Value },
    /// As the event of the bus that it was, to a function.
    Event { function: &'static str, event: Value },
    /// As the wake item it was.
    Wake(Box<Wake>),
    /// As the item it still is: due again.
    Item(DueKey),
    /// None, and why.
    None(&'static str),
}

impl Door {
    /// The way back of a payload.
    pub(super) fn of(poison: &Poison) -> Self {
        let Ok(payload) = serde_json::from_str::<Value>(&poison.payload) else { return Self::None("its payload is no JSON") };
        let text = |name: &str| payload.get(name).and_then(Value::as_str);
        if payload.get("dynamodb").is_some() {
            return match payload.pointer("/dynamodb/NewImage/hint/S").and_then(Value::as_str) {
                Some("message") => Self::Record { function: "notify", record: payload },
                Some("fact") => Self::Record { function: "relay", record: payload },
                _ => Self::None("nothing says which function it was for"),
            };
        }
        if text("source") == Some("aws.ses") {
            return Self::Event { function: "feedback", event: payload };
        }
        match (text("pk"), text("sk")) {
            (Some(_), Some(sk)) if sk.starts_with("wake#") => Self::wake(&payload, poison),
            (Some(pk), Some(sk)) => Self::Item(DueKey { pk: pk.to_owned(), sk: sk.to_owned() }),
            _ if payload.pointer("/pk/S").is_some() => Self::Record { function: "score", record: record(&payload, poison) },
            _ => Self::None("it is of no known kind"),
        }
    }

    /// Who takes it.
    pub(super) fn function(&self) -> Option<&'static str> {
        match self {
            Self::Record { function, .. } | Self::Event { function, .. } => Some(function),
            Self::Wake(_) => Some("score"),
            Self::Item(key) if key.sk.starts_with("message#") => Some("notify"),
            Self::Item(key) if key.sk.starts_with("fact#") => Some("relay"),
            Self::Item(key) if key.enrollment().is_some() => Some("step"),
            Self::Item(_) | Self::None(_) => None,
        }
    }

    fn wake(payload: &Value, poison: &Poison) -> Self {
        // When it is due stands in no payload: it is due as soon as it is put back.
        let mut payload = payload.clone();
        if let Some(fields) = payload.as_object_mut() {
            fields.insert("due_at".to_owned(), json!(poison.at));
        }
        serde_json::from_value(payload)
            .map_or(Self::None("it is no wake item that this version knows"), |wake| Self::Wake(Box::new(wake)))
    }
}

/// The record that had this image.
fn record(image: &Value, poison: &Poison) -> Value {
    json!({
        "eventID": poison.id, "eventName": "INSERT", "eventVersion": "1.1", "eventSource": "aws:dynamodb", "awsRegion": "",
        "dynamodb": {
            "ApproximateCreationDateTime": poison.at.as_second() as f64,
            "Keys": { "pk": image.get("pk"), "sk": image.get("sk") }, "NewImage": image,
            "SequenceNumber": "1", "SizeBytes": 0, "StreamViewType": "NEW_IMAGE",
        },
        "eventSourceARN": "",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door(payload: &Value) -> Door {
        let at = "2026-11-22T00:52:00Z".parse().unwrap();
        Door::of(&Poison { day: "d".to_owned(), id: "e".to_owned(), at, reason: String::new(), payload: payload.to_string() })
    }

    #[test]
    fn a_payload_goes_back_where_it_came_from() {
        let image = json!({ "pk": { "S": "lead#l" }, "sk": { "S": "2026-11-22T00:52:00.000Z#a" }, "wake": { "S": "hint" } });
        let Door::Record { function: "score", record } = door(&image) else { panic!() };
        assert_eq!(record["dynamodb"]["NewImage"], image);

        let wake = json!({ "pk": "visitor#v", "sk": "wake#a", "record": "2026-11-22T00:52:00.000Z#a", "tries": 7 });
        let Door::Wake(wake) = door(&wake) else { panic!() };
        assert_eq!((wake.activity.as_str(), wake.tries), ("a", 7));

        let key = |sk: &str| Door::Item(DueKey { pk: "owner#o".to_owned(), sk: sk.to_owned() });
        assert_eq!(door(&json!({ "pk": "owner#o", "sk": "message#m", "state": 1 })), key("message#m"));
        let whole = json!({ "eventID": "1", "dynamodb": { "NewImage": { "hint": { "S": "fact" } } } });
        assert_eq!(door(&whole).function(), Some("relay"));
        let event = json!({ "source": "aws.ses", "detail-type": "Email Something", "detail": {} });
        assert_eq!(door(&event), Door::Event { function: "feedback", event });
        for lost in [json!({ "dynamodb": {} }), json!([]), json!({ "pk": 1 })] {
            assert!(matches!(door(&lost), Door::None(_)), "{lost}");
        }
    }
}
