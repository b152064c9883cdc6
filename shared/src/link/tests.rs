use proptest::prelude::*;

use super::*;

const KEY: [u8; 32] = [7; 32];
const OTHER: [u8; 32] = [8; 32];

fn now() -> Timestamp {
    "2026-11-22T00:52:00Z".parse().unwrap()
}

fn view() -> View {
    View::new(LeadId::derive(&["lead"]), OwnerId::parse("sato").unwrap(), now())
}

fn ring(number: u8) -> Option<&'static [u8; 32]> {
    match number {
        1 => Some(&KEY),
        2 => Some(&OTHER),
        _ => None,
    }
}

fn open(token: &str) -> Result<View, NoSuchLink> {
    View::open(token, ring, now())
}

#[test]
fn a_link_says_what_was_signed() {
    assert_eq!(open(&view().token(1, &KEY)), Ok(view()));
    assert_eq!(open(&view().token(2, &OTHER)), Ok(view()), "a key that signs no more still opens what it signed");
    let url = view().url("https://m.example.com", 1, &KEY);
    let token = url.strip_prefix("https://m.example.com/view/").unwrap();
    assert_eq!(open(token), Ok(view()));
    assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{token} fits a path");
}

#[test]
fn a_link_opens_until_it_expires() {
    let token = view().token(1, &KEY);
    let end = view().expires;
    let just_before = Timestamp::from_millisecond(end.as_millisecond() - 1).unwrap();
    assert_eq!(View::open(&token, ring, just_before), Ok(view()));
    assert_eq!(View::open(&token, ring, end), Err(NoSuchLink));
}

#[test]
fn every_bit_is_signed() {
    let token = view().token(1, &KEY);
    let bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut altered = bytes.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(open(&URL_SAFE_NO_PAD.encode(altered)), Err(NoSuchLink), "bit {bit}");
    }
    // The same once more on the text itself, where a last character has bits that no byte holds.
    for at in 0..token.len() {
        for bit in 0..8 {
            let mut altered = token.clone().into_bytes();
            altered[at] ^= 1 << bit;
            if let Ok(altered) = String::from_utf8(altered) {
                assert_eq!(open(&altered), Err(NoSuchLink), "bit {bit} of character {at}");
            }
        }
    }
}

#[test]
fn a_link_serves_one_purpose() {
    let mut ids = vec![];
    put(&mut ids, view().lead.as_str());
    put(&mut ids, view().owner.as_str());
    ids.extend_from_slice(&view().expires.as_second().to_be_bytes());
    assert_eq!(open(&seal(Purpose::View, &ids, 1, &KEY)), Ok(view()));
    for other in [
        Purpose::Click,
        Purpose::Open,
        Purpose::Unsubscribe,
        Purpose::Answer,
        Purpose::Form,
        Purpose::Confirm,
        Purpose::Question,
        Purpose::Results,
    ] {
        assert_eq!(open(&seal(other, &ids, 1, &KEY)), Err(NoSuchLink), "{other:?}");
        // Not even if it names the purpose that it was not signed for.
        let mut renamed = URL_SAFE_NO_PAD.decode(seal(other, &ids, 1, &KEY)).unwrap();
        renamed[2] = Purpose::View as u8;
        assert_eq!(open(&URL_SAFE_NO_PAD.encode(renamed)), Err(NoSuchLink), "{other:?}");
    }
}

#[test]
fn what_is_no_link_opens_nothing() {
    let token = view().token(1, &KEY);
    let long = "A".repeat(4096);
    let padded = format!("{token}=");
    let longer = format!("{token}AAAA");
    let unknown = view().token(3, &KEY);
    let crossed = view().token(2, &KEY);
    let short = token.get(..token.len() - 4).unwrap();
    for bad in ["", "A", "AAAA", "漢字", "../../etc", &long, &padded, &longer, &unknown, &crossed, short] {
        assert_eq!(open(bad), Err(NoSuchLink), "{bad}");
    }
    // Well signed, but with a field too short, or one too many.
    for ids in [vec![], vec![5, b'a'], [&[1, b'a', 1, b'b'][..], &[0; 9]].concat(), [&[0, 1, b'b'][..], &[0; 8]].concat()] {
        assert_eq!(open(&seal(Purpose::View, &ids, 1, &KEY)), Err(NoSuchLink), "{ids:?}");
    }
}

