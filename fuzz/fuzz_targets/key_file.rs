//! A key file's envelope: any bytes, or a good file with bytes replaced. Only what asks for little work is opened; what
//! asks for too much must be refused before any.
#![no_main]

use bulla_identity::{KeyFileError, MAX_WORK_FACTOR, Passphrase, open_secret};

const GOOD: &[u8] = include_bytes!("../seeds/key_file.age");
const PASSPHRASE: &str = "korrekt 🐎 battery staple";

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let [mode, at, rest @ ..] = bytes else { return };
    let mut file = GOOD.to_vec();
    if mode & 1 == 0 {
        file = rest.to_vec();
    } else {
        let at = usize::from(*at).min(file.len());
        let end = (at + rest.len()).min(file.len());
        file.splice(at..end, rest.iter().copied());
    }
    let factor = work_factor(&file);
    if factor.is_some_and(|factor| (5..=u32::from(MAX_WORK_FACTOR)).contains(&factor)) {
        return; // Up to a second and 256 MiB each.
    }
    let passphrase = Passphrase::new(PASSPHRASE).expect("a line of text");
    match open_secret(&file, &passphrase) {
        Ok(secret) => {
            assert!(factor.is_some());
            assert_eq!(file, GOOD, "no other file opens");
            assert!(!secret.is_empty());
        }
        Err(KeyFileError::WorkFactor(asked)) => assert!(asked > u32::from(MAX_WORK_FACTOR)),
        Err(_) => {}
    }
});

/// What the second line asks for.
fn work_factor(file: &[u8]) -> Option<u32> {
    let line = file.split(|byte| *byte == b'\n').nth(1)?;
    let digits = line.rsplit(|byte| *byte == b' ').next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}
