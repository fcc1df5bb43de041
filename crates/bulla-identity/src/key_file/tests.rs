#[cfg(target_os = "linux")]
use rustix::fs::inotify;

use super::*;
use crate::{DeviceKeys, NodeKeys, OsRandomness};

const WORK: u8 = 4;

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(text).unwrap()
}

#[test]
fn keys_come_back_from_their_files() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("device.key");
    let (keys, right) = (DeviceKeys::generate(&OsRandomness).unwrap(), passphrase("correct horse"));
    keys.create_file(&path, &right, WorkFactor::dangerous(WORK)).unwrap();
    let again = DeviceKeys::read_file(&path, &right).unwrap();
    assert_eq!(again.author(), keys.author());
    assert_eq!(again.sealing_key(), keys.sealing_key());

    let wrong = DeviceKeys::read_file(&path, &passphrase("incorrect horse"));
    assert!(matches!(wrong, Err(KeyFileError::Passphrase)));
    assert!(matches!(NodeKeys::read_file(&path, &right), Err(KeyFileError::Kind(1))));
    assert!(matches!(
        NodeKeys::generate(&OsRandomness).unwrap().create_file(
            &path,
            &right,
            WorkFactor::dangerous(WORK)
        ),
        Err(KeyFileError::Exists)
    ));
    // After the failures the first file is still there and whole, and nothing else is.
    assert_eq!(DeviceKeys::read_file(&path, &right).unwrap().author(), keys.author());
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
}

/// Clauses: KF-2.
#[test]
fn replacing_keeps_the_mode_and_leaves_one_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys");
    let right = passphrase("p");
    for round in 0..3_u8 {
        replace_key_file(&path, &[round; 40], &right, WorkFactor::dangerous(WORK)).unwrap();
        assert_eq!(read_key_file(&path, &right).unwrap().as_slice(), &[round; 40]);
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
}

/// Clauses: KF-2.
#[cfg(unix)]
#[test]
fn a_file_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys");
    let right = passphrase("p");
    create_key_file(&path, b"secret", &right, WorkFactor::dangerous(WORK)).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    for mode in [0o640, 0o604, 0o620, 0o666] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        assert!(
            matches!(read_key_file(&path, &right), Err(KeyFileError::Permissions(m)) if m == mode)
        );
    }
}

#[test]
fn every_flipped_bit_and_every_cut_is_noticed() {
    let right = passphrase("p");
    let bytes = seal_secret(b"the secret", &right, WorkFactor::dangerous(1)).unwrap();
    assert_eq!(open_secret(&bytes, &right).unwrap().as_slice(), b"the secret");
    for position in 0..bytes.len() {
        let bit = position % 8;
        let mut altered = bytes.clone();
        altered[position] ^= 1 << bit;
        assert!(open_secret(&altered, &right).is_err(), "bit {bit} of byte {position}");
        assert!(open_secret(&bytes[..position], &right).is_err(), "cut at {position}");
    }
    assert!(open_secret(&[bytes.as_slice(), &[0]].concat(), &right).is_err(), "a byte appended");
}

#[test]
fn only_one_passphrase_and_nothing_else_is_accepted() {
    let right = passphrase("p");
    let good =
        String::from_utf8_lossy(&seal_secret(b"x", &right, WorkFactor::dangerous(1)).unwrap())
            .into_owned();
    let stanza = good.lines().nth(1).unwrap().to_owned();
    let bad = [
        String::new(),
        "age-encryption.org/v2\n".to_owned(),
        good.replace("age-encryption.org/v1", "-----BEGIN AGE ENCRYPTED FILE-----"),
        good.replace("-> scrypt", "-> X25519"),
        good.replace(&stanza, &format!("{stanza} more")),
        good.replace(&stanza, &format!("-> grease x\n{stanza}")),
        good.replace(&stanza, &stanza.replace(" 1", " 01")),
        good.replace(&stanza, &stanza.replace(" 1", " 0")),
        good.replace(&stanza, &stanza.replace(" 1", " -1")),
    ];
    for text in bad {
        assert!(
            matches!(open_secret(text.as_bytes(), &right), Err(KeyFileError::Format)),
            "{text}"
        );
    }
}

#[test]
fn content_is_checked_in_order() {
    let keys = DeviceKeys::generate(&OsRandomness).unwrap();
    let good = keys.to_secret();
    let code = |bytes: &[u8]| DeviceKeys::from_secret(bytes).unwrap_err().code().to_string();
    assert_eq!(code(&[]), "cbor.truncated");
    assert_eq!(code(&[0x80]), "cbor.count");
    assert_eq!(code(&[0x82, 2, 1]), "key_file.version");
    assert_eq!(code(&[0x82, 1, 9]), "key_file.kind");
    assert_eq!(code(&[0x82, 1, 1]), "cbor.count");
    assert_eq!(code(&[good.as_slice(), &[0]].concat()), "cbor.trailing");
}

