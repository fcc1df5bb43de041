//! Entries as fast as they can be made: real headers, random payloads, ids computed. Signatures are random bytes, for the
//! store does not look at them where it is measured here; checking them has its price elsewhere.

use bulla_core::cbor::Encode;
use bulla_core::verify::attach_payload;
use bulla_core::{
    AuthorKey, ContentHash, EntryId, Header, KeyId, Kind, Salt, Signature, SpaceId, StoredError,
    Topic, Verified, VerifiedHeader,
};
use bytes::Bytes;

/// Makes entries of one space, of as many authors as wanted in turn.
#[derive(Debug)]
pub(crate) struct Entries {
    random: blake3::OutputReader,
    authors: Vec<(AuthorKey, u64, EntryId)>,
    next: usize,
}

pub(crate) const SPACE: SpaceId = SpaceId([0x51; 32]);

impl Entries {
    pub(crate) fn new(seed: u64, authors: usize) -> Self {
        let mut random = blake3::Hasher::new_derive_key("bulla 2026 bench entries")
            .update(&seed.to_be_bytes())
            .finalize_xof();
        let author = |_| (AuthorKey(take(&mut random)), 0, EntryId::ZERO);
        let authors = (0..authors).map(author).collect();
        Self { random, authors, next: 0 }
    }

    pub(crate) fn batch(&mut self, count: usize, payload_bytes: usize) -> Vec<Verified> {
        (0..count).map(|_| self.one(payload_bytes)).collect()
    }

    pub(crate) fn one(&mut self, payload_bytes: usize) -> Verified {
        let mut payload = vec![0; payload_bytes];
        self.random.fill(&mut payload);
        let salt = Salt(take(&mut self.random));
        let signature = Signature(take(&mut self.random));
        let turn = self.next % self.authors.len();
        self.next += 1;
        let (author, sequence, previous) = &mut self.authors[turn];
        *sequence += 1;
        let header = Header {
            space: SPACE,
            author: *author,
            sequence: *sequence,
            previous: *previous,
            timestamp: *sequence << 16,
            kind: Kind::OPERATION,
            topic: Topic([7; 16]),
            dependencies: Vec::new(),
            key_id: KeyId([0xe0; 32]),
            salt,
            payload_length: u32::try_from(payload_bytes).unwrap(),
            content_hash: ContentHash::of(&payload),
        };
        let bytes = Bytes::from(header.to_cbor());
        // Asked with a wrong id it says the right one.
        let id = match VerifiedHeader::from_store(bytes.clone(), signature, &EntryId::ZERO) {
            Err(StoredError::Id { actual, .. }) => actual,
            other => panic!("{other:?}"),
        };
        *previous = id;
        let header = VerifiedHeader::from_store(bytes, signature, &id).unwrap();
        attach_payload(header, payload.into()).unwrap().into()
    }
}

fn take<const N: usize>(random: &mut blake3::OutputReader) -> [u8; N] {
    let mut bytes = [0; N];
    random.fill(&mut bytes);
    bytes
}
