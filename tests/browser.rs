//! A person with a real browser: reads the demonstration site, asks for the white paper, and is called; follows a link in a
//! mail, and is known on the site; answers a question that a mail asks.
//!
//! Needs Chromium and its driver, and runs where `MICHI_BROWSER` is set, as `tests/run` does. With `MICHI_SCREENSHOTS`
//! set to a folder it leaves the README's screenshots there.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use michi::activity::{LogOwner, Proof};
use michi::fold::fold;
use michi::id::{MessageId, VisitorId};
use michi::link::{OfLetter, Question};
use michi_local::{Options, Pace, Suite, server};
use thirtyfour::prelude::*;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use crate::clicks::letter_sent;
use crate::harness::{Visitor, beacon, buyer};
use crate::question::{asked, asking, suite_that_asks};
use crate::results::{Course, in_japanese};
use crate::spine::lead_of;

struct Browser {
    driver: WebDriver,
    _process: Child,
}

/// A free port, for a moment.
async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

/// A browser that looks like a person's: the snippet ignores automation, and headless ones call themselves robots.
async fn browser() -> Browser {
    browser_on(false).await
}

/// The same on a telephone: a window may not be narrower than a desktop's allows, so the browser is told that it is one.
async fn browser_on(telephone: bool) -> Browser {
    let port = free_port().await;
    let process = Command::new("chromedriver")
        .arg(format!("--port={port}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("chromedriver can be started");
    let mut wanted = DesiredCapabilities::chrome();
    let agent = format!("--user-agent={}", crate::harness::BROWSER);
    for argument in [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--hide-scrollbars",
        "--window-size=1280,900",
        "--disable-blink-features=AutomationControlled",
        agent.as_str(),
    ] {
        wanted.add_arg(argument).unwrap();
    }
    if telephone {
        let screen = serde_json::json!({"deviceMetrics": {"width": 390, "height": 844, "pixelRatio": 2.0, "touch": true}});
        wanted.add_experimental_option("mobileEmulation", screen).unwrap();
    }
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        match WebDriver::new(format!("http://127.0.0.1:{port}"), wanted.clone()).await {
            Ok(driver) => return Browser { driver, _process: process },
            Err(error) => assert!(Instant::now() < end, "no browser: {error}"),
        }
        sleep(Duration::from_millis(200)).await;
    }
}

async fn suite() -> (Suite, String) {
    let (options, listener) = at_real_pace().await;
    let suite = Suite::start(options).await.unwrap();
    let site = suite.options().collector_url.clone();
    serve(&suite, listener);
    (suite, site)
}

/// What a suite is started with that a browser reaches, and the port it is reached at.
async fn at_real_pace() -> (Options, TcpListener) {
    let listener = server::bind(0).await.unwrap();
    let address = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
    (Options { collector_url: address, pace: Pace::Real, seed: None, ..Options::test() }, listener)
}

fn serve(suite: &Suite, listener: TcpListener) {
    let served = suite.clone();
    tokio::spawn(async move { server::serve(&served, listener).await });
}

impl Browser {
    async fn open(&self, url: &str) {
        self.driver.goto(url).await.unwrap();
    }

    /// What the page says; a page that is just giving way to another is asked again.
    async fn text(&self) -> String {
        let end = Instant::now() + Duration::from_secs(5);
        loop {
            let body = self.driver.find(By::Tag("body")).await;
            match async { body?.text().await }.await {
                Ok(text) => return text,
                Err(error) => assert!(Instant::now() < end, "{error}"),
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn fill(&self, id: &str, value: &str) {
        self.driver.find(By::Id(id)).await.unwrap().send_keys(value).await.unwrap();
    }

    async fn click(&self, css: &str) {
        let element = self.driver.find(By::Css(css)).await.unwrap();
        let place = vec![element.to_json().unwrap()];
        self.driver.execute("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", place).await.unwrap();
        element.click().await.unwrap();
    }

    /// Sends the form that michi takes, no sooner than a person can have written it.
    async fn submit(&self) {
        sleep(Duration::from_secs(2)).await;
        self.click("form[data-michi-form] [type=submit]").await;
    }

    async fn shoot(&self, name: &str) {
        if let Some(folder) = told("MICHI_SCREENSHOTS") {
            std::fs::create_dir_all(&folder).unwrap();
            self.driver.screenshot(&PathBuf::from(folder).join(name)).await.unwrap();
        }
    }
}

async fn within<T>(seconds: u64, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "{what}: not within {seconds} s");
        sleep(Duration::from_millis(20)).await;
    }
}

/// What `tests/run` says of the surroundings.
fn told(name: &str) -> Option<std::ffi::OsString> {
    #[allow(clippy::disallowed_methods, reason = "tests/run speaks to the tests by variables")]
    std::env::var_os(name)
}

fn skipped() -> bool {
    let skipped = told("MICHI_BROWSER").is_none();
    if skipped {
        println!("skipped: MICHI_BROWSER is not set; tests/run sets it once Chromium is there");
    }
    skipped
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_becomes_a_lead_and_sales_is_called() {
    if skipped() {
        return;
    }
    let (suite, site) = suite().await;
    let browser = browser().await;
    browser.open(&site).await;
    browser.shoot("demo.png").await;
    for path in ["/cases/kansai-precision", "/cases", "/pricing"] {
        browser.open(&format!("{site}{path}")).await;
        sleep(Duration::from_millis(1_200)).await;
    }
    browser.open(&format!("{site}/white-paper")).await;
    for (id, value) in [
        ("email", "mika.sato@hoshino-kogyo.example"),
        ("name", "佐藤 美香"),
        ("company", "星野工業"),
        ("phone", "03-1234-5678"),
        ("role", "Plant manager"),
        ("industry", "Food and beverage"),
        ("employees", "50"),
    ] {
        browser.fill(id, value).await;
    }
    browser.click("[name=consent]").await;
    browser.submit().await;
    let mail = within(5, "the alert", || suite.mailbox().mails().first().cloned()).await;
    assert!(mail.subject.contains("佐藤 美香"), "{}", mail.subject);

    browser.open(&format!("{site}/_michi/mailbox")).await;
    assert!(browser.text().await.contains(&mail.subject));
    browser.open(&format!("{site}/_michi/mailbox/{}/html", mail.id)).await;
    let alert = browser.text().await;
    for part in ["佐藤 美香", "星野工業", "mika.sato@hoshino-kogyo.example", "03-1234-5678"] {
        assert!(alert.contains(part), "{part} is missing in the alert: {alert}");
    }
    browser.shoot("alert.png").await;
    let lead_page = browser.driver.find(By::Css("a[href*='/view/']")).await.unwrap().attr("href").await.unwrap().unwrap();
    browser.open(&lead_page).await;
    let lead = browser.text().await;
    for part in ["佐藤 美香", "星野工業", "Requested a white paper"] {
        assert!(lead.contains(part), "{part} is missing on the lead page: {lead}");
    }
    browser.shoot("lead.png").await;
    // One bit changed is a page that does not exist.
    let broken = lead_page.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_').to_owned() + "AAAA";
    browser.open(&broken).await;
    assert!(!browser.text().await.contains("佐藤"));

    // A second address in the same browser is another person, with a visitor id of its own.
    let before = browser.driver.get_named_cookie("michi_id").await.unwrap().value;
    browser.open(&format!("{site}/contact")).await;
    for (id, value) in [
        ("email", "kenji@other-works.example"),
        ("name", "Kenji Mori"),
        ("company", "Other Works"),
        ("role", "Plant manager"),
        ("industry", "Food and beverage"),
        ("employees", "50"),
        ("message", "Hello"),
    ] {
        browser.fill(id, value).await;
    }
    browser.submit().await;
    within(5, "the second alert", || suite.mailbox().mails().iter().find(|mail| mail.subject.contains("Kenji Mori")).cloned())
        .await;
    let after = browser.driver.get_named_cookie("michi_id").await.unwrap().value;
    assert_ne!(before.split('.').next(), after.split('.').next());
    browser.driver.quit().await.unwrap();
}

/// One mail of the default playbook as its reader sees it, on a desktop and on a telephone.
#[tokio::test(flavor = "multi_thread")]
async fn a_mail_fits_a_desktop_and_a_telephone() {
    if skipped() {
        return;
    }
    let (_suite, site) = suite().await;
    let port = site.rsplit(':').next().unwrap();
    let browser = browser().await;
    for (language, name, width) in [("en", "mail-desktop.png", 760), ("ja", "mail-phone.png", 390)] {
        let mail = crate::mails::html(&format!("preview case-study --part html --language {language} --local={port}")).await;
        let file = tempfile::Builder::new().suffix(".html").tempfile().unwrap();
        std::fs::write(&file, mail).unwrap();
        browser.open("about:blank").await;
        // A window may not be narrower than a desktop's allows: the mail stands in a frame of the telephone's width.
        let frame = format!(
            "<!doctype html><body style=\"margin:0\"><iframe style=\"border:0;width:{width}px;height:1100px\" src=\"file://{}\"></iframe>",
            file.path().display()
        );
        let page = tempfile::Builder::new().suffix(".html").tempfile().unwrap();
        std::fs::write(&page, frame).unwrap();
        browser.driver.set_window_rect(0, 0, width.max(500), 1150).await.unwrap();
        browser.open(&format!("file://{}", page.path().display())).await;
        browser.driver.enter_frame(0).await.unwrap();
        let seen = browser.driver.execute("return [document.documentElement.scrollWidth, innerWidth]", vec![]).await.unwrap();
        let [wide, room]: [u64; 2] = seen.convert().unwrap();
        assert!(wide <= room, "{name}: {wide} px in {room} px");
        browser.driver.enter_default_frame().await.unwrap();
        if let Some(folder) = told("MICHI_SCREENSHOTS") {
            std::fs::create_dir_all(&folder).unwrap();
            let frame = browser.driver.find(By::Tag("iframe")).await.unwrap();
            frame.screenshot(&PathBuf::from(folder).join(name)).await.unwrap();
        }
    }
    browser.driver.quit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_clicks_in_a_mail_is_known_on_the_site() {
    if skipped() {
        return;
    }
    let (suite, site) = suite().await;
    let mut reader = Visitor::new("office");
    beacon(&suite, &reader.form(suite.now(), "newsletter", &buyer())).await;
    let visitor = VisitorId::parse("office").unwrap();
    let end = Instant::now() + Duration::from_secs(30);
    let lead = loop {
        if let Some(known) = suite.own().store.visitor_consistent(&visitor).await.unwrap() {
            break known.lead;
        }
        assert!(Instant::now() < end, "the form makes no lead");
        sleep(Duration::from_millis(50)).await;
    };
    let ago = suite.now() - SignedDuration::from_mins(5);
    let letter = letter_sent(&suite, &lead, &[&format!("{site}/pricing?from=mail#plans")], ago).await;
    letter.delivered(&suite, 298).await;

    // At home, in a browser that was never on the site.
    let browser = browser().await;
    browser.open(&format!("{site}{}", letter.link(&suite, 0))).await;
    assert_eq!(browser.driver.current_url().await.unwrap().as_str(), format!("{site}/pricing?from=mail#plans"));
    let cookie = browser.driver.get_named_cookie("michi_id").await.unwrap().value;
    let at_home = VisitorId::parse(cookie.split('.').next().unwrap()).unwrap();
    sleep(Duration::from_secs(11)).await;
    suite.tick("score").await.unwrap();
    let known = suite.own().store.visitor_consistent(&at_home).await.unwrap().expect("a link");
    assert_eq!((known.lead, known.proof), (lead.clone(), Proof::Proven));
    // The first page told that nobody knew it, so this one is told when it is left.
    browser.open(&format!("{site}/cases/kansai-precision")).await;
    browser.open(&site).await;
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let log = suite.own().store.log(&LogOwner::Lead(lead.clone())).await.unwrap();
        let lead = fold(&suite.own().playbook().await.unwrap().playbook, &log, suite.now());
        let pages: Vec<_> = lead.pages.iter().map(|page| page.url.trim_start_matches(&site)).collect();
        if pages.ends_with(&["/cases/kansai-precision", "/pricing?from=mail"]) {
            assert!(lead.pages.iter().all(|page| !page.unconfirmed));
            break;
        }
        assert!(Instant::now() < end, "the pages are not the lead's: {pages:?}");
        sleep(Duration::from_millis(50)).await;
    }
    browser.driver.quit().await.unwrap();
}

/// The page on which a reader ends mail or chooses, on a desktop and on a telephone.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_ends_mail_and_chooses_again() {
    if skipped() {
        return;
    }
    let (suite, site) = suite().await;
    let mut visitor = Visitor::new("reader");
    beacon(&suite, &visitor.form(suite.now(), "white-paper", &buyer())).await;
    suite.settle().await.unwrap();
    let (lead, _) = lead_of(&suite, &visitor).await;
    let (number, key) = suite.own().keys.signing().unwrap();
    let link = OfLetter { lead: lead.clone(), message: MessageId::derive(&["m"]) };
    let link = link.unsubscribe_url(&site, number, key.bytes());
    let wanted = async || suite.own().store.mailing(&lead).await.unwrap().unwrap().permissions.ground().is_some();

    let browser = browser().await;
    browser.open(&link).await;
    assert!(browser.text().await.contains("m•••@hoshino-kogyo.example"));
    browser.shoot("choices.png").await;
    browser.driver.quit().await.unwrap();
    let browser = browser_on(true).await;
    browser.open(&link).await;
    let seen = browser.driver.execute("return [document.documentElement.scrollWidth, innerWidth]", vec![]).await.unwrap();
    let [wide, room]: [u64; 2] = seen.convert().unwrap();
    assert!(wide <= room, "{wide} px in {room} px");
    browser.shoot("choices-phone.png").await;
    assert!(wanted().await);
    browser.click("button[value=none]").await;
    assert!(browser.text().await.contains("Your choice is kept"));
    let end = Instant::now() + Duration::from_secs(10);
    while wanted().await {
        assert!(Instant::now() < end, "mail is not ended");
        sleep(Duration::from_millis(50)).await;
    }
    browser.shoot("choices-ended.png").await;
    browser.click("[name=opens]").await;
    browser.click("button[value=save]").await;
    let end = Instant::now() + Duration::from_secs(10);
    while !suite.own().store.mailing(&lead).await.unwrap().unwrap().permissions.no_opens {
        assert!(Instant::now() < end, "the choice is not kept");
        sleep(Duration::from_millis(50)).await;
    }
    browser.click("button[value=again]").await;
    while !wanted().await {
        assert!(Instant::now() < end, "mail does not go on");
        sleep(Duration::from_millis(50)).await;
    }
    browser.driver.quit().await.unwrap();
}

/// The page on which a question is answered, in both languages and on a telephone.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_answers_a_question() {
    if skipped() {
        return;
    }
    for (language, phone) in [("en", false), ("ja", true)] {
        let (options, listener) = at_real_pace().await;
        let (suite, _folder) = suite_that_asks(language, options).await;
        serve(&suite, listener);
        let lead = asked(&suite).await;
        let (number, key) = suite.own().keys.signing().unwrap();
        let link = Question { lead: lead.clone(), message: asking(), answer: 1 };
        let link = link.url(&suite.options().collector_url, number, key.bytes());
        let answers = async || {
            let log = suite.own().store.log(&LogOwner::Lead(lead.clone())).await.unwrap();
            fold(&suite.own().playbook().await.unwrap().playbook, &log, Timestamp::MAX)
                .attribute("main_concern")
                .map(str::to_owned)
        };
        let browser = browser_on(phone).await;
        browser.open(&link).await;
        let seen = browser.driver.execute("return [document.documentElement.scrollWidth, innerWidth]", vec![]).await.unwrap();
        let [wide, room]: [u64; 2] = seen.convert().unwrap();
        assert!(wide <= room, "{wide} px in {room} px");
        assert!(browser.driver.find(By::Css("input[value=quality]")).await.unwrap().is_selected().await.unwrap());
        browser.shoot(&format!("question-{language}.png")).await;
        assert_eq!(answers().await, None, "looking is no answer");
        browser.click("input[value=time]").await;
        browser.click("button").await;
        let end = Instant::now() + Duration::from_secs(10);
        while answers().await.as_deref() != Some("time") {
            assert!(Instant::now() < end, "the answer is not kept");
            sleep(Duration::from_millis(50)).await;
        }
        browser.shoot(&format!("question-{language}-answered.png")).await;
        browser.driver.quit().await.unwrap();
    }
}

/// What came of a scenario, drawn: on a desktop and on a telephone.
#[tokio::test(flavor = "multi_thread")]
async fn a_marketer_looks_at_what_came_of_a_scenario() {
    if skipped() {
        return;
    }
    let course = Course::run(40).await;
    for phone in [false, true] {
        if phone {
            in_japanese(&course).await;
        }
        let (page, browser) = (course.page().await, browser_on(phone).await);
        browser.open(&page).await;
        let seen = browser.driver.execute("return [document.documentElement.scrollWidth, innerWidth]", vec![]).await.unwrap();
        let [wide, room]: [u64; 2] = seen.convert().unwrap();
        assert!(wide <= room, "{wide} px in {room} px");
        // No text of the drawing runs out of it, in the fonts that this browser has.
        let outside = "const box = document.querySelector('.drawing').getBoundingClientRect();
            return [...document.querySelectorAll('.drawing text')].filter(t => t.getBoundingClientRect().right > box.right + 1).map(t => t.textContent)";
        let outside: Vec<String> = browser.driver.execute(outside, vec![]).await.unwrap().convert().unwrap();
        assert!(outside.is_empty(), "{outside:?}");
        browser.shoot(if phone { "results-phone.png" } else { "results.png" }).await;
        browser.driver.quit().await.unwrap();
    }
}
