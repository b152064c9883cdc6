//! Where a link or a picture may lead: to a whole address on the web, the same for every reader.

use url::Url;

use super::super::mistake::quoted;

/// The longest address.
const MAX_BYTES: usize = 2_000;

/// The address as it is kept.
///
/// # Errors
/// What is wrong with it, and the remedy.
pub(super) fn clean(text: &str) -> Result<String, (String, String)> {
    let example = || "write a whole address, as in https://www.example.com/pricing".to_owned();
    let refused = |what: String, remedy: String| Err((what, remedy));
    if text.is_empty() {
        return refused("this leads nowhere".to_owned(), example());
    }
    let address = text.contains('@') && !text.contains(':');
    if address || text.starts_with("mailto:") || text.starts_with("tel:") {
        let remedy = "write the address or number as text: mail programs make a link of it; answers go to the sender anyway";
        return refused("only pages of the web can be linked".to_owned(), remedy.to_owned());
    }
    let Ok(url) = Url::parse(text) else {
        return refused(format!("{} is no whole address", quoted(text)), example());
    };
    if !matches!(url.scheme(), "http" | "https") {
        return refused(format!("\"{}:\" is no address of the web", url.scheme()), example());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refused("a user name stands in this address".to_owned(), "take away what stands before @".to_owned());
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '\\' | '<' | '>' | '"')) {
        return refused(
            format!("{} holds what no address may hold", quoted(text)),
            "copy it from the browser's address bar".to_owned(),
        );
    }
    if url.as_str().len() > MAX_BYTES {
        return refused(format!("this address has more than {MAX_BYTES} characters"), "shorten it".to_owned());
    }
    Ok(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_whole_address_on_the_web() {
        let check = |text: &str, wanted: &str| assert_eq!(clean(text).as_deref(), Ok(wanted), "{text}");
        check("https://www.example.com/a?b=c&d#e", "https://www.example.com/a?b=c&d#e");
        check("http://127.0.0.1:7070/ja/", "http://127.0.0.1:7070/ja/");
        check("https://例え.jp/事例", "https://xn--r8jz45g.jp/%E4%BA%8B%E4%BE%8B");
        for (text, what) in [
            ("", "nowhere"),
            ("/pricing", "no whole address"),
            ("www.example.com", "no whole address"),
            ("https://", "no whole address"),
            ("mailto:a@b.example", "only pages"),
            ("a@b.example", "only pages"),
            ("javascript:alert(1)", "\"javascript:\""),
            ("data:text/html,x", "\"data:\""),
            ("https://user:pw@example.com/", "user name"),
            ("https://example.com/a b", "no address may hold"),
            ("https://example.com/\u{202e}x\n", "no address may hold"),
        ] {
            assert!(
                clean(text).is_err_and(|(said, remedy)| said.contains(what) && !remedy.is_empty()),
                "{text}: {:?}",
                clean(text)
            );
        }
        assert!(clean(&format!("https://example.com/{}", "x".repeat(2_000))).is_err());
    }
}
