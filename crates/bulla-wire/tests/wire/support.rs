//! Entries to send, and numbers that a seed replays.

use bulla_core::cbor::Encode;
use bulla_core::{
    ContentHash, EntryId, Header, KeyId, Kind, RawEntry, Salt, SpaceId, Topic, Verified, Verifier,
};
use bulla_identity::DeviceKeys;
use bytes::Bytes;

/// splitmix64: good enough for test data, and the same on every machine.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next().to_le_bytes()[0]).collect()
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        self.bytes(N).try_into().unwrap()
    }
}

pub(crate) const SPACE: SpaceId = SpaceId([0x5a; 32]);

pub(crate) fn device(seed: u8) -> DeviceKeys {
    DeviceKeys::dangerous_from_secrets(&[seed; 32], &[seed ^ 0xff; 32])
}

/// Signs a header over this payload, whatever the header said about it.
pub(crate) fn sign(keys: &DeviceKeys, mut header: Header, payload: &[u8]) -> RawEntry {
    header.author = keys.author();
    header.payload_length = u32::try_from(payload.len()).unwrap();
    header.content_hash = ContentHash::of(payload);
    let bytes = Bytes::from(header.to_cbor());
    let signature = keys.sign_header(&Header::digest_of(&bytes));
    RawEntry { header: bytes, signature, payload: Some(Bytes::copy_from_slice(payload)) }
}

/// A header of an operation in [`SPACE`]; author and payload come with [`sign`].
pub(crate) fn operation(random: &mut Random) -> Header {
    Header {
        space: SPACE,
        author: bulla_core::AuthorKey::ZERO,
        sequence: 1,
        previous: EntryId::ZERO,
        timestamp: (1_790_000_000_000 + random.below(100_000)) << 16 | random.below(4),
        kind: Kind::OPERATION,
        topic: Topic::ZERO,
        dependencies: Vec::new(),
        key_id: KeyId([7; 32]),
        salt: Salt(random.array()),
        payload_length: 0,
        content_hash: ContentHash::ZERO,
    }
}

/// `count` genuine entries of a few authors: chains, gaps, forks, topics, keys, dependencies, headers without payload.
pub(crate) fn entries(seed: u64, count: usize) -> Vec<Verified> {
    let mut random = Random(seed);
    let devices: Vec<_> = (1..=4).map(device).collect();
    let mut last: Vec<(u64, EntryId)> = vec![(0, EntryId::ZERO); devices.len()];
    let mut ids: Vec<EntryId> = Vec::new();
    let verifier = Verifier::new([9; 32]);
    let mut entries = Vec::new();
    while entries.len() < count {
        let author = usize::try_from(random.below(devices.len() as u64)).unwrap();
        let (sequence, previous) = match random.below(8) {
            // A gap, and a fork: the previous id cannot be left out.
            0 => (last[author].0 + 2, EntryId(random.array())),
            1 if last[author].0 > 1 => (last[author].0, EntryId(random.array())),
            _ => (last[author].0 + 1, last[author].1),
        };
        let mut header = operation(&mut random);
        (header.sequence, header.previous) = (sequence, previous);
        header.kind = Kind(16 + u16::try_from(random.below(300)).unwrap());
        header.topic = Topic([u8::try_from(random.below(3)).unwrap(); 16]);
        header.key_id = KeyId([1 + u8::try_from(random.below(3)).unwrap(); 32]);
        header.dependencies = (0..random.below(3)).map(|_| EntryId(random.array())).collect();
        if let Some(id) = ids.last().filter(|id| **id != previous) {
            header.dependencies.push(*id);
        }
        header.dependencies.sort_unstable();
        let length = 16 + usize::try_from(random.below(2000)).unwrap();
        let payload = random.bytes(length);
        let mut raw = sign(&devices[author], header, &payload);
        if random.below(6) == 0 {
            raw.payload = None;
        }
        let verified = verifier.verify(&SPACE, raw).unwrap();
        last[author] = (sequence, verified.id());
        ids.push(verified.id());
        entries.push(verified);
    }
    entries
}
