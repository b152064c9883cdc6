//! Which column of a list says what: by its heading, in English or Japanese, or by what the command was told.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::normal::plain;
use super::refused::is_reports;

/// What a column says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Column {
    /// The mail address, by which a person is known.
    Address,
    /// The family name.
    LastName,
    /// The given name.
    FirstName,
    /// An attribute.
    Attribute(String),
    /// What happened: an event was attended, a card exchanged …
    Deed,
    /// When it happened.
    When,
    /// At which event.
    Event,
    /// Who of ours was there.
    Owner,
    /// What came of it.
    Note,
    /// Nothing that is taken.
    Left,
}

/// `HEADING=attribute`, as the command is told; nothing behind the sign leaves the column out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The heading, as in the file.
    pub heading: String,
    /// What it is.
    pub column: Column,
}

/// What is wrong with the headings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadHeadings {
    /// There is no line at all.
    #[error("the file is empty")]
    Empty,
    /// The first line is one of data.
    #[error("the first line holds an address, not headings: put a line above it that says what each column is")]
    Missing,
    /// Nobody can be known by such a list.
    #[error("no column holds addresses: name it Email or メールアドレス, or say which it is with --column 'HEADING=email'")]
    NoAddress,
    /// Nothing says what happened or when.
    #[error("no column says {0}: name it so, or say it for all rows with {1}")]
    NoDeed(&'static str, &'static str),
    /// These say nothing that is known.
    #[error(
        "what these columns say is not known: {}; say it with --column 'HEADING=attribute', leave one out with --column 'HEADING=', or all of them with --ignore-unknown",
        .0.join(", ")
    )]
    Unknown(Vec<String>),
    /// Two say the same.
    #[error("two columns say {0}: leave one out with --column 'HEADING='")]
    Twice(String),
    /// The command names one that is not there.
    #[error("there is no column `{0}`: the headings are {1}")]
    NoSuch(String, String),
}

/// Headings, without width, case, blanks and punctuation, by what they say.
const KNOWN: &[(&str, &[&str])] = &[
    (
        "email",
        &[
            "email",
            "mail",
            "emailaddress",
            "mailaddress",
            "email1",
            "workemail",
            "businessemail",
            "emailwork",
            "メール",
            "メールアドレス",
            "eメール",
            "eメールアドレス",
            "電子メール",
            "電子メールアドレス",
            "mailアドレス",
            "emailアドレス",
            "アドレス",
        ],
    ),
    ("last_name", &["lastname", "familyname", "surname", "姓", "苗字", "名字", "氏"]),
    ("first_name", &["firstname", "givenname", "名"]),
    (
        "name",
        &[
            "name",
            "fullname",
            "contact",
            "contactname",
            "person",
            "氏名",
            "名前",
            "お名前",
            "ご氏名",
            "担当者",
            "担当者名",
            "ご担当者名",
            "姓名",
        ],
    ),
    ("kana", &["kana", "namekana", "フリガナ", "ふりがな", "氏名カナ", "氏名フリガナ", "カナ", "カナ氏名"]),
    (
        "company",
        &[
            "company",
            "companyname",
            "organization",
            "organisation",
            "organizationname",
            "account",
            "accountname",
            "employer",
            "会社",
            "会社名",
            "御社名",
            "貴社名",
            "企業",
            "企業名",
            "法人名",
            "団体名",
            "組織名",
            "勤務先",
            "勤務先名",
            "所属会社",
            "社名",
        ],
    ),
    ("role", &["title", "jobtitle", "position", "role", "役職", "役職名", "肩書", "肩書き", "職位"]),
    ("department", &["department", "division", "dept", "部署", "部署名", "所属", "所属部署", "部門", "部課名"]),
    (
        "phone",
        &[
            "phone",
            "phonenumber",
            "telephone",
            "tel",
            "telno",
            "workphone",
            "電話",
            "電話番号",
            "tel番号",
            "代表電話",
            "会社電話",
        ],
    ),
    ("mobile", &["mobile", "mobilephone", "cellphone", "cell", "携帯", "携帯電話", "携帯電話番号", "携帯番号"]),
    ("fax", &["fax", "faxnumber", "fax番号", "ファックス"]),
    ("industry", &["industry", "sector", "業種", "業界", "業種名"]),
    (
        "employees",
        &[
            "employees",
            "employeecount",
            "numberofemployees",
            "noofemployees",
            "companysize",
            "headcount",
            "従業員数",
            "従業員",
            "従業員規模",
            "社員数",
            "人数規模",
        ],
    ),
    ("website", &["website", "url", "homepage", "web", "webサイト", "ホームページ", "hp", "サイト"]),
    ("country", &["country", "countryregion", "国", "国名"]),
    ("region", &["region", "state", "prefecture", "province", "都道府県"]),
    ("city", &["city", "市区町村", "市町村"]),
    ("postal_code", &["postalcode", "zip", "zipcode", "postcode", "郵便番号", "〒"]),
    ("postal_address", &["address", "postaladdress", "street", "streetaddress", "住所", "所在地"]),
    ("language", &["language", "lang", "言語"]),
];

