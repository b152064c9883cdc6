//! `michi explain`: a scenario or a segment in plain words.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use michi::id::{RuleId, ScenarioId};
use michi::playbook::explain::{self, Explained};
use michi::playbook::{Language, Playbook};
use unicode_width::UnicodeWidthStr as _;

use crate::draft::Spoken;
use crate::plan::{Candidate, folder};
use crate::{named, shown};

/// What `michi explain` takes.
#[derive(Debug, Clone, clap::Args)]
pub struct ExplainArgs {
    /// A scenario or a segment, by its name in the playbook; without one, all are listed
    #[arg(value_name = "SCENARIO|SEGMENT")]
    pub name: Option<String>,
    /// The language [default: the playbook's]
    #[arg(long, value_enum, value_name = "LANGUAGE")]
    pub language: Option<Spoken>,
    /// The folder of the playbook [default: ./playbook if there is one, else the current folder]
    #[arg(long, value_name = "DIR")]
    pub playbook: Option<PathBuf>,
    /// As JSON: fields are added, never renamed
    #[arg(long)]
    pub json: bool,
}

/// Runs `michi explain`.
///
/// # Errors
/// As [`show`].
pub fn run(args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    shown::run(async |out| show(args, out).map(|()| ExitCode::SUCCESS))
}

/// Writes what a scenario or a segment says; without a name, what each is in a line.
///
/// # Errors
/// Says what is wrong with the playbook, or that it has nothing of that name.
pub fn show(args: &ExplainArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let playbook = Candidate::load(&folder(args.playbook.as_deref()))?.playbook;
    let language = args.language.map_or(playbook.setup.language, Spoken::language);
    let found = match &args.name {
        Some(name) => meant(&playbook, name, language)?,
        None => all(&playbook, language),
    };
    if args.json {
        return match (found.as_slice(), &args.name) {
            ([one], Some(_)) => shown::json(one, out),
            (several, _) => shown::json(&several, out),
        };
    }
    for (number, one) in found.iter().enumerate() {
        if number > 0 {
            writeln!(out)?;
        }
        if args.name.is_some() { whole(one, language, out)? } else { brief(one, out)? }
    }
    Ok(())
}

/// What has this name; a scenario and a segment may share it.
fn meant(playbook: &Playbook, name: &str, language: Language) -> anyhow::Result<Vec<Explained>> {
    let scenario = ScenarioId::parse(name).ok().and_then(|id| explain::scenario(playbook, &id, language));
    let segment = RuleId::parse(name).ok().and_then(|id| explain::segment(playbook, &id, language));
    let found: Vec<Explained> = scenario.into_iter().chain(segment).collect();
    if found.is_empty() {
        let scenarios = playbook.scenarios.keys().map(ScenarioId::as_str);
        let names = scenarios.chain(playbook.segments.keys().map(RuleId::as_str));
        return Err(named::unknown("scenario and no segment", name, names));
    }
    Ok(found)
}

fn all(playbook: &Playbook, language: Language) -> Vec<Explained> {
    let scenarios = playbook.scenarios.keys().filter_map(|id| explain::scenario(playbook, id, language));
    scenarios.chain(playbook.segments.keys().filter_map(|id| explain::segment(playbook, id, language))).collect()
}

/// The title, and what lets a lead in.
fn brief(one: &Explained, out: &mut dyn Write) -> anyhow::Result<()> {
    Ok(writeln!(out, "{}\n  {}", one.title, one.brief)?)
}

