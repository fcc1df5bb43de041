//! Everything of an exchange made by hand, from the chapter, so that the vectors do not come from the code that they test.

use bulla_core::cbor::Writer;
use bulla_core::{SpaceId, domain};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Nonce};
use ed25519_dalek::{Signer, SigningKey};

use super::super::Random;
use super::super::keys::Secrets;

/// An invitation's parts (PAIR-10).
pub(super) struct Parts {
    pub(super) version: u64,
    pub(super) space: Vec<u8>,
    pub(super) inviter: Vec<u8>,
    pub(super) secret: Vec<u8>,
    /// URL and key.
    pub(super) node: Option<(String, Vec<u8>)>,
    pub(super) expiry: u64,
}

impl Parts {
    /// An invitation by this device.
    pub(super) fn by(device: &Secrets, label: &str) -> Self {
        let mut random = Random::new(&format!("invitation {label}"));
        let key = device.keys().author();
        Self {
            version: 1,
            space: random.bytes(32),
            inviter: blake3::derive_key(domain::INVITER, &key.0)[..16].to_vec(),
            secret: random.bytes(16),
            node: None,
            expiry: 29_000_000,
        }
    }

    pub(super) fn space_id(&self) -> SpaceId {
        SpaceId(self.space.as_slice().try_into().expect("a space id has 32 bytes"))
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.array(6).uint(self.version).bytes(&self.space).bytes(&self.inviter);
        writer.bytes(&self.secret);
        match &self.node {
            Some((url, key)) => writer.array(2).text(url).bytes(key),
            None => writer.null(),
        };
        writer.uint(self.expiry);
        writer.into_bytes()
    }

    pub(super) fn root(&self) -> Vec<u8> {
        [self.secret.as_slice(), &self.space, &self.inviter].concat()
    }

    pub(super) fn id(&self) -> [u8; 32] {
        blake3::derive_key(domain::INVITATION_ID, &self.root())
    }

    pub(super) fn mailbox(&self) -> SigningKey {
        SigningKey::from_bytes(&blake3::derive_key(domain::MAILBOX_KEY, &self.root()))
    }
}

/// A joining card's bytes with any parts, signed by `secrets` over whatever the parts are (PAIR-1, PAIR-2).
pub(super) struct CardParts {
    pub(super) version: u64,
    pub(super) space: Vec<u8>,
    pub(super) author: Vec<u8>,
    pub(super) sealing_key: Vec<u8>,
    pub(super) invitation: Vec<u8>,
}

impl CardParts {
    pub(super) fn of(secrets: &Secrets, space: &[u8], invitation: &[u8]) -> Self {
        let keys = secrets.keys();
        Self {
            version: 1,
            space: space.to_vec(),
            author: keys.author().0.to_vec(),
            sealing_key: keys.sealing_key().0.to_vec(),
            invitation: invitation.to_vec(),
        }
    }

    fn encode(&self, count: usize, writer: &mut Writer) {
        writer.array(count).uint(self.version).bytes(&self.space).bytes(&self.author);
        writer.bytes(&self.sealing_key).bytes(&self.invitation);
    }

    pub(super) fn signed(&self, secrets: &Secrets) -> Vec<u8> {
        let mut message = Writer::new();
        self.encode(5, &mut message);
        let message = [domain::SIGN_JOINING_CARD, message.as_bytes()].concat();
        let signature = SigningKey::from_bytes(&secrets.signing).sign(&message).to_bytes();
        let mut writer = Writer::new();
        self.encode(6, &mut writer);
        writer.bytes(signature);
        writer.into_bytes()
    }
}

/// A device card's bytes with any sealing key (CARD-1, CARD-2).
pub(super) fn card(secrets: &Secrets, sealing_key: &[u8], label: &str) -> Vec<u8> {
    let author = secrets.keys().author();
    let mut message = Writer::new();
    message.array(4).uint(1).bytes(author).bytes(sealing_key).text(label);
    let message = [domain::SIGN_CARD, message.as_bytes()].concat();
    let signature = SigningKey::from_bytes(&secrets.signing).sign(&message).to_bytes();
    let mut writer = Writer::new();
    writer.array(5).uint(1).bytes(author).bytes(sealing_key).text(label).bytes(signature);
    writer.into_bytes()
}

/// Seals messages one after the other (PAIR-20, PAIR-21).
#[derive(Clone)]
pub(super) struct Line {
    root: Vec<u8>,
    history: [u8; 32],
    number: u8,
}

impl Line {
    pub(super) fn new(invitation: &Parts) -> Self {
        Self { root: invitation.root(), history: invitation.id(), number: 1 }
    }

    /// Everything before the next message (PAIR-21).
    pub(super) const fn history(&self) -> [u8; 32] {
        self.history
    }

    /// The next message.
    pub(super) fn seal(&mut self, random: &[u8; 32], content: &[u8]) -> Vec<u8> {
        let parts = [self.root.as_slice(), &self.history, random, content].concat();
        let salt = &blake3::derive_key(domain::PAIRING_SALT, &parts)[..24];
        let context = match self.number % 2 {
            1 => domain::PAIRING_JOINER_KEY,
            _ => domain::PAIRING_APPROVER_KEY,
        };
        let key =
            blake3::derive_key(context, &[self.root.as_slice(), &self.history, salt].concat());
        let mut nonce = Nonce::default();
        nonce[11] = self.number;
        let payload = Payload { msg: content, aad: &self.history };
        let sealed = ChaCha20Poly1305::new(&key.into()).encrypt(&nonce, payload);
        let message = [salt, &sealed.expect("a short message is sealed")].concat();
        let material = [self.history.as_slice(), &message].concat();
        self.history = blake3::derive_key(domain::PAIRING_HISTORY, &material);
        self.number += 1;
        message
    }
}

/// A hash over parts, each with its length (PAIR-26, PAIR-27).
pub(super) fn hash_of_parts(context: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut bytes = Vec::new();
    for part in parts {
        let length = u32::try_from(part.len()).expect("a part is short");
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(part);
    }
    blake3::derive_key(context, &bytes)
}

/// CBOR written by hand.
pub(super) fn item(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::new();
    write(&mut writer);
    writer.into_bytes()
}
