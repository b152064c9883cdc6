use michi::playbook::authoring::default_playbook;
use michi::scenario::results::Mark;

use super::*;

fn drawn(scenario: &str, language: Language, counts: &Counts) -> Diagram {
    let playbook = default_playbook().unwrap();
    let (_, scenario) = playbook.scenarios.iter().find(|(id, _)| id.as_str() == scenario).unwrap();
    Diagram::of(&playbook, scenario, counts, language)
}

fn said(diagram: &Diagram) -> String {
    let line = |text: &Text| text.parts.iter().map(|part| part.text.as_str()).collect::<String>();
    diagram.texts.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_step_is_drawn_below_the_one_before_it_and_within_the_drawing() {
    let playbook = default_playbook().unwrap();
    for (id, scenario) in &playbook.scenarios {
        for language in [Language::En, Language::Ja] {
            let diagram = Diagram::of(&playbook, scenario, &Counts::default(), language);
            let ways: usize = scenario.all_steps().map(|step| taken(step).len()).sum();
            assert_eq!(diagram.nodes.len(), scenario.all_steps().count() + ways + 2, "{id}: each, a start and an end");
            assert!(diagram.nodes.windows(2).all(|two| two[0].y < two[1].y));
            assert!(diagram.texts.iter().all(|text| text.y < diagram.height && text.x < diagram.width));
            assert!(diagram.texts.windows(2).all(|two| two[0].y < two[1].y), "no line lies on another");
        }
    }
}

#[test]
fn numbers_stand_at_their_steps_and_ways() {
    let mark = |step: &str, figure| Mark {
        version: "v".to_owned(),
        step: (!step.is_empty()).then(|| StepId::parse(step).unwrap()),
        letter: None,
        by: None,
        figure,
    };
    let way = michi::id::WayId::parse("comparing").unwrap();
    let counts = Counts::from(vec![
        (mark("", Figure::Entered), 120),
        (mark("", Figure::Goal), 20),
        (mark("", Figure::Left(michi::scenario::Left::Unsubscribed)), 3),
        (mark("time-to-read", Figure::Reached), 119),
        (mark("time-to-read", Figure::Waiting), 7),
        (mark("how-far", Figure::Way(way)), 31),
        (mark("three-questions", Figure::Owed), 101),
        (mark("three-questions", Figure::Sent), 100),
        (mark("three-questions", Figure::Clicked), 12),
        (mark("making-the-case", Figure::Skipped(michi::scenario::Skip::Had)), 4),
    ]);
    let english = said(&drawn("after-white-paper", Language::En, &counts));
    for part in
        ["entered 120", "reached 119 · waiting 7", "sent 100", "clicked 12 (12%)", "skipped 4: the lead had had", "left 3"]
    {
        assert!(english.contains(part), "{part} is missing in {english}");
    }
    let japanese = said(&drawn("after-white-paper", Language::Ja, &counts));
    assert!(japanese.starts_with("white-paper のフォーム"), "a name stays as it is written: {japanese}");
    for part in ["開始 120", "到達 119 · 待機中 7", "送信 100", "クリック 12 (12%)", "目標達成 20 · 終了 3"]
    {
        assert!(japanese.contains(part), "{part} is missing in {japanese}");
    }
    assert!(english.contains("\n31\u{2002}comparing") && japanese.contains("\n31\u{2002}comparing"), "{english}");
    assert!(english.starts_with("When a lead sends"), "{english}");
}

#[test]
fn the_legend_has_the_signs_that_are_drawn() {
    let playbook = default_playbook().unwrap();
    for (id, scenario) in &playbook.scenarios {
        let drawn = Diagram::of(&playbook, scenario, &Counts::default(), Language::En);
        let legend = Sign::legend(scenario, Language::En);
        assert!(
            drawn.nodes.iter().all(|node| node.sign == Sign::Ends || legend.iter().any(|(sign, _)| *sign == node.sign)),
            "{id}"
        );
        assert!(legend.iter().all(|(sign, _)| drawn.nodes.iter().any(|node| node.sign == *sign)), "{id}");
    }
}
