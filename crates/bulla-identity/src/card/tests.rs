use super::*;
use crate::DeviceKeys;
use proptest::prelude::*;

fn device(seed: u8) -> DeviceKeys {
    DeviceKeys::dangerous_from_secrets(&[seed; 32], &[seed.wrapping_add(100); 32])
}

#[test]
fn a_card_comes_back_from_its_text() {
    for label in ["", "laptop", "Büro 🏺", &"x".repeat(MAX_LABEL_BYTES)] {
        let card = device(1).card(label).unwrap();
        let text = card.to_string();
        assert!(text.starts_with(PREFIX) && !text.contains(char::is_whitespace));
        assert_eq!(text.parse::<Card>().unwrap(), card);
        assert_eq!(format!("\n {text}\r\n").parse::<Card>().unwrap(), card);
        assert_eq!(
            (card.author(), card.sealing_key()),
            (device(1).author(), device(1).sealing_key())
        );
        assert_eq!(card.label(), label);
    }
    let long = "x".repeat(MAX_LABEL_BYTES + 1);
    for label in ["\u{1b}[2J", "a\nb", "\u{7f}", "gpj.\u{202e}evil", "lap\u{200b}top", &long] {
        assert_eq!(device(1).card(label), Err(CardError::Label), "{label:?}");
    }
}

#[test]
fn every_mistyped_character_is_noticed() {
    let text = device(2).card("phone").unwrap().to_string();
    for position in 0..text.len() {
        for other in ['a', 'q', '7', 'A', '1', '-', ' '] {
            let mut mistyped: Vec<char> = text.chars().collect();
            if mistyped[position] == other {
                continue;
            }
            mistyped[position] = other;
            let mistyped: String = mistyped.into_iter().collect();
            assert!(mistyped.parse::<Card>().is_err(), "{other:?} at {position}");
        }
        assert!(text[..position].parse::<Card>().is_err(), "cut at {position}");
    }
}

#[test]
fn refusals_are_named_in_order() {
    let code = |bytes: &[u8]| Card::from_bytes(bytes).unwrap_err().code().to_string();
    let good = device(3).card("x").unwrap().to_bytes();
    assert_eq!(code(&[0; 257]), "cbor.bounds");
    assert_eq!(code(&[]), "cbor.truncated");
    assert_eq!(code(&[0x80]), "cbor.count");
    assert_eq!(code(&[0x81, 2]), "card.version");
    assert_eq!(code(&[0x81, 1]), "cbor.count");
    assert_eq!(code(&[good.as_slice(), &[0]].concat()), "cbor.trailing");
    let with = |at: usize, bytes: &[u8]| {
        let mut card = good.clone();
        card[at..at + bytes.len()].copy_from_slice(bytes);
        code(&card)
    };
    assert_eq!(with(38, &[0; 32]), "card.sealing_key");
    assert_eq!(with(71, &[7]), "card.label");
    assert_eq!(with(4, &[0; 32]), "card.signature");
    assert_eq!(with(good.len() - 1, &[0xff]), "card.signature");
}

/// The points of RFC 7748's curve and its twist on which every agreement gives zero, reduced and not.
#[test]
fn every_sealing_key_of_small_order_is_refused() {
    let p_and = |last: u8| {
        let mut bytes = [0xff; 32];
        (bytes[0], bytes[31]) = (last, 0x7f);
        bytes
    };
    let one = std::array::from_fn(|i| u8::from(i == 0));
    let eight: [u8; 32] = hex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800");
    let eight_more: [u8; 32] =
        hex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157");
    for mut point in [[0; 32], one, eight, eight_more, p_and(0xec), p_and(0xed), p_and(0xee)] {
        for sign in [0, 0x80] {
            point[31] = (point[31] & 0x7f) | sign;
            assert!(is_small_order_u(&point), "{point:02x?}");
        }
    }
    for seed in 0..20 {
        assert!(!is_small_order_u(&device(seed).sealing_key().0));
    }
}

fn hex(text: &str) -> [u8; 32] {
    data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap().try_into().unwrap()
}

proptest! {
    #[test]
    fn unarmour_inverts_armour(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let text = armour("test-", "test context", &bytes);
        prop_assert_eq!(unarmour("test-", "test context", &text, 200), Ok(bytes.clone()));
        prop_assert_eq!(unarmour("test-", "another context", &text, 200), Err(ArmourError::Checksum));
        prop_assert_eq!(unarmour("rest-", "test context", &text, 200), Err(ArmourError::Prefix("rest-")));
        if !bytes.is_empty() {
            prop_assert_eq!(unarmour("test-", "test context", &text, bytes.len() - 1), Err(ArmourError::TooLong));
        }
    }

    #[test]
    fn text_from_outside_never_panics(text in "\\PC*") {
        let _ = text.parse::<Card>();
        let _ = format!("{PREFIX}{text}").parse::<Card>();
    }
}
