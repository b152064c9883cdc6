use std::collections::BTreeMap;

use jiff::SignedDuration;
use michi::activity::{FormConsent, FormSubmission, PageView, Proof};
use michi::address::Address;
use michi::consent::{Basis, MailClass};
use michi::id::{FormId, PageViewId};
use michi::verdict::{UserAgent, Verdict};
use serde_json::json;

use super::*;

const RECEIVED: &str = "2026-11-22T10:00:00Z";

fn read_as(source: Source, message: &Value) -> Result<Message, Code> {
    let keys = KeyRing::generate("test");
    let received = RECEIVED.parse().unwrap();
    let sender = Sender { received, sent_at: None, source, signals: Signals::default(), keys: &keys };
    sender.read(None, &message.to_string()).map_err(|refusal| refusal.code)
}

/// A message as every sender's, with more or other fields.
fn message(of_type: &str, more: Value) -> Value {
    let mut message = json!({"type": of_type, "messageId": "m-1", "anonymousId": "v-1", "timestamp": "2026-11-22T09:59:00.120Z"});
    message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    message
}

fn kind(message: &Value) -> Result<Kind, Code> {
    read_as(Source::Site, message).map(|read| read.activities[0].kind.clone())
}

fn texts<const N: usize>(texts: [(&str, &str); N]) -> BTreeMap<String, String> {
    texts.map(|(name, text)| (name.to_owned(), text.to_owned())).into()
}

fn address(text: &str) -> Option<Address> {
    Some(Address::parse(text).unwrap())
}

#[test]
fn a_page_of_the_snippets_is_understood() {
    let properties = json!({
        "url": "https://www.example.com/pricing?utm_source=news", "title": "Pricing", "referrer": "https://www.example.com/",
        "page_view": "pv-2", "previous": "pv-1",
    });
    let context = json!({"campaign": {"source": "news", "name": "autumn"}, "click_ids": {"gclid": "abc"}, "locale": "en"});
    let read = read_as(Source::Site, &message("page", json!({"properties": properties, "context": context}))).unwrap();
    let page = PageView {
        page_view: PageViewId::parse("pv-2").unwrap(),
        url: "https://www.example.com/pricing?utm_source=news".to_owned(),
        title: Some("Pricing".to_owned()),
        referrer: Some("https://www.example.com/".to_owned()),
        previous: Some(PageViewId::parse("pv-1").unwrap()),
        campaign: texts([("gclid", "abc"), ("utm_campaign", "autumn"), ("utm_source", "news")]),
    };
    let at = "2026-11-22T09:59:00.120Z".parse().unwrap();
    let id = ActivityId::parse("m-1").unwrap();
    let expected = Message {
        id: id.clone(),
        visitors: vec![VisitorId::parse("v-1").unwrap()],
        sent: Some(at),
        source: Source::Site,
        signals: Signals::default(),
        activities: vec![Activity { id, at, kind: Kind::PageViewed(page) }],
    };
    assert_eq!(read, expected);
}

#[test]
fn pages_of_other_senders_are_understood() {
    let url_and_title = |more: Value| match kind(&message("page", more)) {
        Ok(Kind::PageViewed(page)) => Ok((page.url, page.title)),
        Ok(other) => panic!("{other:?}"),
        Err(code) => Err(code),
    };
    let context = json!({"page": {"url": "https://x.test/a", "title": "A", "path": "/a"}});
    assert_eq!(url_and_title(json!({"context": context})), Ok(("https://x.test/a".to_owned(), Some("A".to_owned()))));
    let named = json!({"name": "Home", "properties": {"path": "/home"}});
    assert_eq!(url_and_title(named), Ok(("/home".to_owned(), Some("Home".to_owned()))));
    assert_eq!(url_and_title(json!({})), Err(Code::MissingProperty));
    assert_eq!(url_and_title(json!({"properties": "no object"})), Err(Code::MissingProperty));
}

