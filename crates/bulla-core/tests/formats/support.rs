//! What the tests share: devices from fixed seeds and entries signed by them.

#![expect(clippy::cast_possible_truncation, reason = "payloads of tests are short")]

use bulla_core::cbor::Encode;
use bulla_core::genesis::{Founder, Genesis, Policy};
use bulla_core::header::signing_message;
use bulla_core::{
    AuthorKey, ContentHash, EntryId, Header, KeyId, Kind, RawEntry, Salt, SealingKey, Signature,
    SpaceId, Topic,
};
use bytes::Bytes;
use ed25519_dalek::{Signer, SigningKey};

pub(crate) fn device(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

pub(crate) fn author(device: &SigningKey) -> AuthorKey {
    AuthorKey(device.verifying_key().to_bytes())
}

/// A header of the kind an application writes, with a previous entry and two dependencies.
pub(crate) fn header(space: SpaceId, device: &SigningKey, payload: &[u8]) -> Header {
    Header {
        space,
        author: author(device),
        sequence: 7,
        previous: EntryId([0x21; 32]),
        timestamp: (1_790_000_000_000 << 16) + 3,
        kind: Kind::OPERATION,
        topic: Topic([0x22; 16]),
        dependencies: vec![EntryId([0x31; 32]), EntryId([0x32; 32])],
        key_id: KeyId([0x23; 32]),
        salt: Salt([0x24; 24]),
        payload_length: payload.len() as u32,
        content_hash: ContentHash::of(payload),
    }
}

pub(crate) fn genesis_payload(device: &SigningKey) -> Vec<u8> {
    let founders = vec![Founder { author: author(device), sealing_key: SealingKey([0x41; 32]) }];
    Genesis { founders, recovery: None, policy: Policy::default() }.to_cbor()
}

pub(crate) fn genesis_header(device: &SigningKey, payload: &[u8]) -> Header {
    Header {
        space: SpaceId::ZERO,
        sequence: 1,
        previous: EntryId::ZERO,
        kind: Kind::GENESIS,
        topic: Topic::ZERO,
        dependencies: vec![],
        key_id: KeyId::ZERO,
        ..header(SpaceId::ZERO, device, payload)
    }
}

pub(crate) fn sign(device: &SigningKey, header: &Header, payload: Option<&[u8]>) -> RawEntry {
    sign_bytes(device, header.to_cbor(), payload)
}

/// Signs any bytes in the place of a header.
pub(crate) fn sign_bytes(device: &SigningKey, header: Vec<u8>, payload: Option<&[u8]>) -> RawEntry {
    let message = signing_message(&Header::digest_of(&header));
    RawEntry {
        header: header.into(),
        signature: Signature(device.sign(&message).to_bytes()),
        payload: payload.map(Bytes::copy_from_slice),
    }
}

pub(crate) fn id_of(raw: &RawEntry) -> EntryId {
    EntryId::compute(&Header::digest_of(&raw.header), &raw.signature)
}

/// The genesis of a space founded by `device`, and the space.
pub(crate) fn genesis(device: &SigningKey) -> (RawEntry, SpaceId) {
    let payload = genesis_payload(device);
    let raw = sign(device, &genesis_header(device, &payload), Some(&payload));
    let space = id_of(&raw).into();
    (raw, space)
}

/// Bytes that look random and are the same at every run.
pub(crate) fn bytes(label: &str, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(label.as_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

pub(crate) fn id(number: u64) -> EntryId {
    EntryId(bytes(&number.to_string(), 32).try_into().unwrap())
}
