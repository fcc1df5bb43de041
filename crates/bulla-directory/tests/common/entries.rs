//! What the tests and the figures share: devices from fixed seeds, and control entries by them.
#![expect(clippy::cast_possible_truncation, reason = "payloads of tests are short")]

use bulla_core::cbor::Encode;
use bulla_core::control::{Control, Cut, Cuts, GrantedDevice};
use bulla_core::genesis::{Founder, Genesis, Policy, RecoveryKey};
use bulla_core::header::signing_message;
use bulla_core::verify::attach_payload;
use bulla_core::{
    AuthorKey, ContentHash, EntryId, Header, HeaderDigest, InvitationId, JoiningCard, JoiningClaim,
    KeyId, Kind, RawEntry, Salt, SealingKey, Signature, SpaceId, Topic, Verified, VerifiedEntry,
    VerifiedHeader, Verifier,
};
use bytes::Bytes;
use ed25519_dalek::{Signer, SigningKey};

/// A device: its keys, made of a number.
#[derive(Clone)]
pub(crate) struct Device {
    pub(crate) key: AuthorKey,
    pub(crate) sealing_key: SealingKey,
    signing: SigningKey,
}

impl Device {
    pub(crate) fn new(number: u64) -> Self {
        let mut seed = [0x5d; 32];
        seed[..8].copy_from_slice(&number.to_be_bytes());
        let signing = SigningKey::from_bytes(&seed);
        let key = AuthorKey(signing.verifying_key().to_bytes());
        seed[31] = 9;
        Self { key, sealing_key: SealingKey(seed), signing }
    }

    pub(crate) fn founder(&self) -> Founder {
        Founder { author: self.key, sealing_key: self.sealing_key }
    }

    pub(crate) fn recovery_key(&self) -> RecoveryKey {
        RecoveryKey { author: self.key, sealing_key: self.sealing_key }
    }

    /// A card for a space; with an invitation, or zero for none.
    pub(crate) fn card(&self, space: SpaceId, invitation: InvitationId) -> JoiningCard {
        let claim =
            JoiningClaim { space, author: self.key, sealing_key: self.sealing_key, invitation };
        let signature = Signature(self.signing.sign(&claim.signing_message()).to_bytes());
        claim.verify(signature).unwrap()
    }

    pub(crate) fn granted(&self, space: SpaceId) -> GrantedDevice {
        GrantedDevice::Card(self.card(space, InvitationId::ZERO))
    }
}

/// Where an entry lies.
#[derive(Debug, Clone)]
pub(crate) struct Spot {
    pub(crate) space: SpaceId,
    pub(crate) author: AuthorKey,
    pub(crate) sequence: u64,
    pub(crate) previous: EntryId,
    pub(crate) dependencies: Vec<EntryId>,
}

impl Spot {
    fn header(&self, kind: Kind, key_id: KeyId, payload: &[u8]) -> Header {
        let mut dependencies = self.dependencies.clone();
        dependencies.sort_unstable();
        dependencies.dedup();
        dependencies.retain(|id| *id != self.previous);
        Header {
            space: self.space,
            author: self.author,
            sequence: self.sequence,
            previous: self.previous,
            timestamp: 1 << 40,
            kind,
            topic: Topic::ZERO,
            dependencies,
            key_id,
            salt: Salt([0x24; 24]),
            payload_length: payload.len() as u32,
            content_hash: ContentHash::of(payload),
        }
    }

    /// A control entry as a store reads it back: the directory asks for no signature, so that the many histories of the
    /// tests need none.
    pub(crate) fn unsigned(&self, control: &Control) -> VerifiedEntry {
        let payload = control.to_cbor();
        let header = self.header(control.kind(), KeyId::ZERO, &payload);
        attach_payload(from_store(&header), payload.into()).unwrap()
    }

    /// The header of an entry of an application kind, in the same way.
    pub(crate) fn unsigned_operation(&self, key_id: KeyId) -> VerifiedHeader {
        from_store(&self.header(Kind::OPERATION, key_id, &[0; 16]))
    }

    /// A control entry signed by the device and verified, as it comes from outside.
    pub(crate) fn signed(&self, device: &Device, control: &Control) -> VerifiedEntry {
        let payload = control.to_cbor();
        let header = self.header(control.kind(), KeyId::ZERO, &payload);
        let Verified::Entry(entry) = verify(&self.space, sign(device, &header, Some(payload)))
        else {
            panic!("the payload came along")
        };
        entry
    }

    /// The header of an entry of an application kind, signed and verified.
    pub(crate) fn signed_operation(&self, device: &Device, key_id: KeyId) -> VerifiedHeader {
        let header = self.header(Kind::OPERATION, key_id, &[0; 16]);
        verify(&self.space, sign(device, &header, None)).verified_header().clone()
    }
}

/// The genesis of a space by its first founder.
pub(crate) fn genesis(
    founders: &[&Device],
    recovery: Option<&Device>,
    policy: Policy,
) -> VerifiedEntry {
    let payload = Genesis {
        founders: founders.iter().map(|founder| founder.founder()).collect(),
        recovery: recovery.map(Device::recovery_key),
        policy,
    };
    let payload = payload.to_cbor();
    let spot = Spot {
        space: SpaceId::ZERO,
        author: founders[0].key,
        sequence: 1,
        previous: EntryId::ZERO,
        dependencies: vec![],
    };
    let header = spot.header(Kind::GENESIS, KeyId::ZERO, &payload);
    let raw = sign(founders[0], &header, Some(payload));
    match Verifier::new([7; 32]).verify_genesis(raw).unwrap() {
        Verified::Entry(entry) => entry,
        Verified::Header(_) => panic!("the payload came along"),
    }
}

/// A cut at this entry.
pub(crate) fn cut(sequence: u64, id: EntryId, control: Option<EntryId>) -> Cut {
    Cut { sequence, id, control }
}

/// Cuts in their order.
pub(crate) fn cuts(mut cuts: Vec<Cut>) -> Cuts {
    cuts.sort_unstable_by_key(|cut| cut.id);
    cuts.dedup_by_key(|cut| cut.id);
    Cuts(cuts)
}

fn verify(space: &SpaceId, raw: RawEntry) -> Verified {
    Verifier::new([7; 32]).verify(space, raw).unwrap()
}

fn sign(device: &Device, header: &Header, payload: Option<Vec<u8>>) -> RawEntry {
    let header = header.to_cbor();
    let message = signing_message(&Header::digest_of(&header));
    RawEntry {
        header: header.into(),
        signature: Signature(device.signing.sign(&message).to_bytes()),
        payload: payload.map(Bytes::from),
    }
}

fn from_store(header: &Header) -> VerifiedHeader {
    header.validate().unwrap();
    let bytes = header.to_cbor();
    let signature = Signature([9; 64]);
    let digest: HeaderDigest = Header::digest_of(&bytes);
    let id = EntryId::compute(&digest, &signature);
    VerifiedHeader::from_store(bytes.into(), signature, &id).unwrap()
}
