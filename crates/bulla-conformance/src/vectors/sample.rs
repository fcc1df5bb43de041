//! Devices, spaces and entries that the formats share. The same at every run.

use bulla_core::cbor::Encode;
use bulla_core::genesis::{Founder, Genesis, Policy};
use bulla_core::header::signing_message;
use bulla_core::{
    AuthorKey, ContentHash, EntryId, Header, KeyId, Kind, RawEntry, Salt, SealingKey, Signature,
    SpaceId, Topic,
};
use ed25519_dalek::{Signer, SigningKey};

use super::Random;

/// A device with a signing key; its sealing key is 32 bytes to which nobody knows the secret.
#[derive(Debug)]
pub struct Device {
    signing: SigningKey,
    /// Its sealing key.
    pub sealing: SealingKey,
}

impl Device {
    /// The device of this name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut random = Random::new(&format!("device {name}"));
        Self {
            signing: SigningKey::from_bytes(&random.array()),
            sealing: SealingKey(random.array()),
        }
    }

    /// The seed of its signing key (RFC 8032, section 5.1.5).
    #[must_use]
    pub fn secret(&self) -> [u8; 32] {
        self.signing.to_bytes()
    }

    /// Its verifying key.
    #[must_use]
    pub fn author(&self) -> AuthorKey {
        AuthorKey(self.signing.verifying_key().to_bytes())
    }

    /// Its signature over any bytes.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Signature {
        Signature(self.signing.sign(message).to_bytes())
    }

    /// Bytes in the place of a header, with a good signature over them.
    #[must_use]
    pub fn sign_header_bytes(&self, header: &[u8], payload: Option<&[u8]>) -> RawEntry {
        RawEntry {
            header: header.to_vec().into(),
            signature: self.sign(&signing_message(&Header::digest_of(header))),
            payload: payload.map(|payload| payload.to_vec().into()),
        }
    }

    /// A signed entry.
    #[must_use]
    pub fn sign_entry(&self, header: &Header, payload: Option<&[u8]>) -> RawEntry {
        self.sign_header_bytes(&header.to_cbor(), payload)
    }
}

/// The id of an entry, valid or not.
#[must_use]
pub fn id_of(raw: &RawEntry) -> EntryId {
    EntryId::compute(&Header::digest_of(&raw.header), &raw.signature)
}

/// The genesis payload of a space that `device` founds alone.
#[must_use]
pub fn genesis_payload(device: &Device) -> Vec<u8> {
    let founders = vec![Founder { author: device.author(), sealing_key: device.sealing }];
    Genesis { founders, recovery: None, policy: Policy::default() }.to_cbor()
}

/// The header of a genesis with this payload.
#[must_use]
pub fn genesis_header(device: &Device, payload: &[u8]) -> Header {
    Header {
        space: SpaceId::ZERO,
        author: device.author(),
        sequence: 1,
        previous: EntryId::ZERO,
        timestamp: 1_790_000_000_000 << 16,
        kind: Kind::GENESIS,
        topic: Topic::ZERO,
        dependencies: Vec::new(),
        key_id: KeyId::ZERO,
        salt: Salt(Random::new("genesis salt").array()),
        payload_length: length(payload),
        content_hash: ContentHash::of(payload),
    }
}

/// The genesis of the space that `device` founds alone, and that space.
#[must_use]
pub fn genesis(device: &Device) -> (RawEntry, SpaceId) {
    let payload = genesis_payload(device);
    let raw = device.sign_entry(&genesis_header(device, &payload), Some(&payload));
    let space = id_of(&raw).into();
    (raw, space)
}

/// An application's entry; `payload` stands for a ciphertext. Its other fields come from `label`.
#[must_use]
pub fn operation(
    space: SpaceId,
    device: &Device,
    sequence: u64,
    payload: &[u8],
    label: &str,
) -> Header {
    let mut random = Random::new(&format!("operation {label}"));
    let previous = EntryId(random.array());
    Header {
        space,
        author: device.author(),
        sequence,
        previous: if sequence == 1 { EntryId::ZERO } else { previous },
        timestamp: (1_790_000_000_000 + sequence) << 16,
        kind: Kind::OPERATION,
        topic: Topic(random.array()),
        dependencies: Vec::new(),
        key_id: KeyId(random.array()),
        salt: Salt(random.array()),
        payload_length: length(payload),
        content_hash: ContentHash::of(payload),
    }
}

fn length(payload: &[u8]) -> u32 {
    u32::try_from(payload.len()).expect("payloads of vectors are short")
}