#[test]
fn the_snippets_events_have_kinds_of_their_own() {
    let event = |name: &str, properties: Value| kind(&message("track", json!({"event": name, "properties": properties})));
    let page_view = PageViewId::parse("pv-1").unwrap();
    assert_eq!(
        event("Page Engaged", json!({"page_view": "pv-1", "url": "/a", "millis": 1_499.6})),
        Ok(Kind::Engaged { page_view: page_view.clone(), url: "/a".to_owned(), millis: 1_500 })
    );
    assert_eq!(
        event("Link Clicked", json!({"page_view": "pv-1", "url": "/a", "target": "tel:1", "text": "Call"})),
        Ok(Kind::Clicked { page_view: Some(page_view.clone()), target: "tel:1".to_owned(), text: Some("Call".to_owned()) })
    );
    assert_eq!(
        event("File Downloaded", json!({"page_view": "pv-1", "target": "/p.pdf"})),
        Ok(Kind::Downloaded { page_view: Some(page_view), target: "/p.pdf".to_owned() })
    );
    assert_eq!(
        event("Price Calculated", json!({"seats": 20, "plan": {"name": "team"}})),
        Ok(Kind::Tracked { event: "Price Calculated".to_owned(), properties: texts([("plan.name", "team"), ("seats", "20")]) })
    );
    assert_eq!(event("Link Clicked", json!({"url": "/a"})), Err(Code::MissingProperty));
    assert_eq!(event("Page Engaged", json!({"url": "/a"})), Err(Code::MissingProperty));
    assert_eq!(event("Page Engaged", json!({"url": "/a", "millis": "long"})), Err(Code::InvalidProperty));
    for millis in [-1.0, 1e12] {
        assert_eq!(event("Page Engaged", json!({"url": "/a", "millis": millis})), Err(Code::NumberOutOfRange));
    }
    assert_eq!(kind(&message("track", json!({}))), Err(Code::MissingProperty));
}