/// Clauses: KF-7.
#[test]
fn passphrases_are_read_as_one_line() {
    use crate::PassphraseError;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("passphrase");
    let sealed =
        seal_secret(b"x", &passphrase("geheim ünd lang"), WorkFactor::dangerous(1)).unwrap();
    let write = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
    };
    for end in ["", "\n", "\r\n"] {
        write(format!("geheim ünd lang{end}").as_bytes());
        assert!(open_secret(&sealed, &Passphrase::read(&path).unwrap()).is_ok());
    }
    let longest = "x".repeat(crate::MAX_PASSPHRASE_BYTES);
    write(format!("{longest}\n").as_bytes());
    assert!(Passphrase::read(&path).is_ok());
    for text in ["", "\n", "two\nlines\n", "a\tb", &format!("{longest}x")] {
        write(text.as_bytes());
        assert!(matches!(Passphrase::read(&path), Err(PassphraseError::Text)), "{text:?}");
    }
    write(&[0xff, 0xfe]);
    assert!(matches!(Passphrase::read(&path), Err(PassphraseError::Text)));
    assert!(matches!(
        Passphrase::read(&directory.path().join("none")),
        Err(PassphraseError::Io(_))
    ));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o604)).unwrap();
        assert!(matches!(Passphrase::read(&path), Err(PassphraseError::Permissions(0o604))));
    }
}

/// What cannot be synced must not count as written. A pipe takes bytes and cannot be synced, a device neither.
///
/// Clauses: KF-2.
#[cfg(unix)]
#[test]
fn a_file_that_cannot_be_synced_is_an_error() {
    let (_reader, writer) = std::io::pipe().unwrap();
    let mut pipe = std::fs::File::from(std::os::fd::OwnedFd::from(writer));
    assert!(disk::write_synced(&mut pipe, b"secret").is_err());
    assert!(disk::sync_directory(Path::new("/dev/null")).is_err());
}

/// A new name is durable only when its folder is, for both ways to make one.
///
/// Clauses: KF-2.
#[cfg(target_os = "linux")]
#[test]
fn the_folder_of_a_key_file_is_synced_after_its_name_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("device.key");
    let (right, work) = (passphrase("correct horse"), WorkFactor::dangerous(WORK));
    assert!(opens_after(directory.path(), inotify::ReadFlags::CREATE, "device.key", || {
        create_key_file(&path, b"one", &right, work).unwrap();
    }));
    assert!(opens_after(directory.path(), inotify::ReadFlags::MOVED_TO, "device.key", || {
        replace_key_file(&path, b"two", &right, work).unwrap();
    }));
}

/// Whether `work` opened `folder` itself after `event` was seen of the file `name` in it. Syncing a folder begins with
/// opening it, and nothing else of a key file does after that event opens it.
#[cfg(target_os = "linux")]
fn opens_after(folder: &Path, event: inotify::ReadFlags, name: &str, work: impl FnOnce()) -> bool {
    let watch = inotify::init(inotify::CreateFlags::NONBLOCK).unwrap();
    inotify::add_watch(&watch, folder, inotify::WatchFlags::ALL_EVENTS).unwrap();
    work();
    let mut buffer = [std::mem::MaybeUninit::uninit(); 4096];
    let mut events = inotify::Reader::new(&watch, &mut buffer);
    let mut seen = false;
    while let Ok(next) = events.next() {
        let file = next.file_name().map(|name| name.to_str().unwrap().to_owned());
        seen |= next.events().contains(event) && file.as_deref() == Some(name);
        if seen && file.is_none() && next.events().contains(inotify::ReadFlags::OPEN) {
            return true;
        }
    }
    false
}

/// No more is read than the longest file has and one byte, however much there is.
///
/// Clauses: KF-3.
#[cfg(target_os = "linux")]
#[test]
fn a_file_without_end_is_not_read_to_its_end() {
    use std::io::Write as _;
    use std::os::fd::AsRawFd as _;

    const PIECE: usize = 64 * 1024;
    let (reader, mut writer) = std::io::pipe().unwrap();
    let path = format!("/dev/fd/{}", reader.as_raw_fd());
    let feeding = std::thread::spawn(move || {
        let pieces = (0..4 * MAX_KEY_FILE_BYTES / PIECE)
            .take_while(|_| writer.write_all(&[0; PIECE]).is_ok());
        pieces.count() * PIECE
    });
    assert!(matches!(disk::read(Path::new(&path)), Err(KeyFileError::TooLong)));
    drop(reader);
    assert!(feeding.join().unwrap() < 2 * MAX_KEY_FILE_BYTES);
}
