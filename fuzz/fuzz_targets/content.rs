//! A content whose manifests are whatever bytes: they are sealed and signed, so that only the rules of manifests stand
//! before the reader. It asks for entries and never for more than a manifest names, and nothing panics.
#![no_main]

use std::sync::Arc;

use bulla_core::{EntryId, Kind, SpaceId, Verified, Verifier};
use bulla_crypto::manifest::ContentReader;
use bulla_crypto::{ChainEnd, Draft, EntryWriter, EpochKey, Keyring, Padding, open};
use bulla_identity::{DeviceKeys, Randomness, RandomnessError};

#[derive(Debug)]
struct Constant;

impl Randomness for Constant {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomnessError> {
        bytes.fill(5);
        Ok(())
    }
}

libfuzzer_sys::fuzz_target!(|input: (u64, u64, bool, Vec<u8>)| {
    let (start, end, is_range, plaintext) = input;
    let space = SpaceId([3; 32]);
    let key = EpochKey::dangerous_from_bytes(&[1; 32]);
    let device = Arc::new(DeviceKeys::dangerous_from_secrets(&[7; 32], &[8; 32]));
    let writer = EntryWriter::new(device, space, Arc::new(Constant));
    let draft = Draft::new(Kind::MANIFEST, &plaintext).with_padding(Padding::None);
    let Ok(sealed) = writer.seal(&ChainEnd::EMPTY, &draft, &key) else { return };
    let verified = Verifier::new([0; 32]).verify(&space, sealed.raw).expect("sealed here");
    let Verified::Entry(entry) = verified else { unreachable!("sealed with its payload") };
    let mut keyring = Keyring::new();
    keyring.insert(space, key);
    assert_eq!(open(&entry, &keyring).as_deref(), Ok(&plaintext));
    let mut reader = if is_range {
        ContentReader::with_range(sealed.id, start..end)
    } else {
        ContentReader::new(sealed.id)
    };
    assert_eq!(reader.wanted(), Some(sealed.id));
    if let Ok(piece) = reader.supply(&entry, &keyring) {
        assert!(piece.is_none(), "a manifest gives no bytes");
        let wanted = reader.wanted();
        assert_eq!(reader.upcoming(1).next(), wanted);
        assert!(reader.upcoming(usize::MAX).count() <= 8_192);
        if wanted.is_some_and(|id| id != sealed.id && id != EntryId::ZERO) {
            assert!(reader.supply(&entry, &keyring).is_err(), "not what is wanted now");
        }
    }
});
