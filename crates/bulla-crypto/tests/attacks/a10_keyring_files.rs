//! A keyring lies on disk as a device's keys do: whoever gets at the file reads nothing, weakens nothing unseen, and makes no
//! reader work or swallow memory.

use std::path::Path;

use bulla_core::SpaceId;
use bulla_crypto::Keyring;
use bulla_identity::{
    DeviceKeys, KeyFileError, MAX_KEY_FILE_BYTES, OsRandomness, Passphrase, WorkFactor,
};

use crate::support::{SPACE, key};

fn quick() -> WorkFactor {
    WorkFactor::dangerous(2)
}

fn keyring(seeds: std::ops::Range<u8>) -> Keyring {
    let mut keyring = Keyring::new();
    seeds.for_each(|seed| _ = keyring.insert(SPACE, key(seed)));
    keyring
}

fn passphrase() -> Passphrase {
    Passphrase::new("a long phrase").unwrap()
}

fn read(path: &Path) -> Result<Keyring, KeyFileError> {
    Keyring::read_file(path, &passphrase())
}

fn keys(keyring: &Keyring) -> usize {
    keyring.keys(&SPACE).len()
}

/// Clauses: KF-2.
#[cfg(unix)]
#[test]
fn a10_a_keyring_is_its_owners_alone_and_whole_or_not_there() {
    use std::os::unix::fs::PermissionsExt;

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keyring.age");
    let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    keyring(1..3).create_file(&path, &passphrase(), quick()).unwrap();
    assert_eq!(mode(), 0o600);
    let refused = keyring(1..4).create_file(&path, &passphrase(), quick());
    assert!(matches!(refused, Err(KeyFileError::Exists)));
    assert_eq!(keys(&read(&path).unwrap()), 2, "it is what it was");
    for open in [0o640, 0o604, 0o620, 0o602, 0o610, 0o666] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(open)).unwrap();
        assert!(matches!(read(&path), Err(KeyFileError::Permissions(mode)) if mode == open));
    }
    // Replaced by another file, not written over: what is open elsewhere stays as it was.
    keyring(1..6).replace_file(&path, &passphrase(), quick()).unwrap();
    assert_eq!((mode(), keys(&read(&path).unwrap())), (0o600, 5));
    let names: Vec<_> = std::fs::read_dir(directory.path()).unwrap().collect();
    assert_eq!(names.len(), 1, "nothing is left beside it");
    // Where it cannot be put, nothing changes and nothing is left.
    let taken = directory.path().join("taken");
    std::fs::create_dir_all(taken.join("inside")).unwrap();
    assert!(keyring(1..2).replace_file(&taken, &passphrase(), quick()).is_err());
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2);
}

/// Clauses: KF-3, KF-4, KF-5, KF-6.
#[test]
fn a10_an_altered_keyring_does_not_open_and_makes_no_work() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keyring.age");
    keyring(1..3).create_file(&path, &passphrase(), quick()).unwrap();
    let genuine = std::fs::read(&path).unwrap();
    let with = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        read(&path).unwrap_err()
    };
    let at = genuine.windows(3).position(|window| window == b" 2\n").unwrap() + 1;
    let factor = |factor: &str| [&genuine[..at], factor.as_bytes(), &genuine[at + 1..]].concat();
    for absurd in ["19", "22", "64", "4294967296", &"9".repeat(60)] {
        assert!(matches!(with(&factor(absurd)), KeyFileError::WorkFactor(_)), "{absurd}");
    }
    for other in ["1", "3", "8"] {
        assert!(matches!(with(&factor(other)), KeyFileError::Passphrase), "{other}");
    }
    assert!(matches!(with(&factor("02")), KeyFileError::Format));
    for place in 0..genuine.len() {
        let mut altered = genuine.clone();
        altered[place] ^= 1;
        let refused = with(&altered);
        assert!(
            matches!(
                refused,
                KeyFileError::Format
                    | KeyFileError::Passphrase
                    | KeyFileError::Damaged
                    | KeyFileError::WorkFactor(_)
            ),
            "byte {place}: {refused:?}"
        );
    }
    for length in [0, 1, at, genuine.len() - 1] {
        let refused = with(&genuine[..length]);
        assert!(matches!(refused, KeyFileError::Format | KeyFileError::Damaged), "{refused:?}");
    }
    assert!(matches!(with(&vec![b'a'; MAX_KEY_FILE_BYTES + 1]), KeyFileError::TooLong));
    std::fs::write(&path, &genuine).unwrap();
    let other = Passphrase::new("another phrase").unwrap();
    assert!(matches!(Keyring::read_file(&path, &other), Err(KeyFileError::Passphrase)));
    assert_eq!(keys(&read(&path).unwrap()), 2);
}

/// A genuine file of another kind, or with content that breaks its rules, is no keyring, whoever knows the passphrase.
///
/// Clauses: KF-8, KF-13.
#[test]
fn a10_another_file_of_the_same_owner_is_no_keyring() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("device.age");
    let device = DeviceKeys::generate(&OsRandomness).unwrap();
    device.create_file(&path, &passphrase(), quick()).unwrap();
    assert!(matches!(read(&path), Err(KeyFileError::Kind(1))));
    let mut twice = bulla_core::cbor::Writer::new();
    twice.array(3).uint(1).uint(5).array(2);
    for space in [SPACE, SpaceId::ZERO] {
        twice.array(2).bytes(space).array(1).array(3).bytes([0; 32]).null();
        twice.array(1).array(2).bytes([1; 32]).null();
    }
    bulla_identity::replace_key_file(&path, &twice.into_bytes(), &passphrase(), quick()).unwrap();
    assert!(matches!(read(&path), Err(KeyFileError::KeyringRule(_))));
}