fn whole(one: &Explained, language: Language, out: &mut dyn Write) -> anyhow::Result<()> {
    let (colon, mark) = match language {
        Language::En => (": ", "- "),
        Language::Ja => ("：", "・"),
    };
    writeln!(out, "{}\n", one.title)?;
    let widest = one.facts.iter().map(|fact| fact.about.width()).max().unwrap_or_default();
    for fact in &one.facts {
        let about = format!("{}{colon}{}", fact.about, " ".repeat(widest - fact.about.width()));
        let several = fact.says.len() > 1;
        for (number, says) in fact.says.iter().enumerate() {
            let before = if number == 0 { about.clone() } else { " ".repeat(about.width()) };
            writeln!(out, "{before}{}{says}", if several { mark } else { "" })?;
        }
    }
    writeln!(out)?;
    for line in &one.lines {
        let indent = "  ".repeat(line.depth);
        match &line.step {
            Some(id) => writeln!(out, "{indent}{mark}{} [{id}]", line.text)?,
            None => writeln!(out, "{indent}{}", line.text)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use michi::playbook::authoring;

    use super::*;

    /// What is said of something in the default playbook.
    fn said(command: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        for file in authoring::default_files() {
            let path = dir.path().join(&file.name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, file.bytes).unwrap();
        }
        let args = |name: &str, language, json| ExplainArgs {
            name: (!name.is_empty()).then(|| name.to_owned()),
            language,
            playbook: Some(dir.path().to_owned()),
            json,
        };
        let mut words = command.split(' ');
        let name = words.next().unwrap();
        let (language, json) = words.fold((None, false), |(language, json), word| match word {
            "ja" => (Some(Spoken::Ja), json),
            "en" => (Some(Spoken::En), json),
            "json" => (language, true),
            other => panic!("{other}"),
        });
        let mut out = Vec::new();
        match show(&args(name, language, json), &mut out) {
            Ok(()) => String::from_utf8(out).unwrap(),
            Err(error) => format!("{error:#}"),
        }
    }

    #[test]
    fn the_starter_scenarios_are_told_in_english() {
        insta::assert_snapshot!(said("after-white-paper"), @r#"
        After a white paper (scenario after-white-paper)

        Begins:     when a lead sends a form of class white-paper
        For:        grade A, B, C or D and not phase deciding
        Goal:       phase deciding or sent a form of class inquiry within 90 days; whoever reaches it leaves, and is counted as won
        Ends early: - excluded: not grade A, B, C or D
                    - the lead wants no marketing mail, or none may be sent to it
                    - sales takes the lead in hand, or wants no more of it
        Again:      180 days after it left, at the earliest
        Sends:      marketing mail in the playbook's hours: Mon to Fri, 8:00 to 19:00, Asia/Tokyo, without holidays
        On an edit: leads under way go on by the new version from the step where they are; where that is gone, they leave

        - Wait 2 days. [time-to-read]
        - Send the mail three-questions ("Three questions to settle before you compare"). [three-questions]
        - Wait 7 days. [a-week]
        - Ask "Where do you stand?" in the mail how-far ("One question, one click"), and keep the answer as how_far. Wait for it 14 days at most. [how-far]
          exploring, "We are finding out what there is": go on
          comparing, "We are comparing offers": go on
          ready, "I would like to talk to somebody":
            - Tell the lead's salesperson: "Would like to talk to somebody". [wants-to-talk]
            - End here. [with-sales]
          when no answer comes: go on
        - Wait 14 days. [two-weeks]
        - Send the mail making-the-case ("How to win your colleagues over, on one page"). [making-the-case]
        "#);
        insta::assert_snapshot!(said("wake-the-quiet"), @r#"
        Waking the quiet (scenario wake-the-quiet)

        Begins:     when a lead comes into the segment quiet
        Goal:       saw any page within 30 days or sent a form of class inquiry within 30 days; whoever reaches it leaves, and is counted as won
        Ends early: - the lead wants no marketing mail, or none may be sent to it
                    - sales takes the lead in hand, or wants no more of it
        Again:      never
        Sends:      marketing mail in the playbook's hours: Mon to Fri, 8:00 to 19:00, Asia/Tokyo, without holidays
        On an edit: leads under way go on by the new version from the step where they are; where that is gone, they leave

        - Send each of these that the lead has not had yet, 21 days apart: still-of-use ("Is this still on your list?"); one-idea ("One idea for a quarter of an hour"); shall-we-stop ("Shall we stop writing?"). [letters]
        - Take the first way that fits: [worth-a-call]
          excellent-fit, if grade A:
            - Tell the lead's salesperson: "Suits us very well, and has not answered three letters; perhaps a call". [perhaps-a-call]
          in all other cases: go on
        "#);
    }

    #[test]
    fn the_starter_scenarios_are_told_in_japanese() {
        insta::assert_snapshot!(said("after-white-paper ja"), @r"
        資料請求のあと（シナリオ after-white-paper）

        きっかけ：        white-paper のフォームを送信したとき
        対象：            グレードがA、B、C、Dのどれか、かつ検討段階が「導入判断」ではない
        目標：            検討段階が「導入判断」、または90日以内に inquiry のフォームを送信した（達成した相手は、そこで終わります）
        途中で終わる条件：・excluded：グレードがA、B、C、Dのどれかではない
                          ・配信停止、または送信できない相手になった
                          ・営業が担当した、または対象外になった
        再び入る：        終わってから180日後に可能
        配信時間：        マーケティングメールはプレイブックの配信時間：月曜から金曜の8時から19時まで（Asia/Tokyo、休業日を除く）
        変更したとき：    途中の相手は、今いるステップから新しい版で続けます。そのステップがなくなっていれば、終わります

        ・2日待つ。 [time-to-read]
        ・メール three-questions「比較を始める前に、決めておきたい3つのこと」を送る。 [three-questions]
        ・7日待つ。 [a-week]
        ・メール how-far「一つだけ、お聞かせください（1クリックで終わります）」で「ご検討の状況をお聞かせください」と質問し、回答を属性 how_far に保存する。最長14日待つ。 [how-far]
          exploring「情報を集めています」：次に進む
          comparing「いくつかを比較しています」：次に進む
          ready「担当者の話を聞きたい」：
            ・担当営業に知らせる：「担当者の話を聞きたいとの回答がありました」。 [wants-to-talk]
            ・ここで終わる。 [with-sales]
          回答がない場合：次に進む
        ・14日待つ。 [two-weeks]
        ・メール making-the-case「社内の合意を得るための「1枚の資料」の作り方」を送る。 [making-the-case]
        ");
        insta::assert_snapshot!(said("wake-the-quiet ja"), @r"
        休眠リードの掘り起こし（シナリオ wake-the-quiet）

        きっかけ：        セグメント quiet に入ったとき
        目標：            30日以内にページを閲覧した、または30日以内に inquiry のフォームを送信した（達成した相手は、そこで終わります）
        途中で終わる条件：・配信停止、または送信できない相手になった
                          ・営業が担当した、または対象外になった
        再び入る：        なし（一度だけ）
        配信時間：        マーケティングメールはプレイブックの配信時間：月曜から金曜の8時から19時まで（Asia/Tokyo、休業日を除く）
        変更したとき：    途中の相手は、今いるステップから新しい版で続けます。そのステップがなくなっていれば、終わります

        ・まだ届いていないものを、21日おきに順に送る：still-of-use「その後、ご検討はいかがですか」、one-idea「15分でできる「やらなくてよかった仕事」の見つけ方」、shall-we-stop「メールの配信を続けてもよろしいでしょうか」。 [letters]
        ・最初に当てはまる道に進む： [worth-a-call]
          excellent-fit（グレードがA）：
            ・担当営業に知らせる：「適合度はとても高いのですが、3通のメールに反応がありません。お電話をご検討ください」。 [perhaps-a-call]
          どれにも当てはまらない場合：次に進む
        ");
    }

    #[test]
    fn a_segment_is_told_with_those_it_asks_for() {
        insta::assert_snapshot!(said("moving-now"), @r"
        segment moving-now

        In it: every lead for which this holds, as long as it holds

        all of these:
          surging
          at least one of these:
            in segment price-checking:
              saw a pricing page at least 2 times within 14 days
            in segment returning:
              saw any page at least 5 times within 14 days
          not stage sal, sql, customer, advocate or disqualified
        ");
        insta::assert_snapshot!(said("quiet ja"), @r"
        セグメント quiet

        含まれる相手：次の条件を満たす相手（満たしている間だけ）
        使用箇所：    シナリオ wake-the-quiet

        次のすべて：
          グレードがA、B、Cのどれか
          ページを閲覧した
          「90日以内にページを閲覧した」に当てはまらない
          「90日以内にメールのリンクをクリックした」に当てはまらない
          ステージが「営業への引き渡し（MQL）」、「営業が受領（SAL）」、「商談中（SQL）」、「顧客」、「推奨者」、「対象外」のどれかではない
        ");
    }

    #[test]
    fn without_a_name_all_are_listed() {
        insta::assert_snapshot!(said(""), @r"
        After a white paper (scenario after-white-paper)
          when a lead sends a form of class white-paper

        Waking the quiet (scenario wake-the-quiet)
          when a lead comes into the segment quiet

        segment moving-now
          surging and (in segment price-checking or in segment returning) and not stage sal, sql, customer, advocate or disqualified

        segment price-checking
          saw a pricing page at least 2 times within 14 days

        segment quiet
          grade A, B or C and saw any page and not saw any page within 90 days and not clicked a link in a mail within 90 days and not stage mql, sal, sql, customer, advocate or disqualified

        segment returning
          saw any page at least 5 times within 14 days

        segment to-nurture
          grade A or B and level 3 or 4
        ");
    }

    #[test]
    fn a_name_that_there_is_not_is_refused_with_the_one_that_was_meant() {
        assert_eq!(
            said("wake-the-quite"),
            "no scenario and no segment is called \"wake-the-quite\": did you mean \"wake-the-quiet\"?"
        );
    }

    #[test]
    fn programs_read_the_same_as_json() {
        let said: serde_json::Value = serde_json::from_str(&said("wake-the-quiet en json")).unwrap();
        assert_eq!(said["lines"][0]["step"], "letters");
        assert_eq!(said["facts"][0]["about"], "Begins");
        let all: serde_json::Value = serde_json::from_str(&self::said(" json")).unwrap();
        assert_eq!(all.as_array().unwrap().len(), 7);
    }
}
