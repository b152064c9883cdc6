//! The mail that tells sales of all leads which a changed playbook or a list made ready.

use askama::Template;
use jiff::Timestamp;
use minijinja::Value;

use super::{Composed, MAX_WORDS, Shown, Teller, Unfilled, to_sales};
use crate::id::LeadId;
use crate::mail::summary::{ReadyLine, Summary};
use crate::mail::template::Values;
use crate::mail::text::cleaned;
use crate::mail::words;
use crate::playbook::Language::{En, Ja};
use crate::playbook::mail::{Parts, Version};
use crate::playbook::{Language, Owner, Setup};

/// What a summary may show.
pub static SUMMARY: Shown = Shown { sure: &["heading", "cause", "reason", "count"], unsure: &[], blocks: &["leads"], urls: &[] };

/// Composes a summary for `owner`, with `url` leading to each lead's page; times are told as they are at `now`.
///
/// # Errors
/// [`Unfilled`] if a template cannot be filled in.
pub fn summary(
    (language, version): (Language, &Version),
    parts: &Parts,
    summary: &Summary,
    setup: &Setup,
    owner: &Owner,
    url: impl Fn(&LeadId) -> String,
    now: Timestamp,
) -> Result<Composed, Unfilled> {
    let teller = Teller { language, zone: setup.time_zone.get(), now };
    let view = teller.summary(summary, setup, owner, url);
    let said = Values::from([
        ("heading".to_owned(), Value::from(view.heading.clone())),
        ("cause".to_owned(), Value::from(view.cause)),
        ("reason".to_owned(), Value::from(view.reason.clone())),
        ("count".to_owned(), Value::from(summary.count)),
    ]);
    let text = [("leads", TextLeads { view: &view }.render()?), ("footer", TextNotes { view: &view }.render()?)];
    let html = [("leads", HtmlLeads { view: &view }.render()?), ("footer", HtmlNotes { view: &view }.render()?)];
    to_sales(version, parts, said, (text, html), &[], setup)
}

#[derive(Template)]
#[template(path = "mail/summary.txt", block = "leads")]
struct TextLeads<'v> {
    view: &'v View,
}

#[derive(Template)]
#[template(path = "mail/summary.txt", block = "notes")]
struct TextNotes<'v> {
    view: &'v View,
}

#[derive(Template)]
#[template(path = "mail/summary.html", block = "leads")]
struct HtmlLeads<'v> {
    view: &'v View,
}

#[derive(Template)]
#[template(path = "mail/summary.html", block = "notes")]
struct HtmlNotes<'v> {
    view: &'v View,
}

/// Everything the blocks show, in the reader's language. None of it is markup.
struct View {
    heading: String,
    cause: &'static str,
    reason: String,
    leads: Vec<Line>,
    /// Stands between a cell and the interest.
    between: &'static str,
    more: Option<String>,
    notes: Vec<String>,
}

struct Line {
    who: String,
    cell: Option<String>,
    interest: String,
    url: String,
}

