//! Every form of leak is planted between other bytes, at every alignment, and must be found; nothing else may be.

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use proptest::prelude::*;

use super::*;

fn content() -> Vec<u8> {
    (0..5_000_u32).flat_map(|i| blake3::hash(&i.to_le_bytes()).as_bytes()[..3].to_vec()).collect()
}

fn scanner() -> Scanner {
    Scanner::new(&[
        Secret::bytes("content of seal.bin".into(), content()),
        Secret::word("name 封泥.txt".into(), "封泥.txt"),
        Secret::word("name seal.bin".into(), "seal.bin"),
        Secret::bytes(
            "content of letter.txt".into(),
            "Überblick über die Zählsteine. ".repeat(9).into(),
        ),
    ])
    .unwrap()
}

/// Bytes without any needle in them.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut noise = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut noise);
    noise
}

fn found(scanner: &Scanner, leak: &[u8], before: usize) -> bool {
    let mut haystack = noise(before as u64, before);
    // A byte that belongs to no encoding, as a quote or a space would stand in a log.
    haystack.push(b' ');
    haystack.extend_from_slice(leak);
    haystack.push(b' ');
    haystack.extend(noise(7, 1_000));
    !scanner.scan("test", &haystack).is_empty()
}

#[test]
fn noise_alone_is_clean() {
    let scanner = scanner();
    assert_eq!(scanner.scan("test", &noise(1, 2_000_000)), BTreeSet::new());
    let hex = HEXLOWER.encode(&noise(2, 500_000));
    assert_eq!(scanner.scan("test", hex.as_bytes()), BTreeSet::new());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_64_bytes_are_found_in_any_form(offset in 0_usize..14_900, before in 0_usize..70, cut in 0_usize..4) {
        let scanner = scanner();
        let text = content();
        let run = &text[offset..offset + WINDOW + cut];
        let utf16: Vec<u8> = run.iter().flat_map(|byte| [*byte, 0]).collect();
        let forms = [
            run.to_vec(),
            HEXLOWER.encode(run).into(),
            HEXUPPER.encode(run).into(),
            BASE64.encode(run).into(),
            BASE64URL_NOPAD.encode(run).into(),
            utf16,
        ];
        for (index, form) in forms.iter().enumerate() {
            prop_assert!(found(&scanner, form, before), "form {} at {}", index, offset);
        }
        // Base64 of a stream in which the run stands at any alignment.
        let mut longer = noise(3, cut);
        longer.extend_from_slice(&text[offset..offset + WINDOW]);
        prop_assert!(found(&scanner, BASE64.encode(&longer).as_bytes(), before));
    }
}

#[test]
fn names_and_hashes_are_found_in_any_form() {
    let scanner = scanner();
    let text = content();
    let name = "封泥.txt";
    let utf16: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let window = &text[999..999 + WINDOW];
    let leaks: Vec<Vec<u8>> = vec![
        name.into(),
        utf16,
        HEXLOWER.encode(name.as_bytes()).into(),
        BASE64.encode(b"xx seal.bin").into(),
        blake3::hash(&text).as_bytes().to_vec(),
        HEXLOWER.encode(&Sha256::digest(&text)).into(),
        BASE64.encode(blake3::hash(window).as_bytes()).into(),
        Sha256::digest(window).to_vec(),
        blake3::hash(name.as_bytes()).as_bytes().to_vec(),
        "ablick über die Zählsteine. Überblick über die Zählsteine. Überbl"
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect(),
    ];
    for (index, leak) in leaks.iter().enumerate() {
        assert!(found(&scanner, leak, 33), "leak {index} was not found");
    }
}

#[test]
fn a_word_that_an_empty_node_shows_too_proves_nothing() {
    let mut scanner = scanner();
    assert_eq!(scanner.learn_common(b"opened seal.bin for writing"), ["name seal.bin"]);
    assert!(!found(&scanner, b"seal.bin", 5));
    assert!(found(&scanner, "封泥.txt".as_bytes(), 5));
}
