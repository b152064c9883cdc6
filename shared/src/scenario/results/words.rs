//! What each figure is called and means.

use super::Figure;
use crate::mail::broadcast::Unsent;
use crate::mail::gate::Deferral;
use crate::mail::told;
use crate::playbook::Language::{self, En, Ja};
use crate::scenario::Skip;

/// A figure as it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Defined {
    /// Its name for programs and on the command line.
    pub key: &'static str,
    /// Its name for people, in English and Japanese.
    pub name: [&'static str; 2],
    /// What it means, in both.
    pub means: [&'static str; 2],
}

const fn defined(key: &'static str, name: [&'static str; 2], means: [&'static str; 2]) -> Defined {
    Defined { key, name, means }
}

/// Every figure with its definition, in the order in which they are shown.
pub const DEFINED: [Defined; 31] = [
    defined(
        "entered",
        ["entered", "開始"],
        ["runs that began; who enters anew is counted anew", "シナリオに入った回数（再び入った場合は改めて数えます）"],
    ),
    defined("under-way", ["under way", "進行中"], ["of them, those that have not ended", "そのうち、まだ終わっていないもの"]),
    defined(
        "goal",
        ["reached the goal", "目標達成"],
        ["of them, those that ended since the goal held", "そのうち、目標を達成して終わったもの"],
    ),
    defined(
        "mql",
        ["became ready for sales", "営業へ引き渡し"],
        ["of them, those during which the lead moved to the stage mql", "期間中にリードがMQLになったもの"],
    ),
    defined("left", ["left", "終了"], ["of them, those that ended for another reason", "そのうち、目標以外の理由で終わったもの"]),
    defined("reached", ["reached", "到達"], ["runs that have come to the step", "ステップに到達したもの"]),
    defined("waiting", ["waiting", "待機中"], ["of them, those that stand at it now", "そのうち、現在ここで待っているもの"]),
    defined("done", ["done", "実行済み"], ["of them, those for which it was done", "そのうち、実行されたもの"]),
    defined(
        "way",
        ["took the way", "分岐"],
        ["of them, those that took this way or gave this answer", "そのうち、この道に進んだもの、またはこの回答をしたもの"],
    ),
    defined(
        "came",
        ["came", "行動あり"],
        ["of them, those whose lead did what was waited for", "そのうち、待っていた行動があったもの"],
    ),
    defined(
        "otherwise",
        ["otherwise", "該当なし"],
        [
            "of them, those for which no way fitted, or nothing came in time",
            "そのうち、どの道にも当てはまらない、または期限までに何もなかったもの",
        ],
    ),
    defined(
        "no-date",
        ["no date", "日付なし"],
        ["of them, those without the date that was to be waited for", "そのうち、待つべき日付がなかったもの"],
    ),
    defined(
        "past-date",
        ["past date", "日付経過"],
        ["of them, those whose date had passed", "そのうち、日付がすでに過ぎていたもの"],
    ),
    defined(
        "exhausted",
        ["had all", "全通終了"],
        ["of them, those that have had all mails of the series", "そのうち、連続メールをすべて終えたもの"],
    ),
    defined(
        "skipped",
        ["skipped", "省略"],
        ["of them, those for which the step was left out", "そのうち、ステップが省かれたもの"],
    ),
    defined(
        "left-here",
        ["left here", "ここで終了"],
        ["of them, those that ended before the step was done", "そのうち、このステップの実行前に終わったもの"],
    ),
    defined(
        "owed",
        ["owed", "作成"],
        ["letters that the step owed, in the version and with the subject that it chose", "ステップが作成したメールの数"],
    ),
    defined("pending", ["waiting to be sent", "送信待ち"], ["of them, those not sent yet", "そのうち、まだ送られていないもの"]),
    defined(
        "put-off",
        ["put off", "延期"],
        [
            "of the letters owed, those that the gate has put off at least once, by each reason it gave",
            "作成されたメールのうち、送信条件により一度でも延期されたもの（理由ごと）",
        ],
    ),
    defined(
        "unknown",
        ["unknown", "確認中"],
        ["of the owed, those that may have been sent: SES did not answer, and proof is awaited", "送信されたか確認中のもの"],
    ),
    defined(
        "sent",
        ["sent", "送信"],
        ["of the owed, those taken by SES, or shown to have been sent", "作成のうち、送信されたもの"],
    ),
    defined(
        "unsent",
        ["never sent", "送信中止"],
        ["of the owed, those that will never be sent", "作成のうち、送られないことになったもの"],
    ),
    defined("held", ["held", "保留"], ["of the owed, those a person must look at", "作成のうち、担当者の確認が必要なもの"]),
    defined(
        "gone",
        ["gone", "記録なし"],
        ["of the owed, those that are there no more, and nothing says that they were sent", "作成のうち、記録が残っていないもの"],
    ),
    defined(
        "delivered",
        ["delivered", "配信済み"],
        ["of the sent, those taken by the reader's mail server", "送信のうち、相手のメールサーバーに届いたもの"],
    ),
    defined("bounced", ["bounced", "不達"], ["of the sent, those that came back", "送信のうち、届かなかったもの"]),
    defined(
        "complained",
        ["called spam", "迷惑メール報告"],
        ["of the sent, those that their reader called spam", "送信のうち、迷惑メールと報告されたもの"],
    ),
    defined(
        "opened",
        ["opened", "開封"],
        [
            "of the sent, those whose picture was fetched, and nothing hints at a machine; a hint, no measure",
            "送信のうち、開封されたもの（機械によるものを除く。目安です）",
        ],
    ),
    defined(
        "clicked",
        ["clicked", "クリック"],
        [
            "of the sent, those of which a link was followed, and nothing hints at a machine",
            "送信のうち、リンクがクリックされたもの（機械によるものを除く）",
        ],
    ),
    defined(
        "unsubscribed",
        ["unsubscribed", "配信停止"],
        [
            "of the sent, those by which the reader chose to get no more mail, or none of its topic",
            "送信のうち、このメールから配信停止されたもの",
        ],
    ),
    defined(
        "won",
        ["goal afterwards", "その後の目標達成"],
        ["of the sent, those whose run reached the goal afterwards", "送信のうち、その後に目標を達成したもの"],
    ),
];

impl Figure {
    /// What it is called and means.
    #[must_use]
    pub fn defined(&self) -> &'static Defined {
        let [
            entered,
            under_way,
            goal,
            mql,
            left,
            reached,
            waiting,
            done,
            way,
            came,
            otherwise,
            no_date,
            past_date,
            exhausted,
            skipped,
            left_here,
            owed,
            pending,
            put_off,
            unknown,
            sent,
            unsent,
            held,
            gone,
            delivered,
            bounced,
            complained,
            opened,
            clicked,
            unsubscribed,
            won,
        ] = &DEFINED;
        match self {
            Self::Entered => entered,
            Self::UnderWay => under_way,
            Self::Goal => goal,
            Self::Mql => mql,
            Self::Left(_) => left,
            Self::Reached => reached,
            Self::Waiting => waiting,
            Self::Done => done,
            Self::Way(_) => way,
            Self::Came => came,
            Self::Otherwise => otherwise,
            Self::NoDate => no_date,
            Self::PastDate => past_date,
            Self::Exhausted => exhausted,
            Self::Skipped(_) => skipped,
            Self::LeftHere => left_here,
            Self::Owed => owed,
            Self::Pending => pending,
            Self::PutOff(_) => put_off,
            Self::Unknown => unknown,
            Self::Sent => sent,
            Self::Unsent(_) => unsent,
            Self::Held => held,
            Self::Gone => gone,
            Self::Delivered => delivered,
            Self::Bounced => bounced,
            Self::Complained => complained,
            Self::Opened => opened,
            Self::Clicked => clicked,
            Self::Unsubscribed => unsubscribed,
            Self::Won => won,
        }
    }

    /// Its reason for programs and on the command line; empty: it has none.
    #[must_use]
    pub fn why(&self) -> String {
        fn written(why: &impl serde::Serialize) -> String {
            match serde_json::to_value(why) {
                Ok(serde_json::Value::String(name)) => name,
                Ok(serde_json::Value::Object(named)) => {
                    let named = named.into_iter().next();
                    named.map(|(name, of)| format!("{name}:{}", of.as_str().unwrap_or_default())).unwrap_or_default()
                }
                _ => String::new(),
            }
        }
        match self {
            Self::Left(why) => written(why),
            Self::Way(way) => way.to_string(),
            Self::Skipped(why) => written(why),
            Self::PutOff(why) => written(why),
            Self::Unsent(why) => written(why),
            _ => String::new(),
        }
    }

    /// Its reason for people; empty: it has none.
    #[must_use]
    pub fn reason(&self, language: Language) -> String {
        match self {
            Self::Left(why) => why.words(language),
            Self::Way(way) => way.to_string(),
            Self::Skipped(why) => skip(*why, language).to_owned(),
            Self::PutOff(why) => put_off(*why, language).to_owned(),
            Self::Unsent(why) => unsent(*why, language).to_owned(),
            _ => String::new(),
        }
    }
}