/// Headings of what happened; without them a list says who people are and no more.
const DEEDS: &[(Column, &[&str])] = &[
    (Column::Deed, &["activity", "activitytype", "type", "活動", "活動種別", "種別", "接点", "接点種別"]),
    (
        Column::When,
        &[
            "date",
            "datetime",
            "time",
            "when",
            "activitydate",
            "eventdate",
            "日付",
            "日時",
            "年月日",
            "活動日",
            "開催日",
            "参加日",
            "訪問日",
            "名刺交換日",
            "対応日",
        ],
    ),
    (
        Column::Event,
        &["event", "eventname", "campaign", "イベント", "イベント名", "セミナー", "セミナー名", "展示会", "展示会名"],
    ),
    (
        Column::Owner,
        &["owner", "salesperson", "salesrep", "営業担当", "営業担当者", "自社担当", "自社担当者", "当社担当", "対応者"],
    ),
    (Column::Note, &["note", "notes", "memo", "comment", "備考", "メモ", "内容", "活動内容"]),
];

/// Headings of a note in a list that only says who people are.
const NOTE: &str = "note";

/// A heading in the form in which headings are compared.
fn folded(heading: &str) -> String {
    plain(heading).chars().filter(|c| c.is_alphanumeric() || *c == '〒').flat_map(char::to_lowercase).collect()
}

fn known(heading: &str, deeds: bool) -> Option<Column> {
    if is_reports(heading) {
        return Some(Column::Left);
    }
    let heading = folded(heading);
    let says = |(_, headings): &&(Column, &[&str])| headings.contains(&heading.as_str());
    match DEEDS.iter().find(says) {
        Some((column, _)) if deeds => return Some(column.clone()),
        Some((Column::Note, _)) => return Some(Column::Attribute(NOTE.to_owned())),
        _ => {}
    }
    let (attribute, _) = KNOWN.iter().find(|(_, headings)| headings.contains(&heading.as_str()))?;
    Some(Column::of(attribute))
}

impl Column {
    /// The column that says an attribute.
    fn of(attribute: &str) -> Self {
        match attribute {
            "" => Self::Left,
            "email" => Self::Address,
            "last_name" => Self::LastName,
            "first_name" => Self::FirstName,
            other => Self::Attribute(other.to_owned()),
        }
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Address => "email",
            Self::LastName => "last_name",
            Self::FirstName => "first_name",
            Self::Attribute(name) => name,
            Self::Deed => "activity",
            Self::When => "date",
            Self::Event => "event",
            Self::Owner => "owner",
            Self::Note => "note",
            Self::Left => "left out",
        })
    }
}

impl FromStr for Named {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // A heading may hold the sign, an attribute may not.
        let (heading, attribute) = text.rsplit_once('=').ok_or("a column is named as HEADING=attribute")?;
        let attribute = attribute.trim();
        if !attribute.is_empty() && !is_attribute(attribute) {
            return Err("an attribute's name has small letters, digits and _ only, and begins with a letter, as in company_size");
        }
        Ok(Self { heading: heading.to_owned(), column: Column::of(attribute) })
    }
}

