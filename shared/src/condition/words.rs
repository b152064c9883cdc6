//! What a condition asks, in words for whoever runs michi.

use std::fmt;

use super::{AddressTest, AttributeTest, Condition, Did, What};
use crate::lead::Phase;
use crate::mail::words::phase;
use crate::playbook::Language;
use crate::playbook::span::Span;

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(parts) => joined(parts, "and", f),
            Self::Any(parts) => joined(parts, "or", f),
            Self::Not(part) => write!(f, "not {}", Part(part)),
            Self::Attribute(test) => test.fmt(f),
            Self::Address(AddressTest::Business(true)) => f.write_str("address at a company"),
            Self::Address(AddressTest::Business(false)) => f.write_str("private mailbox"),
            Self::Address(AddressTest::Domain(domains)) => write!(f, "address under {}", listed(domains, "or")),
            Self::Did(did) => did.fmt(f),
            Self::Stage(stages) => write!(f, "stage {}", listed(stages, "or")),
            Self::Cell(cells) => write!(f, "cell {}", listed(cells, "or")),
            Self::Grade(grades) => write!(f, "grade {}", listed(grades, "or")),
            Self::Level(levels) => write!(f, "level {}", listed(levels, "or")),
            Self::Phase(phases) => {
                let words: Vec<&str> = phases.iter().map(|one: &Phase| phase(*one, Language::En)).collect();
                write!(f, "phase {}", listed(&words, "or"))
            }
            Self::Segment(name) => write!(f, "in segment {name}"),
            Self::Surging(true) => f.write_str("surging"),
            Self::Surging(false) => f.write_str("not surging"),
        }
    }
}

/// A condition within another: in brackets where it would read otherwise without them.
struct Part<'a>(&'a Condition);

impl fmt::Display for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Condition::All(parts) | Condition::Any(parts) if parts.len() > 1 => write!(f, "({})", self.0),
            other => other.fmt(f),
        }
    }
}

fn joined(parts: &[Condition], by: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (place, part) in parts.iter().enumerate() {
        if place > 0 {
            write!(f, " {by} ")?;
        }
        match parts.len() {
            1 => write!(f, "{part}")?,
            _ => write!(f, "{}", Part(part))?,
        }
    }
    Ok(())
}

impl fmt::Display for AttributeTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |words: &[String]| words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>();
        let mut tests = Vec::new();
        if !self.any_of.is_empty() {
            tests.push(format!("is {}", listed(&quoted(&self.any_of), "or")));
        }
        if !self.contains.is_empty() {
            tests.push(format!("has {}", listed(&quoted(&self.contains), "or")));
        }
        tests.extend(self.at_least.map(|least| format!("is at least {least}")));
        tests.extend(self.at_most.map(|most| format!("is at most {most}")));
        if tests.is_empty() {
            tests.push("is known".to_owned());
        }
        write!(f, "{} {}", self.name, listed(&tests, "and"))
    }
}

impl fmt::Display for Did {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.what.fmt(f)?;
        if self.times > 1 {
            write!(f, " at least {} times", self.times)?;
        }
        match self.within {
            Some(within) => write!(f, " within {}", span(within)),
            None => Ok(()),
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Page(class) => write!(f, "saw a {class} page"),
            Self::PlainPage => f.write_str("saw a page of no class"),
            Self::AnyPage => f.write_str("saw any page"),
            Self::Form(class) => write!(f, "sent a form of class {class}"),
            Self::FormNamed(form) => write!(f, "sent the form {form}"),
            Self::Download => f.write_str("downloaded a file"),
            Self::Click => f.write_str("clicked a watched link"),
            Self::Track(event) => write!(f, "did \"{event}\""),
            Self::MailOpened => f.write_str("opened a mail"),
            Self::MailClicked => f.write_str("clicked a link in a mail"),
            Self::EventAttended => f.write_str("came to an event"),
            Self::CallMade => f.write_str("spoke with us"),
            Self::CardExchanged => f.write_str("handed over a business card"),
            Self::Visited => f.write_str("visited us, or was visited"),
        }
    }
}

/// `a, b or c`.
fn listed(words: &[impl fmt::Display], by: &str) -> String {
    let words: Vec<String> = words.iter().map(ToString::to_string).collect();
    match words.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} {by} {last}", before.join(", ")),
        _ => words.concat(),
    }
}

fn span(span: Span) -> String {
    let minutes = span.duration().as_mins();
    let (count, unit) = match minutes {
        m if m % (24 * 60) == 0 => (m / (24 * 60), "day"),
        m if m % 60 == 0 => (m / 60, "hour"),
        m => (m, "minute"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_says_what_it_asks() {
        let check = |json: &str, wanted: &str| {
            assert_eq!(serde_json::from_str::<Condition>(json).unwrap().to_string(), wanted);
        };
        check(r#"{"all":[{"grade":["A","B"]},{"level":[3,4]}]}"#, "grade A or B and level 3 or 4");
        check(
            r#"{"all":[{"surging":true},{"any":[{"segment":"warm"},{"segment":"back"}]},{"not":{"stage":["sal","sql","customer"]}}]}"#,
            "surging and (in segment warm or in segment back) and not stage sal, sql or customer",
        );
        check(
            r#"{"did":{"what":{"page":"pricing"},"times":2,"within":"14d"}}"#,
            "saw a pricing page at least 2 times within 14 days",
        );
        check(r#"{"did":{"what":"any_page","within":"1h"}}"#, "saw any page within 1 hour");
        check(r#"{"attribute":{"name":"role","contains":["部長","director"]}}"#, "role has \"部長\" or \"director\"");
        check(
            r#"{"attribute":{"name":"employees","at_least":50,"at_most":2000}}"#,
            "employees is at least 50 and is at most 2000",
        );
        check(r#"{"attribute":{"name":"phone"}}"#, "phone is known");
        check(
            r#"{"any":[{"address":{"business":false}},{"address":{"domain":["a.example"]}}]}"#,
            "private mailbox or address under a.example",
        );
        check(r#"{"not":{"all":[{"phase":["deciding"]},{"cell":["A1"]}]}}"#, "not (phase deciding and cell A1)");
    }
}
