//! One mail to everybody in a segment or on a list: owed once to each who may be mailed, whatever happens on the way.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse as _;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use michi::activity::{Activity, FormSubmission, Kind, LogOwner, OptOut, Record, Source};
use michi::address::Address;
use michi::consent::{Basis, MailClass};
use michi::id::{ActivityId, FormId, LeadId, MessageId, VisitorId};
use michi::io::store::Mark;
use michi::mail::mailing::Mailing;
use michi::mail::message::{Message, State};
use michi::playbook::authoring;
use michi_cli::account::Target;
use michi_cli::broadcasts::{self, CancelArgs, ShowArgs};
use michi_cli::deliver::By;
use michi_cli::mail::{self, MailArgs, ToArgs};
use michi_cli::segment::{self, SegmentArgs};
use michi_cli::shown::Form;
use michi_local::{Options, Suite, server};
use serde_json::{Value, json};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const JSON: Form = Form { json: true, csv: false };
const CSV: Form = Form { json: false, csv: true };

/// A suite whose playbook has a segment of everybody here, and how many writes of letters it still lets through.
struct Served {
    suite: Suite,
    target: Target,
    writes: Arc<AtomicUsize>,
    _folder: tempfile::TempDir,
}

impl Served {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for mut file in authoring::default_files() {
            if file.name == "segments.yaml" {
                file.bytes.extend(
                    b"\nguests: { attribute: { name: company, contains: [Works, \xe8\xa3\xbd\xe4\xbd\x9c\xe6\x89\x80] } }\n",
                );
            }
            let path = folder.path().join(&file.name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, file.bytes).unwrap();
        }
        let listener = server::bind(0).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let collector_url = format!("http://127.0.0.1:{port}");
        let options = Options { collector_url, playbook: Some(folder.path().to_owned()), ..Options::test() };
        let suite = Suite::start(options).await.unwrap();
        let writes = Arc::new(AtomicUsize::new(usize::MAX));
        let left = Arc::clone(&writes);
        let between = move |request: Request, next: Next| {
            let writes =
                request.headers().get("x-amz-target").is_some_and(|target| target == "DynamoDB_20120810.TransactWriteItems");
            let taken = !writes || left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
            async move {
                if taken {
                    return next.run(request).await;
                }
                let refusal = (StatusCode::BAD_REQUEST, [("x-amzn-errortype", "AccessDeniedException")], "{\"message\":\"no\"}");
                refusal.into_response()
            }
        };
        let router = server::router(&suite, port).layer(from_fn(between));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { suite, target: Target::local(port), writes, _folder: folder }
    }

    fn mail(&self) -> MailArgs {
        MailArgs {
            mail: "case-study".to_owned(),
            to: ToArgs { segment: Some("guests".to_owned()), list: None },
            columns: vec![],
            at: "now".to_owned(),
            expires: "3d".to_owned().try_into().unwrap(),
            subject: 1,
            name: None,
            by: By::of("ann"),
            dry_run: false,
            yes: true,
            json: false,
            target: self.target.clone(),
        }
    }

    async fn send(&self, args: &MailArgs) -> Result<String, String> {
        let mut out = Vec::new();
        let done = mail::send(args, &mut out).await;
        let said = String::from_utf8(out).unwrap();
        match done {
            Ok(code) if code == ExitCode::SUCCESS => Ok(said),
            Ok(_) => Err(said),
            Err(error) => Err(format!("{said}{error:#}")),
        }
    }

    async fn segment(&self, name: Option<&str>, count: bool, form: Form) -> Result<String, String> {
        let (name, target) = (name.map(str::to_owned), self.target.clone());
        let args = SegmentArgs { name, count, sample: 3, playbook: None, form, target };
        let mut out = Vec::new();
        let done = segment::show(&args, &mut out).await;
        done.map(|()| String::from_utf8(out).unwrap()).map_err(|error| format!("{error:#}"))
    }

    async fn broadcasts(&self, id: Option<&str>, form: Form) -> String {
        let args = ShowArgs { id: id.map(str::to_owned), form, target: self.target.clone() };
        let mut out = Vec::new();
        broadcasts::show(&args, &mut out).await.unwrap();
        String::from_utf8(out).unwrap()
    }

    /// The letters in the table, and how many of them the stream is to start something for.
    fn letters(&self) -> (Vec<Message>, usize) {
        let items = self.suite.items(&self.suite.own().settings.leads_table).unwrap();
        let letters = items.iter().filter(|item| {
            let text = |name: &str| item[name]["S"].as_str().unwrap_or_default();
            text("pk").starts_with("lead#") && text("sk").starts_with("message#")
        });
        let letters: Vec<&Value> = letters.collect();
        let hints = letters.iter().filter(|item| item.get("hint").is_some()).count();
        let read = |item: &&Value| -> Message {
            let item: serde_json::Map<String, Value> = item.as_object().unwrap().clone();
            plain(&Value::Object(serde_json::Map::from_iter([("M".to_owned(), Value::Object(item))])))
        };
        (letters.iter().map(read).collect(), hints)
    }
}

