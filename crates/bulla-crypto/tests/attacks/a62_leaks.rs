//! Secrets in what is printed for people and logs.

use std::sync::Arc;

use bulla_core::{EntryId, Kind};
use bulla_crypto::manifest::{Child, ChunkHashKey, ContentWriter};
use bulla_crypto::{
    ChainEnd, Draft, EpochDraft, EpochKey, EpochParent, Inheritance, KeyTransfer, Keyring,
    LabelSubject, OpenedEpoch, TopicSecret, open_label_with,
};
use bulla_identity::{DeviceKeys, OsRandomness};

use crate::epochs::{author, bound, context, draft};
use crate::support::{SPACE, content, device, key, keyring, seal, verified, writer};

/// Everything that holds a secret or comes near one, as a log would show it.
#[test]
fn a62_debug_and_errors_show_no_secret() {
    let secret = [0xc7; 32];
    let epoch_key = EpochKey::dangerous_from_bytes(&secret);
    let mut ring = Keyring::new();
    ring.insert(SPACE, EpochKey::dangerous_from_bytes(&secret));
    let hashes = ChunkHashKey::derive(&epoch_key);
    let hash = hashes.hash(b"canary in a chunk");
    let mut unsealed = ContentWriter::new(&epoch_key);
    unsealed.write(b"canary in a chunk");
    unsealed.finish();
    let part = unsealed.next_part().unwrap();
    let card = device(2).card("phone").unwrap();
    let keys = [Arc::new(EpochKey::dangerous_from_bytes(&secret))];
    let transfer = KeyTransfer::export(&device(1), &card, SPACE, &keys, &OsRandomness).unwrap();
    let child = Child { id: EntryId([1; 32]), hash };
    let (_, entries) = content(8, b"canary in a chunk");
    let draft = Draft::new(Kind::OPERATION, b"");
    let unknown =
        bulla_crypto::open(&verified(seal(&writer(1), &ChainEnd::EMPTY, &draft).raw), &ring);
    let shown = [
        format!("{epoch_key:?} {ring:?} {hashes:?} {hash:?} {child:?} {transfer:?}"),
        format!("{:?} {unsealed:?}", TopicSecret::derive(&key(1), &SPACE)),
        format!("{:?} {:?}", keyring(1), writer(1)),
        format!("{entries:?} {:?}", device(1)),
        format!("{unknown:?} {}", unknown.as_ref().unwrap_err()),
    ];
    let hash = data(&hash.0);
    for text in shown {
        let text = text.to_lowercase();
        assert!(!text.contains("canary"), "{text}");
        assert!(!text.contains("c7c7c7") && !text.contains("199, 199, 199"), "{text}");
        assert!(!text.contains(&hash), "{text}");
    }
    assert_eq!(part.plaintext.as_slice(), b"canary in a chunk");
}

/// Every type that holds a key of an epoch, a topic secret or a device's secrets, and every error, in every notation in
/// which bytes are printed.
#[test]
fn a62_epochs_labels_and_keyrings_show_no_secret_in_any_notation() {
    let (epoch_secret, topic_secret) =
        (*b"an epoch key nobody should read!", *b"a topic secret nobody may read!!");
    let secret = || EpochKey::dangerous_from_bytes(&epoch_secret);
    let topics = || TopicSecret::dangerous_from_bytes(&topic_secret);
    let sealing = *b"a device's X25519 key stays here";
    let signing = *b"a device's Ed25519 seed stays to";
    let reader = DeviceKeys::dangerous_from_secrets(&signing, &sealing);
    let id = EntryId([9; 32]);
    let parent = EpochParent {
        id,
        key_id: secret().id(),
        key: Some(bound(SPACE, EntryId::ZERO, id, secret())),
    };
    let draft = EpochDraft {
        recipients: vec![(reader.author(), reader.sealing_key())],
        topics: Some(Arc::new(topics())),
        older: Vec::new(),
        parents: vec![parent.clone()],
        ..draft(&[1], &[])
    };
    let new = draft.clone().create(&author(), &OsRandomness).unwrap();
    let opened = OpenedEpoch::open(&context(), &new.payload, &[parent.key_id], &reader).unwrap();
    let mut ring = Keyring::new();
    let mut shown = vec![
        format!("{parent:?} {parent:#?} {draft:?} {draft:#?} {new:?} {new:#?}"),
        format!("{opened:?} {opened:#?} {:?}", opened.inheritance),
        format!("{:?} {:?} {reader:?} {:?}", secret(), topics(), reader.salt_secret()),
        format!(
            "{:?}",
            open_label_with(
                &writer(1).seal_label(LabelSubject::Group, "x", &key(2)).unwrap(),
                &context(),
                LabelSubject::Group,
                &secret(),
            )
        ),
        format!("{:?}", OpenedEpoch::open(&context(), &new.payload, &[], &reader)),
        format!("{:?}", Inheritance::open(&context(), &new.payload, &[parent.key_id], &secret())),
    ];
    let drawn = *new.key.expose_secret();
    shown.push(format!("{:?}", ring.learn(SPACE, EntryId([1; 32]), opened)));
    shown.push(format!("{ring:?} {ring:#?} {:?} {:?}", ring.topics(&SPACE), ring.keys(&SPACE)));
    let plain = ring.to_secret();
    for bytes in [&epoch_secret, &topic_secret, &sealing, &signing, &drawn] {
        assert!(
            *bytes == sealing || *bytes == signing || plain.windows(32).any(|part| part == bytes)
        );
        for text in &shown {
            for notation in notations(&bytes[..12]) {
                assert!(
                    !text.to_lowercase().contains(&notation.to_lowercase()),
                    "{notation} in {text}"
                );
            }
        }
    }
}

/// The first bytes of a secret as they might be printed.
fn notations(bytes: &[u8]) -> Vec<String> {
    let list =
        |separator: &str| bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(separator);
    let base64 = |alphabet: &str| {
        let letters = alphabet.as_bytes();
        let groups = bytes
            .chunks(3)
            .map(|three| three.iter().fold(0_usize, |word, byte| word << 8 | usize::from(*byte)));
        let letter = |word: usize, at: usize| char::from(letters[word >> (6 * at) & 63]);
        groups.flat_map(|word| (0..4).rev().map(move |at| letter(word, at))).collect::<String>()
    };
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    vec![
        String::from_utf8_lossy(bytes).into_owned(),
        data(bytes),
        list(", "),
        list(",\n"),
        list(",\n        "),
        base64(&format!("{letters}+/")),
        base64(&format!("{letters}-_")),
    ]
}

fn data(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
