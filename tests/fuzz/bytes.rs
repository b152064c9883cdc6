//! Bytes with something done to them.

use std::fmt;
use std::ops::Range;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Bytes that something is made to read, shown as Rust writes them.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Input(pub(super) Vec<u8>);

impl Input {
    /// As text, with marks where it is none.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.0.escape_ascii())
    }
}

/// No input is longer.
const MOST: usize = 200_000;

/// What means something to one of the readers, or ought to mean nothing.
#[rustfmt::skip]
const WORDS: &[&[u8]] = &[
    // Templates, Markdown, HTML and MJML.
    b"{{", b"}}", b"{%", b"%}", b"{#", b"#}", b"{{ name }}", b"{{ name | default(\"x\") }}", b"{% if name %}", b"{% elif",
    b"{% else %}", b"{% endif %}", b"(", b"not ", b"{{ footer }}", b"{{ subject }}", b"{{ unsubscribe_url }}", b"{{ link_0 }}",
    b"<script>alert(1)</script>", b"</body>", b"</div>", b"<!--", b"-->", b"<![CDATA[", b"]]>", b"<mj-raw>", b"&#60;", b"&lt;",
    b"](javascript:alert(1))", b"](https://a.example/\"><script>)", b"[x]: data:text/html,<script>", b"<https://a.example>",
    b"![", b"](", b"\"button\")", b"> ", b"- ", b"1. ", b"# ", b"***", b"```\n", b"| a | b |\n|---|---|\n", b"[^1]", b"\\",
    // YAML.
    b"---\n", b"...\n", b": ", b":\n  ", b"&a ", b"*a", b"!!binary ", b"<<: ", b"|\n", b">-\n", b"[", b"]", b"{", b"}", b"? ",
    b"%YAML 9\n", b"\"\\x1b[2J\"", b"\"\\u202e\"", b"\"\\0\"", b"90m", b"null", b"~", b".inf", b".nan", b"0x7f", b"-0", b"1e308", b"1e309", b"-1", b"99999999999999999999",
    // CSV and forms.
    b"\"", b"\"\"", b"'", b",", b";", b"\t", b"=1+1", b"@", b"%", b"%00", b"%ff", b"&", b"=", b"--b\r\n", b"--b--", b"\r\n\r\n",
    b"Content-Disposition: form-data; name=\"email\"\r\n", b"filename=\"x\"", b"a@example.com", b"2026-02-30", b"=?utf-8?B?",
    // JSON.
    b"\\u0000", b"\\ud800", b"\\udc00\\ud800", b"\\u", b"\\ud83d\\ude00", b"true", b"{\"a\":", b"[[[[[[[[[[", b"\"sentAt\":",
    // Line ends, encodings, and characters that are not what they seem.
    b"\n", b"\r", b"\r\n", b"\n\n", b"\0", b" ", b"\x1b[2J", b"\x7f", b"\x85", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff",
    b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf", b"\xe6\x96", b"\x8e\x52", b"\x82", b"\x81\x40", b"\xa0", b"\xfc\xfc",
    "\u{202e}".as_bytes(), "\u{2028}".as_bytes(), "\u{a0}".as_bytes(), "\u{fdd0}".as_bytes(), "\u{e000}".as_bytes(),
    "\u{10600}0\u{10601}".as_bytes(), "\u{10ffff}".as_bytes(), "㈱".as_bytes(), "料金".as_bytes(), "ﾃｨ".as_bytes(),
    "é".as_bytes(), "e\u{301}".as_bytes(), "ß".as_bytes(), "İ".as_bytes(), "｛｛".as_bytes(), "👩\u{200d}💻".as_bytes(),
    "　".as_bytes(), "：".as_bytes(),
];

/// A word that means something to somebody, or one by chance.
pub(super) fn word() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => select(WORDS).prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 0..9),
        1 => "\\PC{0,5}".prop_map(String::into_bytes),
    ]
}

/// One thing done to bytes.
#[derive(Debug, Clone)]
pub(super) enum Change {
    Flip {
        at: Index,
        bit: u8,
    },
    /// A word stands in place of so many bytes; it may be empty, and so may they.
    Put {
        at: Index,
        over: usize,
        word: Vec<u8>,
    },
    /// A word stands at the beginning of a line.
    Begin {
        at: Index,
        word: Vec<u8>,
    },
    /// What a line says behind its first colon or dash is a word.
    Say {
        at: Index,
        word: Vec<u8>,
    },
    /// Some bytes stand there once more, and more often.
    Repeat {
        at: Index,
        length: usize,
        times: usize,
    },
    /// A line stands there so many times; none, and it is gone.
    Line {
        at: Index,
        times: usize,
    },
    /// From there on the rest of another seed.
    Join {
        at: Index,
        seed: Index,
        from: Index,
    },
    End {
        at: Index,
    },
}

