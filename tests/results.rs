//! What came of a scenario: counted over all leads, told on the command line and on a page, each number with its leads.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use http::{Request, StatusCode};
use jiff::SignedDuration;
use michi::activity::{Kind, Log, LogOwner};
use michi::id::LeadId;
use michi::playbook::Language;
use michi_cli::account::Target;
use michi_cli::results::{self, ResultsArgs};
use michi_cli::shown::Form;
use michi_local::{Mail, Options, Suite, server};
use serde_json::{Value, json};

use crate::consent::{get, one_click, post};
use crate::harness::{BROWSER, Visitor, insist};
use crate::scenario::{DAY, HOUR, publish_change};
use crate::spine::lead_of;

const SCENARIO: &str = "after-white-paper";
const JSON: Form = Form { json: true, csv: false };

/// People who asked for the white paper, and went along the starter scenario for six weeks.
pub(crate) struct Course {
    pub(crate) suite: Suite,
    target: Target,
    leads: Vec<LeadId>,
}

/// The address of a letter's link that leads there.
fn link(mail: &Mail, to: &str) -> Option<String> {
    let text = mail.text.as_deref()?;
    text.split_whitespace().find_map(|word| Some(word[word.find(to)?..].trim_end_matches('>').to_owned()))
}

impl Course {
    pub(crate) async fn run(people: usize) -> Self {
        let listener = server::bind(0).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let options = Options { collector_url: format!("http://127.0.0.1:{port}"), ..Options::test() };
        let suite = Suite::start(options).await.unwrap();
        let served = suite.clone();
        tokio::spawn(async move { server::serve(&served, listener).await });
        let mut course = Self { suite, target: Target::local(port), leads: vec![] };
        let mut visitors = vec![];
        for n in 0..people {
            let mut visitor = Visitor::new(&format!("p{n}"));
            let industry = if n % 2 == 0 { "Manufacturing" } else { "Construction" };
            let fields = json!({ "email": format!("p{n}@works{n}.example"), "name": format!("森 {n}"), "company": format!("Works {n}"),
                "industry": industry });
            insist(&course.suite, &visitor.form(course.suite.now(), "white-paper", &fields)).await;
            course.suite.settle().await.unwrap();
            course.leads.push(lead_of(&course.suite, &visitor).await.0);
            visitors.push(visitor);
        }
        course.suite.advance(DAY * 5).await.unwrap();
        course
            .each("three-questions", async |n, mail, suite| {
                if n % 2 == 0 {
                    course_get(suite, &link_in_html(mail, "/o/")).await;
                }
                if n % 3 == 0 {
                    course_get(suite, &link(mail, "/c/").unwrap()).await;
                }
                if n % 7 == 6 {
                    assert_eq!(one_click(suite, &link(mail, "/unsubscribe/").unwrap()).await.status, StatusCode::OK);
                }
            })
            .await;
        course.suite.advance(DAY * 8).await.unwrap();
        course
            .each("how-far", async |n, mail, suite| {
                let links: Vec<String> = mail.text.as_deref().unwrap().split_whitespace().filter_map(question).collect();
                let answer = match n % 5 {
                    1 => Some((1, "answer=comparing")),
                    2 => Some((2, "answer=ready")),
                    _ => None,
                };
                if let Some((number, answer)) = answer {
                    assert_eq!(post(suite, &links[number], answer).await.status, StatusCode::OK);
                }
            })
            .await;
        for (n, visitor) in visitors.iter_mut().enumerate().filter(|(n, _)| n % 6 == 5) {
            let fields = json!({ "email": format!("p{n}@works{n}.example"), "name": format!("森 {n}") });
            insist(&course.suite, &visitor.form(course.suite.now(), "inquiry", &fields)).await;
        }
        course.suite.settle().await.unwrap();
        course.suite.advance(DAY * 33).await.unwrap();
        course
    }

    /// Has readers do something with the letters of this mail that they got.
    async fn each(&self, mail: &str, did: impl AsyncFn(usize, &Mail, &Suite)) {
        for n in 0..self.leads.len() {
            let to = format!("p{n}@works{n}.example");
            let mails = self.suite.mailbox().mails();
            let subjects = self.suite.own().playbook().await.unwrap().playbook;
            let subjects = &subjects.mails.iter().find(|(id, _)| id.as_str() == mail).unwrap().1.versions[&Language::En].subjects;
            let found = mails.iter().find(|mail| mail.to == [to.as_str()] && subjects.contains(&mail.subject));
            if let Some(found) = found {
                did(n, found, &self.suite).await;
                // Each at a time of her own: what many do within one second is a machine's.
                self.suite.advance(SignedDuration::from_secs(40)).await.unwrap();
            }
        }
    }

