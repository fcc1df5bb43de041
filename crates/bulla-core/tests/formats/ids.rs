//! Identifiers and codes as text.

use bulla_core::{Code, EntryId, SpaceId, Topic};

#[test]
fn hexadecimal_there_and_back() {
    let id = EntryId(std::array::from_fn(|i| u8::try_from(8 * i).unwrap()));
    let text = id.to_string();
    assert_eq!(text, "0008101820283038404850586068707880889098a0a8b0b8c0c8d0d8e0e8f0f8");
    assert_eq!(text.parse(), Ok(id));
    assert_eq!(text.to_uppercase().parse(), Ok(id));
    assert_eq!(id.short(), "00081018");
    assert_eq!(format!("{id:?}"), "EntryId(00081018)");
    assert_eq!(EntryId::try_from(&id.0[..]).unwrap(), id);
    assert!(EntryId::try_from(&id.0[..31]).is_err());
}

#[test]
fn other_text_is_refused() {
    for text in [
        "",
        "00",
        &"0".repeat(63),
        &"0".repeat(65),
        &"g".repeat(64),
        &" 0".repeat(32),
        &"é".repeat(32),
    ] {
        let error = text.parse::<SpaceId>().unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "expected 64 hexadecimal digits for a space id, got {} characters",
                text.chars().count()
            )
        );
    }
    let error = "00".parse::<EntryId>().unwrap_err().to_string();
    assert_eq!(error, "expected 64 hexadecimal digits for an entry id, got 2 characters");
    assert!("0".repeat(32).parse::<Topic>().is_ok());
}

#[test]
fn zero_is_all_bytes_zero() {
    assert!(EntryId::ZERO.is_zero());
    for byte in 0..EntryId::LEN {
        let mut id = EntryId::ZERO;
        id.0[byte] = 1;
        assert!(!id.is_zero());
    }
}

#[test]
fn codes_keep_their_alphabet() {
    for good in ["a", "entry.signature", "x_1.2", &"z".repeat(64)] {
        assert_eq!(Code::parse(good).unwrap().as_str(), good);
    }
    for bad in ["", "Entry", "a b", "a-b", "a\n", "é", &"z".repeat(65)] {
        assert_eq!(Code::parse(bad), None, "{bad:?}");
    }
}