/// What DynamoDB's JSON says.
fn plain(value: &Value) -> Message {
    fn of(value: &Value) -> Value {
        let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
        match (kind.as_str(), value) {
            ("M", Value::Object(map)) => Value::Object(map.iter().map(|(name, value)| (name.clone(), of(value))).collect()),
            ("L", Value::Array(list)) => Value::Array(list.iter().map(of).collect()),
            ("N", Value::String(number)) => serde_json::from_str(number).unwrap(),
            _ => value.clone(),
        }
    }
    serde_json::from_value(of(value)).unwrap()
}

/// What the nth guest wrote into a form; every fifth did not agree to mail.
fn form_of(n: usize, at: Timestamp) -> (LogOwner, Record) {
    let japanese = n.is_multiple_of(3);
    let fields = [
        ("email", format!("guest{n}@works{n}.example")),
        ("name", if japanese { format!("佐藤 {n}号") } else { format!("Guest {n}") }),
        ("company", if japanese { format!("佐藤製作所{n}") } else { format!("=Works {n}") }),
        ("language", if japanese { "日本語".to_owned() } else { "English".to_owned() }),
    ];
    let form = FormSubmission {
        form: FormId::parse("newsletter").unwrap(),
        page_view: None,
        url: None,
        address: Address::parse(&fields[0].1).ok(),
        fields: fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        consent: None,
        millis: None,
    };
    let id = ActivityId::parse(format!("form-{n}")).unwrap();
    let agreed = Kind::Consented {
        class: MailClass::Marketing,
        granted: true,
        basis: Basis::Form,
        text: None,
        awaits: false,
        form: Some(id.clone()),
        by: None,
    };
    let mut record = Record::decision(id, at, Kind::FormSubmitted(form));
    if !is(n, 5) {
        record.activities.push(Activity { id: ActivityId::parse(format!("consent-{n}")).unwrap(), at, kind: agreed });
    }
    let visitor = VisitorId::parse(format!("guest-{n}")).unwrap();
    (record.visitor, record.source) = (Some(visitor.clone()), Source::Site);
    (LogOwner::Visitor(visitor), record)
}

/// What became of the nth guest later: some want no more mail, some are in sales' hands.
fn later_of(n: usize, at: Timestamp) -> Option<Record> {
    let kind = match (is(n, 7), is(n, 11)) {
        (true, _) => Kind::MailChosen { topic: None, wanted: false, by: OptOut::Page, message: None },
        (_, true) => serde_json::from_value(json!({ "kind": "stage_moved", "from": "mql", "to": "sal" })).unwrap(),
        (false, false) => return None,
    };
    Some(Record::decision(ActivityId::parse(format!("later-{n}")).unwrap(), at, kind))
}

fn is(n: usize, each: usize) -> bool {
    n % each == each - 1
}

fn may_be_mailed(n: usize) -> bool {
    !is(n, 5) && !is(n, 7) && !is(n, 11)
}

