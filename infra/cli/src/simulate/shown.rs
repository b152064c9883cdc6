//! How a simulation is shown.

use std::collections::BTreeMap;
use std::io::{self, Write};

use jiff::ToSpan as _;
use jiff::civil::Date;
use michi::fold::fold;
use michi::id::ScenarioId;
use michi::playbook::Language::En;
use michi::scenario::simulate::{Assume, Course, Delays, Hold, Letter};
use serde_json::json;

use super::Simulated;
use crate::shown::{self, Table, counted};

/// The width of the longest bar.
const BAR: u64 = 40;
/// More days than this are shown week by week.
const DAYS: usize = 45;
/// So many leads are shown letter by letter.
const FEW: usize = 10;

impl Simulated<'_> {
    pub(super) fn json(&self, out: &mut dyn Write) -> anyhow::Result<()> {
        let letter = |(course, letter): (&Course, &Letter)| {
            json!({
                "lead": course.lead, "scenario": letter.scenario, "step": letter.step, "mail": letter.mail,
                "owed": letter.owed, "sent": letter.sent, "held": letter.held,
            })
        };
        let letters: Vec<_> = self.letters().map(letter).collect();
        let (begin, days) = (self.simulation.begin, self.simulation.days);
        let value = json!({
            "begin": begin, "days": days, "playbook": self.simulation.version, "scenario": self.simulation.only,
            "people": self.people, "assume": self.assumed(), "agreed": self.simulation.agreed,
            "report": self.report, "letters": letters,
        });
        shown::json(&value, out)
    }

    pub(super) fn csv(&self, out: &mut dyn Write) -> anyhow::Result<()> {
        let mut table = Table::new(&["lead", "email", "scenario", "step", "mail", "owed", "sent", "held by"]);
        for course in self.courses.iter().filter(|course| !course.letters.is_empty()) {
            let address = self.address(course);
            for letter in &course.letters {
                let sent = letter.sent.map(|sent| sent.to_string()).unwrap_or_default();
                let held = letter.held.keys().map(|hold| said(*hold)).collect::<Vec<_>>().join("; ");
                let (lead, owed) = (course.lead.to_string(), letter.owed.to_string());
                let (scenario, step, mail) = (letter.scenario.to_string(), letter.step.to_string(), letter.mail.to_string());
                table.row([lead, address.clone(), scenario, step, mail, owed, sent, held]);
            }
        }
        Ok(table.csv(out)?)
    }

    pub(super) fn text(&self, out: &mut dyn Write) -> anyhow::Result<()> {
        self.assumptions(out)?;
        let report = &self.report;
        for scenario in report.entered.keys().chain(report.kept_out.keys()).collect::<std::collections::BTreeSet<_>>() {
            self.scenario(scenario, out)?;
        }
        let sent: u64 = report.days.values().sum();
        let (waiting, never) = (report.waiting, report.unsent);
        writeln!(out, "\nletters: {sent} sent, {waiting} still waiting at the end, {never} that would never go out")?;
        for (mail, letters) in &report.mails {
            writeln!(out, "  {letters:>7}  {mail}")?;
        }
        for (hold, Delays { letters, longest_hours }) in &report.held {
            let held = counted(*letters, "letter", "letters");
            match hold {
                Hold::NotAllowed => writeln!(out, "  {held} to leads that have not agreed, or want no such mail")?,
                Hold::TakenBack => writeln!(out, "  {held} taken back, since the lead left the scenario before")?,
                hold => writeln!(out, "  {held} held back by {}, for {} at most", said(*hold), lasting(*longest_hours))?,
            }
        }
        chart(&report.days, out)?;
        if self.courses.len() <= FEW {
            self.letter_by_letter(out)?;
        }
        Ok(())
    }

    fn assumptions(&self, out: &mut dyn Write) -> io::Result<()> {
        let simulation = self.simulation;
        let zone = simulation.playbook.setup.time_zone.get();
        let name = simulation.only.as_ref().map_or("all scenarios", ScenarioId::as_str);
        writeln!(
            out,
            "{name}: {} from {} on; {}",
            counted(simulation.days as usize, "day", "days"),
            shown::moment(simulation.begin, zone),
            self.people
        )?;
        writeln!(out, "  each enters at the beginning as if it met the trigger then, or on its date; {}", self.assumed())?;
        if simulation.agreed {
            writeln!(out, "  all are taken as having agreed to mail")?;
        }
        writeln!(out, "  nothing is written, and nothing is sent")
    }

    fn assumed(&self) -> String {
        match self.simulation.assume {
            Assume::Best => "people open, click, give the first answer and do what is waited for".to_owned(),
            Assume::Nothing => "people do nothing".to_owned(),
            Assume::History(rates) => {
                let per_cent = |rate: f64| format!("{:.0} %", rate * 100.0);
                format!(
                    "people do what they did so far: {} of letters opened, {} clicked, {} of questions answered, {} of waits met",
                    per_cent(rates.opened),
                    per_cent(rates.clicked),
                    per_cent(rates.answered),
                    per_cent(rates.came)
                )
            }
        }
    }

    fn scenario(&self, scenario: &ScenarioId, out: &mut dyn Write) -> io::Result<()> {
        let report = &self.report;
        writeln!(out, "\n{scenario}: {} entered", report.entered.get(scenario).copied().unwrap_or_default())?;
        for (why, leads) in report.kept_out.get(scenario).into_iter().flatten() {
            writeln!(out, "  {leads:>7}  kept out: {why}")?;
        }
        for (why, leads) in report.left.get(scenario).into_iter().flatten() {
            writeln!(out, "  {leads:>7}  left: {}", why.words(En))?;
        }
        for (step, stuck) in report.under_way.get(scenario).into_iter().flatten() {
            let some = stuck.some.iter().filter_map(|lead| self.courses.iter().find(|course| course.lead == *lead));
            let some: Vec<String> = some.map(|course| self.address(course)).collect();
            let more = match stuck.leads.saturating_sub(some.len() as u64) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            writeln!(out, "  {:>7}  still under way at the end, at {step}: {}{more}", stuck.leads, some.join(", "))?;
        }
        if let Some(missed) = report.unreached.get(scenario) {
            writeln!(out, "  nobody came to: {}", missed.join(", "))?;
        }
        Ok(())
    }

    /// Who gets what when, for a few leads.
    fn letter_by_letter(&self, out: &mut dyn Write) -> anyhow::Result<()> {
        if self.letters().next().is_none() {
            return Ok(());
        }
        let zone = self.simulation.playbook.setup.time_zone.get();
        let mut table = Table::new(&["lead", " day", "sent", "mail", "scenario/step", "held by"]);
        for (course, letter) in self.letters() {
            let begin = zone.to_datetime(self.simulation.begin).date();
            let day = |sent: jiff::Timestamp| {
                let days = (zone.to_datetime(sent).date() - begin).get_days();
                days.to_string()
            };
            table.row([
                self.address(course),
                letter.sent.map(day).unwrap_or_default(),
                match letter.sent {
                    Some(sent) => shown::moment(sent, zone),
                    None if letter.waits(self.simulation.end()) => "waits".to_owned(),
                    None => "never".to_owned(),
                },
                letter.mail.to_string(),
                format!("{}/{}", letter.scenario, letter.step),
                letter.held.keys().map(|hold| said(*hold)).collect::<Vec<_>>().join(", "),
            ]);
        }
        writeln!(out)?;
        Ok(table.columns(out)?)
    }

    fn letters(&self) -> impl Iterator<Item = (&Course, &Letter)> {
        self.courses.iter().flat_map(|course| course.letters.iter().map(move |letter| (course, letter)))
    }

    fn address(&self, course: &Course) -> String {
        let lead = fold(self.simulation.playbook, &course.log, self.simulation.end());
        lead.attribute("email").map_or_else(|| course.lead.to_string(), str::to_owned)
    }
}

