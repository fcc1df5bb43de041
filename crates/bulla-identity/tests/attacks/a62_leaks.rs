//! A62: whoever logs a value never logs a secret.

use bulla_identity::{
    DeviceKeys, NodeKeys, OsRandomness, Passphrase, Randomness, WorkFactor, open_secret,
    seal_secret,
};

#[test]
fn a62_debug_and_errors_show_no_secret() {
    let (mut signing, mut sealing) = ([0; 32], [0; 32]);
    OsRandomness.fill(&mut signing).unwrap();
    OsRandomness.fill(&mut sealing).unwrap();
    let device = DeviceKeys::dangerous_from_secrets(&signing, &sealing);
    let node = NodeKeys::dangerous_from_secret(&sealing);
    let salt = blake3::derive_key("bulla 2026 salt secret", &signing);
    let challenge = blake3::derive_key("bulla 2026 login challenge", &sealing);
    let words = "a passphrase nobody guesses";
    let passphrase = Passphrase::new(words).unwrap();
    let sealed = seal_secret(&device.to_secret(), &passphrase, WorkFactor::dangerous(1)).unwrap();
    let wrong = open_secret(&sealed, &Passphrase::new("wrong").unwrap()).unwrap_err();

    let shown = [
        format!("{device:?} {device:#?}"),
        format!("{node:?} {node:#?}"),
        format!("{:?}", device.salt_secret()),
        format!("{:?}", node.challenge_key()),
        format!("{passphrase:?} {passphrase:#?}"),
        format!("{wrong:?} {wrong} {:?}", NodeKeys::from_secret(&device.to_secret()).unwrap_err()),
    ]
    .join("\n")
    .to_lowercase();
    for secret in [signing, sealing, salt, challenge] {
        for window in secret.windows(4) {
            let hex: String = window.iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(!shown.contains(&hex), "{shown}");
            let list = format!("{window:?}");
            assert!(!shown.contains(list.trim_matches(['[', ']'])), "{shown}");
        }
    }
    for word in words.split(' ').filter(|word| word.len() > 4) {
        assert!(word == "passphrase" || !shown.contains(word), "{shown}");
    }
}
