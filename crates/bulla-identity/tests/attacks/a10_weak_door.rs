//! A10: a key file cannot make its reader work or swallow memory, and cannot be made weaker unseen.
//!
//! What the refusals cost in time and memory is measured by `cargo run --release -p bulla-identity --example refusals`.

use bulla_identity::{
    KeyFileError, MAX_WORK_FACTOR, Passphrase, WorkFactor, open_secret, seal_secret,
};

#[test]
fn a10_absurd_parameters_are_refused_before_any_work() {
    let passphrase = Passphrase::new("p").unwrap();
    let work = |factor: &str| {
        // No wrapped key and no payload: whoever worked first would find nothing to work on and say `Format`.
        let file = format!(
            "age-encryption.org/v1\n-> scrypt AAAAAAAAAAAAAAAAAAAAAA {factor}\n{body}\n--- {mac}\n",
            body = "A".repeat(43),
            mac = "A".repeat(43)
        );
        open_secret(file.as_bytes(), &passphrase).unwrap_err()
    };
    for factor in [
        "19",
        "20",
        "32",
        "42",
        "63",
        "64",
        "255",
        "256",
        "4294967295",
        "4294967296",
        &"9".repeat(200),
    ] {
        assert!(
            matches!(work(factor), KeyFileError::WorkFactor(_)),
            "{factor}: {:?}",
            work(factor)
        );
    }
    for factor in
        ["0", "00", "-1", "+1", "1e9", "0x10", "", " 1", "1 2", "18446744073709551616x", "१"]
    {
        assert!(matches!(work(factor), KeyFileError::Format), "{factor}: {:?}", work(factor));
    }
}

#[test]
fn a10_altered_parameters_are_noticed() {
    let passphrase = Passphrase::new("p").unwrap();
    let sealed = seal_secret(b"secret", &passphrase, WorkFactor::dangerous(3)).unwrap();
    let position = sealed.windows(3).position(|window| window == b" 3\n").unwrap() + 1;
    for digit in b"124567" {
        let mut altered = sealed.clone();
        altered[position] = *digit;
        assert!(matches!(open_secret(&altered, &passphrase), Err(KeyFileError::Passphrase)));
    }
}

#[test]
fn a10_endless_headers_and_files_are_refused() {
    let passphrase = Passphrase::new("p").unwrap();
    let endless = "age-encryption.org/v1\n".to_owned() + &"-> scrypt a\n".repeat(100_000);
    assert!(matches!(open_secret(endless.as_bytes(), &passphrase), Err(KeyFileError::Format)));
    let huge = vec![b'a'; bulla_identity::MAX_KEY_FILE_BYTES + 1];
    assert!(matches!(open_secret(&huge, &passphrase), Err(KeyFileError::TooLong)));
}

#[test]
fn a10_no_setting_goes_beyond_what_a_reader_takes() {
    assert_eq!(WorkFactor::dangerous(u8::MAX), WorkFactor::dangerous(MAX_WORK_FACTOR));
    assert_eq!(
        WorkFactor::default(),
        WorkFactor::dangerous(17),
        "weaker only through a call named dangerous"
    );
}
