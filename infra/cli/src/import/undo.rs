//! A list is taken back: what it said counts no more, and leads that only it brought are erased.

use std::collections::BTreeSet;
use std::io::Write;

use anyhow::bail;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use michi::activity::{Kind, Log, LogOwner, Record};
use michi::id::{ActivityId, ImportId, LeadId};
use michi::io::Retry;
use michi::io::store::{Import, Mark, Undone};

use super::{ImportArgs, meant};
use crate::erase::Eraser;
use crate::everybody;
use crate::output;
use crate::shown::{self, counted};

/// Leads under way at once.
const AT_ONCE: usize = 16;

/// What became of a lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Became {
    /// Only the list had brought it.
    Erased,
    /// There is more to it than the list; what the list said counts no more.
    Corrected,
    /// The list says nothing of it any more.
    Untouched,
}

/// Takes a list back.
///
/// # Errors
/// If there is no such list, or it is not known to be taken back; the same command goes on where this one ended.
pub async fn undo(args: &ImportArgs, id: &str, out: &mut dyn Write) -> anyhow::Result<()> {
    let found = args.target.open().await?;
    let import = meant(&found, id).await?;
    if let Some(ended) = import.undone.as_ref().and_then(|undone| undone.ended) {
        bail!("the list {} was taken back already, at {ended:.0}", import.file);
    }
    let members = found.store.members(&import.id).await?;
    let leads = counted(members.len(), "lead", "leads");
    let question = format!(
        "What {} said of {leads} will count no more; those that only it brought are erased, with the mail sent to them. Go on?",
        import.file
    );
    if !args.yes && !output::confirmed(&question)? {
        writeln!(out, "Nothing was changed.")?;
        return Ok(());
    }
    let undone = import.undone.clone().unwrap_or(Undone { by: args.by.name()?, at: found.now(), ended: None });
    let marked = Import { undone: Some(undone.clone()), gathers: false, due: None, ..import };
    let marked = match found.store.save_import(marked).await {
        Err(error) if error.retry == Retry::Reread => bail!("the list was moved on meanwhile: try again"),
        saved => saved?,
    };
    let eraser = Eraser::of(&found).await?;
    let bar = everybody::progress(members.len())?;
    let became = stream::iter(members).map(|lead| take_back(&eraser, &marked, lead)).buffer_unordered(AT_ONCE);
    let became: Vec<Became> = became.inspect(|_| bar.inc(1)).try_collect().await?;
    bar.finish_and_clear();
    let ended = Import { undone: Some(Undone { ended: Some(found.now()), ..undone }), ..marked };
    found.store.save_import(ended.clone()).await?;
    let count = |what: Became| became.iter().filter(|became| **became == what).count();
    let (erased, corrected) = (count(Became::Erased), count(Became::Corrected));
    if args.json {
        return shown::json(&serde_json::json!({ "id": ended.id, "erased": erased, "corrected": corrected }), out);
    }
    writeln!(out, "{} is taken back.", ended.file)?;
    writeln!(out, "  erased      {}, which only it had brought", counted(erased, "lead", "leads"))?;
    writeln!(out, "  corrected   {}, of which it counts no more", counted(corrected, "lead", "leads"))?;
    Ok(())
}

async fn take_back(eraser: &Eraser<'_>, import: &Import, lead: LeadId) -> anyhow::Result<Became> {
    let store = &eraser.found.store;
    // What the list said of who was merged into another is said of the other.
    let lead = store.home(&lead).await?;
    let owner = LogOwner::Lead(lead.clone());
    loop {
        let before = store.lead(&lead).await?;
        let log = store.log(&owner).await?;
        let said = log.records.iter().any(|record| record.import.as_ref() == Some(&import.id));
        let erasing = before.as_ref().is_some_and(|before| before.erased.is_some());
        if erasing || !said {
            return Ok(if erasing { Became::Erased } else { Became::Untouched });
        }
        if only_brought_by(&log, &import.id) {
            match eraser.erase(&lead, before.as_ref(), &BTreeSet::new()).await {
                Ok(_) => return Ok(Became::Erased),
                // It was scored meanwhile, or something happened to it.
                Err(error) if error.retry == Retry::Reread => continue,
                Err(error) => return Err(error.into()),
            }
        }
        let id = ActivityId::derive(&["undone", import.id.as_str(), lead.as_str()]);
        let at = import.undone.as_ref().map_or(import.began, |undone| undone.at);
        let undone = Record::decision(id, at, Kind::ImportUndone { import: import.id.clone() });
        store.append(&owner, &undone, Mark::Guaranteed).await?;
        return Ok(Became::Corrected);
    }
}

/// Whether a lead's log holds nothing but what a list said, and what michi did about it. Whatever the person did is a
/// reason to keep it: an opt-out above all.
fn only_brought_by(log: &Log, import: &ImportId) -> bool {
    log.records.iter().filter(|record| record.import.as_ref() != Some(import)).all(|record| {
        let own = |kind: &Kind| {
            matches!(kind, Kind::StageMoved { .. } | Kind::Enrolled { .. } | Kind::MailSent { .. } | Kind::MailDelivered { .. })
        };
        record.import.is_none() && record.activities.iter().all(|activity| own(&activity.kind))
    })
}

#[cfg(test)]
mod tests {
    use michi::activity::OptOut;
    use michi::lead::Stage;

    use super::*;

    #[test]
    fn only_a_lead_that_nobody_else_spoke_of_is_the_lists_own() {
        let (list, other) = (ImportId::derive(&["a"]), ImportId::derive(&["b"]));
        let record = |n: &str, import: Option<&ImportId>, kind: Kind| {
            let decision = Record::decision(ActivityId::derive(&[n]), "2026-11-22T00:00:00Z".parse().unwrap(), kind);
            Record { import: import.cloned(), ..decision }
        };
        let came = || Kind::EventAttended { event: "Expo".to_owned() };
        let moved =
            Kind::StageMoved { from: Stage::Lead, to: Stage::Mql, cell: None, alert: None, corrects: None, by_rules: false };
        let out = Kind::MailChosen { topic: None, wanted: false, by: OptOut::OneClick, message: None };
        let check = |more: Vec<Record>, wanted: bool| {
            let records = [vec![record("1", Some(&list), came())], more].concat();
            assert_eq!(only_brought_by(&Log { owner: LogOwner::Lead(LeadId::derive(&["l"])), records }, &list), wanted);
        };
        check(vec![], true);
        check(vec![record("2", None, moved)], true);
        check(vec![record("2", Some(&other), came())], false);
        check(vec![record("2", None, out)], false);
        check(vec![record("2", None, came())], false);
    }
}
