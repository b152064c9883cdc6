//! User agents of robots, told by the list in `robots.txt`, which `robots.mjs` makes.
//!
//! Almost every entry is a plain text, and most of the others need one to be there before their pattern is worth
//! trying. So a browser's user agent meets a handful of patterns, and only those are ever compiled: a cold start pays
//! tens of microseconds for it, where one regular expression of the whole list costs milliseconds.

use std::ops::Range;
use std::sync::OnceLock;

use regex_lite::Regex;

/// The longest user agent looked at, in bytes; what lies beyond gives nothing away that is not said before.
const LONGEST: usize = 1_024;

/// The longest word kept, in characters.
const LONGEST_WORD: usize = 40;

/// One line of the list.
struct Entry {
    /// It begins with this.
    start: bool,
    /// It holds this.
    text: &'static str,
    /// And fits this.
    pattern: Option<Pattern>,
}

struct Pattern {
    source: &'static str,
    compiled: OnceLock<Option<Regex>>,
}

/// The word in a user agent by which it gives itself away as a robot; none if it seems a browser.
pub(super) fn word_in(user_agent: &str) -> Option<String> {
    static ENTRIES: OnceLock<Vec<Entry>> = OnceLock::new();
    let entries = ENTRIES.get_or_init(|| read(include_str!("robots.txt")));
    let text = user_agent.get(..user_agent.floor_char_boundary(LONGEST)).unwrap_or_default().to_ascii_lowercase();
    let first = entries.iter().filter_map(|entry| entry.find(&text)).min_by_key(|found| found.start)?;
    Some(word_at(user_agent, first))
}

fn read(list: &'static str) -> Vec<Entry> {
    list.lines()
        .filter(|line| !line.starts_with("# "))
        .map(|line| match line.split_once('\t') {
            Some((text, source)) => Entry { start: false, text, pattern: Some(Pattern { source, compiled: OnceLock::new() }) },
            None => match line.strip_prefix('^') {
                Some(text) => Entry { start: true, text, pattern: None },
                None => Entry { start: false, text: line, pattern: None },
            },
        })
        .collect()
}

impl Entry {
    /// Where the text, in lower case, fits.
    fn find(&self, text: &str) -> Option<Range<usize>> {
        if self.start {
            return text.starts_with(self.text).then_some(0..self.text.len());
        }
        let at = text.find(self.text)?;
        match &self.pattern {
            None => Some(at..at + self.text.len()),
            // A test compiles every line of the list, so that none is dropped here unseen.
            Some(pattern) => {
                let regex = pattern.compiled.get_or_init(|| Regex::new(pattern.source).ok()).as_ref()?;
                regex.find(text).map(|found| found.range())
            }
        }
    }
}

/// The product name around what was found: `Googlebot`, not `google`.
fn word_at(user_agent: &str, found: Range<usize>) -> String {
    let of_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let bytes = user_agent.as_bytes();
    let matched = bytes.get(found.clone()).unwrap_or_default();
    let Some(inside) = matched.iter().position(|b| of_name(*b)) else {
        // Signs give it away, as in `()`.
        return String::from_utf8_lossy(matched).chars().filter(|c| !c.is_control()).take(LONGEST_WORD).collect();
    };
    let within = found.start + inside;
    let start = bytes.iter().take(within).rposition(|b| !of_name(*b)).map_or(0, |before| before + 1);
    bytes.iter().skip(start).take_while(|b| of_name(**b)).take(LONGEST_WORD).map(|b| char::from(*b)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_list_can_be_used() {
        let list = include_str!("robots.txt");
        let entries = read(list);
        assert!(entries.len() > 200);
        for entry in &entries {
            let pattern = entry.pattern.as_ref();
            assert!(pattern.is_some() || !entry.text.is_empty(), "an empty text fits everything");
            if let Some(pattern) = pattern {
                Regex::new(pattern.source).unwrap();
            }
        }
        assert!(list.contains("isbot 5.") && list.contains("Unlicense"));
    }

    #[test]
    fn robots_give_themselves_away_and_browsers_do_not() {
        let check = |user_agent: &str, word: Option<&str>| assert_eq!(word_in(user_agent).as_deref(), word, "{user_agent}");
        check("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", Some("Googlebot"));
        check("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", Some("bingbot"));
        check("Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)", Some("Baiduspider"));
        check("UniversalFeedParser/4.2-pre-314-svn +http://feedparser.org/", Some("UniversalFeedParser"));
        check(
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0.0.0",
            Some("HeadlessChrome"),
        );
        check("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", Some("facebookexternalhit"));
        check("python-requests/2.31.0", Some("python-requests"));
        check("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", Some("Slackbot-LinkExpanding"));
        check("Java/1.8.0_202", Some("Java"));
        check("() { :;}; echo", Some("()"));
        check("\u{1b}[31m()", Some("()"));
        check("Mozilla/4.0 (compatible;)", Some("Mozilla"));

        let chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0";
        check(&format!("{chrome} Safari/537.36"), None);
        check(&format!("{chrome} Safari/537.36 Edg/126.0.0.0"), None);
        check(
            "Mozilla/5.0 (Linux; Android 10; CUBOT X30) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36",
            None,
        );
        check(
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
            None,
        );
        check(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) GSA/321.0 Mobile/15E148 Safari/604.1",
            None,
        );
        check(
            "Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/AP1A; wv) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36 GoogleApp/15.2",
            None,
        );
        check("Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0", None);
        check("Opera/9.80 (Windows NT 6.1; U; ru) Presto/2.10.289 Version/12.02", None);
    }

    #[test]
    fn a_user_agent_of_any_length_and_script_is_taken() {
        assert_eq!(word_in(&"あ".repeat(2_000)), Some("あ".repeat(LONGEST_WORD)));
        assert_eq!(word_in(&format!("Mozilla/5.0 (é; {})", "x ".repeat(2_000))), None);
        assert!(word_in(&format!("bot{}", "x".repeat(2_000))).is_some_and(|word| word.len() == LONGEST_WORD));
    }
}