    pub(crate) async fn told(&self, args: ResultsArgs) -> String {
        let mut out = vec![];
        results::show(&args, &mut out).await.unwrap();
        String::from_utf8(out).unwrap()
    }

    pub(crate) fn args(&self, form: Form) -> ResultsArgs {
        let target = self.target.clone();
        ResultsArgs {
            scenario: Some(SCENARIO.to_owned()),
            by: None,
            of: None,
            fresh: false,
            who: None,
            value: None,
            step: None,
            mail: None,
            why: None,
            subject: None,
            link: false,
            form,
            target,
        }
    }

    async fn log(&self, lead: &LeadId) -> Log {
        self.suite.own().store.log(&LogOwner::Lead(lead.clone())).await.unwrap()
    }

    /// The leads in whose log there is something of this kind.
    async fn with(&self, wanted: impl Fn(&Kind) -> bool) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for lead in &self.leads {
            let log = self.log(lead).await;
            if log.records.iter().flat_map(|record| &record.activities).any(|activity| wanted(&activity.kind)) {
                found.insert(lead.to_string());
            }
        }
        found
    }
}

fn question(word: &str) -> Option<String> {
    Some(word[word.find("/question/")?..].trim_end_matches('>').to_owned())
}

fn link_in_html(mail: &Mail, to: &str) -> String {
    let html = mail.html.as_deref().unwrap();
    html[html.find(to).unwrap()..].split('"').next().unwrap().to_owned()
}

async fn course_get(suite: &Suite, path: &str) {
    suite.request(Request::get(path).header("user-agent", BROWSER).body(Body::empty()).unwrap()).await;
}

/// Every number of the JSON without a value asked for, added up over versions and subjects.
fn numbers(told: &str) -> BTreeMap<String, u64> {
    let told: Value = serde_json::from_str(told).unwrap();
    let mut numbers: BTreeMap<String, u64> = BTreeMap::new();
    for row in told["figures"].as_array().unwrap().iter().filter(|row| row["by"].is_null()) {
        let text = |name: &str| row[name].as_str().unwrap_or_default();
        let key = [text("step"), text("figure"), text("why")].join(" ");
        *numbers.entry(key.trim().to_owned()).or_default() += row["count"].as_u64().unwrap();
    }
    numbers
}

