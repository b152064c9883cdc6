//! Leads for other software, and everything about one person for that person.

use michi_cli::account::Target;
use michi_cli::export_lead::{self, ExportLeadArgs};
use michi_cli::export_leads::{self, ExportLeadsArgs};
use serde_json::{Value, json};

use super::{Folder, fills_in, id_of, imported, settled, whoever};
use crate::harness::{Visitor, ready_lead};
use crate::operator::served;

fn leads(target: &Target) -> ExportLeadsArgs {
    ExportLeadsArgs { out: None, json: false, stage: None, attribute: vec![], target: target.clone() }
}

async fn exported(args: &ExportLeadsArgs) -> String {
    let mut out = vec![];
    export_leads::export(args, &mut out).await.unwrap();
    String::from_utf8(out).unwrap()
}

#[tokio::test]
async fn leads_are_exported_in_stable_columns_and_no_cell_is_a_formula() {
    let (suite, target) = served().await;
    ready_lead(&suite, &mut Visitor::new("buyer")).await;
    let fields = json!({ "email": "bob@corp.example", "name": "=cmd()", "company": "+A, \"B\"", "shoe_size": "@9" });
    fills_in(&suite, "bob", "newsletter", fields).await;
    let csv = exported(&ExportLeadsArgs { attribute: vec!["shoe_size".to_owned()], ..leads(&target) }).await;
    let mut lines: Vec<&str> = csv.lines().collect();
    assert_eq!(
        lines.remove(0),
        "id,email,name,company,role,department,phone,industry,employees,language,stage,cell,fit,interest,momentum,phase,\
         excluded,marketing,basis,first_seen,last_seen,segments,shoe_size"
    );
    lines.sort_unstable_by_key(|line| line.contains("bob@"));
    assert_eq!(lines.len(), 2);
    assert!(lines[1].contains(",bob@corp.example,'=cmd(),\"'+A, \"\"B\"\"\","), "{}", lines[1]);
    assert!(lines[1].contains(",true,form,") && lines[1].ends_with(",'@9"), "{}", lines[1]);
    assert!(lines[0].contains("佐藤 美香") && lines[0].contains(",'+81 3 1234 5678,"), "{}", lines[0]);
    let mql = exported(&ExportLeadsArgs { stage: "mql".parse().ok(), ..leads(&target) }).await;
    assert!(mql.lines().count() == 2 && mql.contains(",mql,A2,"), "{mql}");
    let json = exported(&ExportLeadsArgs { json: true, ..leads(&target) }).await;
    let parsed: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(parsed.iter().any(|lead| lead["attributes"]["name"] == "=cmd()"), "JSON is no spreadsheet");

    // What was exported is the same when it is imported somewhere else.
    let (other, elsewhere) = served().await;
    let folder = Folder::new();
    let list = folder.file("leads.csv", exported(&leads(&target)).await);
    let (told, said) = imported(&elsewhere, &list, &["--ignore-unknown"]).await;
    assert_eq!((told.taken, told.refused, told.doubted), (2, 0, 0), "{said}");
    settled(&other).await;
    let bob = whoever(&other, "bob@corp.example").await;
    assert_eq!((bob.attribute("name"), bob.attribute("company")), (Some("=cmd()"), Some("+A, \"B\"")));
}

#[tokio::test]
async fn a_person_gets_everything_that_is_kept_of_it() {
    let (suite, target) = served().await;
    ready_lead(&suite, &mut Visitor::new("buyer")).await;
    let show = async |who: &str| {
        let mut out = vec![];
        let args = ExportLeadArgs { who: who.to_owned(), target: target.clone() };
        let done = export_lead::export(&args, &mut out).await;
        done.map(|()| serde_json::from_slice::<Value>(&out).unwrap()).map_err(|error| error.to_string())
    };
    let all = show("mika.sato@hoshino-kogyo.example").await.unwrap();
    assert_eq!(all["id"], id_of(&suite, "mika.sato@hoshino-kogyo.example").await.unwrap().as_str());
    assert_eq!(all["lead"]["attributes"]["company"]["value"], "星野工業");
    let kinds = all["records"].to_string();
    for kind in ["page_viewed", "form_submitted", "consented", "Yes, write to me.", "visitor_linked", "stage_moved", "mail_sent"]
    {
        assert!(kinds.contains(kind), "{kind}");
    }
    assert_eq!((all["told"].as_array().unwrap().len(), all["letters"].as_array().unwrap().len()), (1, 0));
    assert_eq!(all["mailing"]["address"], "mika.sato@hoshino-kogyo.example");
    assert_eq!(all["lead"]["permissions"]["marketing"]["basis"], "form");
    assert!(show("nobody@example.com").await.is_err());
}
