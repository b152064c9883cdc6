//! What a condition asks, in words for whoever runs michi.

use std::fmt;

use super::{AddressTest, AttributeTest, Condition, Did, What};
use crate::lead::Phase;
use crate::mail::words::{phase, stage};
use crate::playbook::Language::{self, En, Ja};

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words(En))
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words(En))
    }
}

impl Condition {
    /// What it asks, on one line.
    #[must_use]
    pub fn words(&self, language: Language) -> String {
        match self {
            Self::All(parts) => joined(parts, language, [" and ", "、かつ"]),
            Self::Any(parts) => joined(parts, language, [" or ", "、または"]),
            Self::Not(part) => match language {
                En => format!("not {}", part.part(language)),
                Ja if part.is_state() => format!("{}ではない", part.words(language)),
                Ja => format!("「{}」に当てはまらない", part.words(language)),
            },
            Self::Attribute(test) => test.words(language),
            Self::Address(test) => test.words(language),
            Self::Did(did) => did.words(language),
            Self::Stage(stages) => match language {
                En => format!("stage {}", or(stages, language)),
                Ja => state(
                    ["stage", "ステージ"],
                    &stages.iter().map(|one| format!("「{}」", stage(*one, language))).collect::<Vec<_>>(),
                    language,
                ),
            },
            Self::Cell(cells) => state(["cell", "セル"], cells, language),
            Self::Grade(grades) => state(["grade", "グレード"], grades, language),
            Self::Level(levels) => state(["level", "レベル"], levels, language),
            Self::Phase(phases) => {
                let word = |one: &Phase| match language {
                    En => phase(*one, language).to_owned(),
                    Ja => format!("「{}」", phase(*one, language)),
                };
                state(["phase", "検討段階"], &phases.iter().map(word).collect::<Vec<_>>(), language)
            }
            Self::Segment(name) => match language {
                En => format!("in segment {name}"),
                Ja => format!("セグメント {name} に含まれる"),
            },
            Self::Surging(surging) => match (language, surging) {
                (En, true) => "surging".to_owned(),
                (En, false) => "not surging".to_owned(),
                (Ja, true) => "今まさに動いている".to_owned(),
                (Ja, false) => "今は動いていない".to_owned(),
            },
        }
    }

    /// The same within another condition: in brackets where it would read otherwise without them.
    fn part(&self, language: Language) -> String {
        match (self, language) {
            (Self::All(parts) | Self::Any(parts), En) if parts.len() > 1 => format!("({})", self.words(language)),
            (Self::All(parts) | Self::Any(parts), Ja) if parts.len() > 1 => format!("（{}）", self.words(language)),
            _ => self.words(language),
        }
    }

    /// Whether it says where a lead stands.
    fn is_state(&self) -> bool {
        matches!(self, Self::Stage(_) | Self::Cell(_) | Self::Grade(_) | Self::Level(_) | Self::Phase(_))
    }
}

fn joined(parts: &[Condition], language: Language, [en, ja]: [&str; 2]) -> String {
    let by = match language {
        En => en,
        Ja => ja,
    };
    match parts {
        [one] => one.words(language),
        parts => parts.iter().map(|part| part.part(language)).collect::<Vec<_>>().join(by),
    }
}

/// Where a lead stands, in one respect.
fn state([en, ja]: [&str; 2], values: &[impl fmt::Display], language: Language) -> String {
    match language {
        En => format!("{en} {}", or(values, language)),
        Ja => format!("{ja}が{}", or(values, language)),
    }
}

impl AddressTest {
    fn words(&self, language: Language) -> String {
        match (self, language) {
            (Self::Business(true), En) => "address at a company".to_owned(),
            (Self::Business(false), En) => "private mailbox".to_owned(),
            (Self::Domain(domains), En) => format!("address under {}", or(domains, language)),
            (Self::Business(true), Ja) => "会社のメールアドレスを使っている".to_owned(),
            (Self::Business(false), Ja) => "個人のメールアドレスを使っている".to_owned(),
            (Self::Domain(domains), Ja) => format!("メールアドレスが {} のもの", or(domains, language)),
        }
    }
}

impl AttributeTest {
    fn words(&self, language: Language) -> String {
        let any = |words: &[String]| {
            let quoted = |word: &String| match language {
                En => format!("\"{word}\""),
                Ja => format!("「{word}」"),
            };
            or(&words.iter().map(quoted).collect::<Vec<_>>(), language)
        };
        let name = &self.name;
        let mut tests = Vec::new();
        if !self.any_of.is_empty() {
            let values = any(&self.any_of);
            tests.push(match language {
                En => format!("is {values}"),
                Ja => values,
            });
        }
        if !self.contains.is_empty() {
            let words = any(&self.contains);
            tests.push(match language {
                En => format!("has {words}"),
                Ja => format!("{words}を含む"),
            });
        }
        tests.extend(self.at_least.map(|least| match language {
            En => format!("is at least {least}"),
            Ja => format!("{least}以上"),
        }));
        tests.extend(self.at_most.map(|most| match language {
            En => format!("is at most {most}"),
            Ja => format!("{most}以下"),
        }));
        match (language, tests.as_slice()) {
            (En, []) => format!("{name} is known"),
            (Ja, []) => format!("属性 {name} が分かっている"),
            (En, tests) => format!("{name} {}", listed(tests, "and")),
            (Ja, tests) => format!("属性 {name} が{}", tests.join("、かつ")),
        }
    }
}

