//! Epochs made from the primitives, step by step as CTL-30 to CTL-33 say.

use bulla_core::cbor::{Encode, Writer};
use bulla_core::control::{Control, Epoch, Recipient};
use bulla_core::{AuthorKey, EntryId, KeyId, SealingKey, SpaceId};
use chacha20poly1305::aead::Aead;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Nonce};
use hpke::{Deserializable, Kem, OpModeS, Serializable, single_shot_seal_with_rng};

use super::super::super::Random;
use super::super::super::keys::Secrets;
use super::random;

/// An epoch to be made, rightly or wrongly.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) space: SpaceId,
    pub(super) author: AuthorKey,
    pub(super) group: EntryId,
    /// Id and epoch key of each, ascending by id.
    pub(super) parents: Vec<(EntryId, [u8; 32])>,
    /// Whether the key of each comes along.
    pub(super) hands_on: Vec<bool>,
    /// In a first epoch the keys from before it.
    pub(super) older: Vec<[u8; 32]>,
    pub(super) key: [u8; 32],
    /// The key id to name, if not that of the key.
    pub(super) named: Option<[u8; 32]>,
    pub(super) topics: [u8; 32],
    /// What is handed down, if not the form of CTL-33.
    pub(super) form: Option<Vec<u8>>,
    pub(super) recipients: usize,
    /// Whether the reader is among them.
    pub(super) reads: bool,
    /// How many of them the payload leaves out at the end.
    pub(super) recipients_less: usize,
}

/// An epoch with all that is sealed in it.
#[derive(Clone)]
pub(super) struct Made {
    pub(super) draft: Draft,
    /// One for each recipient, ascending by device.
    pub(super) wraps: Vec<[u8; 80]>,
    pub(super) inherited: Vec<u8>,
}

pub(super) fn reader() -> Secrets {
    Secrets::new("epoch reader")
}

pub(super) fn key(label: &str) -> [u8; 32] {
    random(label).array()
}

pub(super) fn key_id(key: &[u8; 32]) -> [u8; 32] {
    blake3::derive_key("bulla 2026 key id", key)
}

impl Draft {
    /// The space's own epoch for the reader and others, after so many epochs whose keys come along.
    pub(super) fn new(recipients: usize, parents: usize) -> Self {
        let mut random = random(&format!("for {recipients} after {parents}"));
        let mut before: Vec<(EntryId, [u8; 32])> =
            (0..parents).map(|_| (EntryId(random.array()), random.array())).collect();
        before.sort_unstable();
        Self {
            space: SpaceId(key("space")),
            author: Secrets::new("epoch author").keys().author(),
            group: EntryId::ZERO,
            parents: before,
            hands_on: vec![true; parents],
            older: Vec::new(),
            key: random.array(),
            named: None,
            topics: key("topics"),
            form: None,
            recipients,
            reads: true,
            recipients_less: 0,
        }
    }

    pub(super) fn make(self) -> Made {
        let recipients = self.devices();
        let info = self.info(&recipients);
        let mut random =
            Random::new(&format!("epoch wraps {} {}", KeyId(self.key), self.parents.len()));
        let wraps = recipients.iter().map(|one| self.wrap(&info, one, &mut random)).collect();
        let inherited = self.inherited();
        Made { draft: self, wraps, inherited }
    }

    /// The recipients, ascending.
    fn devices(&self) -> Vec<(AuthorKey, SealingKey)> {
        let others = (usize::from(self.reads)..self.recipients)
            .map(|index| Secrets::new(&format!("epoch recipient {index}")));
        let mut devices: Vec<_> = others
            .chain(self.reads.then(reader))
            .map(|secrets| (secrets.keys().author(), secrets.keys().sealing_key()))
            .collect();
        devices.sort_unstable_by_key(|(device, _)| *device);
        devices
    }

    fn key_id(&self) -> [u8; 32] {
        self.named.unwrap_or_else(|| key_id(&self.key))
    }