#[test]
fn a_consent_is_confirmed_for_seven_days_and_by_its_own_link_only() {
    let confirm = Confirm::new(LeadId::derive(&["lead"]), ActivityId::derive(&["consent"]), now());
    let url = confirm.url("https://m.example.com", 1, &KEY);
    let token = url.strip_prefix("https://m.example.com/confirm/").unwrap();
    assert_eq!(Confirm::open(token, ring, now()), Ok(confirm.clone()));
    assert_eq!(confirm.expires.duration_since(now()).as_hours(), 24 * CONFIRM_DAYS);
    assert_eq!(Confirm::open(token, ring, confirm.expires), Err(NoSuchLink));
    assert_eq!(open(token), Err(NoSuchLink), "no other purpose's");
    assert_eq!(Confirm::open(&view().token(1, &KEY), ring, now()), Err(NoSuchLink));
    let choices = OfLetter { lead: confirm.lead.clone(), message: MessageId::derive(&["m"]) };
    let url = choices.unsubscribe_url("", 2, &OTHER);
    let token = url.strip_prefix("/unsubscribe/").unwrap();
    assert_eq!(OfLetter::open(Purpose::Unsubscribe, token, ring), Ok(choices));
    assert_eq!(OfLetter::open(Purpose::Open, token, ring), Err(NoSuchLink));
    assert_eq!(Confirm::open(token, ring, now()), Err(NoSuchLink));
}

#[test]
fn an_answer_to_a_question_opens_by_its_own_link_only() {
    let question = Question { lead: LeadId::derive(&["lead"]), message: MessageId::derive(&["m"]), answer: 3 };
    let url = question.url("https://m.example.com", 1, &KEY);
    let token = url.strip_prefix("https://m.example.com/question/").unwrap();
    assert_eq!(Question::open(token, ring), Ok(question.clone()));
    assert_eq!(Click::open(token, ring), Err(NoSuchLink), "a click's fields are the same, its key is not");
    let click = Click { lead: question.lead, message: question.message, link: 3 }.url("", 1, &KEY);
    assert_eq!(Question::open(click.strip_prefix("/c/").unwrap(), ring), Err(NoSuchLink));
}

#[test]
fn results_are_shown_for_thirty_days() {
    let results = Results::new(ScenarioId::parse("after-white-paper").unwrap(), now());
    let url = results.url("", 2, &OTHER);
    let token = url.strip_prefix("/results/").unwrap();
    assert_eq!(Results::open(token, ring, now()), Ok(results.clone()));
    assert_eq!(results.expires.duration_since(now()).as_hours(), 24 * RESULTS_DAYS);
    assert_eq!(Results::open(token, ring, results.expires), Err(NoSuchLink));
    assert_eq!(open(token), Err(NoSuchLink));
}

proptest! {
    #[test]
    fn chance_opens_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..120), text in "\\PC{0,200}") {
        prop_assert_eq!(open(&URL_SAFE_NO_PAD.encode(&bytes)), Err(NoSuchLink));
        prop_assert_eq!(open(&text), Err(NoSuchLink));
    }

    #[test]
    fn every_id_survives(lead in "[!-\"$-~]{1,100}", owner in "[!-\"$-~]{1,100}") {
        let view = View::new(LeadId::parse(lead).unwrap(), OwnerId::parse(owner).unwrap(), now());
        prop_assert_eq!(open(&view.token(1, &KEY)), Ok(view));
    }
}