impl Did {
    fn words(&self, language: Language) -> String {
        let what = self.what.words(language);
        let within = self.within.map(|within| within.words(language));
        match language {
            En => {
                let times = if self.times > 1 { format!(" at least {} times", self.times) } else { String::new() };
                format!("{what}{times}{}", within.map(|within| format!(" within {within}")).unwrap_or_default())
            }
            Ja => {
                // A blank parts Latin letters from what stands before them.
                let gap = if what.starts_with(|c: char| c.is_ascii()) { " " } else { "" };
                let within = within.map(|within| format!("{within}以内に")).unwrap_or_default();
                let within = if within.is_empty() || self.times > 1 { within } else { within + gap };
                if self.times > 1 { format!("{within}{}回以上、{what}", self.times) } else { format!("{within}{what}") }
            }
        }
    }
}

impl What {
    /// What was done, as in `saw a pricing page`.
    #[must_use]
    pub fn words(&self, language: Language) -> String {
        let said = match (self, language) {
            (Self::Page(class), En) => return format!("saw a {class} page"),
            (Self::Form(class), En) => return format!("sent a form of class {class}"),
            (Self::FormNamed(form), En) => return format!("sent the form {form}"),
            (Self::Track(event), En) => return format!("did \"{event}\""),
            (Self::Page(class), Ja) => return format!("{class} のページを閲覧した"),
            (Self::Form(class), Ja) => return format!("{class} のフォームを送信した"),
            (Self::FormNamed(form), Ja) => return format!("フォーム {form} を送信した"),
            (Self::Track(event), Ja) => return format!("「{event}」をした"),
            (Self::PlainPage, En) => "saw a page of no class",
            (Self::AnyPage, En) => "saw any page",
            (Self::Download, En) => "downloaded a file",
            (Self::Click, En) => "clicked a watched link",
            (Self::MailOpened, En) => "opened a mail",
            (Self::MailClicked, En) => "clicked a link in a mail",
            (Self::EventAttended, En) => "came to an event",
            (Self::CallMade, En) => "spoke with us",
            (Self::CardExchanged, En) => "handed over a business card",
            (Self::Visited, En) => "visited us, or was visited",
            (Self::PlainPage, Ja) => "分類のないページを閲覧した",
            (Self::AnyPage, Ja) => "ページを閲覧した",
            (Self::Download, Ja) => "ファイルをダウンロードした",
            (Self::Click, Ja) => "計測対象のリンクをクリックした",
            (Self::MailOpened, Ja) => "メールを開封した",
            (Self::MailClicked, Ja) => "メールのリンクをクリックした",
            (Self::EventAttended, Ja) => "イベントに参加した",
            (Self::CallMade, Ja) => "当社と電話で話した",
            (Self::CardExchanged, Ja) => "名刺を交換した",
            (Self::Visited, Ja) => "来訪した、または訪問を受けた",
        };
        said.to_owned()
    }
}

/// `a, b or c`.
pub(crate) fn or(words: &[impl fmt::Display], language: Language) -> String {
    match language {
        En => listed(words, "or"),
        Ja => {
            let words: Vec<String> = words.iter().map(ToString::to_string).collect();
            match words.as_slice() {
                [one, other] => format!("{one}か{other}"),
                [_, _, _, ..] => format!("{}のどれか", words.join("、")),
                _ => words.concat(),
            }
        }
    }
}

fn listed(words: &[impl fmt::Display], by: &str) -> String {
    let words: Vec<String> = words.iter().map(ToString::to_string).collect();
    match words.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} {by} {last}", before.join(", ")),
        _ => words.concat(),
    }
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

    #[test]
    fn a_condition_says_what_it_asks_in_japanese() {
        let check = |json: &str, wanted: &str| {
            assert_eq!(serde_json::from_str::<Condition>(json).unwrap().words(Ja), wanted);
        };
        check(
            r#"{"all":[{"grade":["A","B","C"]},{"any":[{"segment":"warm"},{"surging":true}]},{"not":{"stage":["sal","sql"]}}]}"#,
            "グレードがA、B、Cのどれか、かつ（セグメント warm に含まれる、または今まさに動いている）、かつステージが「営業が受領（SAL）」か「商談中（SQL）」ではない",
        );
        check(r#"{"did":{"what":{"page":"pricing"},"times":2,"within":"14d"}}"#, "14日以内に2回以上、pricing のページを閲覧した");
        check(r#"{"not":{"did":{"what":"any_page","within":"90d"}}}"#, "「90日以内にページを閲覧した」に当てはまらない");
        check(r#"{"attribute":{"name":"role","contains":["部長","director"]}}"#, "属性 role が「部長」か「director」を含む");
        check(r#"{"attribute":{"name":"employees","at_least":50,"at_most":2000}}"#, "属性 employees が50以上、かつ2000以下");
        check(
            r#"{"any":[{"address":{"business":false}},{"attribute":{"name":"phone"}},{"phase":["deciding"]}]}"#,
            "個人のメールアドレスを使っている、または属性 phone が分かっている、または検討段階が「導入判断」",
        );
    }
}