    /// The elements that everything sealed begins with.
    fn encode_place(&self, writer: &mut Writer) {
        writer.bytes(self.space).bytes(self.author).bytes(self.group);
        writer.array(self.parents.len());
        self.parents.iter().for_each(|(id, _)| _ = writer.bytes(id));
        writer.bytes(self.key_id());
    }

    /// HPKE's info up to the device.
    fn info(&self, recipients: &[(AuthorKey, SealingKey)]) -> Vec<u8> {
        let mut devices = Writer::new();
        devices.array(recipients.len());
        recipients.iter().for_each(|(device, _)| _ = devices.bytes(device));
        let digest = blake3::derive_key("bulla 2026 epoch recipients", devices.as_bytes());
        let mut info = Writer::new();
        info.array(8);
        self.encode_place(&mut info);
        info.bytes(digest);
        [b"bulla 2026 epoch key".as_slice(), info.as_bytes()].concat()
    }

    fn wrap(
        &self,
        info: &[u8],
        (device, sealing_key): &(AuthorKey, SealingKey),
        random: &mut Random,
    ) -> [u8; 80] {
        type Suite = hpke::kem::X25519HkdfSha256;
        let mut rest = Writer::new();
        rest.bytes(device).bytes(sealing_key);
        let info = [info, rest.as_bytes()].concat();
        let public = <Suite as Kem>::PublicKey::from_bytes(&sealing_key.0).expect("32 bytes");
        let (encapsulated, ciphertext) = single_shot_seal_with_rng::<
            hpke::aead::ChaCha20Poly1305,
            hpke::kdf::HkdfSha256,
            Suite,
        >(
            &OpModeS::Base, &public, &info, &self.key, &[], random
        )
        .expect("the recipient's key is usable");
        let joined = [encapsulated.to_bytes().as_slice(), &ciphertext].concat();
        joined.try_into().expect("32 bytes, and 48 of a key")
    }

    fn inherited(&self) -> Vec<u8> {
        let mut place = Writer::new();
        place.array(5);
        self.encode_place(&mut place);
        let material = [self.key.as_slice(), place.as_bytes()].concat();
        let once = blake3::derive_key("bulla 2026 epoch inheritance", &material);
        let plaintext = self.form.clone().unwrap_or_else(|| {
            let mut writer = Writer::new();
            writer.array(2).bytes(self.topics).array(self.parents.len() + self.older.len());
            for ((_, key), is_handed_on) in self.parents.iter().zip(&self.hands_on) {
                writer.array(usize::from(*is_handed_on));
                if *is_handed_on {
                    writer.bytes(key);
                }
            }
            self.older.iter().for_each(|key| _ = writer.array(1).bytes(key));
            writer.into_bytes()
        });
        ChaCha20Poly1305::new(&once.into())
            .encrypt(&Nonce::default(), plaintext.as_slice())
            .expect("short")
    }
}

impl Made {
    /// Where the reader is among the recipients.
    pub(super) fn place_of_reader(&self) -> usize {
        let reader = reader().keys().author();
        let place = self.draft.devices().iter().position(|(device, _)| *device == reader);
        place.expect("the reader is among them")
    }

    /// The payload.
    pub(super) fn encode(&self) -> Vec<u8> {
        let devices = self.draft.devices();
        let kept = devices.len() - self.draft.recipients_less;
        let recipient = |((device, _), sealed): (&(AuthorKey, SealingKey), &[u8; 80])| Recipient {
            device: *device,
            sealed: *sealed,
        };
        Control::Epoch(Epoch {
            group: self.draft.group,
            parents: self.draft.parents.iter().map(|(id, _)| *id).collect(),
            key_id: KeyId(self.draft.key_id()),
            recipients: devices.iter().zip(&self.wraps).take(kept).map(recipient).collect(),
            inherited: self.inherited.clone(),
        })
        .to_cbor()
    }
}
