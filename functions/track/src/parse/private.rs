//! What is never kept, whoever sends it: passwords, cards, secrets.

/// Parts of names, in lower case and without punctuation, under which secrets are asked for.
const SECRET_NAMES: &[&str] = &[
    "passw",
    "passphrase",
    "passcode",
    "pwd",
    "secret",
    "token",
    "onetime",
    "cvc",
    "cvv",
    "iban",
    "creditcard",
    "cardnumber",
    "cardno",
    "cardholder",
    "cardexp",
    "ccnumber",
    "ccnum",
    "cccsc",
    "ccexp",
    "ccname",
    "パスワード",
    "暗証番号",
    "カード番号",
    "セキュリティコード",
];

/// Whether a field must not be kept.
pub(crate) fn is_secret(name: &str, value: &str) -> bool {
    let name: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    name == "card" || name == "pin" || SECRET_NAMES.iter().any(|part| name.contains(part)) || is_card(&name, value)
}

/// A number that is as long as a card's and passes the check that every card's passes. A tenth of all telephone numbers
/// would pass it too, so those are known by their name or their plus sign.
fn is_card(name: &str, value: &str) -> bool {
    let telephone = name.contains("tel") || name.contains("phone") || name.contains("fax") || name.contains("電話");
    let digits: Vec<u32> = value.chars().filter_map(|c| c.to_digit(10)).collect();
    let only_digits = value.chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | '-' | '.'));
    if telephone || !only_digits || !(13..=19).contains(&digits.len()) {
        return false;
    }
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match digit * 2 {
            double if place % 2 == 1 => double / 10 + double % 10,
            _ => *digit,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_name_and_cards_by_number() {
        for name in [
            "password",
            "user[passwd]",
            "PassPhrase",
            "cc-number",
            "Card_Number",
            "cvc",
            "csrf_token",
            "パスワード（確認）",
            "card",
        ] {
            assert!(is_secret(name, "x"), "{name}");
        }
        for name in ["company", "passengers", "business_card_exchange", "会社名", "spinner", "postcode"] {
            assert!(!is_secret(name, "x"), "{name}");
        }
        assert!(is_secret("message", "4111 1111 1111 1111") && is_secret("note", "5500-0000-0000-0004"));
        assert!(!is_secret("message", "4111 1111 1111 1112") && !is_secret("phone", "4111111111111111"));
        assert!(!is_secret("contact", "+4111 1111 1111 1111") && !is_secret("order", "79927398713"));
    }
}
