//! Secrets in what is printed for people and logs.

use std::sync::Arc;

use bulla_core::Kind;
use bulla_crypto::manifest::{Child, ChunkHashKey, ContentWriter};
use bulla_crypto::{ChainEnd, Draft, KeyTransfer, Keyring, TopicSecret};
use bulla_identity::OsRandomness;

use crate::support::{SPACE, content, device, key, keyring, seal, verified, writer};

/// Everything that holds a secret or comes near one, as a log would show it.
#[test]
fn a62_debug_and_errors_show_no_secret() {
    let secret = [0xc7; 32];
    let epoch_key = bulla_crypto::EpochKey::dangerous_from_bytes(&secret);
    let mut ring = Keyring::new();
    ring.insert(SPACE, bulla_crypto::EpochKey::dangerous_from_bytes(&secret));
    let hashes = ChunkHashKey::derive(&epoch_key);
    let hash = hashes.hash(b"canary in a chunk");
    let mut unsealed = ContentWriter::new(&epoch_key);
    unsealed.write(b"canary in a chunk");
    unsealed.finish();
    let part = unsealed.next_part().unwrap();
    let card = device(2).card("phone").unwrap();
    let keys = [Arc::new(bulla_crypto::EpochKey::dangerous_from_bytes(&secret))];
    let transfer = KeyTransfer::export(&device(1), &card, SPACE, &keys, &OsRandomness).unwrap();
    let child = Child { id: bulla_core::EntryId([1; 32]), hash };
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

fn data(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
