//! Least privilege: what the roles of `infra/template.yaml` grant and what the functions use are the same.
//!
//! [`journeys`] go every way a function can go, with roles lifted, and each call says what it asks of a role. What is
//! asked and not granted fails here, and so does what is granted and never asked. `permissions/matrix.txt` is the result,
//! for readers.

mod journeys;

use std::collections::BTreeSet;

use michi_local::template::{Access, Deployed, Function, Grant, LEADING_KEYS, Test, Wiring, wild};

use crate::harness::{columns, compare_with_file};

/// What is granted for a service that acts in the function's name, or used before a function takes its first event: no
/// journey comes that way.
const BESIDE: [(&str, &str); 7] = [
    ("dynamodb:DescribeStream", "Lambda follows the stream in the function's name"),
    ("dynamodb:GetRecords", "Lambda follows the stream in the function's name"),
    ("dynamodb:GetShardIterator", "Lambda follows the stream in the function's name"),
    ("dynamodb:ListStreams", "Lambda follows the stream in the function's name"),
    ("s3:ListBucket", "Lambda looks whether the bucket of failures is there"),
    ("s3:PutObject", "Lambda leaves there what the function could not handle"),
    ("secretsmanager:GetSecretValue", "the key ring is fetched once, while the function starts"),
];

/// What SAM grants without being told.
const LOGS: &str = "logs:CreateLogGroup, logs:CreateLogStream, logs:PutLogEvents";

fn wiring() -> Wiring {
    let deployed = Deployed { collector_url: "https://collector.example.com", sender: journeys::SENDER };
    Wiring::built_in(deployed).unwrap()
}

#[tokio::test]
async fn what_is_granted_is_used_and_what_is_used_is_granted() {
    let used = journeys::used().await;
    let mut wrong = Vec::new();
    for function in &wiring().functions {
        let asked: Vec<&Access> = used.iter().filter(|(name, _)| *name == function.name).map(|(_, access)| access).collect();
        wrong.extend(missing(function, &asked));
        wrong.extend(unused(function, &asked));
        wrong.extend(loose(function));
    }
    assert!(wrong.is_empty(), "{} permissions of infra/template.yaml are wrong:\n- {}\n", wrong.len(), wrong.join("\n- "));
}

#[test]
fn what_services_are_granted_is_granted() {
    let granted: BTreeSet<String> =
        wiring().functions.into_iter().flat_map(|function| function.grants).flat_map(|grant| grant.actions).collect();
    for (action, reason) in BESIDE {
        assert!(granted.contains(action), "no role grants {action} any more ({reason}): take it out of BESIDE");
    }
}

#[test]
fn only_who_needs_the_keys_may_read_them() {
    for function in wiring().functions {
        let main = crate::tidy::read(format!("functions/{}/src/main.rs", function.name));
        let may =
            function.grants.iter().any(|grant| grant.actions.iter().any(|action| action == "secretsmanager:GetSecretValue"));
        assert_eq!(may, main.contains("aws::start()"), "{}: aws::start() fetches the key ring", function.name);
    }
}

/// `MICHI_REFRESH=1 cargo test -p tests permissions` writes it anew.
#[test]
fn the_matrix_is_what_the_template_says() {
    compare_with_file("permissions/matrix.txt", &matrix(&wiring()));
}

/// What is asked and not granted.
fn missing(function: &Function, asked: &[&Access]) -> BTreeSet<String> {
    let refused = asked.iter().filter(|access| !function.grants.iter().any(|grant| grant.allows(access)));
    let said = refused.map(|access| {
        let keys: BTreeSet<String> = access.context.values().flatten().map(|key| kind_of(key)).collect();
        let keys = keys.into_iter().collect::<Vec<_>>().join(", ");
        let Access { action, resource, .. } = access;
        format!(
            "{}: {action} on {} for {keys} is used and not granted: add it to the Policies of {}, to the one statement that \
             grants {action} there",
            function.name,
            short(resource),
            function.resource
        )
    });
    said.collect()
}

