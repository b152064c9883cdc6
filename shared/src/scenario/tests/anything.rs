//! What holds for every scenario and every log.

use proptest::prelude::*;

use super::*;

/// A list of steps, nested twice at most; ids come from the place.
fn some_steps(depth: u32, place: String) -> BoxedStrategy<Vec<Value>> {
    let one = move |n: usize, place: &str| {
        let id = format!("{place}{n}");
        let inner = move |name: &str| match depth {
            0 => Just(vec![]).boxed(),
            _ => some_steps(depth - 1, format!("{id}{name}")),
        };
        let (id, way) = (format!("{place}{n}"), inner);
        let policy = prop_oneof![Just("do"), Just("next_window"), Just("skip")];
        let span = prop_oneof![Just("1m"), Just("90m"), Just("1d"), Just("10d")];
        let letter = prop_oneof![Just("a"), Just("b"), Just("missing")];
        (0..13_usize, policy, span, letter, way("x"), way("y")).prop_map(move |(kind, late, span, letter, x, y)| match kind {
            0 | 1 => json!({"mail": {"id": id, "send": letter, "late": late}}),
            2 => wait(&id, span),
            3 => json!({"wait_until": {"id": id, "days": ["sun", "wed"], "hour": 2}}),
            4 => json!({"wait_date": {"id": id, "date": {"attribute": "day", "offset": "-1d"}}}),
            5 => json!({"wait_for": {"id": id, "did": {"track": "x"}, "within": span, "then": x, "otherwise": y}}),
            6 => json!({"branch": {"id": id, "ways": [{"id": "w", "when": {"attribute": {"name": "flag"}}, "steps": x}], "otherwise": y}}),
            7 => json!({"split": {"id": id, "ways": [{"id": "v", "share": 1, "steps": x}, {"id": "w", "share": 2, "steps": y}]}}),
            8 => json!({"series": {"id": id, "mails": ["a", "c", letter], "every": span, "late": late}}),
            9 => json!({"ask": {"id": id, "send": letter, "question": "?", "attribute": "q", "within": span, "late": late,
                "answers": [{"id": "v", "text": "V", "steps": x}, {"id": "w", "text": "W"}], "otherwise": y}}),
            10 => json!({"set": {"id": id, "attribute": "flag", "to": if late == "do" { "1" } else { "" }}}),
            11 => json!({"notify": {"id": id, "say": "!", "late": late}}),
            // Often back to the beginning: with no wait on the way only the limit of a day holds it.
            _ => json!({"go_to": {"id": id, "step": "s0"}}),
        })
    };
    (1..4_usize).prop_flat_map(move |many| (0..many).map(|n| one(n, &place)).collect::<Vec<_>>()).boxed()
}

fn some_scenario() -> impl Strategy<Value = Value> {
    (some_steps(2, "s".to_owned()), any::<bool>()).prop_map(|(steps, hours)| {
        let window = json!({"days": ["mon", "tue", "sat"], "from": 9, "to": 18});
        if hours { json!({"steps": steps, "window": window}) } else { json!({"steps": steps}) }
    })
}

/// What happens when, in hours, beside the scenario.
fn some_news() -> impl Strategy<Value = Vec<(i64, u8)>> {
    prop::collection::vec((0..24 * 60_i64, 0..4_u8), 0..6)
}

fn kind(what: u8) -> Kind {
    let set = |name: &str, value: &str| Kind::AttributeSet { name: name.to_owned(), value: value.to_owned() };
    match what {
        0 => track("x"),
        1 => set("day", "2026-03-20"),
        2 => set("day", "soon"),
        _ => set("flag", "1"),
    }
}

fn trip(scenario: &Value, news: &[(i64, u8)]) -> Trip {
    let happens = |(n, (after, what)): (usize, &(i64, u8))| {
        Record::decision(ActivityId::derive(&["news", &n.to_string()]), time(BEGIN) + hours(*after), kind(*what))
    };
    Trip::with(scenario.clone(), news.iter().enumerate().map(happens).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens, it waits for something to come or ends; the same look says the same; and no day has too many steps.
    #[test]
    fn it_always_waits_or_ends(scenario in some_scenario(), news in some_news(), outages in prop::collection::vec(0..72_i64, 0..3)) {
        let mut trip = trip(&scenario, &news);
        let mut days = std::collections::BTreeMap::new();
        let mut pauses = outages.into_iter();
        let end = trip.now + hours(24 * 60);
        while let Some(at) = trip.at.clone().filter(|at| at.due <= end) {
            let now = if at.due > trip.now { at.due + hours(pauses.next().unwrap_or(0)) } else { trip.now };
            let (before, records) = (trip.told.len(), trip.log.records.clone());
            prop_assert!(trip.look(now), "due, and nothing comes of it: {:?}", at);
            // Once more from the same state: the same comes of it.
            let (after, told) = (trip.at.clone(), trip.told.clone());
            (trip.at, trip.log.records) = (Some(at.clone()), records);
            trip.told.truncate(before);
            trip.look(now);
            prop_assert_eq!((&trip.at, &trip.told), (&after, &told));
            let day = now.to_zoned(trip.playbook.setup.time_zone.get().clone()).date();
            if let Some((counted, steps)) = trip.at.as_ref().and_then(|at| at.day) {
                prop_assert!(steps <= STEPS_A_DAY && (counted == day || trip.told.len() == before));
                days.insert(counted, steps);
            }
            // What is due later stays as it is when it is looked at before.
            if let Some(after) = trip.at.clone().filter(|after| after.due > now) {
                prop_assert!(!trip.look(now), "{:?} became {:?}", after, trip.at);
            }
        }
        // What is owed has an id of its own each time.
        let ids: Vec<String> = trip.owed.iter().filter_map(|(_, owed)| match owed {
            Owed::Mail { message, .. } | Owed::Notice { message, .. } => Some(message.to_string()),
            Owed::Attribute { .. } => None,
        }).collect();
        let distinct: BTreeSet<&String> = ids.iter().collect();
        // Each look above was taken twice, with the same id.
        prop_assert_eq!(distinct.len() * 2, ids.len());
    }

    /// Within the grace, a sweep's delay moves nothing: what is planned stays planned, and all else happens alike.
    #[test]
    fn a_sweeps_delay_moves_nothing(spans in prop::collection::vec(prop_oneof![Just("90m"), Just("5h"), Just("3d")], 1..6), delays in prop::collection::vec(0..60_i64, 8)) {
        let steps: Vec<Value> = spans.iter().enumerate().flat_map(|(n, span)| {
            [wait(&format!("w{n}"), span), json!({"mail": {"id": format!("m{n}"), "send": "a", "late": "skip"}})]
        }).collect();
        let mut exact = Trip::of(json!({"steps": steps}));
        exact.go(hours(24 * 30));
        let mut delayed = Trip::of(json!({"steps": steps}));
        let mut delays = delays.into_iter().cycle();
        while let Some(at) = delayed.at.clone() {
            let now = if at.due > delayed.now { at.due + SignedDuration::from_mins(delays.next().unwrap_or(0)) } else { delayed.now };
            delayed.look(now);
        }
        prop_assert_eq!(exact.told, delayed.told);
        for ((planned, _), (came, _)) in exact.owed.iter().zip(&delayed.owed) {
            prop_assert!((0..=60).contains(&came.duration_since(*planned).as_mins()), "{} {}", planned, came);
        }
    }
}
