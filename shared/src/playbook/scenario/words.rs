//! What a scenario says, in the words of somebody who tells it to a colleague.

use super::{
    Again, AskStep, DateAttribute, InSales, Late, ScenarioWindow, SeriesStep, Share, Step, Trigger, UnderWay, WaitDateStep,
    WaitUntilStep, Way, Who, WhoseZone,
};
use crate::condition::or;
use crate::id::MailId;
use crate::mail::words::stage;
use crate::playbook::Language::{self, En, Ja};
use crate::playbook::Playbook;
use crate::playbook::mailing::Day;

/// Tells a scenario of this playbook in this language.
#[derive(Debug, Clone, Copy)]
pub struct Words<'p> {
    /// The playbook, for the subjects of mails and the hours of the window.
    pub playbook: &'p Playbook,
    /// The language.
    pub language: Language,
}

/// A way on from a step: what it is for, and the steps on it.
pub type WayOn<'s> = (String, &'s [Step]);

impl Words<'_> {
    fn pick(&self, en: impl Into<String>, ja: impl Into<String>) -> String {
        match self.language {
            En => en.into(),
            Ja => ja.into(),
        }
    }

    /// What lets a lead in.
    #[must_use]
    pub fn trigger(&self, trigger: &Trigger) -> String {
        let any = |words: &[String]| or(words, self.language);
        match trigger {
            Trigger::Form(class) => {
                self.pick(format!("when a lead sends a form of class {class}"), format!("{class} のフォームを送信したとき"))
            }
            Trigger::FormNamed(form) => {
                self.pick(format!("when a lead sends the form {form}"), format!("フォーム {form} を送信したとき"))
            }
            Trigger::Track(event) => self.pick(format!("when a lead does \"{event}\""), format!("「{event}」をしたとき")),
            Trigger::Stage(stages) => {
                let words: Vec<String> = stages
                    .iter()
                    .map(|one| match self.language {
                        En => one.as_str().to_owned(),
                        Ja => stage(*one, Ja).to_owned(),
                    })
                    .collect();
                self.pick(format!("when a lead comes to stage {}", any(&words)), format!("ステージが{}になったとき", any(&words)))
            }
            Trigger::Cell(cells) => {
                let words: Vec<String> = cells.iter().map(ToString::to_string).collect();
                self.pick(format!("when a lead comes into cell {}", any(&words)), format!("セルが{}になったとき", any(&words)))
            }
            Trigger::Segment(name) => {
                self.pick(format!("when a lead comes into the segment {name}"), format!("セグメント {name} に入ったとき"))
            }
            Trigger::Date(date) => self.date(date),
            Trigger::ByHand => self.pick("only by hand, with michi enroll", "手動で登録したときだけ（michi enroll）"),
        }
    }

    /// Whom a state means; none where only new ones are meant, as usual.
    #[must_use]
    pub fn who(&self, who: Who) -> Option<String> {
        match who {
            Who::New => None,
            Who::Existing => Some(self.pick(
                "Only those are meant who are in it when the scenario goes live.",
                "対象は、公開した時点ですでに当てはまる相手だけです。",
            )),
            Who::Both => Some(self.pick(
                "Those are meant, too, who are in it when the scenario goes live.",
                "公開した時点ですでに当てはまる相手も対象です。",
            )),
        }
    }

    /// Whether a lead may enter again.
    #[must_use]
    pub fn again(&self, again: Again) -> String {
        match again {
            Again::Never => self.pick("never", "なし（一度だけ）"),
            Again::Always => self.pick("each time", "毎回"),
            Again::After(span) => {
                let span = span.words(self.language);
                self.pick(format!("{span} after it left, at the earliest"), format!("終わってから{span}後に可能"))
            }
        }
    }

    /// What becomes of a lead that sales takes in hand; none if it stays.
    #[must_use]
    pub fn in_sales(&self, in_sales: InSales) -> Option<String> {
        (in_sales == InSales::Leave)
            .then(|| self.pick("sales takes the lead in hand, or wants no more of it", "営業が担当した、または対象外になった"))
    }

    /// What becomes of leads under way when a changed version goes live.
    #[must_use]
    pub fn under_way(&self, under_way: UnderWay) -> String {
        match under_way {
            UnderWay::Move => self.pick(
                "leads under way go on by the new version from the step where they are; where that is gone, they leave",
                "途中の相手は、今いるステップから新しい版で続けます。そのステップがなくなっていれば、終わります",
            ),
            UnderWay::Stay => {
                self.pick("leads under way go on by the version they entered", "途中の相手は、入ったときの版で続けます")
            }
            UnderWay::Drain => self.pick(
                "leads under way go on by the version they entered, and nobody enters any more",
                "途中の相手は、入ったときの版で続けます。新たに入ることはできません",
            ),
        }
    }

    /// When its mails and notices go out.
    #[must_use]
    pub fn window(&self, window: Option<&ScenarioWindow>) -> String {
        let usual = &self.playbook.setup.mail.window;
        let zone = String::from(self.playbook.setup.time_zone.clone());
        let (days, from, to) = window.map_or((&usual.days, usual.from, usual.to), |own| (&own.days, own.from, own.to));
        let days = self.days(days);
        let whose = match window.map(|window| window.zone) {
            Some(WhoseZone::Lead) => self.pick("by the lead's own clock", "相手の現地時間"),
            Some(WhoseZone::Company) | None => zone,
        };
        let hours = self.pick(
            format!("{days}, {from}:00 to {to}:00, {whose}, without holidays"),
            format!("{days}の{from}時から{to}時まで（{whose}、休業日を除く）"),
        );
        match window {
            Some(_) => hours,
            None => self.pick(
                format!("marketing mail in the playbook's hours: {hours}"),
                format!("マーケティングメールはプレイブックの配信時間：{hours}"),
            ),
        }
    }

    fn days(&self, days: &[Day]) -> String {
        const WEEK: [Day; 7] = [Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri, Day::Sat, Day::Sun];
        let numbers: Vec<usize> = (0..7).filter(|n| WEEK.get(*n).is_some_and(|day| days.contains(day))).collect();
        let name = |n: &usize| {
            let en = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
            let ja = ["月曜", "火曜", "水曜", "木曜", "金曜", "土曜", "日曜"];
            self.pick(en.get(*n).copied().unwrap_or_default(), ja.get(*n).copied().unwrap_or_default())
        };
        match numbers.as_slice() {
            [_, _, _, _, _, _, _] => self.pick("every day", "毎日"),
            [first, .., last] if last - first == numbers.len() - 1 && numbers.len() > 2 => {
                self.pick(format!("{} to {}", name(first), name(last)), format!("{}から{}", name(first), name(last)))
            }
            numbers => {
                let names: Vec<String> = numbers.iter().map(name).collect();
                self.pick(names.join(", "), names.join("・"))
            }
        }
    }

    fn date(&self, date: &DateAttribute) -> String {
        let DateAttribute { attribute, offset, hour } = date;
        match offset {
            Some(offset) => {
                let offset = offset.words(self.language);
                self.pick(
                    format!("{offset} the date in {attribute}, at {hour}:00"),
                    format!("属性 {attribute} の日付の{offset}、{hour}時"),
                )
            }
            None => self.pick(format!("on the date in {attribute}, at {hour}:00"), format!("属性 {attribute} の日付、{hour}時")),
        }
    }

    /// What a step does, without what happens on its ways.
    #[must_use]
    pub fn step(&self, step: &Step) -> String {
        match step {
            Step::Mail(step) => {
                let mail = self.mail(&step.send);
                self.pick(format!("Send the mail {mail}."), format!("メール {mail}を送る。")) + &self.late(step.late)
            }
            Step::Wait(step) => {
                let span = step.span.words(self.language);
                self.pick(format!("Wait {span}."), format!("{span}待つ。"))
            }
            Step::WaitUntil(WaitUntilStep { days, hour, .. }) => {
                let days = self.days(days);
                self.pick(format!("Wait until {days}, {hour}:00."), format!("{days}の{hour}時まで待つ。"))
            }
            Step::WaitDate(WaitDateStep { date, .. }) => {
                let date = self.date(date);
                self.pick(
                    format!("Wait until this moment: {date}. If there is no such date, or it has passed, go on at once."),
                    format!("次の時まで待つ：{date}。日付がないか過ぎている場合は、すぐに進む。"),
                )
            }
            Step::WaitFor(step) => {
                let (did, within) = (step.did.words(self.language), step.within.words(self.language));
                self.pick(format!("Wait for this, {within} at most: {did}."), format!("次のことを、最長{within}待つ：{did}。"))
            }
            Step::Branch(_) => self.pick("Take the first way that fits:", "最初に当てはまる道に進む："),
            Step::Split(_) => self.pick(
                "Part the leads by shares; the same lead always takes the same way:",
                "割合で分ける（同じ相手はいつも同じ道に進む）：",
            ),
            Step::Series(SeriesStep { mails, every, late, .. }) => {
                let every = every.words(self.language);
                let mails: Vec<String> = mails.iter().map(|mail| self.mail(mail)).collect();
                self.pick(
                    format!("Send each of these that the lead has not had yet, {every} apart: {}.", mails.join("; ")),
                    format!(
                        "まだ届いていないものを、{every}おきに順に送る：{}。",
                        mails.iter().map(|mail| mail.trim_end()).collect::<Vec<_>>().join("、")
                    ),
                ) + &self.late(*late)
            }
            Step::Ask(AskStep { send, question, attribute, within, late, .. }) => {
                let (mail, within) = (self.mail(send), within.words(self.language));
                let question = question.in_language(self.language);
                self.pick(
                    format!(
                        "Ask \"{question}\" in the mail {mail}, and keep the answer as {attribute}. Wait for it {within} at most."
                    ),
                    format!("メール {mail}で「{question}」と質問し、回答を属性 {attribute} に保存する。最長{within}待つ。"),
                ) + &self.late(*late)
            }
            Step::Set(step) if step.to.is_empty() => {
                self.pick(format!("Take away what {} is.", step.attribute), format!("属性 {} を空にする。", step.attribute))
            }
            Step::Set(step) => self.pick(
                format!("Set {} to \"{}\".", step.attribute, step.to),
                format!("属性 {} を「{}」にする。", step.attribute, step.to),
            ),
            Step::Notify(step) => {
                let say = step.say.in_language(self.language);
                self.pick(format!("Tell the lead's salesperson: \"{say}\"."), format!("担当営業に知らせる：「{say}」。"))
                    + &self.late(step.late)
            }
            Step::Stop(_) => self.pick("End here.", "ここで終わる。"),
            Step::GoTo(step) => self.pick(format!("Go on at [{}].", step.step), format!("[{}] に進む。", step.step)),
        }
    }

    /// The ways on from a step, each with what it is for.
    #[must_use]
    pub fn ways<'s>(&self, step: &'s Step) -> Vec<WayOn<'s>> {
        let otherwise = |steps: &'s [Step], en: &str, ja: &str| (self.pick(en, ja), steps);
        match step {
            Step::WaitFor(step) => vec![
                otherwise(&step.then, "when it comes", "あった場合"),
                otherwise(&step.otherwise, "when it does not come", "なかった場合"),
            ],
            Step::Branch(step) => {
                let way = |way: &'s Way| (self.way(way), &*way.steps);
                let rest = otherwise(&step.otherwise, "in all other cases", "どれにも当てはまらない場合");
                step.ways.iter().map(way).chain([rest]).collect()
            }
            Step::Split(step) => {
                let all: u32 = step.ways.iter().map(|way| way.share).sum();
                let way = |way: &'s Share| {
                    let part = f64::from(way.share) * 100.0 / f64::from(all.max(1));
                    (self.pick(format!("{}, {part:.0}%", way.id), format!("{}（{part:.0}％）", way.id)), &*way.steps)
                };
                step.ways.iter().map(way).collect()
            }
            Step::Ask(step) => {
                let answers = step.answers.iter().map(|answer| {
                    let text = answer.text.in_language(self.language);
                    (self.pick(format!("{}, \"{text}\"", answer.id), format!("{}「{text}」", answer.id)), &*answer.steps)
                });
                answers.chain([otherwise(&step.otherwise, "when no answer comes", "回答がない場合")]).collect()
            }
            Step::Mail(_)
            | Step::Wait(_)
            | Step::WaitUntil(_)
            | Step::WaitDate(_)
            | Step::Series(_)
            | Step::Set(_)
            | Step::Notify(_)
            | Step::Stop(_)
            | Step::GoTo(_) => vec![],
        }
    }

    fn way(&self, way: &Way) -> String {
        let when = way.when.words(self.language);
        self.pick(format!("{}, if {when}", way.id), format!("{}（{when}）", way.id))
    }

    fn late(&self, late: Late) -> String {
        match late {
            Late::Do => String::new(),
            Late::NextWindow => self.pick(
                " If it comes late, then when the window opens the next time.",
                "遅れた場合は、次に配信時間になったときに行う。",
            ),
            Late::Skip => self.pick(" If it comes late, leave it out.", "遅れた場合は、行わない。"),
        }
    }

    /// A mail by its name, with its subject where that is the same for every reader.
    fn mail(&self, id: &MailId) -> String {
        let subject = self.playbook.mail(id).and_then(|mail| mail.version(self.language)?.1.subjects.first());
        match subject.filter(|subject| !subject.contains(['{', '}'])) {
            Some(subject) => self.pick(format!("{id} (\"{subject}\")"), format!("{id}「{subject}」")),
            // In Japanese a particle follows, with a blank after Latin letters.
            None => self.pick(id.as_str(), format!("{id} ")),
        }
    }
}
