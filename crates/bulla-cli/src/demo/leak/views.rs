//! A haystack as it is, and everything that decodes from it.

use std::borrow::Cow;

/// Runs shorter than this are words and numbers, not encodings of a needle.
const MIN_RUN: usize = 8;

/// One way to read a haystack.
pub(super) struct View<'a> {
    /// Its name in findings.
    pub(super) form: &'static str,
    /// The bytes read.
    pub(super) bytes: Cow<'a, [u8]>,
}

/// The haystack itself, every second byte (UTF-16 of Latin text), and every run of hexadecimal or base64 digits decoded
/// at each alignment. Between runs stands a zero byte, so that nothing is found across them.
pub(super) fn views(haystack: &[u8]) -> Vec<View<'_>> {
    let mut views = vec![View { form: "raw", bytes: Cow::Borrowed(haystack) }];
    for parity in 0..2 {
        let bytes: Vec<u8> = haystack.iter().skip(parity).step_by(2).copied().collect();
        views.push(View { form: "utf-16", bytes: bytes.into() });
    }
    for shift in 0..2 {
        views.push(View { form: "hex", bytes: decoded(haystack, hex_digit, 4, shift).into() });
    }
    for shift in 0..4 {
        views
            .push(View { form: "base64", bytes: decoded(haystack, base64_digit, 6, shift).into() });
    }
    views
}

/// Decodes every run of digits of `width` bits each, leaving out the first `shift` of each run.
fn decoded(haystack: &[u8], digit: fn(u8) -> Option<u8>, width: u32, shift: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for run in haystack.split(|byte| digit(*byte).is_none()).filter(|run| run.len() >= MIN_RUN) {
        let (mut buffer, mut bits) = (0_u32, 0_u32);
        for value in run.iter().skip(shift).filter_map(|byte| digit(*byte)) {
            buffer = (buffer << width) | u32::from(value);
            bits += width;
            if bits >= 8 {
                bits -= 8;
                out.extend((buffer >> bits).to_le_bytes().first());
                buffer &= (1 << bits) - 1;
            }
        }
        out.push(0);
    }
    out
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn base64_digit(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}