fn form(properties: Value) -> FormSubmission {
    match kind(&message("track", json!({"event": "Form Submitted", "properties": properties}))) {
        Ok(Kind::FormSubmitted(form)) => form,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_form_is_kept_with_its_address_and_consent_and_without_secrets() {
    let fields =
        json!({"email": "Ann@Example.com", "name": "Ann", "password": "hunter2", "note": "4111 1111 1111 1111", "empty": ""});
    let consent = json!({"granted": true, "text": "Send me news"});
    let expected = FormSubmission {
        form: FormId::parse("inquiry").unwrap(),
        page_view: Some(PageViewId::parse("pv-1").unwrap()),
        url: Some("/contact".to_owned()),
        address: address("Ann@example.com"),
        fields: texts([("email", "Ann@Example.com"), ("name", "Ann")]),
        consent: Some(FormConsent { granted: true, text: "Send me news".to_owned() }),
        millis: Some(8_200),
    };
    let sent = json!({"millis": 8_200.4, "page_view": "pv-1", "url": "/contact", "form": "inquiry", "fields": fields, "consent": consent});
    assert_eq!(form(sent), expected);
}

#[test]
fn the_address_of_a_form_is_looked_for_where_it_may_stand() {
    let check = |fields: Value, wanted: Option<Address>| assert_eq!(form(json!({"fields": fields})).address, wanted, "{fields}");
    check(json!({"E-Mail": "a@example.com"}), address("a@example.com"));
    check(json!({"メールアドレス": "a@example.com"}), address("a@example.com"));
    check(json!({"email": "nobody", "mail": "a@example.com"}), address("a@example.com"));
    check(json!({"mail": "b@example.com", "email": "a@example.com"}), address("a@example.com"));
    check(json!({"friends_email": "a@example.com"}), None);
    check(json!({"email": "a@example.com\r\nBcc: b@example.com"}), None);
    check(json!({"email": "nobody"}), None);
    assert_eq!(form(json!({"fields": {"email": "nobody"}})).fields, texts([("email", "nobody")]));
}

#[test]
fn forms_come_in_other_shapes_too() {
    let flat = form(json!({"form": "お問い合わせ", "url": "/", "email": "a@example.com", "topics": ["a", "b"], "consent": "on"}));
    assert_eq!(flat.form, FormId::parse("unnamed").unwrap());
    assert_eq!(flat.fields, texts([("email", "a@example.com"), ("topics", "a, b")]));
    assert_eq!(flat.consent, Some(FormConsent { granted: true, text: String::new() }));
    let words = form(json!({"fields": {"consent": "I agree to be written to"}}));
    assert_eq!(words.consent, Some(FormConsent { granted: true, text: "I agree to be written to".to_owned() }));
    assert_eq!(words.fields, texts([]));
    assert_eq!(form(json!({"fields": {"consent": "No"}})).consent.map(|consent| consent.granted), Some(false));
    assert_eq!(form(json!({"fields": {"name": "Ann"}})).consent, None);
}

#[test]
fn a_browser_may_claim_and_only_a_signature_proves() {
    let keys = KeyRing::generate("test");
    let identify = |more: Value| match kind(&message("identify", more)) {
        Ok(Kind::Identified { address, proof, .. }) => (address.map(|address| address.to_string()), proof),
        other => panic!("{other:?}"),
    };
    let claimed = |address: &str| (Some(address.to_owned()), Proof::Claimed);
    let signature = keys.site_signature("ann@example.com");
    assert_eq!(identify(json!({"traits": {"email": "ann@example.com"}})), claimed("ann@example.com"));
    assert_eq!(identify(json!({"userId": "ann@example.com"})), claimed("ann@example.com"));
    assert_eq!(identify(json!({"userId": "u-1", "traits": {"email": "nobody"}})), (None, Proof::Claimed));
    let signed =
        json!({"userId": "ann@example.com", "traits": {"email": "eve@example.com"}, "context": {"signature": signature}});
    assert_eq!(identify(signed), (Some("ann@example.com".to_owned()), Proof::Proven));
    let foreign = json!({"userId": "bob@example.com", "context": {"signature": signature}});
    assert_eq!(identify(foreign), claimed("bob@example.com"));
    // What is signed is the user id, not the trait beside it.
    let beside =
        json!({"userId": "u-1", "traits": {"email": "bob@example.com"}, "context": {"signature": keys.site_signature("u-1")}});
    assert_eq!(identify(beside), claimed("bob@example.com"));
}

#[test]
fn traits_become_attributes() {
    let traits = json!({
        "email": "ann@example.com", "firstName": "Ann", "lastName": "Lee", "title": "CTO", "password": "x", "vip": true,
        "company": {"name": "Acme", "industry": "steel", "employee_count": 120}, "address": {"country": "JP", "city": "Osaka"},
        "consent": {"granted": true, "text": "news"},
    });
    let more = json!({"userId": "u-1", "traits": traits, "context": {"token": "t-1"}});
    let read = read_as(Source::Site, &message("identify", more.clone())).unwrap();
    let attributes = texts([
        ("address.city", "Osaka"),
        ("company", "Acme"),
        ("country", "JP"),
        ("employees", "120"),
        ("firstName", "Ann"),
        ("industry", "steel"),
        ("lastName", "Lee"),
        ("name", "Ann Lee"),
        ("role", "CTO"),
        ("user_id", "u-1"),
        ("vip", "true"),
    ]);
    let token = Some("t-1".to_owned());
    let identified = |proof: Proof, token: Option<String>| Kind::Identified {
        address: address("ann@example.com"),
        traits: attributes.clone(),
        proof,
        token,
    };
    assert_eq!(read.activities.len(), 1, "a browser cannot give consent this way");
    assert_eq!(read.activities[0].kind, identified(Proof::Claimed, token));

    let read = read_as(Source::Server, &message("identify", more)).unwrap();
    assert_eq!(read.activities[0].kind, identified(Proof::Proven, None));
    let consented = Kind::Consented {
        class: MailClass::Marketing,
        granted: true,
        basis: Basis::Server,
        text: Some("news".to_owned()),
        awaits: false,
        form: None,
        by: None,
    };
    assert_eq!(read.activities[1].kind, consented);
}

#[test]
fn a_server_takes_attributes_back_and_a_browser_does_not() {
    let more = json!({"traits": {"role": null}});
    let removed = Kind::AttributeSet { name: "role".to_owned(), value: String::new() };
    let read = read_as(Source::Server, &message("identify", more.clone())).unwrap();
    assert_eq!(read.activities[1].kind, removed);
    assert_eq!(read_as(Source::Site, &message("identify", more)).unwrap().activities.len(), 1);
}

#[test]
fn a_user_id_stands_for_a_browser_only_for_those_who_may() {
    let keys = KeyRing::generate("test");
    let visitors = |source: Source, of_type: &str, more: Value| {
        let mut message = message(of_type, json!({"event": "x"}));
        message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        read_as(source, &message).map(|read| read.visitors.len())
    };
    let user = json!({"anonymousId": null, "userId": "u-1"});
    assert_eq!(visitors(Source::Site, "track", user.clone()), Err(Code::MissingVisitor));
    assert_eq!(visitors(Source::Server, "track", user), Ok(1));
    let signed = json!({"anonymousId": "", "userId": "u-1", "context": {"signature": keys.site_signature("u-1")}});
    assert_eq!(visitors(Source::Site, "track", signed), Ok(1));
    let both = json!({"userId": "u-1"});
    assert_eq!(visitors(Source::Server, "identify", both.clone()), Ok(2));
    assert_eq!(visitors(Source::Server, "track", both.clone()), Ok(1));
    assert_eq!(visitors(Source::Site, "identify", both), Ok(1));
    assert_eq!(visitors(Source::Server, "track", json!({"anonymousId": {}, "userId": null})), Err(Code::MissingVisitor));

    let guessed = VisitorId::derive(&["user", "u-1"]);
    let read = read_as(Source::Server, &message("track", json!({"event": "x", "anonymousId": null, "userId": "u-1"}))).unwrap();
    assert_ne!(read.visitors, [guessed], "whoever knows a user id must not know its visitor id");
}

#[test]
fn ids_of_any_shape_fit_keys_and_repeats_have_the_same() {
    let id = |more: Value| read_as(Source::Site, &message("track", more)).unwrap().id;
    assert_eq!(id(json!({"event": "x", "messageId": "node-next-1-2"})).as_str(), "node-next-1-2");
    let odd = json!({"event": "x", "messageId": "with # and blank"});
    assert_eq!(id(odd.clone()), id(odd));
    let without = |event: &str, sent_at: &str| id(json!({"event": event, "messageId": null, "sentAt": sent_at}));
    assert_eq!(without("x", "2026-11-22T09:59:01Z"), without("x", "2026-11-22T09:59:09Z"));
    assert_ne!(without("x", "2026-11-22T09:59:01Z"), without("y", "2026-11-22T09:59:01Z"));
    let read = read_as(Source::Site, &message("track", json!({"event": "x", "anonymousId": 42}))).unwrap();
    assert_eq!(read.visitors, [VisitorId::parse("42").unwrap()]);
}

#[test]
fn times_of_senders_are_taken_with_care() {
    let read = |more: Value| read_as(Source::Site, &message("track", more)).map(|read| (read.sent, read.activities[0].at));
    let received: Timestamp = RECEIVED.parse().unwrap();
    let year_ahead: Timestamp = "2027-11-22T10:00:00Z".parse().unwrap();
    let check = |timestamp: Value, wanted: Result<(Option<Timestamp>, Timestamp), Code>| {
        assert_eq!(read(json!({"event": "x", "timestamp": timestamp})), wanted, "{timestamp}");
    };
    check(json!(null), Ok((None, received)));
    check(json!("2027-11-22T10:00:00Z"), Ok((Some(year_ahead), received)));
    let old = received - SignedDuration::from_hours(40 * 24);
    check(json!(old.to_string()), Ok((Some(old), old)));
    check(json!("no date"), Err(Code::InvalidTime));
    check(json!(1_795_308_734_012_u64), Err(Code::InvalidTime));
    assert_eq!(read(json!({"event": "x", "sentAt": "no date"})), Err(Code::InvalidTime));
}

#[test]
fn types_are_named() {
    let refused = |message: Value| {
        let keys = KeyRing::generate("test");
        let received = RECEIVED.parse().unwrap();
        let sender = Sender { received, sent_at: None, source: Source::Site, signals: Signals::default(), keys: &keys };
        sender.read(None, &message.to_string()).unwrap_err()
    };
    let unknown = refused(message("purchase\r\n", json!({})));
    assert_eq!(unknown, Code::UnknownType.because("purchase is no type of message; it may be page, track or identify"));
    assert_eq!(refused(json!({"anonymousId": "v"})).code, Code::UnknownType);
    for of_type in ["alias", "group", "screen"] {
        let refusal = refused(message(of_type, json!({})));
        assert_eq!(refusal.code, Code::UnsupportedType);
        assert!(refusal.message.ends_with(of_type));
    }
    for bad in [json!([]), json!(7), json!("x"), json!(null)] {
        assert_eq!(refused(bad).code, Code::InvalidJson);
    }
    let large = message("track", json!({"event": "x", "properties": {"a": "x".repeat(MESSAGE_BYTES)}}));
    assert_eq!(refused(large).code, Code::TooLarge);
}

#[test]
fn a_browsers_messages_carry_signs_of_machines_and_a_servers_do_not() {
    let signals = |source: Source, context: Value| {
        let message = message("track", json!({"event": "x", "context": context}));
        read_as(source, &message).unwrap().signals
    };
    assert!(signals(Source::Site, json!({})).is_empty());
    let robot = signals(Source::Site, json!({"userAgent": "curl/8.5.0"}));
    assert_eq!(robot.user_agent, UserAgent::Robot("curl".to_owned()));
    assert_eq!(signals(Source::Site, json!({"webdriver": true})).verdict(), Verdict::Machine);
    assert!(signals(Source::Server, json!({"userAgent": "curl/8.5.0", "webdriver": true})).is_empty());
}

#[test]
fn an_event_of_the_http_api_brings_the_snippets_batch() {
    use lambda_http::http::{Method, Request};
    let event = include_str!("../../fixtures/http_api_v2.json");
    let request: Request<lambda_http::Body> = lambda_http::request::from_str(event).unwrap();
    assert_eq!((request.method(), request.uri().path()), (&Method::POST, "/v1/batch"));
    assert_eq!(request.headers()["origin"], "https://www.example.com");
    let text = std::str::from_utf8(request.body()).unwrap();
    let envelope = crate::body::Envelope::of(text, true).unwrap();
    assert_eq!(envelope.write_key.as_deref(), Some("pk_example"));
    let keys = KeyRing::generate("test");
    let received = "2026-11-22T00:52:14.012Z".parse().unwrap();
    let sender = Sender { received, sent_at: envelope.sent_at, source: Source::Site, signals: Signals::default(), keys: &keys };
    let read = sender.read(None, envelope.messages[0]).unwrap();
    assert_eq!(read.activities[0].at, "2026-11-22T00:52:01.362Z".parse().unwrap());
    let Kind::PageViewed(page) = &read.activities[0].kind else { panic!("no page") };
    assert_eq!((page.url.as_str(), page.title.as_deref()), ("https://www.example.com/料金", Some("料金")));
}
