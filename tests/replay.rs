//! `michi replay`: what a log says, and that it says what michi itself would have said.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use michi::activity::LogOwner;
use michi::fold::fold;
use michi::id::VisitorId;
use michi::playbook::Playbook;
use michi::playbook::authoring::{default_playbook, load};
use michi_cli::replay::{NoPage, Report, replay};
use michi_local::{Options, Pace, Suite};
use serde_json::json;

use crate::harness::{BROWSER, ORIGIN, Visitor, beacon};

const CRAWLER: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

fn line(address: &str, time: &str, request: &str, status: u16, user_agent: &str) -> String {
    format!("{address} - - [{time} +0000] \"{request} HTTP/1.1\" {status} 512 \"-\" \"{user_agent}\"\n")
}

/// Two people, a robot, and everything else that stands in a log.
fn small_log() -> String {
    let mut log = String::new();
    let ann =
        |time: &str, request: &str, status: u16| line("192.0.2.1", &format!("01/Apr/2026:{time}"), request, status, BROWSER);
    log += &ann("10:00:00", "GET /pricing?utm_source=news", 200);
    log += &ann("10:00:01", "GET /style.css", 200);
    log += &ann("10:00:01", "GET /logo.png", 304);
    log += &ann("10:00:02", "GET /missing.png", 404);
    log += &ann("10:30:00", "GET /cases/kansai", 200);
    log += "\n";
    log += &ann("11:00:01", "GET /paper.pdf", 200);
    log += &ann("11:00:02", "GET /paper.pdf", 206);
    log += &ann("11:00:02", "HEAD /pricing", 200);
    log += "no line at all\n";
    // The same browser at another address is another visitor; and lines need not be in order.
    log += &line("192.0.2.2", "01/Apr/2026:09:00:00", "GET /", 200, BROWSER);
    log += &line("192.0.2.3", "01/Apr/2026:09:00:00", "GET /pricing", 200, CRAWLER);
    log += &line("192.0.2.3", "01/Apr/2026:09:00:01", "GET /robots.txt", 200, CRAWLER);
    log += &line("192.0.2.4", "01/Apr/2026:09:00:00", "GET /pricing", 200, "-");
    log.trim_end().to_owned()
}

