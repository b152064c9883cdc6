//! One writing of the same thing: width of letters, blanks, company forms, telephone numbers.

use icu_normalizer::ComposingNormalizerBorrowed;

/// Forms of companies in Japan that are written behind or before the name: the one writing, then the others. Where the
/// form stands stays as it is, since it is part of the name.
const JAPANESE: &[(&str, &[&str])] = &[
    ("株式会社", &["(株)", "株式會社"]),
    ("有限会社", &["(有)", "有限會社"]),
    ("合同会社", &["(同)", "(合)"]),
    ("合資会社", &["(資)"]),
    ("合名会社", &["(名)"]),
    ("一般社団法人", &["(一社)"]),
    ("公益社団法人", &["(公社)"]),
    ("社団法人", &["(社)"]),
    ("一般財団法人", &["(一財)"]),
    ("公益財団法人", &["(公財)"]),
    ("財団法人", &["(財)"]),
    ("学校法人", &["(学)"]),
    ("医療法人", &["(医)"]),
    ("社会福祉法人", &["(福)"]),
    ("宗教法人", &["(宗)"]),
    ("独立行政法人", &["(独)"]),
    ("特定非営利活動法人", &["(特非)", "NPO法人"]),
];

/// Forms that stand behind a name in Latin letters: the one writing, then how it is spelt without stops, commas, blanks
/// and capitals. Longer ones stand first.
const LATIN: &[(&str, &[&str])] = &[
    ("Co., Ltd.", &["coltd", "companylimited", "colimited", "companyltd"]),
    ("Pte. Ltd.", &["pteltd"]),
    ("Pty Ltd", &["ptyltd"]),
    ("GmbH", &["gmbh"]),
    ("Inc.", &["inc", "incorporated"]),
    ("Corporation", &["corp", "corporation"]),
    ("Ltd.", &["ltd", "limited"]),
    ("LLC", &["llc"]),
    ("LLP", &["llp"]),
    ("PLC", &["plc"]),
    ("K.K.", &["kk"]),
    ("S.A.", &["sa"]),
    ("B.V.", &["bv"]),
    ("AG", &["ag"]),
    ("AB", &["ab"]),
];

/// The text on one line, with letters and digits in half and katakana in full width, and signs like ㈱ written out. Kanji
/// stay as they are: whose name has a variant of its own is to find it.
#[must_use]
pub fn plain(text: &str) -> String {
    let normal = ComposingNormalizerBorrowed::new_nfkc();
    let mut wide = String::with_capacity(text.len());
    let mut kept = text;
    while let Some(at) = kept.find(is_variant_kanji) {
        let (before, rest) = kept.split_at(at);
        wide.push_str(&normal.normalize(before));
        let mut rest = rest.chars();
        wide.extend(rest.next());
        kept = rest.as_str();
    }
    wide.push_str(&normal.normalize(kept));
    let mut line = String::with_capacity(wide.len());
    for word in wide.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

/// Compatibility ideographs, which the normal form would replace by their commoner siblings.
fn is_variant_kanji(c: char) -> bool {
    matches!(c, '\u{f900}'..='\u{faff}' | '\u{2f800}'..='\u{2fa1f}')
}

/// A company's name in one writing.
#[must_use]
pub fn company(text: &str) -> String {
    let name = plain(text);
    japanese(&name).or_else(|| latin(&name)).unwrap_or(name)
}

fn japanese(name: &str) -> Option<String> {
    for (form, others) in JAPANESE {
        for written in std::iter::once(form).chain(*others) {
            if let Some(rest) = name.strip_prefix(written) {
                return Some(format!("{form}{}", rest.trim_start()));
            }
            if let Some(rest) = name.strip_suffix(written) {
                return Some(format!("{}{form}", rest.trim_end()));
            }
        }
    }
    None
}

fn latin(name: &str) -> Option<String> {
    let letters =
        |text: &str| text.chars().filter(|c| !matches!(c, '.' | ',' | ' ')).flat_map(char::to_lowercase).collect::<String>();
    // A form is at most three words; the name before it is at least one.
    let starts: Vec<usize> = name.match_indices([' ', ',']).map(|(at, _)| at).collect();
    for start in starts.iter().rev().take(4).rev() {
        let (before, behind) = name.split_at(*start);
        let spelt = letters(behind);
        let before = before.trim_end_matches([' ', ',']);
        if let Some((form, _)) = LATIN.iter().find(|(_, others)| others.contains(&spelt.as_str())) {
            return (!before.is_empty()).then(|| format!("{before} {form}"));
        }
    }
    None
}

/// A telephone number, with one kind of dash.
#[must_use]
pub fn phone(text: &str) -> String {
    let dash = |c: char| if matches!(c, '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' | 'ー' | '─') { '-' } else { c };
    plain(text).chars().map(dash).collect()
}

/// An address with letters, digits and signs of full width in half width, as a Japanese keyboard may write them. Nothing
/// else is guessed at.
#[must_use]
pub fn address(text: &str) -> String {
    let half = |c: char| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        _ => c,
    };
    text.chars().map(half).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn width_and_blanks_are_one_and_kanji_stay() {
        for (text, wanted) in [
            ("  山田　　太郎 ", "山田 太郎"),
            ("ﾔﾏﾀﾞ ﾀﾛｳ", "ヤマダ タロウ"),
            ("ＡＢＣ－１２３", "ABC-123"),
            ("two\r\nlines", "two lines"),
            ("髙橋 﨑 \u{fa19}", "髙橋 﨑 \u{fa19}"),
            ("\u{8}=1+1", "=1+1"),
            ("", ""),
        ] {
            assert_eq!(plain(text), wanted, "{text}");
        }
    }

    #[test]
    fn a_company_has_one_writing() {
        let check = |wanted: &str, writings: &[&str]| {
            for writing in writings {
                assert_eq!(company(writing), wanted, "{writing}");
            }
        };
        check(
            "株式会社サンプル",
            &["株式会社サンプル", "㈱サンプル", "(株)サンプル", "（株）　サンプル", "㍿ｻﾝﾌﾟﾙ", "株式会社 サンプル"],
        );
        check("サンプル株式会社", &["サンプル㈱", "サンプル（株）", "サンプル 株式会社"]);
        check("有限会社山田", &["㈲山田", "(有)山田", "有限会社　山田"]);
        check("医療法人山田会", &["(医)山田会"]);
        check("Sample Inc.", &["Sample Inc", "Sample, Inc.", "Ｓａｍｐｌｅ　Ｉｎｃ．", "Sample Incorporated", "Sample,inc"]);
        check("Sample Co., Ltd.", &["Sample Co.,Ltd.", "Sample CO., LTD", "Sample Co. Ltd.", "Sample Company Limited"]);
        check("Sample Ltd.", &["Sample Limited", "Sample, Ltd"]);
        check("Sample K.K.", &["Sample KK", "Sample K.K."]);
        check("Sample Trading Corporation", &["Sample Trading Corp.", "Sample Trading Corporation"]);
        for name in ["Incorporated Minds", "Lincoln", "Ltd", "山田商店", "Sample Inc. Tokyo"] {
            assert_eq!(company(name), name);
        }
    }

    #[test]
    fn telephone_numbers_and_addresses() {
        assert_eq!(phone("０３―１２３４ー５６７８"), "03-1234-5678");
        assert_eq!(phone("+81 3 1234 5678"), "+81 3 1234 5678");
        assert_eq!(address("ｔａｒｏ＠ｅｘａｍｐｌｅ．ｊｐ"), "taro@example.jp");
        assert_eq!(address("a@b.com\nc@d.com"), "a@b.com\nc@d.com");
    }
}
