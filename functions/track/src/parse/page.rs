//! `page` messages: a page was shown.

use std::collections::BTreeMap;

use michi::activity::{Kind, PageView};
use michi::id::{ActivityId, PageViewId};

use super::object::Object;
use crate::refusal::Refusal;

/// The activity that a `page` message tells.
///
/// # Errors
/// If it does not say which page.
pub(super) fn page(id: &ActivityId, message: Object<'_>) -> Result<Kind, Refusal> {
    let (properties, context) = (message.object("properties"), message.object("context"));
    let from_context = context.object("page");
    let either = |name: &str| properties.text(name).or_else(|| from_context.text(name));
    let url = either("url").or_else(|| either("path")).ok_or_else(|| Refusal::missing("url"))?;
    Ok(Kind::PageViewed(PageView {
        page_view: page_view(properties, "page_view").unwrap_or_else(|| PageViewId::derive(&["page view of", id.as_str()])),
        url,
        title: either("title").or_else(|| properties.text("name")).or_else(|| message.text("name")),
        referrer: either("referrer"),
        previous: page_view(properties, "previous"),
        campaign: campaign(context),
    }))
}

/// The id of a page view; a text that is no id stands for one all the same.
pub(super) fn page_view(properties: Object<'_>, name: &str) -> Option<PageViewId> {
    let text = properties.text(name)?;
    Some(PageViewId::parse(&*text).unwrap_or_else(|_| PageViewId::derive(&["page view", &text])))
}

/// Campaign parameters and click ids, by their names in the address.
fn campaign(context: Object<'_>) -> BTreeMap<String, String> {
    let parameters = context.object("campaign").flat().into_iter().map(|(name, value)| {
        let name = if name == "name" { "campaign" } else { &name };
        (format!("utm_{name}"), value)
    });
    parameters.chain(context.object("click_ids").flat()).filter(|(_, value)| !value.is_empty()).collect()
}
