//! Devices, random sources, and entries as a reader gets them.

use std::sync::Arc;

use bulla_core::{EntryId, Kind, RawEntry, SpaceId, Verified, VerifiedEntry, Verifier};
use bulla_crypto::manifest::ContentWriter;
use bulla_crypto::{ChainEnd, Draft, EntryWriter, EpochKey, Keyring, Sealed};
use bulla_identity::{DeviceKeys, OsRandomness, Randomness, RandomnessError};

pub(crate) const SPACE: SpaceId = SpaceId([0x5a; 32]);

/// A random source that gives the same bytes for ever, as a restored machine or a bad generator does.
#[derive(Debug)]
pub(crate) struct Constant(pub(crate) u8);

impl Randomness for Constant {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomnessError> {
        bytes.fill(self.0);
        Ok(())
    }
}

pub(crate) fn device(seed: u8) -> Arc<DeviceKeys> {
    Arc::new(DeviceKeys::dangerous_from_secrets(&[seed; 32], &[seed ^ 0xff; 32]))
}

pub(crate) fn key(seed: u8) -> EpochKey {
    EpochKey::dangerous_from_bytes(&[seed; 32])
}

/// A reader with this key.
pub(crate) fn keyring(seed: u8) -> Keyring {
    let mut keyring = Keyring::new();
    keyring.insert(SPACE, key(seed));
    keyring
}

pub(crate) fn writer(seed: u8) -> EntryWriter {
    EntryWriter::new(device(seed), SPACE, Arc::new(OsRandomness))
}

pub(crate) fn seal(writer: &EntryWriter, chain: &ChainEnd, draft: &Draft<'_>) -> Sealed {
    writer.seal(chain, draft, &key(1)).unwrap()
}

pub(crate) fn verified(raw: RawEntry) -> VerifiedEntry {
    match Verifier::new([0; 32]).verify(&SPACE, raw).unwrap() {
        Verified::Entry(entry) => entry,
        Verified::Header(header) => panic!("{} came without its payload", header.id()),
    }
}

/// A content sealed in chunks of `chunk_bytes`: its root, and all entries in the order they were sealed.
pub(crate) fn content(chunk_bytes: u32, bytes: &[u8]) -> (EntryId, Vec<VerifiedEntry>) {
    let (writer, mut chain) = (writer(1), ChainEnd::EMPTY);
    let mut content = ContentWriter::with_chunk_bytes(&key(1), chunk_bytes);
    content.write(bytes);
    content.finish();
    let mut entries = Vec::new();
    while let Some(part) = content.next_part() {
        let draft = Draft::new(part.kind, &part.plaintext).with_padding(part.padding);
        let sealed = seal(&writer, &chain, &draft);
        chain = sealed.chain;
        content.sealed(sealed.id);
        entries.push(verified(sealed.raw));
    }
    (content.root().unwrap(), entries)
}

/// The bytes of the payloads of one kind.
pub(crate) fn payload_sizes(entries: &[VerifiedEntry], kind: Kind) -> Vec<usize> {
    let of_kind = entries.iter().filter(|entry| entry.header().kind == kind);
    of_kind.map(|entry| entry.payload().len()).collect()
}
