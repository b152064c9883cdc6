//! What somebody who posts to the page wants, and what it changes: pure.

use std::collections::BTreeSet;

use michi::activity::{Kind, OptOut};
use michi::consent::Permissions;
use michi::id::{MessageId, TopicId};
use michi::playbook::mailing::Topic;

use crate::body::Fields;

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wish {
    /// No more marketing mail.
    NoMail(OptOut),
    /// Mail again.
    MailAgain,
    /// These switches, as the page showed them.
    Switches {
        /// The topics that are wanted; none: the page showed no topics.
        topics: Option<BTreeSet<String>>,
        /// Opens may be seen.
        opens: bool,
        /// Clicks may be seen.
        clicks: bool,
    },
}

impl Wish {
    /// Reads a form; none: it is none that the page or RFC 8058 knows.
    pub(crate) fn of(fields: &Fields) -> Option<Self> {
        if fields.says("List-Unsubscribe", "One-Click") {
            return Some(Self::NoMail(OptOut::OneClick));
        }
        match fields.all("choice").collect::<Vec<_>>()[..] {
            ["none"] => Some(Self::NoMail(OptOut::Page)),
            ["again"] => Some(Self::MailAgain),
            ["save"] => Some(Self::Switches {
                topics: fields.says("topics", "shown").then(|| fields.all("topic").map(str::to_owned).collect()),
                opens: fields.says("opens", "yes"),
                clicks: fields.says("clicks", "yes"),
            }),
            _ => None,
        }
    }

    /// What changes by it; nothing if all is so already. Nothing brings mail back to an address that it may not go to.
    pub(crate) fn against(&self, now: &Permissions, topics: &[Topic], message: &MessageId) -> Vec<Kind> {
        let chosen = |topic: Option<TopicId>, wanted: bool, by: OptOut| Kind::MailChosen {
            topic,
            wanted,
            by,
            message: Some(message.clone()),
        };
        match self {
            Self::NoMail(by) if now.opted_out.is_none() => vec![chosen(None, false, *by)],
            Self::MailAgain if now.opted_out.is_some() && now.suppressed.is_none() => vec![chosen(None, true, OptOut::Page)],
            Self::NoMail(_) | Self::MailAgain => vec![],
            Self::Switches { topics: wanted, opens, clicks } => {
                let turned = topics.iter().filter_map(|topic| {
                    let wants = wanted.as_ref()?.contains(topic.id.as_str());
                    (wants != now.wants(Some(&topic.id))).then(|| chosen(Some(topic.id.clone()), wants, OptOut::Page))
                });
                let tracking = (*opens == now.no_opens || *clicks == now.no_clicks)
                    .then_some(Kind::TrackingChosen { opens: *opens, clicks: *clicks });
                turned.chain(tracking).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{HeaderMap, header};
    use michi::consent::{SuppressedBy, Suppression};
    use michi::playbook::Text;

    use super::*;

    async fn wish(body: &str) -> Option<Wish> {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, "application/x-www-form-urlencoded".parse().unwrap())]);
        Wish::of(&Fields::of(&headers, Body::from(body.to_owned())).await.unwrap())
    }

    fn topics() -> Vec<Topic> {
        ["news", "events"]
            .map(|id| Topic { id: TopicId::parse(id).unwrap(), name: Text { en: id.to_owned(), ja: id.to_owned() } })
            .to_vec()
    }

    #[tokio::test]
    async fn only_what_the_page_or_the_standard_knows_is_a_wish() {
        assert_eq!(wish("List-Unsubscribe=One-Click").await, Some(Wish::NoMail(OptOut::OneClick)));
        assert_eq!(wish("choice=none").await, Some(Wish::NoMail(OptOut::Page)));
        assert_eq!(wish("choice=again").await, Some(Wish::MailAgain));
        let switches = |topics, opens, clicks| Some(Wish::Switches { topics, opens, clicks });
        assert_eq!(wish("choice=save").await, switches(None, false, false));
        let both = BTreeSet::from(["events".to_owned(), "news".to_owned()]);
        assert_eq!(wish("choice=save&topics=shown&topic=news&topic=events&opens=yes").await, switches(Some(both), true, false));
        for other in [
            "",
            "list-unsubscribe=one-click",
            "List-Unsubscribe=Two-Click",
            "List-Unsubscribe",
            "choice=",
            "choice=None",
            "choice=none&choice=again",
            "unsubscribe=1",
        ] {
            assert_eq!(wish(other).await, None, "{other}");
        }
    }

    #[test]
    fn a_wish_changes_what_is_not_so_already() {
        let (message, at) = (MessageId::derive(&["m"]), "2026-11-22T05:00:00Z".parse().unwrap());
        let against = |wish: Wish, now: &Permissions| wish.against(now, &topics(), &message);
        let chosen = |topic: Option<&str>, wanted, by| Kind::MailChosen {
            topic: topic.map(|topic| TopicId::parse(topic).unwrap()),
            wanted,
            by,
            message: Some(message.clone()),
        };
        let nobody = Permissions::default();
        let out = Permissions { opted_out: Some(at), ..nobody.clone() };
        let one_click = Wish::NoMail(OptOut::OneClick);
        assert_eq!(against(one_click.clone(), &nobody), [chosen(None, false, OptOut::OneClick)]);
        assert_eq!(against(one_click, &out), []);
        assert_eq!(against(Wish::MailAgain, &out), [chosen(None, true, OptOut::Page)]);
        let suppressed = Suppression { why: SuppressedBy::Complaint, at };
        assert_eq!(against(Wish::MailAgain, &Permissions { suppressed: Some(suppressed), ..out }), []);

        let save = |topics: Option<&[&str]>, opens, clicks| Wish::Switches {
            topics: topics.map(|topics| topics.iter().map(|topic| (*topic).to_owned()).collect()),
            opens,
            clicks,
        };
        assert_eq!(against(save(Some(&["news", "events"]), true, true), &nobody), []);
        assert_eq!(against(save(Some(&["news", "other"]), true, true), &nobody), [chosen(Some("events"), false, OptOut::Page)]);
        assert_eq!(against(save(None, true, true), &nobody), [], "the page showed no topics");
        let tracking = |opens, clicks| [Kind::TrackingChosen { opens, clicks }];
        assert_eq!(against(save(None, false, true), &nobody), tracking(false, true));
        let unseen = Permissions { no_opens: true, no_clicks: true, ..nobody };
        assert_eq!(against(save(None, false, false), &unseen), []);
        assert_eq!(against(save(None, true, false), &unseen), tracking(true, false));
    }
}
