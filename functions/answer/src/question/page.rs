//! The page on which a question is answered.

use askama::Template;
use michi::id::WayId;
use michi::mail::letter::Question;
use michi::playbook::{Company, Language, Setup};

use crate::style::CHOICES as STYLE;

/// What the page shows.
#[derive(Debug, Template)]
#[template(path = "question.html")]
pub(crate) struct QuestionPage {
    words: &'static Words,
    company: Company,
    question: String,
    answers: Vec<Answer>,
    /// Whether the scenario is over for the reader.
    over: bool,
    notice: Option<Notice>,
}

#[derive(Debug)]
struct Answer {
    id: String,
    text: String,
    chosen: bool,
    given: bool,
}

/// What has just happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notice {
    /// The answer is kept.
    Kept,
    /// What was posted is none of the answers.
    NotUnderstood,
}

impl QuestionPage {
    pub(crate) fn new(
        setup: &Setup,
        language: Language,
        question: &Question,
        chosen: Option<&WayId>,
        given: Option<&WayId>,
        over: bool,
        notice: Option<Notice>,
    ) -> Self {
        let answers = question.answers.iter().map(|answer| Answer {
            id: answer.id.to_string(),
            text: answer.text.clone(),
            chosen: chosen == Some(&answer.id),
            given: given == Some(&answer.id),
        });
        Self {
            words: Words::of(language),
            company: setup.company.clone(),
            question: question.text.clone(),
            answers: answers.collect(),
            over,
            notice,
        }
    }

    fn headline(&self) -> &str {
        &self.question
    }

    fn is_given(&self) -> bool {
        self.answers.iter().any(|answer| answer.given)
    }
}

/// Every text of the page.
#[derive(Debug)]
struct Words {
    lang: &'static str,
    choose: &'static str,
    send: &'static str,
    change: &'static str,
    given: &'static str,
    kept: &'static str,
    not_understood: &'static str,
    over: &'static str,
    more: &'static str,
}

const EN: Words = Words {
    lang: "en",
    choose: "Your answer",
    send: "Send this answer",
    change: "Change my answer",
    given: "your answer so far",
    kept: "Thank you. Your answer is kept.",
    not_understood: "Nothing was changed. Please choose one of the answers on this page.",
    over: "This question was part of a series of mails that has ended. Your answer is still welcome, and we keep it for next time.",
    more: "We use your answer to send you what suits you. You can change it here at any time.",
};

const JA: Words = Words {
    lang: "ja",
    choose: "ご回答",
    send: "この内容で回答する",
    change: "回答を変更する",
    given: "現在のご回答",
    kept: "ご回答ありがとうございます。内容を保存しました。",
    not_understood: "変更は行われませんでした。このページの選択肢からお選びください。",
    over: "このご質問を含む一連のメールは配信を終了しております。ご回答は引き続き承り、今後のご案内の参考にいたします。",
    more: "ご回答は、お客様に合った内容をお送りするために利用します。いつでもこのページで変更できます。",
};

impl Words {
    fn of(language: Language) -> &'static Self {
        match language {
            Language::En => &EN,
            Language::Ja => &JA,
        }
    }
}
