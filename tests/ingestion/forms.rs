//! Forms that pages without script send, and what nobody can do by one.

use axum::body::to_bytes;
use http::{Request, StatusCode};
use michi::activity::{Kind, LogOwner, Proof};
use michi::address::Address;
use serde_json::json;

use super::{log_of, message, refusal, refused, send};
use crate::harness::{BROWSER, ORIGIN, Visitor, beacon, ready_lead, suite, write_key};
use crate::spine::lead_of;

/// A form as a page without script sends it.
fn form_request(content_type: &str) -> http::request::Builder {
    Request::post("/v1/track").header("origin", ORIGIN).header("content-type", content_type).header("user-agent", BROWSER)
}

#[tokio::test]
async fn forms_without_script_are_taken() {
    let suite = suite().await;
    let key = write_key(&suite);
    let urlencoded = |more: &str| {
        format!("writeKey={key}&form=inquiry&anonymousId=v1&email=ann%40acme.example&name=%E4%BD%90%E8%97%A4&password=x{more}")
    };
    let post = async |body: String| send(&suite, form_request("application/x-www-form-urlencoded"), body).await;

    let response = post(urlencoded("&consent=I+agree&next=/thanks")).await;
    assert_eq!(
        (response.status(), &response.headers()["location"]),
        (StatusCode::SEE_OTHER, &format!("{ORIGIN}/thanks").parse().unwrap())
    );
    for next in ["https://evil.example/", "//evil.example/", "javascript:alert(1)", ""] {
        let response = post(urlencoded(&format!("&next={next}"))).await;
        assert_eq!(response.status(), StatusCode::OK, "{next}");
        assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
        let page = to_bytes(response.into_body(), 10_000).await.unwrap();
        assert!(String::from_utf8_lossy(&page).contains("Thank you"));
    }
    let forms = log_of(&suite, "v1").await.records.into_iter().flat_map(|record| record.activities);
    let forms = forms.filter_map(|activity| if let Kind::FormSubmitted(form) = activity.kind { Some(form) } else { None });
    let form = forms.into_iter().find(|form| form.consent.is_some()).expect("the form with consent");
    assert_eq!((form.form.as_str(), form.address), ("inquiry", Address::parse("ann@acme.example").ok()));
    assert_eq!(
        form.fields.into_iter().collect::<Vec<_>>(),
        [("email".to_owned(), "ann@acme.example".to_owned()), ("name".to_owned(), "佐藤".to_owned())]
    );
    assert_eq!(form.consent.map(|consent| (consent.granted, consent.text)), Some((true, "I agree".to_owned())));

    let parts: String = [("writeKey", key.as_str()), ("form", "inquiry"), ("email", "bob@acme.example")]
        .iter()
        .map(|(name, value)| format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"))
        .collect();
    let response = send(&suite, form_request("multipart/form-data; boundary=b"), format!("{parts}--b--\r\n")).await;
    assert_eq!(response.status(), StatusCode::OK);
    let file = "--b\r\ncontent-disposition: form-data; name=\"cv\"; filename=\"cv.pdf\"\r\n\r\n%PDF\r\n";
    let response = send(&suite, form_request("multipart/form-data; boundary=b"), format!("{parts}{file}--b--\r\n")).await;
    assert_eq!(refusal(response).await, refused(400, "file_not_taken"));

    let wrong_key = post(urlencoded("").replace(&key, "pk_wrong")).await;
    assert_eq!(refusal(wrong_key).await, refused(401, "unknown_write_key"));
    assert_eq!(refusal(post(urlencoded("&note=%00")).await).await, refused(400, "nul"));
    assert_eq!(refusal(post(urlencoded("&note=%FF")).await).await, refused(400, "invalid_utf8"));
    let many: String = (0..100).map(|n| format!("&f{n}=x")).collect();
    assert_eq!(refusal(post(urlencoded(&many)).await).await, refused(400, "too_many_keys"));

    suite.settle().await.unwrap();
    let visitors = suite.items("Leads").unwrap().into_iter().filter(|item| item["sk"]["S"] == "visitor");
    assert_eq!(visitors.count(), 2, "one browser named itself, the other got a name");
}

#[tokio::test]
async fn nobody_can_write_to_the_log_of_somebody_elses() {
    let suite = suite().await;
    let mut ann = Visitor::new("v1");
    ready_lead(&suite, &mut ann).await;
    let (id, before) = lead_of(&suite, &ann).await;

    let mut eve = Visitor::new("v2");
    let stolen = json!({"email": "mika.sato@hoshino-kogyo.example", "name": "Eve", "company": "Evil", "role": "Intern"});
    beacon(&suite, &eve.form(suite.now(), "inquiry", &stolen)).await;
    let identify = message(
        "eve-identify",
        "identify",
        json!({"anonymousId": "v2", "userId": "mika.sato@hoshino-kogyo.example",
        "traits": {"name": "Eve", "role": null, "consent": {"granted": false}}, "context": {"signature": "00"}}),
    );
    beacon(&suite, &[identify]).await;
    suite.settle().await.unwrap();

    let (same, after) = lead_of(&suite, &ann).await;
    assert_eq!(same, id);
    for name in ["email", "name", "company", "role"] {
        assert_eq!(after.attribute(name), before.attribute(name), "{name}");
    }
    let (claimed, _) = lead_of(&suite, &eve).await;
    assert_eq!(claimed, id);
    let visitor = after.visitors.iter().find(|visitor| visitor.visitor.as_str() == "v2").unwrap();
    assert_eq!(visitor.proof, Proof::Claimed);
    let log = suite.own().store.log(&LogOwner::Lead(id)).await.unwrap();
    let kinds = log.records.iter().flat_map(|record| &record.activities).map(|activity| &activity.kind);
    assert!(!kinds.clone().any(|kind| matches!(kind, Kind::Consented { granted: false, .. } | Kind::AttributeSet { .. })));
    let proofs: Vec<Proof> =
        kinds.filter_map(|kind| if let Kind::Identified { proof, .. } = kind { Some(*proof) } else { None }).collect();
    assert_eq!(proofs, [Proof::Claimed]);
}