pub(super) fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    let few = || prop_oneof![20 => 0..3_usize, 1 => 3..40_usize];
    let times = || prop_oneof![20 => 1..5_usize, 4 => 5..300_usize, 1 => 300..20_000_usize];
    let nested = || (word(), prop_oneof![3 => 2..70_usize, 1 => 70..5_000_usize]).prop_map(|(word, times)| word.repeat(times));
    prop_oneof![
        3 => (at(), 0..8_u8).prop_map(|(at, bit)| Change::Flip { at, bit }),
        10 => (at(), few(), word()).prop_map(|(at, over, word)| Change::Put { at, over, word }),
        1 => (at(), few(), nested()).prop_map(|(at, over, word)| Change::Put { at, over, word }),
        2 => (at(), word()).prop_map(|(at, word)| Change::Begin { at, word }),
        1 => (at(), nested()).prop_map(|(at, word)| Change::Begin { at, word }),
        2 => (at(), word()).prop_map(|(at, word)| Change::Say { at, word }),
        3 => (at(), 0..60_usize).prop_map(|(at, over)| Change::Put { at, over, word: vec![] }),
        3 => (at(), 1..60_usize, times()).prop_map(|(at, length, times)| Change::Repeat { at, length, times }),
        3 => (at(), few()).prop_map(|(at, times)| Change::Line { at, times }),
        2 => (at(), at(), at()).prop_map(|(at, seed, from)| Change::Join { at, seed, from }),
        1 => at().prop_map(|at| Change::End { at }),
    ]
}

impl Change {
    pub(super) fn apply(&self, bytes: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let end = bytes.len();
        let place = |at: &Index| at.index(end + 1);
        let range = |at: &Index, length: usize| place(at)..(place(at) + length).min(end);
        match self {
            Self::Flip { at, bit } => {
                if let Some(byte) = bytes.get_mut(place(at)) {
                    *byte ^= 1 << bit;
                }
            }
            Self::Put { at, over, word } => drop(bytes.splice(range(at, *over), word.iter().copied())),
            Self::Begin { at, word } => {
                let start = line(bytes, place(at)).start;
                bytes.splice(start..start, word.iter().copied());
            }
            Self::Say { at, word } => {
                let line = line(bytes, place(at));
                let text = &bytes[line.clone()];
                let says = text.windows(2).position(|two| two == b": " || two == b"- ").map(|colon| line.start + colon + 2);
                let end = line.end - usize::from(text.ends_with(b"\n"));
                if let Some(from) = says.filter(|from| *from <= end) {
                    bytes.splice(from..end, word.iter().copied());
                }
            }
            Self::Repeat { at, length, times } => repeat(bytes, range(at, *length), times + 1),
            Self::Line { at, times } => {
                let line = line(bytes, place(at));
                repeat(bytes, line, *times);
            }
            Self::Join { at, seed, from } => {
                let other = seed.get(seeds);
                bytes.truncate(place(at));
                bytes.extend_from_slice(&other[from.index(other.len() + 1)..]);
            }
            Self::End { at } => bytes.truncate(place(at)),
        }
        bytes.truncate(MOST);
    }
}

/// The line, with its end, in which a byte stands.
fn line(bytes: &[u8], at: usize) -> Range<usize> {
    let is_end = |byte: &u8| *byte == b'\n';
    let start = bytes[..at].iter().rposition(is_end).map_or(0, |end| end + 1);
    start..bytes[at..].iter().position(is_end).map_or(bytes.len(), |end| at + end + 1)
}

fn repeat(bytes: &mut Vec<u8>, range: Range<usize>, times: usize) {
    let times = times.min(MOST / range.len().max(1));
    let piece = bytes[range.clone()].repeat(times);
    bytes.splice(range, piece);
}

/// One of the seeds with a few things done to it.
pub(super) fn changed(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Input> {
    let changes = prop_oneof![3 => vec(change(), 0..3), 1 => vec(change(), 3..8)];
    (any::<Index>(), changes).prop_map(move |(seed, changes)| {
        let mut bytes = seed.get(&seeds).clone();
        changes.iter().for_each(|change| change.apply(&mut bytes, &seeds));
        Input(bytes)
    })
}