impl Defined {
    /// Its name for people.
    #[must_use]
    pub fn name(&self, language: Language) -> &'static str {
        let [en, ja] = self.name;
        pick(language, en, ja)
    }

    /// What it means.
    #[must_use]
    pub fn means(&self, language: Language) -> &'static str {
        let [en, ja] = self.means;
        pick(language, en, ja)
    }
}

fn pick(language: Language, en: &'static str, ja: &'static str) -> &'static str {
    match language {
        En => en,
        Ja => ja,
    }
}

fn skip(why: Skip, language: Language) -> &'static str {
    let (en, ja) = match why {
        Skip::Late => ("it came late", "時機を逸したため"),
        Skip::Had => ("the lead had had the mail already", "送信済みのメールのため"),
        Skip::NoMail => ("the mail could not be made", "メールを作成できないため"),
        Skip::NoOwner => ("there is nobody to tell", "担当者がいないため"),
    };
    pick(language, en, ja)
}

fn put_off(why: Deferral, language: Language) -> &'static str {
    let ja = match why {
        Deferral::InSales => "営業が対応中",
        Deferral::Cap => "配信数の上限に到達",
        Deferral::Window => "配信時間外",
        Deferral::Paused => "配信を一時停止中（不達が多いため）",
        Deferral::Pacing => "送信速度の上限に到達",
        Deferral::Trouble => "不具合があり、担当者の対応が必要",
    };
    pick(language, told::deferral(why), ja)
}

fn unsent(why: Unsent, language: Language) -> &'static str {
    let ja = match why {
        Unsent::Suppressed => "送信禁止（不達または迷惑メール報告）",
        Unsent::OptedOut => "配信停止済み",
        Unsent::NoConsent => "同意などの根拠がない",
        Unsent::Unwanted => "このテーマを希望していない",
        Unsent::InSales => "営業が対応中",
        Unsent::NoAddress => "アドレス不明",
        Unsent::LeadGone => "リードが存在しない",
        Unsent::Merged => "別のリードへ統合済み",
        Unsent::Unmade => "メールを作成できない",
        Unsent::TooLate => "期限切れ",
        Unsent::Cancelled => "取り消し",
        Unsent::BySes => "SESが拒否",
        Unsent::GivenUp => "手動で中止",
    };
    pick(language, why.words(), ja)
}
