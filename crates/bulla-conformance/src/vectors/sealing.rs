//! The formats of chapters `sealing.md` and `manifest.md`, and what they share.

mod content;
mod file_record;
mod manifest;
mod padding;
mod payload;

use std::sync::Arc;

use bulla_core::cbor::Encode;
use bulla_core::{
    ContentHash, EntryId, Header, Kind, RawEntry, SpaceId, Verified, VerifiedEntry, Verifier,
};
use bulla_crypto::{ChainEnd, Draft, EntryWriter, EpochKey, Padding};
use bulla_identity::DeviceKeys;

use super::keys::{Replayed, Secrets};
use super::once::keyring;
use super::{Inputs, Mismatch, Random};

pub(super) use content::Contents;
pub(super) use file_record::FileRecords;
pub(super) use manifest::Manifests;
pub(super) use padding::Paddings;
pub(super) use payload::Payloads;

/// A device that writes the entries of one file of vectors.
struct Author {
    secrets: Secrets,
    keys: Arc<DeviceKeys>,
    space: SpaceId,
    chain: ChainEnd,
    label: String,
}

impl Author {
    fn new(label: &str) -> Self {
        let secrets = Secrets::new(label);
        let space = SpaceId(Random::new(&format!("space {label}")).array());
        let keys = Arc::new(secrets.keys());
        Self { secrets, keys, space, chain: ChainEnd::EMPTY, label: label.to_owned() }
    }

    /// Seals the next entry of this author's chain.
    fn seal(&mut self, draft: &Draft<'_>, key: &EpochKey) -> (EntryId, RawEntry) {
        let label = format!("{} randomness {}", self.label, self.chain.sequence());
        let writer =
            EntryWriter::new(Arc::clone(&self.keys), self.space, Arc::new(Replayed::new(&label)));
        let sealed = writer.seal(&self.chain, draft, key).expect("the draft is within its bounds");
        self.chain = sealed.chain;
        (sealed.id, sealed.raw)
    }

    /// Signs any header over any payload; length and hash are made to fit.
    fn sign(&self, mut header: Header, payload: &[u8]) -> (EntryId, RawEntry) {
        header.payload_length =
            u32::try_from(payload.len()).expect("payloads of vectors are short");
        header.content_hash = ContentHash::of(payload);
        let bytes = header.to_cbor();
        let digest = Header::digest_of(&bytes);
        let signature = self.keys.sign_header(&digest);
        let raw =
            RawEntry { header: bytes.into(), signature, payload: Some(payload.to_vec().into()) };
        (EntryId::compute(&digest, &signature), raw)
    }
}

/// A draft that pads nothing, so that vectors stay short.
fn draft(kind: Kind, plaintext: &[u8]) -> Draft<'_> {
    Draft::new(kind, plaintext).with_padding(Padding::None)
}

fn fields(raw: &RawEntry) -> Header {
    Header::decode(&raw.header).expect("made by this file")
}

fn payload_of(raw: &RawEntry) -> Vec<u8> {
    raw.payload.as_ref().map(|payload| payload.to_vec()).unwrap_or_default()
}

/// Verifies an entry that must be one.
fn verified(inputs: &Inputs<'_>, raw: RawEntry) -> Result<VerifiedEntry, Mismatch> {
    match Verifier::new([0; 32]).verify(&SpaceId(inputs.array("space")?), raw) {
        Ok(Verified::Entry(entry)) => Ok(entry),
        Ok(Verified::Header(_)) => Err(Mismatch("an entry without its payload".to_owned())),
        Err(error) => Err(Mismatch(format!("the entry does not verify: {error}"))),
    }
}
