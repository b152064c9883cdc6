//! The six questions.

use std::io::{BufRead, Write};

use anyhow::{Context, bail};
use michi::address::Address;
use michi::playbook::Language::{self, En, Ja};

use super::draft::Draft;

/// What is asked, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    Company,
    PostalAddress,
    Contact,
    SenderAddress,
    SellerName,
    SellerAddress,
}

const QUESTIONS: [Question; 6] = [
    Question::Company,
    Question::PostalAddress,
    Question::Contact,
    Question::SenderAddress,
    Question::SellerName,
    Question::SellerAddress,
];

impl Question {
    fn words(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::Company, En) => "Name of the company",
            (Self::Company, Ja) => "会社名",
            (Self::PostalAddress, En) => "Its postal address (it stands at the foot of every mail)",
            (Self::PostalAddress, Ja) => "会社の住所（すべてのメールの末尾に入ります）",
            (Self::Contact, En) => "How readers can reach it: a mail address, telephone number or page",
            (Self::Contact, Ja) => "読者からの連絡先（メールアドレス、電話番号、またはページ）",
            (Self::SenderAddress, En) => "Mail address from which michi sends",
            (Self::SenderAddress, Ja) => "メールの差出人アドレス",
            (Self::SellerName, En) => "Name of the salesperson who gets the leads",
            (Self::SellerName, Ja) => "リードを受け取る営業担当者の名前",
            (Self::SellerAddress, En) => "Mail address of the salesperson",
            (Self::SellerAddress, Ja) => "営業担当者のメールアドレス",
        }
    }

    /// What a good answer is.
    fn hint(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::Company | Self::PostalAddress | Self::Contact | Self::SellerName, En) => {
                "something on one line, of at most 500 characters, is needed"
            }
            (Self::Company | Self::PostalAddress | Self::Contact | Self::SellerName, Ja) => "1行、500文字以内で入力してください",
            (Self::SenderAddress, En) => "one mail address at a domain of the company is needed, as in news@example.com",
            (Self::SenderAddress, Ja) => "自社ドメインのメールアドレスを一つ入力してください（例：news@example.com）",
            (Self::SellerAddress, En) => "one mail address is needed, as in sales@example.com",
            (Self::SellerAddress, Ja) => "メールアドレスを一つ入力してください（例：sales@example.com）",
        }
    }

    /// What an empty answer means; nothing, where only the customer can know.
    fn default(self, draft: &Draft, language: Language) -> Option<String> {
        let domain = draft.domain.as_deref();
        let mailbox = |name: &str| domain.map(|domain| format!("{name}@{domain}"));
        match self {
            Self::Company => domain.and_then(|domain| domain.split('.').next()).map(titled),
            Self::PostalAddress => None,
            Self::Contact => mailbox("info"),
            Self::SenderAddress => mailbox("news"),
            Self::SellerName => Some(match language {
                En => "Sales team".to_owned(),
                Ja => "営業担当".to_owned(),
            }),
            Self::SellerAddress => mailbox("sales"),
        }
    }

    /// The draft with the answer in its place.
    fn put(self, draft: &Draft, answer: &str) -> anyhow::Result<Draft> {
        match self {
            Self::Company => draft.with(&[("company.name", answer), ("sender.name", answer)]),
            Self::PostalAddress => draft.with(&[("company.postal_address", answer)]),
            Self::Contact => draft.with(&[("company.contact", answer)]),
            Self::SenderAddress => Ok(draft.with(&[("sender.address", answer)])?.at_home(&Address::parse(answer)?)),
            Self::SellerName => draft.with(&[("owners.0.name", answer)]),
            Self::SellerAddress => draft.with(&[("owners.0.address", answer), ("owners.0.id", &id_of(answer))]),
        }
    }
}

/// Words as names are written: `acme-works` is Acme Works.
fn titled(label: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().collect::<String>() + letters.as_str()).unwrap_or_default()
    };
    label.split('-').map(word).collect::<Vec<_>>().join(" ")
}

/// A short name for whoever has a mail address: what stands before the @.
fn id_of(address: &str) -> String {
    let local = address.split('@').next().unwrap_or_default().to_lowercase();
    let id: String = local.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')).collect();
    if id.is_empty() { "sales".to_owned() } else { id }
}

/// Who asks, and reads the answers.
pub(super) struct Asker<'a, I> {
    pub(super) input: I,
    pub(super) out: &'a mut dyn Write,
    /// Somebody sits there and can answer once more.
    pub(super) patient: bool,
    pub(super) language: Language,
}

impl<I: BufRead> Asker<'_, I> {
    /// Asks everything and puts the answers into the draft.
    pub(super) fn ask(&mut self, draft: Draft) -> anyhow::Result<Draft> {
        QUESTIONS.iter().try_fold(draft, |draft, question| self.one(*question, &draft))
    }

    fn one(&mut self, question: Question, draft: &Draft) -> anyhow::Result<Draft> {
        let (words, hint) = (question.words(self.language), question.hint(self.language));
        let default = question.default(draft, self.language);
        loop {
            match &default {
                Some(default) => write!(self.out, "{words} [{default}]: ")?,
                None => write!(self.out, "{words}: ")?,
            }
            self.out.flush()?;
            let mut line = String::new();
            let ended = self.input.read_line(&mut line).context("the answer cannot be read")? == 0;
            let given = line.trim();
            if ended && self.patient {
                bail!("stopped; nothing was written");
            }
            let answer = if given.is_empty() { default.as_deref().unwrap_or_default() } else { given };
            match question.put(draft, answer) {
                Ok(draft) => {
                    if !self.patient {
                        // Nobody's return key ends the line of the question.
                        writeln!(self.out)?;
                    }
                    return Ok(draft);
                }
                Err(_) if self.patient => writeln!(self.out, "  {hint}")?,
                Err(_) if ended => bail!("the input ended before an answer to \"{words}\"; nothing was written: {hint}"),
                Err(_) => bail!("\"{given}\" is no answer to \"{words}\"; nothing was written: {hint}"),
            }
        }
    }
}
