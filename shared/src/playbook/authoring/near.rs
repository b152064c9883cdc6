//! "Did you mean …?"

/// The candidate that was probably meant, if one is near enough.
pub(super) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace(['-', '_', ' '], "");
    let wanted = plain(name);
    // One slip in three letters is a slip of the finger; more is another word.
    let limit = (wanted.chars().count() / 3).clamp(1, 4);
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&wanted, &plain(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= limit && *distance < candidate.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Whether two names are the same but for one slip: a letter, or how words are put together. Numbers tell names apart.
pub(super) fn is_slip(one: &str, other: &str) -> bool {
    const SHORTEST: usize = 4;
    let [one, other] = [one, other].map(|name| name.to_lowercase().replace(['-', '_', ' '], ""));
    let digits = |name: &str| name.chars().filter(char::is_ascii_digit).collect::<String>();
    let long = [&one, &other].into_iter().all(|name| name.chars().count() >= SHORTEST);
    digits(&one) == digits(&other) && (one == other || long && strsim::osa_distance(&one, &other) == 1)
}

/// The candidate of which a name is a slip.
#[must_use]
pub fn slip_of<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates.into_iter().find(|candidate| is_slip(name, candidate))
}

/// A remedy for a name that is unknown: the one that was probably meant, or those there are.
#[must_use]
pub fn instead<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str> + Clone) -> String {
    match nearest(name, candidates.clone()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => match listed(candidates) {
            list if list.is_empty() => "take it away".to_owned(),
            list => format!("known here: {list}"),
        },
    }
}

/// Names in a row; of very many the first.
pub(super) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 16;
    let names: Vec<&str> = names.into_iter().collect();
    let mut list = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        list.push_str(", …");
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_seen_and_another_word_is_not() {
        let check = |name: &str, wanted: Option<&str>| {
            assert_eq!(nearest(name, ["pricing", "case-study", "white-paper", "a", "事例"]), wanted, "{name}");
        };
        check("pricng", Some("pricing"));
        check("Pricing", Some("pricing"));
        check("case_study", Some("case-study"));
        check("whitepaper", Some("white-paper"));
        check("careers", None);
        check("b", None);
        check("", None);
        check("事列", Some("事例"));
    }

    #[test]
    fn one_slip_makes_another_name_of_the_same() {
        for (one, other, slip) in [
            ("company", "compny", true),
            ("company", "Company", true),
            ("time_zone", "time-zone", true),
            ("renewal", "renweal", true),
            ("role", "rolle", true),
            ("line_1", "line_2", false),
            ("plan", "plant_size", false),
            ("tier", "teir", true),
            ("age", "ages", false),
        ] {
            assert_eq!(is_slip(one, other), slip, "{one} {other}");
        }
    }
}
