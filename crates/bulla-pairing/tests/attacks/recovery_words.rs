//! Words that were mistyped, swapped, cut or made up.

use bulla_identity::OsRandomness;
use bulla_pairing::{RecoveryError, RecoveryKey};

fn refused(text: &str) -> RecoveryError {
    RecoveryKey::from_words(text).expect_err("these words are refused")
}

/// Clauses: PAIR-50, PAIR-51, PAIR-52.
#[test]
fn the_words_bring_back_the_same_device_however_they_are_typed() {
    let key = RecoveryKey::generate(&OsRandomness).unwrap();
    let words = key.to_words();
    assert_eq!(words.split(' ').count(), 24);
    let device = key.device_keys();
    let typed = [
        words.to_string(),
        words.to_uppercase(),
        format!("\n  {}\t\r\n", words.replace(' ', "\n")),
        words.replace(' ', " \t\u{c} "),
    ];
    for text in typed {
        let back = RecoveryKey::from_words(&text).unwrap().device_keys();
        assert_eq!(back.author(), device.author());
        assert_eq!(back.sealing_key(), device.sealing_key());
    }
    let other = RecoveryKey::generate(&OsRandomness).unwrap().device_keys();
    assert_ne!(other.author(), device.author());
}

/// Clauses: PAIR-52.
#[test]
fn a_refusal_names_the_place_and_never_the_word() {
    let words = RecoveryKey::generate(&OsRandomness).unwrap().to_words();
    let list: Vec<&str> = words.split(' ').collect();
    for place in 0..24 {
        let mut typed = list.clone();
        typed[place] = "bulla";
        let error = refused(&typed.join(" "));
        assert_eq!(error, RecoveryError::Word(place + 1));
        assert!(!error.to_string().contains("bulla"));
        assert_eq!(error.to_string(), format!("word {} is not in the list of words", place + 1));
    }
    assert_eq!(refused(""), RecoveryError::Count(0));
    assert_eq!(refused(&list[..23].join(" ")), RecoveryError::Count(23));
    assert_eq!(refused(&format!("{} zoo", &*words)), RecoveryError::Count(25));
    assert_eq!(refused(&"zoo ".repeat(100_000)), RecoveryError::Count(1_024));
    assert!(matches!(
        refused(&format!("{}{}", &*words, " ".repeat(1_024))),
        RecoveryError::Count(_)
    ));
    assert_eq!(refused(&list.join("\u{a0}")), RecoveryError::Count(1));
    assert_eq!(refused(&list.join("\u{b}")), RecoveryError::Count(1));
    assert_eq!(refused(&"abandon ".repeat(24)), RecoveryError::Checksum);
}

/// Two words that changed places: noticed but for one time in 256, so it is counted over all pairs.
///
/// Clauses: PAIR-52.
#[test]
fn swapped_words_are_noticed() {
    let words = RecoveryKey::dangerous_from_entropy(&[0x5a; 32]).to_words();
    let words: Vec<&str> = words.split(' ').collect();
    let (mut noticed, mut all) = (0, 0);
    for a in 0..24 {
        for b in a + 1..24 {
            let mut swapped = words.clone();
            swapped.swap(a, b);
            if swapped != words {
                all += 1;
                noticed += usize::from(RecoveryKey::from_words(&swapped.join(" ")).is_err());
            }
        }
    }
    assert!(all > 200 && noticed * 100 >= all * 97, "{noticed} of {all}");
}