fn written(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn replayed(bytes: &[u8], playbook: &Playbook, show_addresses: bool) -> Report {
    let folder = tempfile::tempdir().unwrap();
    replay(&[written(folder.path(), "access.log", bytes)], playbook, show_addresses).unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn every_line_is_accounted_for() {
    let report = replayed(small_log().as_bytes(), &default_playbook().unwrap(), false);
    let told = serde_json::to_value(&report).unwrap();
    assert_eq!(told["unreadable_lines"].as_array().unwrap().len(), 1);
    assert_eq!(told["unreadable_lines"][0]["line"], 10, "as an editor counts, empty lines too");
    let counts = json!({
        "lines": 13, "requests": 12, "unreadable": 1, "pages": 3, "downloads": 1, "visitors": 2, "sessions": 3,
        "times": ["2026-04-01T09:00:00Z", "2026-04-01T11:00:02Z"],
        "doubtful": {"without_parts": 1, "asked_for_robots_txt": 0},
        "no_page": {"images": 1, "styles": 1, "robots_txt": 1, "pieces": 1, "errors": 1, "heads": 1},
        "robots": {"visitors": 2, "requests": 3, "pages": 2, "why": [
            {"word": "Googlebot", "visitors": 1, "requests": 2}, {"word": null, "visitors": 1, "requests": 1}]},
    });
    for (name, count) in counts.as_object().unwrap() {
        assert_eq!(&told[name], count, "{name}");
    }
    let text = report.to_string();
    assert!(text.contains("2 visitors in 3 sessions") && text.contains("Googlebot 2, (no user agent) 1"), "{text}");
    assert!(!text.contains("192.0.2.") && !told.to_string().contains("192.0.2."));
    let named = replayed(small_log().as_bytes(), &default_playbook().unwrap(), true);
    assert!(named.to_string().contains("(192.0.2.1)"));
}

#[test]
fn a_compressed_log_and_one_in_two_files_say_the_same() {
    let (log, playbook) = (small_log(), default_playbook().unwrap());
    let plain = replayed(log.as_bytes(), &playbook, false);
    let hottest = |report: &Report| report.hottest.iter().map(|hot| (hot.visitor.clone(), hot.interest)).collect::<Vec<_>>();
    let compressed = replayed(&gzip(log.as_bytes()), &playbook, false);
    assert_eq!(
        (compressed.requests, &compressed.no_page, hottest(&compressed)),
        (plain.requests, &plain.no_page, hottest(&plain))
    );

    let folder = tempfile::tempdir().unwrap();
    let (first, second) = log.split_at(log.find("192.0.2.1 - - [01/Apr/2026:11:00:01").unwrap());
    let files = [written(folder.path(), "2.log", second.as_bytes()), written(folder.path(), "1.gz", &gzip(first.as_bytes()))];
    let both = replay(&files, &playbook, false).unwrap();
    assert_eq!((both.sessions, &both.no_page, hottest(&both)), (plain.sessions, &plain.no_page, hottest(&plain)));
    assert!(both.unreadable_lines[0].file.ends_with("2.log") && both.unreadable_lines[0].line == 4);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let playbook = default_playbook().unwrap();
    let error = |path: PathBuf| format!("{:#}", replay(&[path], &playbook, false).unwrap_err());
    assert!(error(folder.path().join("gone.log")).contains("gone.log cannot be read: No such file"));
    let broken = written(folder.path(), "broken.gz", &gzip(small_log().as_bytes())[..40]);
    assert!(error(broken).contains("broken.gz cannot be read"));
    let empty = replay(&[written(folder.path(), "empty.log", b"")], &playbook, false).unwrap();
    assert_eq!((empty.lines, empty.times, empty.hottest.len()), (0, None, 0));
    let binary = replayed(&[0xff; 10_000], &playbook, false);
    assert_eq!((binary.lines, binary.unreadable), (1, 1));
}

/// The pages of a log, sent by the snippet to a running michi at the same moments, come to the same interest.
#[tokio::test]
async fn a_log_says_what_michi_itself_would_have_said() {
    let visits = [("10:00:00", "/pricing"), ("10:01:00", "/cases/kansai"), ("10:02:00", "/product"), ("15:00:00", "/careers")];
    let moment = |time: &str| format!("2026-04-01T{time}Z").parse::<Timestamp>().unwrap();
    let suite = Suite::start(Options { pace: Pace::Manual(moment(visits[0].0)), ..Options::test() }).await.unwrap();
    let (mut log, mut visitor) = (String::new(), Visitor::new("v1"));
    for (time, path) in visits {
        log += &line("192.0.2.1", &format!("01/Apr/2026:{time}"), &format!("GET {path}"), 200, BROWSER);
        suite.clock().set(moment(time));
        beacon(&suite, &visitor.page(moment(time), path, "", 0)).await;
    }
    let playbook = suite.own().playbook().await.unwrap().playbook;
    let owner = LogOwner::Visitor(VisitorId::parse("v1").unwrap());
    let lead = fold(&playbook, &suite.own().store.log(&owner).await.unwrap(), suite.now());

    let report = replayed(log.as_bytes(), &playbook, false);
    let [hot] = report.hottest.as_slice() else { panic!("{report}") };
    assert_eq!((hot.interest, hot.level, hot.phase), (lead.interest.points, lead.interest.level, lead.phase));
    assert_eq!(hot.reasons.iter().map(|reason| reason.times).sum::<u64>(), lead.interest.reasons.len() as u64);
    assert_eq!(playbook.setup.sites[0].origin, ORIGIN);
}

#[test]
fn ten_thousand_real_lines_are_understood_but_for_one() {
    #[allow(clippy::disallowed_methods, reason = "the log is not part of the repository")]
    let Some(file) = std::env::var_os("MICHI_ACCESS_LOG") else {
        println!("skipped: MICHI_ACCESS_LOG names no access log of semicomplete.com");
        return;
    };
    let playbook = load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/semicomplete")).unwrap();
    let report = replay(&[PathBuf::from(file)], &playbook, false).unwrap();
    assert_eq!((report.lines, report.requests, report.unreadable), (10_000, 9_999, 1));
    assert_eq!(report.unreadable_lines[0].line, 8_899);
    let span = report.times.map(|(first, last)| (first.to_string(), last.to_string())).unwrap();
    assert_eq!(span, ("2015-05-17T10:05:00Z".to_owned(), "2015-05-20T21:05:59Z".to_owned()));

    // Each request is one thing.
    let no_page: u64 = report.no_page.values().sum();
    assert_eq!(report.pages + report.downloads + report.robots.pages + no_page, report.requests);
    let count = |kind: NoPage| report.no_page.get(&kind).copied().unwrap_or_default();
    assert_eq!((count(NoPage::Heads), count(NoPage::Methods), count(NoPage::RobotsTxt)), (42, 6, 180));
    assert!(count(NoPage::Images) > 3_000 && count(NoPage::Styles) > 1_000 && count(NoPage::Feeds) > 800);
    // 213 answers were 404, some of them to what is counted under its own name.
    assert!((200..=218).contains(&count(NoPage::Errors)), "{}", count(NoPage::Errors));

    let word = |word: &str| report.robots.why.iter().find(|why| why.word.as_deref() == Some(word)).map_or(0, |why| why.requests);
    assert!(word("Googlebot") > 400 && word("bingbot") > 50 && word("Baiduspider") > 50);
    // 1,528 user agents say bot, crawl, spider or slurp; feed readers and programs come on top.
    assert!((1_528..3_500).contains(&report.robots.requests), "{}", report.robots.requests);

    assert!((800..1_100).contains(&report.visitors) && report.sessions > report.visitors);
    assert_eq!(report.hottest.len(), 20);
    assert!(report.hottest.is_sorted_by(|a, b| a.interest >= b.interest));
    for hot in &report.hottest {
        let sum: f64 = hot.reasons.iter().map(|reason| reason.now).sum();
        assert!((sum - hot.interest).abs() < 1e-9, "{hot}");
    }
    assert!(report.hottest[0].reasons.iter().any(|reason| reason.rule.as_str() == "documentation"));
}
