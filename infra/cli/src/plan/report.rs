//! A plan in words.

use std::fmt;

use super::difference::{Change, Field};
use super::leads::{Flow, Leads};
use super::{Plan, Touched, short};
use crate::shown::{counted, moment};

/// How many leads that would newly be ready are listed.
const LISTED: usize = 20;
/// How many lines a table of cells has at most.
const LINES: usize = 16;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.live {
            Some(live) => {
                let since = moment(live.since, &self.zone);
                writeln!(f, "live      {}  since {since}, by {}: {}", short(&live.version), live.by, live.why)?;
            }
            None => writeln!(f, "live      nothing yet")?,
        }
        writeln!(f, "wanted    {}  {}", short(&self.version), self.from)?;
        if !self.pending {
            writeln!(f, "\nNothing to apply: what is live says the same.")?;
            if self.files.iter().any(|file| file.how != Touched::Same) {
                writeln!(f, "(The files differ in comments or layout only.)")?;
            }
            return Ok(());
        }
        writeln!(f, "\nFiles")?;
        for file in self.files.iter().filter(|file| file.how != Touched::Same) {
            writeln!(f, "  {} {}", file.how.sign(), file.name)?;
        }
        if !self.differences.is_empty() {
            writeln!(f, "\nRules")?;
        }
        let mut file = "";
        for difference in &self.differences {
            if difference.file != file {
                file = difference.file;
                writeln!(f, "  {file}")?;
            }
            let what = &difference.what;
            match &difference.change {
                Change::Added(_) if let Some(brief) = &difference.brief => writeln!(f, "    + {what}: {brief}")?,
                Change::Added(said) => {
                    writeln!(f, "    + {what}")?;
                    said.iter().try_for_each(|(name, said)| writeln!(f, "        {}{said}", label(name)))?;
                }
                Change::Removed => writeln!(f, "    - {what}")?,
                Change::Reordered => writeln!(f, "    ~ {what} (the first that fits counts)")?,
                Change::Changed(fields) => {
                    writeln!(f, "    ~ {what}")?;
                    fields.iter().try_for_each(|field| writeln!(f, "        {field}"))?;
                }
            }
        }
        if let Some(leads) = &self.leads {
            write!(f, "\n{leads}")?;
            let of_sample = if leads.folded < leads.count { ", of the sample" } else { "" };
            if !leads.entering.is_empty() {
                writeln!(f, "\nScenarios that take in leads as they stand{of_sample}")?;
            }
            leads.entering.iter().try_for_each(|enters| writeln!(f, "{enters}"))?;
        }
        if !self.under_way.is_empty() {
            writeln!(f, "\nUnder way in scenarios that differ")?;
        }
        self.under_way.iter().try_for_each(|scenario| write!(f, "{scenario}"))?;
        Ok(())
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = label(&self.name);
        match (&self.from, &self.to) {
            (Some(from), Some(to)) => write!(f, "{name}{from} → {to}"),
            (Some(from), None) => write!(f, "{name}without {from}"),
            (None, Some(to)) => write!(f, "{name}with {to}"),
            (None, None) => Ok(()),
        }
    }
}

fn label(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!("{name}: ") }
}

impl fmt::Display for Leads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.folded < self.count {
            writeln!(f, "Leads: a sample of {} of {}, folded by both", self.folded, self.count)?;
        } else {
            writeln!(f, "Leads: {}, folded by both", self.count)?;
        }
        if self.unreadable > 0 {
            writeln!(f, "  {} cannot be read, and nothing is said of them", counted(self.unreadable, "log", "logs"))?;
        }
        if self.cells.is_empty() && self.stages.is_empty() {
            return writeln!(f, "  none changes its cell or its stage");
        }
        table(f, "cell", &self.cells)?;
        table(f, "stage", &self.stages)?;
        if self.newly_ready == 0 {
            return writeln!(f, "\nNobody would newly be ready for sales.");
        }
        writeln!(f, "\nNewly ready for sales: {}", counted(self.newly_ready, "lead", "leads"))?;
        for lead in self.ready.iter().take(LISTED) {
            let who: Vec<&str> = [&lead.name, &lead.company].into_iter().flatten().map(String::as_str).collect();
            let who = if who.is_empty() { "no name known".to_owned() } else { who.join(", ") };
            let cells = [&lead.from, &lead.to].map(|cell| cell.as_deref().unwrap_or("none"));
            writeln!(f, "  {}  {} → {}  interest {:>4.0}  {who}", lead.id, cells[0], cells[1], lead.interest)?;
        }
        match self.newly_ready.saturating_sub(LISTED) {
            0 => {}
            more => writeln!(f, "  and {more} more; --json lists all")?,
        }
        writeln!(f, "Sales would get one mail for each owner, without those it was alerted to lately.")
    }
}

fn table(f: &mut fmt::Formatter<'_>, what: &str, flows: &[Flow]) -> fmt::Result {
    let sum: usize = flows.iter().map(|flow| flow.leads).sum();
    if sum == 0 {
        return writeln!(f, "  none changes its {what}");
    }
    let verb = if sum == 1 { "changes its" } else { "change their" };
    writeln!(f, "  {} {verb} {what}", counted(sum, "lead", "leads"))?;
    for flow in flows.iter().take(LINES) {
        writeln!(f, "    {:>6}  {} → {}", flow.leads, flow.from, flow.to)?;
    }
    let more: usize = flows.iter().skip(LINES).map(|flow| flow.leads).sum();
    if more > 0 { writeln!(f, "    {more:>6}  between other cells") } else { Ok(()) }
}