/// Whether this can be an attribute's name.
#[must_use]
pub fn is_attribute(name: &str) -> bool {
    name.len() <= 60
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// What the columns of these headings say, in their order. `deeds`: the list says what happened, too.
///
/// # Errors
/// [`BadHeadings`], with what to do about it.
pub fn columns(headings: &[String], named: &[Named], deeds: bool, ignore_unknown: bool) -> Result<Vec<Column>, BadHeadings> {
    if headings.iter().any(|heading| heading.contains('@') || heading.contains('＠')) {
        return Err(BadHeadings::Missing);
    }
    let same = |heading: &str, one: &Named| folded(heading) == folded(&one.heading) && !folded(heading).is_empty();
    if let Some(one) = named.iter().find(|one| !headings.iter().any(|heading| same(heading, one))) {
        return Err(BadHeadings::NoSuch(one.heading.clone(), headings.join(", ")));
    }
    let mut unknown = Vec::new();
    let mut found: Vec<Column> = Vec::with_capacity(headings.len());
    for (place, heading) in headings.iter().enumerate() {
        let named = named.iter().find(|one| same(heading, one)).map(|one| one.column.clone());
        found.push(named.or_else(|| known(heading, deeds)).unwrap_or_else(|| {
            unknown.push(if heading.trim().is_empty() { format!("(column {})", place + 1) } else { heading.clone() });
            Column::Left
        }));
    }
    let mut met: BTreeMap<String, usize> = BTreeMap::new();
    for column in found.iter().filter(|column| **column != Column::Left) {
        *met.entry(column.to_string()).or_default() += 1;
    }
    if let Some((twice, _)) = met.iter().find(|(_, times)| **times > 1) {
        return Err(BadHeadings::Twice(twice.clone()));
    }
    if !found.contains(&Column::Address) {
        return Err(BadHeadings::NoAddress);
    }
    if !unknown.is_empty() && !ignore_unknown {
        return Err(BadHeadings::Unknown(unknown));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headings: &[&str], named: &[&str], deeds: bool) -> Result<Vec<String>, BadHeadings> {
        let headings: Vec<String> = headings.iter().map(ToString::to_string).collect();
        let named: Vec<Named> = named.iter().map(|text| text.parse().unwrap()).collect();
        Ok(columns(&headings, &named, deeds, false)?.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn headings_are_known_in_english_and_japanese() {
        let english = read(
            &["E-Mail Address", "First Name", "LAST_NAME", "Company", "Job title", "# of employees"],
            &["# of employees=employees"],
            false,
        );
        assert_eq!(english.unwrap(), ["email", "first_name", "last_name", "company", "role", "employees"]);
        let japanese = read(
            &["メールアドレス", "氏名（漢字）", "会社名", "ﾌﾘｶﾞﾅ", "部署", "役職", "電話番号", "従業員数", "備考"],
            &["氏名（漢字）=name"],
            false,
        );
        assert_eq!(japanese.unwrap(), ["email", "name", "company", "kana", "department", "role", "phone", "employees", "note"]);
        let deeds = read(&["メール", "種別", "日付", "イベント名", "備考"], &[], true);
        assert_eq!(deeds.unwrap(), ["email", "activity", "date", "event", "note"]);
    }

    #[test]
    fn no_heading_is_one_of_two_columns() {
        let mut met = std::collections::BTreeSet::new();
        for heading in KNOWN.iter().flat_map(|(_, all)| *all).chain(DEEDS.iter().flat_map(|(_, all)| *all)) {
            assert!(met.insert(*heading), "{heading} stands twice");
            assert_eq!(folded(heading), *heading, "{heading} is never met");
        }
    }

    #[test]
    fn headings_that_cannot_be_read_are_refused_with_a_remedy() {
        let check = |headings: &[&str], named: &[&str], wanted: BadHeadings| {
            assert_eq!(read(headings, named, false).unwrap_err(), wanted);
        };
        let text = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        check(&["a@example.com", "Ann"], &[], BadHeadings::Missing);
        check(&["Name", "Company"], &[], BadHeadings::NoAddress);
        check(&["Email", "Shoe size", ""], &[], BadHeadings::Unknown(text(&["Shoe size", "(column 3)"])));
        check(&["Email", "Name", "氏名"], &[], BadHeadings::Twice("name".to_owned()));
        check(&["Email"], &["Nmae=name"], BadHeadings::NoSuch("Nmae".to_owned(), "Email".to_owned()));
        let left = read(&["Email", "Shoe size", "Name", "氏名"], &["Shoe size=", "氏名="], false).unwrap();
        assert_eq!(left, ["email", "left out", "name", "left out"]);
        assert_eq!(read(&["Email", "Shoe size"], &["shoe size=shoe_size"], false).unwrap(), ["email", "shoe_size"]);
        for bad in ["name", "A=Big Name", "A=1st", "A=ü"] {
            assert!(bad.parse::<Named>().is_err(), "{bad}");
        }
    }
}
