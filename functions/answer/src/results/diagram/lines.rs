//! Text in lines of a drawing, where nothing else breaks them.

/// What may not be torn: a word with what stands around it, or a figure with its number.
#[derive(Debug)]
pub(super) struct Piece {
    /// What parts it from the one before it on the same line.
    pub(super) before: &'static str,
    pub(super) parts: Vec<Part>,
}

/// Text, or a number to be made out at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) text: String,
    pub(crate) count: bool,
}

impl Part {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), count: false }
    }

    pub(super) fn count(count: u64) -> Self {
        Self { text: count.to_string(), count: true }
    }
}

/// The pieces in lines that fit into `room`, at most `most` of them; what is left over is cut. How wide a character is
/// depends on the reader's fonts, so a little room is left.
pub(super) fn lines(pieces: impl IntoIterator<Item = Piece>, room: u32, size: u32, most: usize) -> Vec<Vec<Part>> {
    let mut lines: Vec<(Vec<Part>, u32)> = vec![];
    for Piece { before, parts } in pieces {
        let width = parts.iter().map(|part| wide(&part.text)).sum::<u32>() * size;
        match lines.last_mut() {
            Some((line, used)) if *used + wide(before) * size + width <= room * 100 => {
                line.extend((!before.is_empty()).then(|| Part::text(before)));
                line.extend(parts);
                *used += wide(before) * size + width;
            }
            _ => lines.push((parts, width)),
        }
    }
    let is_cut = lines.len() > most;
    lines.truncate(most);
    let mut lines: Vec<Vec<Part>> = lines.into_iter().map(|(line, _)| line).collect();
    if let Some(last) = lines.last_mut().and_then(|line| line.last_mut()).filter(|_| is_cut) {
        last.text.pop();
        last.text.push('…');
    }
    for last in lines.iter_mut().filter_map(|line| line.last_mut()) {
        last.text.truncate(last.text.trim_end().len());
    }
    lines
}

/// How wide a text is, in hundredths of its size.
fn wide(text: &str) -> u32 {
    text.chars().map(|c| if c.is_ascii() { 66 } else { 102 }).sum()
}

/// The words of a text, each with the blank behind it. A script without blanks is parted where a phrase of Japanese is likely
/// to end: behind its particles, which are written in hiragana, and behind punctuation. What is wider than `room` is torn.
pub(super) fn words(text: &str, room: u32, size: u32) -> Vec<Piece> {
    let most = (room * 100 / size).min(LONGEST);
    let mut words: Vec<String> = vec![];
    let mut last = None;
    for c in text.chars() {
        match words.last_mut() {
            Some(word) if !last.is_some_and(|last| parts(last, c)) => {
                if wide(word) + wide(c.encode_utf8(&mut [0; 4])) <= most {
                    word.push(c);
                } else {
                    // No line begins with a full stop.
                    let head = if CLOSING.contains(c) { word.pop() } else { None };
                    words.push(head.into_iter().chain([c]).collect());
                }
            }
            _ => words.push(c.to_string()),
        }
        last = Some(c);
    }
    words.into_iter().map(|word| Piece { before: "", parts: vec![Part::text(word)] }).collect()
}

/// The widest word that is left whole, in hundredths of its size.
const LONGEST: u32 = 1_320;
/// What a line may not begin with; what it may end with before anything; what it may not end with.
const CLOSING: &str = "、。，．！？：；）」』】…％)・ー";
const ENDING: &str = "、。，．！？：；";
const OPENING: &str = "（「『【(";

/// Whether a line may be broken between these.
fn parts(one: char, next: char) -> bool {
    let is_hiragana = |c: char| ('\u{3041}'..='\u{309f}').contains(&c);
    if next == ' ' || CLOSING.contains(next) || OPENING.contains(one) {
        return false;
    }
    if one == ' ' || OPENING.contains(next) {
        return true;
    }
    // お and ご stand before the word that they honour.
    ENDING.contains(one) || (is_hiragana(one) && !is_hiragana(next) && !"おご".contains(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(text: &str, room: u32, most: usize) -> Vec<String> {
        let lines = lines(words(text, room, 14), room, 14, most);
        lines.iter().map(|line| line.iter().map(|part| part.text.as_str()).collect()).collect()
    }

    #[test]
    fn words_are_wrapped_where_they_may_be() {
        assert_eq!(wrapped("one two three", 76, 9), ["one two", "three"]);
        assert_eq!(wrapped("資料を請求した方に送ります。", 100, 9), ["資料を請求した", "方に送ります。"]);
        assert_eq!(wrapped("お知らせを送り、最長14日待つ。", 120, 9), ["お知らせを送り、", "最長14日待つ。"]);
        assert_eq!(wrapped("一二三四五六。七", 90, 9), ["一二三四五", "六。七"], "no line begins with a full stop");
        assert_eq!(wrapped("メール preview（「初めに」）を送る。", 130, 9), ["メール preview", "（「初めに」）を", "送る。"]);
        assert_eq!(wrapped("one two three four five", 76, 2), ["one two", "three…"]);
        assert_eq!(wrapped("one two three four five", 76, 1), ["one two…"]);
        assert!(wrapped(&"x".repeat(400), 100, 3).len() == 3 && wrapped("", 100, 3).is_empty());
    }

    #[test]
    fn a_figure_stays_with_its_number() {
        let figure =
            |name: &str, count| Piece { before: " · ", parts: vec![Part::text(format!("{name} ")), Part::count(count)] };
        let told = lines([figure("reached", 40), figure("waiting", 7), figure("goal afterwards", 3)], 180, 12, 2);
        let told: Vec<String> = told.iter().map(|line| line.iter().map(|part| part.text.as_str()).collect()).collect();
        assert_eq!(told, ["reached 40 · waiting 7", "goal afterwards 3"]);
    }
}
