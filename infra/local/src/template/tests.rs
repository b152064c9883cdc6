use super::*;

const DEPLOYED: Deployed<'_> = Deployed { collector_url: "http://127.0.0.1:7070", sender: "example.com" };

fn built_in() -> Wiring {
    Wiring::built_in(DEPLOYED).unwrap()
}

#[test]
fn the_template_is_read_whole() {
    let wiring = built_in();
    let names: Vec<_> = wiring.functions.iter().map(|function| function.name.as_str()).collect();
    assert_eq!(names, ["track", "score", "step", "notify", "relay", "feedback", "answer"]);
    let leads = wiring.tables.iter().find(|table| table.name == "Leads").unwrap();
    assert_eq!(leads.keys, ["pk", "sk"]);
    assert_eq!(leads.stream.as_deref(), Some("NEW_IMAGE"));
    assert_eq!(leads.ttl.as_deref(), Some("ttl"));
    let indexes: Vec<_> = leads.indexes.iter().map(|index| (index.name.as_str(), index.keys.join(","))).collect();
    assert_eq!(indexes, [("due", "due_part,due_at".to_owned()), ("rank", "rank_part,rank".to_owned())]);
    let score = wiring.function("score").unwrap();
    assert_eq!(score.schedules.first().unwrap().every, SignedDuration::from_mins(1));
    assert_eq!(score.environment.get("MICHI_COLLECTOR_URL").unwrap(), "http://127.0.0.1:7070");
    assert_eq!(score.environment.get("MICHI_LEADS_TABLE").unwrap(), "Leads");
    let mapping = wiring.mappings.iter().find(|mapping| mapping.function == "notify").unwrap();
    assert_eq!((mapping.table.as_str(), mapping.partial, mapping.bisect), ("Leads", true, true));
    assert_eq!(wiring.buses, ["Facts"]);
}

#[test]
fn the_filters_ask_only_for_what_a_stream_filter_sees() {
    for mapping in built_in().mappings {
        for pattern in mapping.patterns {
            let keys: Value = serde_json::from_str(&pattern).unwrap();
            assert_eq!(keys.as_object().unwrap().keys().collect::<Vec<_>>(), ["dynamodb"], "{}", mapping.name);
        }
    }
}

#[test]
fn only_notify_may_send_mail_and_only_relay_may_publish() {
    for function in built_in().functions {
        let may = |action: &str, resource: &str, context: &[(&'static str, &str)]| {
            let context = context.iter().map(|(key, value)| (*key, vec![(*value).to_owned()])).collect();
            let access = Access { action: action.to_owned(), resource: format!("arn:aws:{resource}"), context };
            function.grants.iter().any(|grant| grant.allows(&access))
        };
        let mail = |from| may("ses:SendEmail", "ses:local:000000000000:identity/example.com", &[(FROM_ADDRESS, from)]);
        assert_eq!(mail("news@example.com"), function.name == "notify");
        assert!(!mail("news@example.org"), "{}", function.name);
        assert_eq!(may("events:PutEvents", "events:local:000000000000:event-bus/Facts", &[]), function.name == "relay");
        let leads = "dynamodb:local:000000000000:table/Leads";
        assert!(!may("dynamodb:Scan", leads, &[]) && !may("dynamodb:PutItem", leads, &[]), "{}", function.name);
        assert!(!may("dynamodb:PutItem", leads, &[(LEADING_KEYS, "playbook#live")]), "{}", function.name);
    }
}

#[test]
fn routes_are_chosen_as_api_gateway_does() {
    let wiring = built_in();
    let route = |method, path| wiring.route(method, path).map(|route| (route.key.as_str(), route.function.as_str()));
    assert_eq!(route("POST", "/v1/batch"), Some(("POST /v1/batch", "track")));
    assert_eq!(route("OPTIONS", "/v1/batch"), Some(("OPTIONS /v1/{proxy+}", "track")));
    assert_eq!(route("GET", "/view/abc"), Some(("GET /view/{token}", "answer")));
    for (method, path) in
        [("GET", "/view/"), ("GET", "/view/a/b"), ("HEAD", "/michi.js"), ("GET", "/v1/batch"), ("OPTIONS", "/v1")]
    {
        assert_eq!(route(method, path), None, "{method} {path}");
    }
}

/// Each case breaks one line of the template and expects one mistake, at that line.
#[test]
fn a_mistake_is_named_with_its_place() {
    let cases = [
        (
            "        Ref: Score\n      StartingPosition",
            "        Ref: Scorre\n      StartingPosition",
            "there is no parameter or resource `Scorre`",
        ),
        ("Fn::GetAtt: [Leads, StreamArn]", "Fn::GetAtt: [Facts, StreamArn]", "does not know attribute `StreamArn` of `Facts`"),
        ("Fn::Sub: integrations/${TrackIntegration}", "Fn::Sub: integrations/${Track}", "is not integrations/ and the name"),
        ("RouteKey: GET /michi.js", "RouteKey: /michi.js", "is not of the form GET /path"),
        ("ScheduleExpression: rate(1 minute)", "ScheduleExpression: rate(1 moment)", "not of the form rate(1 minute)"),
        (r#"{"wake":{"S":[{"exists":true}]}}"#, r#"{"wake":{"S":[{"exist":true}]}}"#, "`exist: true` is not modelled"),
        ("{ AttributeName: due_part, KeyType: HASH }", "{ AttributeName: due_prt, KeyType: HASH }", "`due_prt` is not among"),
        ("Type: AWS::ApiGatewayV2::Stage", "Type: AWS::Kinesis::Stream", "cannot wire"),
        ("Condition: TellsSlack", "Condition: TellsSlak", "there is no such condition"),
        ("CodeUri: ../functions/relay", "CodeURI: ../functions/relay", "`CodeUri` is missing"),
        ("BatchSize: 100", "BatchSize: many", "`BatchSize` is a number"),
        ("\"Null\": { \"dynamodb:LeadingKeys\": \"false\" }", "Bool: { \"aws:SecureTransport\": \"true\" }", "is not modelled"),
    ];
    for (before, after, expected) in cases {
        assert!(TEMPLATE.contains(before), "{before}");
        let broken = TEMPLATE.replacen(before, after, 1);
        let error = Wiring::parse(Path::new(TEMPLATE_NAME), &broken, DEPLOYED).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        let line: usize = error.split(':').nth(1).unwrap().parse().unwrap();
        let wrong = broken.lines().zip(TEMPLATE.lines()).position(|(broken, whole)| broken != whole).unwrap() + 1;
        assert!(line.abs_diff(wrong) <= 3, "line {line} for {wrong}: {error}");
    }
}

#[test]
fn what_is_not_yaml_is_named_with_its_place() {
    let error = Wiring::parse(Path::new("t.yaml"), "Resources:\n  A: [\n", DEPLOYED).unwrap_err().to_string();
    assert!(error.starts_with("t.yaml:"), "{error}");
}
