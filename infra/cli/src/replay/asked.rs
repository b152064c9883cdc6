//! What a request asked for: a page, a file, or what is neither.

use serde::Serialize;

use super::line::Line;

/// What a request was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// A page was shown.
    Page,
    /// A file was downloaded, of a kind that the snippet counts.
    Download,
    /// Nothing that michi would hear of.
    Other(NoPage),
}

/// Requests that are no pages, by what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoPage {
    /// Pictures.
    Images,
    /// Style sheets.
    Styles,
    /// Scripts.
    Scripts,
    /// Fonts.
    Fonts,
    /// Sound and film.
    Media,
    /// Feeds, which programs read.
    Feeds,
    /// What robots are asked to read.
    RobotsTxt,
    /// Any other file: archives, data, source code.
    Files,
    /// Further pieces of a download that has been counted.
    Pieces,
    /// The server sent them elsewhere.
    Redirects,
    /// Not found, not allowed, broken.
    Errors,
    /// Only the head of a page.
    Heads,
    /// Neither GET nor HEAD.
    Methods,
    /// No request that could be read.
    Malformed,
}

impl NoPage {
    /// The word for people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Styles => "styles",
            Self::Scripts => "scripts",
            Self::Fonts => "fonts",
            Self::Media => "sound and film",
            Self::Feeds => "feeds",
            Self::RobotsTxt => "robots.txt",
            Self::Files => "other files",
            Self::Pieces => "pieces of downloads",
            Self::Redirects => "redirects",
            Self::Errors => "errors",
            Self::Heads => "HEAD requests",
            Self::Methods => "other methods",
            Self::Malformed => "no request at all",
        }
    }

    /// Whether a browser loads it because a page needs it.
    #[must_use]
    pub fn belongs_to_a_page(self) -> bool {
        matches!(self, Self::Images | Self::Styles | Self::Scripts | Self::Fonts)
    }
}

/// What a line asked for.
#[must_use]
pub(super) fn asked(line: &Line<'_>) -> Asked {
    let no_page = Asked::Other;
    let (path, query) = path_and_query(line.target);
    if line.method.is_empty() {
        return no_page(NoPage::Malformed);
    }
    if path.eq_ignore_ascii_case("/robots.txt") {
        return no_page(NoPage::RobotsTxt);
    }
    match (line.method, line.status) {
        ("HEAD", _) => no_page(NoPage::Heads),
        ("GET", 200..=299 | 304) => by_name(path, query),
        ("GET", 300..=399) => no_page(NoPage::Redirects),
        ("GET", _) => no_page(NoPage::Errors),
        _ => no_page(NoPage::Methods),
    }
}

/// Path and query of a target, without what stands before and behind them.
fn path_and_query(target: &str) -> (&str, &str) {
    let path = michi::playbook::pattern::path_of(target);
    let behind = target.split_once('?').map_or("", |(_, query)| query);
    (path, behind.split('#').next().unwrap_or_default())
}

fn by_name(path: &str, query: &str) -> Asked {
    if is_feed(path, query) {
        return Asked::Other(NoPage::Feeds);
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    let Some((_, end)) = name.rsplit_once('.') else { return Asked::Page };
    match end.to_ascii_lowercase().as_str() {
        "html" | "htm" | "xhtml" | "shtml" | "php" | "asp" | "aspx" | "jsp" | "cgi" | "do" => Asked::Page,
        // As the snippet has it.
        "pdf" | "doc" | "docx" | "xls" | "xlsx" | "ppt" | "pptx" | "zip" | "csv" | "epub" => Asked::Download,
        "png" | "jpg" | "jpeg" | "gif" | "webp" | "avif" | "svg" | "ico" | "bmp" | "tif" | "tiff" => Asked::Other(NoPage::Images),
        "css" => Asked::Other(NoPage::Styles),
        "js" | "mjs" | "map" | "wasm" => Asked::Other(NoPage::Scripts),
        "woff" | "woff2" | "ttf" | "otf" | "eot" => Asked::Other(NoPage::Fonts),
        "mp3" | "mp4" | "m4a" | "m4v" | "ogg" | "ogv" | "webm" | "wav" | "avi" | "mov" | "swf" => Asked::Other(NoPage::Media),
        // `2012.10` is the name of a page, `notes.txt` is none.
        end if !end.is_empty() && end.len() <= 8 && end.bytes().any(|b| b.is_ascii_alphabetic()) => Asked::Other(NoPage::Files),
        _ => Asked::Page,
    }
}

/// By the names that feeds usually have; what a campaign says of itself is none of it.
fn is_feed(path: &str, query: &str) -> bool {
    let path = path.trim_end_matches('/').to_ascii_lowercase();
    let ends = ["/feed", "/rss", "/atom", ".rss", ".rdf", ".atom", "/rss.xml", "/atom.xml", "/feed.xml", "/index.xml"];
    let named = |(name, value): (&str, &str)| {
        let value = value.to_ascii_lowercase();
        !name.starts_with("utm_") && ["rss", "atom", "rdf"].iter().any(|kind| value.starts_with(kind))
    };
    ends.iter().any(|end| path.ends_with(end)) || query.split('&').filter_map(|pair| pair.split_once('=')).any(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(request: &str, status: u16, wanted: Asked) {
        let line = format!(r#"192.0.2.1 - - [17/May/2015:10:05:03 +0000] "{request} HTTP/1.1" {status} 1 "-" "-""#);
        assert_eq!(asked(&Line::parse(&line).unwrap()), wanted, "{request} {status}");
    }

    #[test]
    fn pages_are_told_from_what_is_none() {
        let other = Asked::Other;
        check("GET /", 200, Asked::Page);
        check("GET /pricing?utm_medium=feed&utm_source=rss", 304, Asked::Page);
        check("GET /presentations/2012.10", 200, Asked::Page);
        check("GET /projects/xdotool.xhtml#x", 206, Asked::Page);
        check("GET http://www.example.com/a.php?file=b.png", 200, Asked::Page);
        check("GET /paper.PDF", 200, Asked::Download);
        check("GET /favicon.ico", 200, other(NoPage::Images));
        check("GET /style.css?v=2", 200, other(NoPage::Styles));
        check("GET /app.min.js", 200, other(NoPage::Scripts));
        check("GET /a.woff2", 200, other(NoPage::Fonts));
        check("GET /notes.txt", 200, other(NoPage::Files));
        check("GET /?flav=rss20", 200, other(NoPage::Feeds));
        check("GET /blog/feed/", 200, other(NoPage::Feeds));
        check("GET /index.xml", 200, other(NoPage::Feeds));
        check("GET /robots.txt", 404, other(NoPage::RobotsTxt));
        check("GET /gone", 404, other(NoPage::Errors));
        check("GET /broken", 500, other(NoPage::Errors));
        check("GET /old", 301, other(NoPage::Redirects));
        check("HEAD /", 200, other(NoPage::Heads));
        check("POST /form", 200, other(NoPage::Methods));
        check("get /", 400, other(NoPage::Malformed));
    }
}