/// So many guests, as `score` finds them by their forms.
async fn guests(suite: &Suite, count: usize) -> Vec<LeadId> {
    let (now, own) = (suite.now(), suite.own());
    let forms = (0..count).map(|n| form_of(n, now)).map(|(owner, form)| (owner, form, Mark::Guaranteed));
    own.store.append_all(forms.collect()).await.unwrap();
    suite.settle().await.unwrap();
    let mut leads = Vec::new();
    for n in 0..count {
        let hash = own.keys.address_hash(&Address::parse(&format!("guest{n}@works{n}.example")).unwrap());
        leads.push(own.store.address_owner(&hash).await.unwrap().unwrap());
    }
    let later = (0..count).filter_map(|n| Some((LogOwner::Lead(leads[n].clone()), later_of(n, now)?, Mark::Guaranteed)));
    own.store.append_all(later.collect()).await.unwrap();
    suite.settle().await.unwrap();
    suite.advance(MINUTE).await.unwrap();
    leads
}

/// The guest has got as much mail as it may get.
async fn fill_up(suite: &Suite, lead: &LeadId) {
    let (store, now) = (&suite.own().store, suite.now());
    let before = store.mailing(lead).await.unwrap().unwrap();
    let cap = suite.desk().playbook().setup.mail.cap;
    let after = (0..cap.mails).fold(before.clone(), |mailing: Mailing, one| {
        mailing.counting(&MessageId::derive(&["earlier", &one.to_string()]), &cap, now)
    });
    let record =
        Record::decision(ActivityId::derive(&["t", lead.as_str()]), now, Kind::TrackingChosen { opens: true, clicks: true });
    store.choose(lead, Some(&before), Some(&after), &record, now).await.unwrap();
    suite.settle().await.unwrap();
}

