//! An example of a scenario, tried: whether what its author expects comes of it.

use std::fmt;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use super::report::word;
use super::{Assume, Course, Deed, Simulation, listed};
use crate::condition::What;
use crate::id::{MailId, ScenarioId, StepId};
use crate::playbook::Playbook;
use crate::playbook::example::{Example, Expectation, KEPT_OUT};
use crate::playbook::hours::moment;

/// The hour at which an example's lead enters.
const ENTERS: u32 = 10;

/// What did not come as expected, and everything that came.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Failure {
    /// What was expected and did not come, or came and was not expected.
    pub wrong: Vec<String>,
    /// What came, in order.
    pub came: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for wrong in &self.wrong {
            writeln!(f, "  {wrong}")?;
        }
        let came = if self.came.is_empty() { "nothing".to_owned() } else { self.came.join("; ") };
        write!(f, "  what came: {came}")
    }
}

/// What came of an example, by day.
struct Came<'c> {
    mails: Vec<(i64, &'c MailId)>,
    /// Before which step the lead stood from when on.
    places: Vec<(Timestamp, &'c StepId)>,
    left: Option<(i64, String)>,
    /// Why it did not enter.
    away: Option<String>,
    begins: Date,
    zone: &'c TimeZone,
}

/// Tries an example by the engine itself; people do nothing but what it says, and mail is agreed to.
///
/// # Errors
/// What did not come as expected.
pub fn attempt(playbook: &Playbook, scenario: &ScenarioId, example: &Example) -> Result<(), Failure> {
    let zone = playbook.setup.time_zone.get();
    let begin = moment(example.begins, ENTERS, zone).unwrap_or_default();
    let last = example.expect.iter().map(|expected| expected.day).max().unwrap_or_default();
    let simulation = Simulation {
        playbook,
        version: playbook.version(),
        only: Some(scenario.clone()),
        begin,
        days: last + 1,
        assume: Assume::Nothing,
        agreed: true,
    };
    let (lead, log) = listed("example", example.lead.clone(), begin);
    let course = simulation.run(&lead, log, deeds(example, zone));
    let came = Came::of(&course, example.begins, zone);
    let mut wrong: Vec<String> = course.idle.iter().map(|(at, deed)| came.idle(*at, deed)).collect();
    // What would come after the end is not tried.
    let too_late = example.happens.iter().filter(|happening| happening.day > last);
    let said = |day| format!("day {day}: nothing is expected of this day or a later one, so what happens then is not tried");
    wrong.extend(too_late.map(|happening| said(happening.day)));
    wrong.extend(example.expect.iter().flat_map(|expected| came.lacks(expected)));
    wrong.extend(came.unexpected(example, i64::from(last)));
    if wrong.is_empty() { Ok(()) } else { Err(Failure { wrong, came: came.told() }) }
}

fn deeds(example: &Example, zone: &TimeZone) -> Vec<(Timestamp, Deed)> {
    let mut deeds = Vec::new();
    for happening in &example.happens {
        let date = example.begins.checked_add(i64::from(happening.day).days()).unwrap_or(example.begins);
        let Some(at) = moment(date, happening.hour, zone) else { continue };
        let becomes = happening.becomes.iter().map(|(name, value)| Deed::Becomes { name: name.clone(), value: value.clone() });
        let does = happening.does.clone().map(Deed::Does);
        let answers = happening.answers.clone().map(Deed::Answers);
        deeds.extend(becomes.chain(does).chain(answers).map(|deed| (at, deed)));
    }
    deeds
}

impl<'c> Came<'c> {
    fn of(course: &'c Course, begins: Date, zone: &'c TimeZone) -> Self {
        let day = |at: Timestamp| i64::from((zone.to_datetime(at).date() - begins).get_days());
        let sent = course.letters.iter().filter_map(|letter| Some((letter.sent?, &letter.mail)));
        let mut sent: Vec<(Timestamp, &MailId)> = sent.collect();
        sent.sort_by_key(|(at, _)| *at);
        let run = course.runs.first();
        let away = course.away.values().next();
        let kept_out = away.map(|_| (0, KEPT_OUT.to_owned()));
        let left = run.and_then(|run| run.left.as_ref()).map(|(at, left)| (day(*at), word(left)));
        Self {
            mails: sent.into_iter().map(|(at, mail)| (day(at), mail)).collect(),
            places: run.into_iter().flat_map(|run| &run.places).map(|(at, step)| (*at, step)).collect(),
            left: left.or(kept_out),
            away: away.map(ToString::to_string),
            begins,
            zone,
        }
    }

    /// What is expected of a day and did not come.
    fn lacks(&self, expected: &Expectation) -> Vec<String> {
        let day = i64::from(expected.day);
        let mut wrong = Vec::new();
        if let Some(mail) = &expected.mail
            && !self.mails.contains(&(day, mail))
        {
            let instead: Vec<&str> = self.mails.iter().filter(|(sent, _)| *sent == day).map(|(_, mail)| mail.as_str()).collect();
            let instead = if instead.is_empty() { "no mail".to_owned() } else { instead.join(" and ") };
            wrong.push(format!("expected on day {day}: the mail {mail}; that day {instead} went out"));
        }
        if let Some(step) = &expected.at {
            let at = self.at(day);
            if at != Some(step) || self.left.as_ref().is_some_and(|(left, _)| *left <= day) {
                let at = match (&self.away, &self.left) {
                    (Some(_), _) => "it did not enter".to_owned(),
                    (None, Some((left, why))) if *left <= day => format!("it had left on day {left}: {why}"),
                    _ => at.map_or_else(|| "it stood nowhere".to_owned(), |at| format!("it stood before {at}")),
                };
                wrong.push(format!("expected at the end of day {day}: before the step {step}; {at}"));
            }
        }
        if let Some(why) = &expected.left
            && self.left.as_ref() != Some(&(day, why.clone()))
        {
            let left = match (&self.away, &self.left) {
                (Some(why), _) => format!("it did not enter: {why}"),
                (None, Some((left, why))) => format!("it left on day {left}: {why}"),
                (None, None) => "it did not leave".to_owned(),
            };
            wrong.push(format!("expected on day {day}: to leave for {why}; {left}"));
        }
        wrong
    }

    /// Mails that went out up to a day though nobody expects them.
    fn unexpected(&self, example: &Example, last: i64) -> Vec<String> {
        let is_expected = |day: i64, sent: &MailId| {
            example.expect.iter().any(|expected| i64::from(expected.day) == day && expected.mail.as_ref() == Some(sent))
        };
        let sent = self.mails.iter().filter(|(day, mail)| *day <= last && !is_expected(*day, mail));
        sent.map(|(day, mail)| format!("not expected: the mail {mail} on day {day}")).collect()
    }

    /// Before which step the lead stood at the end of a day.
    fn at(&self, day: i64) -> Option<&'c StepId> {
        let end = self.begins.checked_add(day.days()).ok().and_then(|date| moment(date, 24, self.zone))?;
        self.places.iter().rev().find(|(at, _)| *at < end).map(|(_, step)| *step)
    }

    fn told(&self) -> Vec<String> {
        if let Some(why) = &self.away {
            return vec![format!("{KEPT_OUT}: {why}")];
        }
        let mails = self.mails.iter().map(|(day, mail)| format!("day {day}: {mail}"));
        let left = self.left.iter().map(|(day, why)| format!("day {day}: left for {why}"));
        mails.chain(left).collect()
    }

    /// What is said of something that the lead was to do and could not.
    fn idle(&self, at: Timestamp, deed: &Deed) -> String {
        let day = (self.zone.to_datetime(at).date() - self.begins).get_days();
        match deed {
            Deed::Answers(answer) => format!("day {day}: no question is open that could be answered with {answer}"),
            Deed::Does(What::MailOpened | What::MailClicked) => {
                format!("day {day}: no mail has gone out before this, to open or to click in")
            }
            Deed::Does(what) => format!("day {day}: the playbook has nothing by which this could be done: {what}"),
            Deed::Becomes { name, .. } => format!("day {day}: {name} cannot become known"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tried(example: serde_json::Value, audience: Option<serde_json::Value>) -> Result<(), String> {
        let mut playbook = super::super::tests::with(json!([
            {"wait": {"id": "w", "for": "2d"}}, {"mail": {"id": "m", "send": "a"}},
            {"ask": {"id": "q", "send": "b", "question": "?", "attribute": "x", "within": "9d",
                "answers": [{"id": "yes", "text": "Y", "steps": [{"stop": {"id": "end"}}]}, {"id": "no", "text": "N"}]}}
        ]));
        let scenario = ScenarioId::parse("s").unwrap();
        playbook.scenarios.get_mut(&scenario).unwrap().audience =
            audience.map(|audience| serde_json::from_value(audience).unwrap());
        let example = serde_json::from_value(example).unwrap();
        attempt(&playbook, &scenario, &example).map_err(|failure| failure.to_string())
    }

    fn attempted(expect: serde_json::Value) -> Result<(), String> {
        let happens = json!([{"day": 4, "does": "mail_clicked"}, {"day": 6, "answers": "yes"}]);
        tried(json!({"name": "x", "lead": {"company": "Corp"}, "expect": expect, "happens": happens}), None)
    }

    #[test]
    fn what_cannot_be_done_fails_the_example() {
        let happens = json!([{"day": 1, "does": "mail_clicked"}, {"day": 1, "answers": "yes"}, {"day": 3, "answers": "perhaps"},
            {"day": 5, "answers": "yes"}]);
        let expect = json!([{"day": 2, "mail": "a"}, {"day": 2, "mail": "b"}, {"day": 4, "at": "q"}]);
        let said = tried(json!({"name": "x", "happens": happens, "expect": expect}), None).unwrap_err();
        insta::assert_snapshot!(said, @r"
          day 1: no mail has gone out before this, to open or to click in
          day 1: no question is open that could be answered with yes
          day 3: no question is open that could be answered with perhaps
          day 5: nothing is expected of this day or a later one, so what happens then is not tried
          what came: day 2: a; day 2: b
        ");
    }

    #[test]
    fn who_does_not_enter_is_told_why() {
        let audience = || Some(json!({"attribute": {"name": "company", "any_of": ["Other"]}}));
        let lead = json!({"company": "Corp"});
        let kept_out = json!({"name": "x", "lead": lead, "expect": [{"day": 0, "left": "kept out"}]});
        assert_eq!(tried(kept_out, audience()), Ok(()));
        let said =
            tried(json!({"name": "x", "lead": lead, "expect": [{"day": 1, "at": "w"}, {"day": 2, "left": "end"}]}), audience());
        insta::assert_snapshot!(said.unwrap_err(), @r"
          expected at the end of day 1: before the step w; it did not enter
          expected on day 2: to leave for end; it did not enter: is not in its audience
          what came: kept out: is not in its audience
        ");
    }

    #[test]
    fn an_example_holds_or_says_what_came_instead() {
        let whole = json!([{"day": 0, "at": "w"}, {"day": 2, "mail": "a"}, {"day": 2, "mail": "b"}, {"day": 5, "at": "q"},
            {"day": 6, "left": "stopped end"}]);
        assert_eq!(attempted(whole), Ok(()));
        let said = attempted(json!([{"day": 3, "mail": "a"}, {"day": 5, "at": "m"}, {"day": 7, "left": "goal"}])).unwrap_err();
        insta::assert_snapshot!(said, @r"
          expected on day 3: the mail a; that day no mail went out
          expected at the end of day 5: before the step m; it stood before q
          expected on day 7: to leave for goal; it left on day 6: stopped end
          not expected: the mail a on day 2
          not expected: the mail b on day 2
          what came: day 2: a; day 2: b; day 6: left for stopped end
        ");
    }
}