/// What is granted and never asked.
fn unused(function: &Function, asked: &[&Access]) -> Vec<String> {
    let mut unused = Vec::new();
    let mut say = |grant: &Grant, what: String| {
        unused.push(format!(
            "{}: {what} is granted ({}) and never used: take it out, or go that way in tests/permissions/journeys.rs",
            function.name, grant.sid
        ));
    };
    for grant in &function.grants {
        for action in grant.actions.iter().filter(|action| BESIDE.iter().all(|(beside, _)| beside != action)) {
            for resource in &grant.resources {
                let uses: Vec<_> = asked
                    .iter()
                    .filter(|access| access.action == *action && wild(resource, &access.resource) && grant.allows(access))
                    .collect();
                let Some(keys) = grant.leading_keys() else {
                    if uses.is_empty() {
                        say(grant, format!("{action} on {}", short(resource)));
                    }
                    continue;
                };
                for key in keys {
                    let touched = |access: &&&&Access| {
                        access.context.get(LEADING_KEYS).is_some_and(|keys| keys.iter().any(|touched| wild(key, touched)))
                    };
                    if !uses.iter().any(|access| touched(&access)) {
                        say(grant, format!("{action} on {} {key}", short(resource)));
                    }
                }
            }
        }
    }
    unused
}

/// What is granted in a way that means more, or less, than it seems.
fn loose(function: &Function) -> Vec<String> {
    let mut loose = Vec::new();
    let mut granted = BTreeSet::new();
    for grant in &function.grants {
        let name = format!("{}, {}", function.resource, grant.sid);
        for action in &grant.actions {
            if action.contains(['*', '?']) {
                loose.push(format!("{name}: {action} is more than one action"));
            }
            for resource in &grant.resources {
                // The keys of a transaction may be looked at all at once, and two statements do not add up.
                if !granted.insert((action, resource)) {
                    loose.push(format!(
                        "{name}: {action} on {} is granted by another statement too: make them one",
                        short(resource)
                    ));
                }
            }
        }
        let on_items = grant.resources.iter().any(|resource| resource.contains(":table/") && !resource.contains("/stream/"));
        if !on_items {
            continue;
        }
        let keys = grant.leading_keys().unwrap_or_default();
        let any = |key: &String| key.trim_matches(['*', '?']).is_empty();
        if keys.is_empty() || keys.iter().any(any) {
            loose.push(format!("{name}: no condition on {LEADING_KEYS} says which partition keys"));
        }
        if !grant.conditions.iter().any(|condition| condition.key == LEADING_KEYS && condition.test == Test::Present) {
            loose.push(format!("{name}: without `Null: {{ {LEADING_KEYS}: false }}` a call without keys passes ForAllValues"));
        }
    }
    loose
}

/// All permissions, a line each.
fn matrix(wiring: &Wiring) -> String {
    let mut rows: Vec<[String; 5]> = Vec::new();
    for function in &wiring.functions {
        for grant in &function.grants {
            let only: Vec<String> = grant
                .conditions
                .iter()
                .filter(|condition| condition.test != Test::Present)
                .map(|condition| {
                    let about = if condition.key == LEADING_KEYS { "" } else { &format!("{} ", condition.key) };
                    format!("{about}{}", condition.values.join(" "))
                })
                .collect();
            for action in &grant.actions {
                let beside = BESIDE.iter().find(|(beside, _)| beside == action);
                let why = beside.map_or_else(|| grant.sid.clone(), |(_, reason)| format!("{}: {reason}", grant.sid));
                let on = grant.resources.iter().map(|resource| short(resource)).collect::<Vec<_>>().join(" ");
                rows.push([function.name.clone(), action.clone(), on, only.join(", "), why]);
            }
        }
    }
    let mut added: Vec<[String; 4]> = Vec::new();
    for function in &wiring.functions {
        let why = "AWSLambdaBasicExecutionRole, which every function's role has";
        added.push([function.name.clone(), LOGS.to_owned(), "all log groups".to_owned(), why.to_owned()]);
        for schedule in &function.schedules {
            let role = format!("a role of the schedule {}'s own", schedule.name);
            added.push([function.name.clone(), "lambda:InvokeFunction".to_owned(), function.resource.clone(), role]);
        }
    }
    format!(
        "What each function may do.\n\n{}\nWhat SAM adds without being told.\n\n{}",
        columns(["function", "action", "on", "only for", "statement"], &rows),
        columns(["function", "action", "on", "how"], &added)
    )
}

/// A resource without what is the same for all.
fn short(arn: &str) -> String {
    let rest = arn.splitn(6, ':').nth(5).unwrap_or(arn);
    rest.trim_start_matches("table/").trim_start_matches("event-bus/").to_owned()
}

/// `lead#*` of `lead#1234`, `score.*` of `score.0.1`.
fn kind_of(key: &str) -> String {
    key.find(['#', '.']).filter(|_| !key.contains('@')).map_or_else(|| key.to_owned(), |end| format!("{}*", &key[..=end]))
}