impl Teller<'_> {
    fn summary(&self, summary: &Summary, setup: &Setup, owner: &Owner, url: impl Fn(&LeadId) -> String) -> View {
        let count = summary.count;
        let heading = match (self.language, count) {
            (En, 1) => "1 lead is newly ready for sales".to_owned(),
            (En, _) => format!("{count} leads are newly ready for sales"),
            (Ja, _) => format!("見込み客{count}件が新たに営業への引き渡し対象になりました"),
        };
        let more = count.saturating_sub(summary.leads.len());
        let company = cleaned(&setup.company.name, MAX_WORDS);
        let name = cleaned(&owner.name, MAX_WORDS);
        let zone = self.zone.iana_name().unwrap_or("UTC");
        View {
            cause: match summary.list {
                None => self.pick("the scoring rules were changed", "採点ルールの変更"),
                Some(_) => self.pick("a list was imported", "リストの取り込み"),
            },
            heading,
            reason: self.reason(summary),
            between: self.pick(" · ", "／"),
            leads: summary.leads.iter().map(|line| self.line(line, url(&line.lead))).collect(),
            more: match (self.language, more) {
                (_, 0) => None,
                (En, 1) => Some("And 1 more, which is worth less.".to_owned()),
                (En, _) => Some(format!("And {more} more, which are worth less.")),
                (Ja, _) => Some(format!("ほかに{more}件あります（関心スコアの高い順に表示）。")),
            },
            notes: vec![
                self.pick(
                    format!("Times are in {zone}. A lead that does something itself is told at once, in a mail of its own."),
                    format!("時刻は{zone}です。見込み客自身の行動があった場合は、個別の通知をすぐにお送りします。"),
                ),
                self.pick(
                    format!("{company}'s playbook names {name} for these leads."),
                    format!("{company}のプレイブックが{name}様をこれらの見込み客の担当に指定しています。"),
                ),
            ],
        }
    }

    /// Why they are ready: because the rules changed or a list came, and what was said of that.
    fn reason(&self, summary: &Summary) -> String {
        let when = words::when(summary.changed, self.now, self.zone, self.language);
        if let Some(list) = &summary.list {
            let who = summary.by.as_ref().map(|by| self.pick(format!(" by {by}"), format!("（担当：{by}）"))).unwrap_or_default();
            return self.pick(
                format!("The list “{list}” was imported {when}{who}. What it says makes these leads ready, the most interested first."),
                format!("リスト「{list}」が取り込まれました：{when}{who}。その内容によって対象になった見込み客です。関心の高い順に並べています。"),
            );
        }
        let who = summary.by.as_ref().map(|by| self.pick(format!(" by {by}"), format!("（変更者：{by}）"))).unwrap_or_default();
        let why = summary.why.as_ref().map(|why| self.pick(format!(": “{why}”"), format!("「{why}」"))).unwrap_or_default();
        self.pick(
            format!("The scoring rules were changed {when}{who}{why}. Nobody did anything new; by the new rules these leads are ready, the most interested first."),
            format!("採点ルールが変更されました：{when}{who}{why}。新しい行動があったわけではなく、新しいルールで対象になった見込み客です。関心の高い順に並べています。"),
        )
    }

    fn line(&self, line: &ReadyLine, url: String) -> Line {
        let who = match (&line.name, &line.company) {
            (Some(name), Some(company)) => self.pick(format!("{name}, {company}"), format!("{name} 様（{company}）")),
            (Some(name), None) => self.pick(name.to_string(), format!("{name} 様")),
            (None, Some(company)) => company.to_string(),
            (None, None) => self.pick("A lead without a name", "名前不明の見込み客").to_owned(),
        };
        let points = words::points(line.interest);
        Line {
            who,
            cell: line.cell.map(|cell| words::cell(cell, self.language)),
            interest: self.pick(format!("interest {points}"), format!("関心 {points}")),
            url,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{now, own, setup};
    use super::*;
    use crate::lead::Cell;
    use crate::mail::text::Plain;

    fn sample(count: usize) -> Summary {
        let line = |n: usize, name: Option<&str>, company: Option<&str>| ReadyLine {
            lead: LeadId::derive(&["lead", &n.to_string()]),
            name: name.and_then(Plain::of),
            company: company.and_then(Plain::of),
            cell: Cell::try_from("B2".to_owned()).ok(),
            interest: 40.0 + n as f64,
        };
        let leads = vec![line(0, None, None), line(1, Some("Ann Lee"), Some("R&D <Works>")), line(2, None, Some("星野工業"))];
        let (by, why) = (Plain::of("mika"), Plain::of("Pricing counts more"));
        Summary { at: now(), changed: now() - jiff::SignedDuration::from_hours(3), list: None, by, why, count, leads }.sorted()
    }

    fn composed(count: usize, language: Language) -> Composed {
        let (setup, (version, parts)) = (setup(), own("summary", language));
        let url = |lead: &LeadId| format!("https://m.example/view/{}", &lead.as_str()[..4]);
        summary(version, parts, &sample(count), &setup, &setup.owners[0], url, now()).unwrap()
    }

    #[test]
    fn a_summary_in_english() {
        let mail = composed(5, En);
        assert_eq!(mail.subject, "5 leads are newly ready for sales: the scoring rules were changed");
        insta::assert_snapshot!(mail.text);
    }

    #[test]
    fn a_summary_in_japanese() {
        let mail = composed(3, Ja);
        assert_eq!(mail.subject, "見込み客3件が新たに営業への引き渡し対象になりました（採点ルールの変更）");
        insta::assert_snapshot!(mail.text);
    }

    #[test]
    fn a_summary_of_a_list_names_it() {
        let (setup, list) = (setup(), Summary { list: Plain::of("expo.csv"), why: None, ..sample(5) });
        let said = |language| {
            let (version, parts) = own("summary", language);
            summary(version, parts, &list, &setup, &setup.owners[0], |_| String::new(), now()).unwrap()
        };
        let (english, japanese) = (said(En), said(Ja));
        assert_eq!(english.subject, "5 leads are newly ready for sales: a list was imported");
        assert!(
            english.text.contains("The list “expo.csv” was imported") && english.text.contains("by mika"),
            "{}",
            english.text
        );
        assert!(japanese.text.contains("リスト「expo.csv」が取り込まれました"), "{}", japanese.text);
    }

    #[test]
    fn html_says_the_same_and_holds_no_markup_from_outside() {
        let html = composed(5, En).html;
        for part in ["5 leads are newly ready", "And 2 more", "R&#38;D &#60;Works&#62;", "by mika", "interest 41", "wants it"] {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
        assert_eq!(html.matches("href=\"https://m.example/view/").count(), 3);
    }

    #[test]
    fn the_most_interested_are_listed_and_the_others_counted() {
        let mut many = sample(50);
        let line = many.leads[0].clone();
        many.leads = (0..50).map(|n| ReadyLine { interest: f64::from(n), ..line.clone() }).collect();
        let many = many.sorted();
        assert_eq!((many.leads.len(), many.leads[0].interest, many.count), (20, 49.0, 50));
    }
}