fn said(hold: Hold) -> &'static str {
    match hold {
        Hold::Cap => "the cap",
        Hold::Window => "the window",
        Hold::InSales => "sales",
        Hold::NotAllowed => "consent",
        Hold::TakenBack => "the end of its run",
    }
}

fn lasting(hours: i64) -> String {
    if hours < 48 { format!("{hours} h") } else { format!("{} days", hours / 24) }
}

/// Letters by day, or by week where there are many days.
fn chart(days: &BTreeMap<Date, u64>, out: &mut dyn Write) -> io::Result<()> {
    let weekly = days.len() > DAYS;
    let mut bars: BTreeMap<Date, u64> = BTreeMap::new();
    for (day, letters) in days {
        let back = if weekly { i64::from(day.weekday().to_monday_zero_offset()) } else { 0 };
        *bars.entry(day.checked_sub(back.days()).unwrap_or(*day)).or_default() += letters;
    }
    let Some(most) = bars.values().max().copied() else { return Ok(()) };
    writeln!(out, "\nletters a {}", if weekly { "week, by its Monday" } else { "day" })?;
    for (day, letters) in bars {
        let bar = "#".repeat(usize::try_from((letters * BAR).div_ceil(most)).unwrap_or_default());
        writeln!(out, "  {} {letters:>7} {bar}", day.strftime("%Y-%m-%d %a"))?;
    }
    Ok(())
}
