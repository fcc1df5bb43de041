//! Devices, nodes and the things they sign.

use bulla_core::cbor::Encode;
use bulla_core::values::Acknowledgement;
use bulla_core::{
    AuthorKey, ContentHash, EntryId, Header, HeaderDigest, KeyId, Kind, Lineage, LoginNonce,
    NodeId, PeerKey, RawEntry, Salt, SpaceId, Topic,
};
use bulla_identity::{DeviceKeys, LoginNonces, LoginTranscript, NodeKeys, Origin};

/// A device and a node that share one signing secret, as nothing forbids a careless operator.
pub(crate) fn pair(seed: u8) -> (DeviceKeys, NodeKeys) {
    (
        DeviceKeys::dangerous_from_secrets(&[seed; 32], &[seed ^ 0xff; 32]),
        NodeKeys::dangerous_from_secret(&[seed; 32]),
    )
}

pub(crate) fn transcript(initiator: PeerKey, responder: NodeId) -> LoginTranscript {
    let nonces = LoginNonces { initiator: LoginNonce([1; 32]), responder: LoginNonce([2; 32]) };
    let origin = Origin::Address("https://relay.example".to_owned());
    LoginTranscript::new(
        initiator,
        responder,
        origin,
        vec![SpaceId([3; 32]), SpaceId([4; 32])],
        nonces,
        5,
    )
    .unwrap()
}

pub(crate) fn header(author: AuthorKey) -> Header {
    Header {
        space: SpaceId([1; 32]),
        author,
        sequence: 1,
        previous: EntryId::ZERO,
        timestamp: 0,
        kind: Kind::OPERATION,
        topic: Topic::ZERO,
        dependencies: Vec::new(),
        key_id: KeyId([2; 32]),
        salt: Salt([3; 24]),
        payload_length: 16,
        content_hash: ContentHash::of(&[0; 16]),
    }
}

pub(crate) fn digest(header: &Header) -> HeaderDigest {
    Header::digest_of(&header.to_cbor())
}

pub(crate) fn entry(header: &Header, signer: &DeviceKeys) -> RawEntry {
    let signature = signer.sign_header(&digest(header));
    RawEntry { header: header.to_cbor().into(), signature, payload: Some(vec![0; 16].into()) }
}

pub(crate) fn acknowledgement(node: &NodeKeys) -> Acknowledgement {
    node.acknowledge(SpaceId([1; 32]), Lineage([2; 16]), [(1, EntryId([3; 32]))])
}