#[tokio::test]
async fn what_came_of_a_scenario_is_what_the_logs_say() {
    let course = Course::run(14).await;
    let told = course.told(course.args(JSON)).await;
    let found = numbers(&told);
    let number = |key: &str| found.get(key).copied().unwrap_or_default();
    let of = |leads: &BTreeSet<String>| leads.len() as u64;

    assert_eq!(number("entered"), 14, "{told}");
    let left: u64 = found.iter().filter(|(key, _)| key.starts_with("left ")).map(|(_, count)| count).sum();
    assert_eq!(number("entered"), number("under-way") + number("goal") + left);
    let mailed =
        |name: &'static str| move |kind: &Kind| matches!(kind, Kind::MailSent { mail, owner: None, .. } if mail.as_str() == name);
    for mail in ["three-questions", "how-far", "making-the-case"] {
        let sent = course.with(mailed(mail)).await;
        assert!(!sent.is_empty() && number(&format!("{mail} sent")) == of(&sent), "{mail}: {found:#?}");
    }
    let clicked = course.with(|kind| matches!(kind, Kind::MailClicked { .. })).await;
    assert!(!clicked.is_empty() && number("three-questions clicked") == of(&clicked), "{clicked:?} {found:#?}");
    let opened = course.with(|kind| matches!(kind, Kind::MailOpened { .. })).await;
    assert_eq!(number("three-questions opened"), of(&opened));
    let ended = course.with(|kind| matches!(kind, Kind::MailChosen { .. })).await;
    assert_eq!((number("three-questions unsubscribed"), number("left unsubscribed")), (of(&ended), of(&ended)));
    let ready = course.with(|kind| matches!(kind, Kind::Answered { answer, .. } if answer.as_str() == "ready")).await;
    assert!(
        !ready.is_empty() && number("how-far way ready") == of(&ready) && number("left stopped:with-sales") == of(&ready),
        "{found:#?}"
    );

    let asked = course.with(|kind| matches!(kind, Kind::FormSubmitted(form) if form.form.as_str() == "inquiry")).await;
    assert_eq!((asked.len(), number("goal"), number("three-questions won")), (2, 2, 2), "{found:#?}");

    // Each number opens the leads behind it.
    for (figure, step, why, wanted) in [
        ("clicked", "three-questions", None, &clicked),
        ("way", "how-far", Some("ready"), &ready),
        ("unsubscribed", "three-questions", None, &ended),
    ] {
        let (who, step, why) = (Some(figure.to_owned()), Some(step.to_owned()), why.map(str::to_owned));
        let behind: Value =
            serde_json::from_str(&course.told(ResultsArgs { who, step, why, ..course.args(JSON) }).await).unwrap();
        let behind: BTreeSet<String> =
            behind["leads"].as_array().unwrap().iter().map(|lead| lead["id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(&behind, wanted, "{figure}");
    }

    // What does not exist is refused with what does.
    let some = |text: &str| Some(text.to_owned());
    let asked = |who: &str| ResultsArgs { who: some(who), ..course.args(JSON) };
    for (args, wanted) in [
        (ResultsArgs { step: some("how-fra"), ..asked("way") }, "did you mean \"how-far\"?"),
        (ResultsArgs { why: some("redy"), ..asked("way") }, "did you mean \"ready\"?"),
        (ResultsArgs { why: some("ready"), ..asked("sent") }, "leave --why away"),
        (ResultsArgs { mail: some("three-qestions"), ..asked("sent") }, "did you mean \"three-questions\"?"),
        (ResultsArgs { subject: Some(9), ..asked("sent") }, "subject 9"),
        (ResultsArgs { of: some("nothing"), ..asked("sent") }, "no version of after-white-paper begins with"),
        (ResultsArgs { of: some("nothing"), ..course.args(JSON) }, "no version of after-white-paper begins with"),
        (ResultsArgs { by: some("industri"), ..course.args(JSON) }, "did you mean \"industry\"?"),
        (ResultsArgs { by: some("shoe-size"), ..course.args(JSON) }, "no attribute of any reader is called"),
    ] {
        let error = results::show(&args, &mut vec![]).await.unwrap_err().to_string();
        assert!(error.contains(wanted), "{wanted}: {error}");
    }
    let of_mail = ResultsArgs { mail: some("how-far"), ..asked("sent") };
    let behind: Value = serde_json::from_str(&course.told(of_mail).await).unwrap();
    assert_eq!(behind["leads"].as_array().unwrap().len() as u64, number("how-far sent"));
    let link: Value = serde_json::from_str(&course.told(ResultsArgs { link: true, ..course.args(JSON) }).await).unwrap();
    assert!(link["url"].as_str().unwrap().contains("/results/") && link["expires"].is_string(), "{link}");
    let quiet = course.told(ResultsArgs { scenario: some("wake-the-quiet"), ..course.args(Form::default()) }).await;
    assert!(quiet.contains("nobody has entered yet") && quiet.contains("when a lead comes into the segment quiet"), "{quiet}");

    // By an attribute the letters add up to the same.
    let by = Some("industry".to_owned());
    let split: Value = serde_json::from_str(&course.told(ResultsArgs { by: by.clone(), ..course.args(JSON) }).await).unwrap();
    let rows = split["figures"].as_array().unwrap();
    let values: BTreeSet<&str> = rows.iter().filter_map(|row| row["by"].as_str()).collect();
    assert_eq!(values, BTreeSet::from(["Construction", "Manufacturing"]));
    let clicks = rows.iter().filter(|row| !row["by"].is_null() && row["figure"] == "clicked" && row["step"] == "three-questions");
    assert_eq!(clicks.map(|row| row["count"].as_u64().unwrap()).sum::<u64>(), of(&clicked));
    // And each of these opens the leads behind it, too.
    for value in &values {
        let count = |row: &&Value| row["by"] == *value && row["figure"] == "sent" && row["step"] == "three-questions";
        let count: u64 = rows.iter().filter(count).map(|row| row["count"].as_u64().unwrap()).sum();
        let (who, step, value) = (Some("sent".to_owned()), Some("three-questions".to_owned()), Some((*value).to_owned()));
        let shown = course.told(ResultsArgs { by: by.clone(), who, step, value, ..course.args(Form::default()) }).await;
        let said = format!("{count} leads; the number is {count} now and was {count} when it was counted, on ");
        assert!(count > 1 && shown.contains(&said), "{said} is missing in {shown}");
    }
    let shown = course.told(ResultsArgs { by, ..course.args(Form::default()) }).await;
    assert!(shown.contains("by industry, as it was when the letter was owed:") && shown.contains(" % ("), "{shown}");
    let csv = course.told(course.args(Form { json: false, csv: true })).await;
    assert!(csv.starts_with("version,step,mail,language,subject,words,by,figure,why,count,of,low,high\r\n"), "{csv}");

    // A count is shown with its time until it is counted anew.
    course.suite.advance(HOUR).await.unwrap();
    let [at, now] =
        ["at", "now"].map(|key| move |told: &str| serde_json::from_str::<Value>(told).unwrap()[key].as_str().unwrap().to_owned());
    let again = course.told(course.args(JSON)).await;
    assert!(at(&again) == at(&told) && now(&again) > now(&told) && numbers(&again) == found);
    let fresh = course.told(ResultsArgs { fresh: true, ..course.args(JSON) }).await;
    assert!(at(&fresh) > at(&told) && numbers(&fresh) == found, "only its time has changed");

    // The page says the same, to whoever has the link, and nothing of any person.
    let url = course.told(ResultsArgs { link: true, ..course.args(Form::default()) }).await;
    let path = url.trim().trim_start_matches(course.suite.options().collector_url.as_str()).to_owned();
    let page = get(&course.suite, &path).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.page);
    let count = |count| format!("<tspan class=\"count\">{count}</tspan>");
    let sent = format!("sent {}", count(number("three-questions sent")));
    for part in ["After a white paper", "14 leads looked at", &format!("entered {}", count(14)), &sent] {
        assert!(page.page.contains(part), "{part} is missing in {}", page.page);
    }
    for person in ["森", "Works 1", "@works", "works1", course.leads[0].as_str()] {
        assert!(!page.page.contains(person), "{person} stands on the page");
    }
    assert!(page.policy.starts_with("default-src 'none'") && !page.page.contains("<script") && !page.page.contains(" style="));
    assert_eq!(get(&course.suite, &format!("{path}A")).await.status, StatusCode::NOT_FOUND);
    course.suite.advance(DAY * 30).await.unwrap();
    assert_eq!(get(&course.suite, &path).await.status, StatusCode::NOT_FOUND, "it expires");
}

#[tokio::test]
async fn a_count_that_broke_off_is_gone_on_with_while_it_is_fresh() {
    let course = Course::run(2).await;
    let own = course.suite.own();
    let before = numbers(&course.told(course.args(JSON)).await);
    assert_eq!(before["entered"], 2);
    let version = own.playbook().await.unwrap().version;
    let last = course.leads.iter().max().unwrap();
    let broke_off = |began: SignedDuration| {
        let mark = json!({ "version": "v", "figure": "entered" });
        json!({ "began": course.suite.now() - began, "playbook": version, "after": last, "leads": 7, "unreadable": 0,
            "counts": { SCENARIO: [[mark, 41]] } })
    };
    for (began, wanted) in [(HOUR, 41), (HOUR * 7, 2)] {
        own.store.keep_report("scenarios", &broke_off(began), course.suite.now()).await.unwrap();
        let found = numbers(&course.told(ResultsArgs { fresh: true, ..course.args(JSON) }).await);
        assert_eq!(found["entered"], wanted, "begun {began:#} ago");
    }
    let left: Option<Value> = own.store.kept_report("scenarios").await.unwrap();
    assert_eq!(left, None, "what was only kept to go on with is gone");
}

#[tokio::test]
async fn a_report_larger_than_an_item_is_kept_whole_and_replaced_whole() {
    let suite = crate::harness::suite().await;
    let (store, now) = (suite.own().store.clone(), suite.now());
    let large: Vec<String> = (0..60_000).map(|n| format!("数{n}")).collect();
    store.keep_report("large", &large, now).await.unwrap();
    assert_eq!(store.kept_report::<Vec<String>>("large").await.unwrap(), Some(large));
    store.keep_report("large", &["small"], now).await.unwrap();
    assert_eq!(store.kept_report::<Vec<String>>("large").await.unwrap(), Some(vec!["small".to_owned()]));
    let parts = suite.items("Leads").unwrap().into_iter().filter(|item| item["pk"]["S"] == "report#large").count();
    assert_eq!(parts, 2, "nothing of the earlier one is left");
    store.drop_report("large").await.unwrap();
    assert_eq!(store.kept_report::<Vec<String>>("large").await.unwrap(), None);
}

/// The same course told in Japanese, for whoever looks at it.
pub(crate) async fn in_japanese(course: &Course) {
    publish_change(&course.suite, |playbook| playbook.setup.language = Language::Ja).await;
}

impl Course {
    /// The page's address, freshly counted.
    pub(crate) async fn page(&self) -> String {
        self.told(ResultsArgs { link: true, fresh: true, ..self.args(Form::default()) }).await.trim().to_owned()
    }
}
