//! The numbers of letters, each with its step and subject.

use std::collections::BTreeMap;

use super::{Counts, Figure, Variant};
use crate::id::StepId;
use crate::playbook::scenario::Scenario;

/// What came of the letters of one step that are the same mail with the same subject, in all versions of the scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letters<'c> {
    /// The step that owed them.
    pub step: &'c StepId,
    /// Which mail with which subject.
    pub letter: &'c Variant,
    /// What was so of their readers, where that was asked.
    pub by: Option<&'c str>,
    /// Every figure that is not nought.
    pub figures: BTreeMap<&'c Figure, u64>,
}

impl Letters<'_> {
    /// How many stand behind a figure.
    #[must_use]
    pub fn count(&self, figure: &Figure) -> u64 {
        self.figures.get(figure).copied().unwrap_or_default()
    }
}

impl Counts {
    /// The steps of which anything was counted or that the scenario has: in its order, those that it has no more behind them.
    #[must_use]
    pub fn steps<'c>(&'c self, scenario: Option<&'c Scenario>) -> Vec<&'c StepId> {
        let mut steps: Vec<&StepId> = scenario.iter().flat_map(|scenario| scenario.all_steps()).map(|step| step.id()).collect();
        for step in self.iter().filter_map(|(mark, _)| mark.step.as_ref()) {
            if !steps.contains(&step) {
                steps.push(step);
            }
        }
        steps
    }

    /// The letters, in the order of these steps; or once more by what was so of their readers, if `by` says so.
    #[must_use]
    pub fn letters<'c>(&'c self, steps: &[&'c StepId], by: bool) -> Vec<Letters<'c>> {
        type Place<'c> = (usize, &'c Variant, Option<&'c str>);
        let mut found: BTreeMap<Place<'c>, Letters<'c>> = BTreeMap::new();
        for (mark, count) in self.iter().filter(|(mark, _)| mark.by.is_some() == by) {
            let (Some(step), Some(letter)) = (&mark.step, &mark.letter) else { continue };
            let Some(place) = steps.iter().position(|known| *known == step) else { continue };
            let by = mark.by.as_deref();
            let letters = found.entry((place, letter, by));
            let letters = letters.or_insert_with(|| Letters { step, letter, by, figures: BTreeMap::new() });
            *letters.figures.entry(&mark.figure).or_default() += count;
        }
        found.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::MailId;
    use crate::playbook::Language;
    use crate::scenario::Subject;
    use crate::scenario::results::Mark;

    #[test]
    fn letters_are_added_up_over_versions_and_stand_in_the_order_of_the_steps() {
        let subject = |number| Subject { language: Language::En, number, words: "4f9k2a".to_owned() };
        let mark = |version: &str, step: &str, number, by: Option<&str>, figure| Mark {
            version: version.to_owned(),
            step: StepId::parse(step).ok(),
            letter: Some(Variant { mail: MailId::parse("news").unwrap(), subject: subject(number) }),
            by: by.map(str::to_owned),
            figure,
        };
        let counts = Counts::from(vec![
            (mark("v1", "first", 0, None, Figure::Sent), 2),
            (mark("v2", "first", 0, None, Figure::Sent), 3),
            (mark("v2", "first", 1, None, Figure::Owed), 1),
            (mark("v2", "a-second", 0, None, Figure::Sent), 4),
            (mark("v2", "first", 0, Some("Works"), Figure::Sent), 5),
        ]);
        let steps = [StepId::parse("first").unwrap(), StepId::parse("a-second").unwrap()];
        let told = |by| {
            let found = counts.letters(&steps.iter().collect::<Vec<_>>(), by);
            let told = |one: &Letters<'_>| {
                format!("{} {} {:?} {}", one.step, one.letter.subject.number, one.by, one.count(&Figure::Sent))
            };
            found.iter().map(told).collect::<Vec<_>>()
        };
        assert_eq!(told(false), ["first 0 None 5", "first 1 None 0", "a-second 0 None 4"]);
        assert_eq!(told(true), ["first 0 Some(\"Works\") 5"]);
        assert_eq!(counts.steps(None).iter().map(|step| step.as_str()).collect::<Vec<_>>(), ["first", "a-second"]);
    }
}
