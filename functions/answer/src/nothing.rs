//! What a link says that opens nothing, or nothing just now.

use askama::Template;

use crate::style::LEAD as STYLE;

/// A page that shows nothing of anybody, to people whose language is not known.
#[derive(Template)]
#[template(path = "nothing.html")]
pub(crate) struct Nothing {
    /// Language, heading, text.
    said: [(&'static str, &'static str, &'static str); 2],
}

impl Nothing {
    pub(crate) const NO_SUCH_PAGE: Self = Self {
        said: [
            (
                "en",
                "There is nothing here",
                "The link is not complete, or it has expired: a link to a lead works for 30 days. The newest alert about \
                 the lead has a fresh one.",
            ),
            (
                "ja",
                "ページがありません",
                "リンクが途切れているか、有効期限（30日）が過ぎています。最新のアラートのリンクをお使いください。",
            ),
        ],
    };
    pub(crate) const NO_SUCH_CHOICES: Self = Self {
        said: [
            (
                "en",
                "There is nothing here",
                "The link is not complete. Please open it from the mail itself, or answer the mail: whoever sent it will end it.",
            ),
            (
                "ja",
                "ページがありません",
                "リンクが途切れています。メールのリンクから直接開いていただくか、メールにご返信のうえ、配信停止をお申し付けください。",
            ),
        ],
    };
    pub(crate) const NO_SUCH_CONFIRMATION: Self = Self {
        said: [
            (
                "en",
                "There is nothing here",
                "The link is not complete, or it has expired: it works for 7 days. You can ask for our mail again on our site.",
            ),
            (
                "ja",
                "ページがありません",
                "リンクが途切れているか、有効期限（7日）が過ぎています。配信をご希望の場合は、サイトからもう一度お申し込みください。",
            ),
        ],
    };
    pub(crate) const NO_SUCH_QUESTION: Self = Self {
        said: [
            (
                "en",
                "This question is closed",
                "The link is not complete, or we keep no data about you any more. Nothing was changed, and there is nothing \
                 for you to do. If you would like to tell us something, please answer the mail.",
            ),
            (
                "ja",
                "このご質問は終了しました",
                "リンクが途切れているか、お客様の情報はすでに保存されておりません。変更は何も行われず、お手続きも不要です。お伝えになりたいことがございましたら、メールにご返信ください。",
            ),
        ],
    };
    pub(crate) const NO_SUCH_RESULTS: Self = Self {
        said: [
            (
                "en",
                "There is nothing here",
                "The link is not complete, or it has expired: it works for 30 days. \"michi results\" with --link makes a fresh one.",
            ),
            (
                "ja",
                "ページがありません",
                "リンクが途切れているか、有効期限（30日）が過ぎています。「michi results」の --link で新しいリンクを作成できます。",
            ),
        ],
    };
    pub(crate) const UNAVAILABLE: Self = Self {
        said: [
            ("en", "Not just now", "The page could not be put together. Please try again in a minute."),
            ("ja", "ただいま表示できません", "少し待ってから、もう一度お試しください。"),
        ],
    };
}