#[tokio::test]
async fn a_segment_says_who_is_in_it_and_who_may_be_mailed() {
    let served = Served::start().await;
    guests(&served.suite, 30).await;
    let listed = served.segment(None, false, Form::default()).await.unwrap();
    assert!(listed.contains("guests          company has \"Works\" or \"製作所\"\n"), "{listed}");
    assert!(listed.contains("price-checking  saw a pricing page at least 2 times within 14 days\n"), "{listed}");
    let counted = served.segment(Some("guests"), true, Form::default()).await.unwrap();
    insta::assert_snapshot!(counted, @r#"
    guests: company has "Works" or "製作所"

         30  leads
         18  may be mailed
          4  kept back: opted out of marketing mail
          6  kept back: no consent and no other ground to write
          2  kept back: in sales' hands, or disqualified
    "#);
    let sample = served.segment(Some("guests"), false, Form::default()).await.unwrap();
    assert!(sample.starts_with(&counted) && sample.ends_with("and 27 more; --csv writes all\n"), "{sample}");

    let told: Value = serde_json::from_str(&served.segment(Some("guests"), false, JSON).await.unwrap()).unwrap();
    assert_eq!((&told["leads"], &told["mailable"], &told["kept_back"]["in_sales"]), (&30.into(), &18.into(), &2.into()));
    assert_eq!(told["sample"].as_array().unwrap().len(), 3);
    // At night the same people may be mailed.
    served.suite.clock().set(served.suite.now() + SignedDuration::from_hours(14));
    assert_eq!(served.segment(Some("guests"), true, Form::default()).await.unwrap(), counted);
    let csv = served.segment(Some("guests"), false, CSV).await.unwrap();
    assert_eq!(csv.lines().count(), 31);
    assert!(csv.contains("guest1@works1.example,Guest 1,'=Works 1,lead,") && csv.contains("佐藤 3号,佐藤製作所3,"), "{csv}");

    let said = served.segment(Some("guest"), false, Form::default()).await.unwrap_err();
    assert_eq!(said, "no segment is called \"guest\": did you mean \"guests\"?");
}

#[tokio::test]
async fn a_mail_to_a_segment_is_owed_once_however_often_it_is_asked_for() {
    let served = Served::start().await;
    let leads = guests(&served.suite, 300).await;
    for full in [0, 1, 2] {
        fill_up(&served.suite, &leads[full]).await;
    }
    let mailable: Vec<usize> = (0..300).filter(|n| may_be_mailed(*n)).collect();
    let before = served.suite.items("Leads").unwrap();
    let forecast = served.send(&MailArgs { dry_run: true, ..served.mail() }).await.unwrap();
    assert_eq!(served.suite.items("Leads").unwrap(), before, "a dry run writes nothing");
    let counts: Vec<&str> = forecast.lines().skip(4).collect();
    insta::assert_snapshot!(counts.join("\n"), @r"
        300  leads
        187  may be mailed
          3    of them later: the lead has got as much mail as it may get for now
         42  kept back: opted out of marketing mail
         52  kept back: no consent and no other ground to write
         19  kept back: in sales' hands, or disqualified

    note: 63 of them get it in Japanese

    Nothing was written.
    ");

    // It breaks off three times, once before anything was written, and goes on with those it was meant for.
    served.writes.store(0, Ordering::SeqCst);
    let said = served.send(&served.mail()).await.unwrap_err();
    assert!(said.contains("it broke off at letter 25 of") && said.contains("run the same command again"), "{said}");
    for left in [40, 3] {
        served.writes.store(left, Ordering::SeqCst);
        let said = served.send(&served.mail()).await.unwrap_err();
        assert!(said.contains("ann asked for the same on") && said.contains("it broke off"), "{said}");
    }
    assert_eq!(served.letters().0.len(), 43);
    served.writes.store(usize::MAX, Ordering::SeqCst);
    let said = served.send(&served.mail()).await.unwrap();
    assert!(said.contains(&format!("{} letters are owed; 43 were owed already", mailable.len() - 43)), "{said}");
    let said = served.send(&MailArgs { subject: 9, ..served.mail() }).await;
    assert!(said.as_ref().is_err_and(|said| said.contains("has no subject 9 in \"")), "{said:?}");
    let said = served.send(&served.mail()).await.unwrap();
    assert!(said.starts_with(&format!("{} letters of it are owed already", mailable.len())), "{said}");

    let (letters, _) = served.letters();
    let mut to: Vec<LeadId> = letters.iter().filter_map(|letter| letter.lead.clone()).collect();
    to.sort();
    let mut wanted: Vec<LeadId> = mailable.iter().map(|n| leads[*n].clone()).collect();
    wanted.sort();
    assert_eq!(to, wanted, "one letter each");
    assert_eq!(served.suite.own().store.broadcasts().await.unwrap().len(), 1);

    // All go out at the pace, but for those who have had enough; each in its reader's language, with their own name. The clock
    // stands while a function runs, so a tick may send no more than ten.
    served.suite.advance(SignedDuration::from_mins(40)).await.unwrap();
    let mails = served.suite.mailbox().mails();
    assert_eq!(mails.len(), mailable.len() - 3);
    let addresses: std::collections::BTreeSet<String> = mails.iter().map(|mail| mail.to.join(",")).collect();
    assert_eq!(addresses.len(), mails.len(), "nobody gets two");
    let of = |n: usize| mails.iter().find(|mail| mail.to == [format!("guest{n}@works{n}.example")]).unwrap();
    let text = |n: usize| of(n).text.clone().unwrap_or_default();
    assert!(text(3).contains("佐藤 3号") && text(7).contains("Hello Guest 7"), "{}\n{}", text(3), text(7));
    let results: Value = serde_json::from_str(&served.broadcasts(Some(&letters_of(&served)), JSON).await).unwrap();
    let sent = mailable.len() - 3;
    assert_eq!((&results["results"]["sent"], &results["results"]["put_off"]["cap"]), (&sent.into(), &3.into()), "{results}");
}

/// The id of the only broadcast.
fn letters_of(served: &Served) -> String {
    let items = served.suite.items("Leads").unwrap();
    let mut ids = items.iter().filter(|item| item["pk"]["S"] == "broadcast#all").map(|item| item["sk"]["S"].as_str().unwrap());
    let id = ids.next().unwrap().to_owned();
    assert_eq!(ids.next(), None);
    id
}

#[tokio::test]
async fn a_mail_for_later_waits_for_its_time_and_may_be_cancelled() {
    let served = Served::start().await;
    guests(&served.suite, 12).await;
    let args = MailArgs { at: "2026-04-03 10:30".to_owned(), name: Some("spring".to_owned()), ..served.mail() };
    let said = served.send(&args).await.unwrap();
    assert!(said.contains("from  2026-04-03 10:30, of use until 2026-04-06 10:30"), "{said}");
    let (letters, hints) = served.letters();
    assert_eq!((letters.len(), hints), (8, 0), "nothing is started before its time");
    served.suite.advance(SignedDuration::from_hours(40)).await.unwrap();
    assert_eq!(served.suite.mailbox().mails().len(), 0);

    // One letter goes out; then somebody changes their mind.
    let due: Timestamp = "2026-04-03T01:30:00Z".parse().unwrap();
    assert!(letters.iter().all(|letter| letter.due() == Some(due)), "{letters:?}");
    let lead = letters[0].lead.clone().unwrap();
    let cancel = async |id: &str| {
        let args = CancelArgs { id: id.to_owned(), by: By::of("bob"), target: served.target.clone() };
        let mut out = Vec::new();
        broadcasts::cancel(&args, &mut out).await.map(|()| String::from_utf8(out).unwrap()).map_err(|error| error.to_string())
    };
    assert!(cancel("sprong").await.unwrap_err().contains("no broadcast has the id or the name sprong"));
    let store = &served.suite.own().store;
    store.move_message(&letters[0], &claimed(&letters[0], due)).await.unwrap();
    assert_eq!(cancel("spring").await.unwrap().lines().next().unwrap(), "7 letters cancelled; 0 letters had gone out");
    let again = cancel("spring").await.unwrap();
    assert!(again.starts_with("7 letters cancelled") && again.contains("1 letter is going out at this moment"), "{again}");
    served.suite.advance(SignedDuration::from_hours(24)).await.unwrap();
    let said = served.send(&args).await.unwrap_err();
    assert!(said.contains("bob cancelled it"), "{said}");
    let results: Value = serde_json::from_str(&served.broadcasts(Some("spring"), JSON).await).unwrap();
    assert_eq!(results["results"]["unsent"], json!({ "cancelled": 7 }), "{results} {lead}");
}

fn claimed(letter: &Message, now: Timestamp) -> Message {
    let attempt = michi::id::AttemptId::derive(&["a"]);
    letter.after(michi::mail::message::Event::Claimed { attempt }, now).unwrap()
}

#[tokio::test]
async fn a_mail_goes_to_a_list_of_known_people_and_is_refused_where_it_cannot_be_right() {
    let served = Served::start().await;
    guests(&served.suite, 10).await;
    let folder = tempfile::tempdir().unwrap();
    let list = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        ToArgs { segment: None, list: Some(path) }
    };
    let people = "\u{feff}メールアドレス,氏名\r\nguest0@works0.example,佐藤\r\nGUEST1@works1.example,x\r\nguest1@works1.example,x\r\nnobody@else.example,x\r\nguest4@works4.example,\r\n";
    let args = MailArgs { to: list("people.csv", people), ..served.mail() };
    let said = served.send(&args).await.unwrap();
    for wanted in [
        "to    the list people.csv",
        "3  leads",
        "2  may be mailed",
        "1  addresses of the list are no lead's",
        "2 letters are owed",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    let renamed = MailArgs { to: list("other.csv", &people.replace("GUEST1", "guest1")), ..args.clone() };
    assert!(served.send(&renamed).await.unwrap().contains("are owed already"), "the same people are the same list");

    let other = MailArgs {
        columns: vec!["Wer=email".parse().unwrap()],
        to: list("other.csv", "Wer\nguest2@works2.example\n"),
        ..args.clone()
    };
    assert!(served.send(&other).await.unwrap().contains("1 letter is owed"));
    let everybody = served.segment(Some("guests"), false, CSV).await.unwrap();
    let written = MailArgs { to: list("guests.csv", &everybody), dry_run: true, ..args.clone() };
    assert!(served.send(&written).await.unwrap().contains("10  leads"), "what a segment writes can be read again");

    let refused = async |args: MailArgs| served.send(&args).await.unwrap_err();
    let broken = refused(MailArgs { to: list("broken.csv", "email\nann@@example\n"), ..args.clone() }).await;
    assert!(broken.contains("holds no address") && broken.contains("broken.csv:2:"), "{broken}");
    // One row that is wrong keeps nobody else from getting it.
    let some = MailArgs { to: list("some.csv", "email\nann@@example\nguest3@works3.example\n"), dry_run: true, ..args.clone() };
    let said = served.send(&some).await.unwrap();
    assert!(said.contains("1  row of the list cannot be used") && said.contains("some.csv:2:"), "{said}");
    assert!(said.contains("      1  leads") || said.contains("      1  lead\n"), "{said}");
    assert!(refused(MailArgs { to: list("empty.csv", "email\n"), ..args.clone() }).await.contains("holds no address"));
    assert!(refused(MailArgs { mail: "case-stduy".to_owned(), ..served.mail() }).await.contains("did you mean \"case-study\"?"));
    assert!(refused(MailArgs { mail: "alert".to_owned(), ..served.mail() }).await.contains("salespeople"));
    assert!(refused(MailArgs { at: "2026-03-31 09:00".to_owned(), ..served.mail() }).await.contains("lies in the past"));
    assert!(refused(MailArgs { at: "soon".to_owned(), ..served.mail() }).await.contains("is no time"));
    let unknown = ToArgs { segment: Some("nobody".to_owned()), list: None };
    assert!(refused(MailArgs { to: unknown, ..served.mail() }).await.contains("no segment is called \"nobody\""));
    let empty = ToArgs { segment: Some("price-checking".to_owned()), list: None };
    assert!(refused(MailArgs { to: empty, ..served.mail() }).await.contains("Nobody would be sent it"));
    assert_eq!(served.letters().0.len(), 3, "nothing else was written");
}

#[tokio::test]
async fn results_say_what_readers_did() {
    let served = Served::start().await;
    guests(&served.suite, 12).await;
    served.send(&served.mail()).await.unwrap();
    served.suite.advance(MINUTE * 5).await.unwrap();
    let (letters, _) = served.letters();
    let store = &served.suite.own().store;
    let did = async |place: usize, kind: fn(MessageId) -> Kind| {
        let letter = &letters[place];
        assert!(matches!(letter.state, State::Sent { .. }), "{letter:?}");
        let id = ActivityId::derive(&["did", letter.id.as_str(), &format!("{:?}", kind(letter.id.clone()))]);
        let record = Record::decision(id, served.suite.now(), kind(letter.id.clone()));
        store.append(&LogOwner::Lead(letter.lead.clone().unwrap()), &record, Mark::Quiet).await.unwrap();
    };
    let opened = |message| Kind::MailOpened { message };
    let clicked = |message| Kind::MailClicked { message, link: 0, target: "https://a.example".to_owned() };
    did(0, opened).await;
    did(0, clicked).await;
    did(1, opened).await;
    did(2, |message| Kind::MailChosen { topic: None, wanted: false, by: OptOut::OneClick, message: Some(message) }).await;
    let id = letters_of(&served);
    let told: Value = serde_json::from_str(&served.broadcasts(Some(&id[..6]), JSON).await).unwrap();
    let results = &told["results"];
    let figures: BTreeMap<&str, u64> =
        ["owed", "sent", "opened", "clicked", "unsubscribed"].map(|name| (name, results[name].as_u64().unwrap())).into();
    let wanted = BTreeMap::from([("owed", 8), ("sent", 8), ("opened", 2), ("clicked", 1), ("unsubscribed", 1)]);
    assert_eq!(figures, wanted, "{told}");
    let shown = served.broadcasts(Some(&id), Form::default()).await;
    assert!(shown.contains("      1  unsubscribed\n") && shown.contains("      4  kept back\n"), "{shown}");
    let csv = served.broadcasts(Some(&id), CSV).await;
    assert!(csv.starts_with("figure,why,letters\r\nleads,,12\r\n"), "{csv}");
    let list = served.broadcasts(None, Form::default()).await;
    assert!(list.contains("case-study") && list.contains("segment guests"), "{list}");
}
