//! Two devices, an invitation between them, and somebody who holds it too.

use std::sync::Mutex;

use bulla_core::cbor::{Reader, Writer};
use bulla_core::{InvitationId, JoiningCard, SpaceId};
use bulla_identity::{DeviceKeys, OsRandomness, Randomness, RandomnessError};
use bulla_pairing::{
    Approver, ApproverStep, Invitation, Invitations, Joiner, JoinerStep, Message, PairingError,
    ShortCode,
};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit};

pub(crate) const SPACE: SpaceId = SpaceId([7; 32]);
/// The approver's clock.
pub(crate) const NOW: u64 = 1_800_000_000_000;

pub(crate) fn device(seed: u8) -> DeviceKeys {
    DeviceKeys::dangerous_from_secrets(&[seed; 32], &[seed ^ 0x80; 32])
}

/// Random bytes that are the same at every run.
#[derive(Debug)]
pub(crate) struct Seeded(Mutex<blake3::OutputReader>);

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(blake3::Hasher::new().update(&seed.to_be_bytes()).finalize_xof()))
    }
}

impl Randomness for Seeded {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomnessError> {
        self.0.lock().map_err(|_| RandomnessError)?.fill(bytes);
        Ok(())
    }
}

/// The secret of an invitation, the fourth of its fields (PAIR-10).
pub(crate) fn secret_of(invitation: &Invitation) -> [u8; 16] {
    let bytes = invitation.to_bytes();
    let mut reader = Reader::new(&bytes);
    reader.array_exact(6).unwrap();
    assert_eq!(reader.uint(1).unwrap(), 1);
    let _: ([u8; 32], [u8; 16]) = (reader.array_of().unwrap(), reader.array_of().unwrap());
    reader.array_of().unwrap()
}

/// An approver that has made one invitation.
pub(crate) struct Host {
    pub(crate) device: DeviceKeys,
    pub(crate) register: Invitations,
    pub(crate) invitation: Invitation,
}

impl Host {
    pub(crate) fn new() -> Self {
        let (device, mut register) = (device(1), Invitations::new());
        let invitation =
            register.invite(device.author(), SPACE, None, 900_000, NOW, &OsRandomness).unwrap();
        Self { device, register, invitation }
    }

    pub(crate) fn id(&self) -> InvitationId {
        self.invitation.id()
    }

    pub(crate) fn begin(&mut self, message: &[u8]) -> Result<(Approver, Message), PairingError> {
        self.begin_at(message, NOW + 1)
    }

    pub(crate) fn begin_at(
        &mut self,
        message: &[u8],
        now_ms: u64,
    ) -> Result<(Approver, Message), PairingError> {
        let id = self.id();
        let (register, device) = (&mut self.register, &self.device);
        Approver::begin(register, &id, device, "host", message, now_ms, &OsRandomness)
    }
}

/// Both sides after message 4, who show this code.
pub(crate) fn until_codes(host: &mut Host, guest: &DeviceKeys) -> (Joiner, Approver, ShortCode) {
    let (mut joiner, first) =
        Joiner::begin(&host.invitation, guest, "guest", &OsRandomness).unwrap();
    let (mut approver, second) = host.begin(first.as_bytes()).unwrap();
    let third = sent(joiner.receive(second.as_bytes(), &OsRandomness));
    let (fourth, code) = compared(approver.receive(third.as_bytes(), &OsRandomness));
    let JoinerStep::Compare { code: other, .. } =
        joiner.receive(fourth.as_bytes(), &OsRandomness).unwrap()
    else {
        panic!("message 4 gives a code");
    };
    assert_eq!(code, other);
    (joiner, approver, code)
}

pub(crate) fn sent(step: Result<JoinerStep, PairingError>) -> Message {
    match step.unwrap() {
        JoinerStep::Send(message) => message,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn compared(step: Result<ApproverStep, PairingError>) -> (Message, ShortCode) {
    match step.unwrap() {
        ApproverStep::Compare { message, code } => (message, code),
        ApproverStep::Confirmed => panic!("no code"),
    }
}

/// What a person types who reads the same code on the other device.
pub(crate) fn typed(approver: &Approver) -> String {
    approver.code().map(|code| code.to_string()).unwrap_or_default()
}

/// Somebody with the invitation who seals and opens as the spec says, and says what they like. Written from PAIR-20 to
/// PAIR-27 and not from the code.
#[derive(Clone)]
pub(crate) struct Forger {
    root: Vec<u8>,
    history: [u8; 32],
    number: u8,
}

impl Forger {
    pub(crate) fn new(invitation: &Invitation) -> Self {
        let bytes = invitation.to_bytes();
        let mut reader = Reader::new(&bytes);
        reader.array_exact(6).unwrap();
        reader.uint(1).unwrap();
        let (space, inviter) = (reader.bytes(32).unwrap(), reader.bytes(16).unwrap());
        let root = [reader.bytes(16).unwrap(), space, inviter].concat();
        let history = blake3::derive_key("bulla 2026 invitation id", &root);
        Self { root, history, number: 1 }
    }

    pub(crate) fn seal(&mut self, content: &[u8]) -> Vec<u8> {
        let mut salt = [0; 24];
        OsRandomness.fill(&mut salt).unwrap();
        self.seal_with(salt, content)
    }

    pub(crate) fn seal_with(&mut self, salt: [u8; 24], content: &[u8]) -> Vec<u8> {
        let payload = Payload { msg: content, aad: &self.history };
        let sealed = self.cipher(&salt).encrypt(&self.nonce().into(), payload).unwrap();
        let message = [salt.as_slice(), &sealed].concat();
        self.pass(&message);
        message
    }

    pub(crate) fn open(&mut self, message: &[u8]) -> Vec<u8> {
        let (salt, sealed) = message.split_at(24);
        let payload = Payload { msg: sealed, aad: &self.history };
        let content = self.cipher(salt).decrypt(&self.nonce().into(), payload).unwrap();
        self.pass(message);
        content
    }

    /// What signatures of the next message are over, besides what it says.
    pub(crate) fn history(&self) -> [u8; 32] {
        self.history
    }

    fn pass(&mut self, message: &[u8]) {
        let material = [self.history.as_slice(), message].concat();
        self.history = blake3::derive_key("bulla 2026 pairing history", &material);
        self.number += 1;
    }

    fn cipher(&self, salt: &[u8]) -> ChaCha20Poly1305 {
        let side = if self.number % 2 == 1 { "joiner" } else { "approver" };
        let context = format!("bulla 2026 pairing {side} key");
        let material = [self.root.as_slice(), &self.history, salt].concat();
        let key = blake3::derive_key(&context, &material);
        ChaCha20Poly1305::new(&key.into())
    }

    fn nonce(&self) -> [u8; 12] {
        std::array::from_fn(|place| if place == 11 { self.number } else { 0 })
    }
}

fn hash_of_parts(context: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend_from_slice(&u32::try_from(part.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(part);
    }
    blake3::derive_key(context, &bytes)
}

/// PAIR-26; `side` is 1 or 2.
pub(crate) fn commitment(id: &InvitationId, side: u8, card: &[u8], nonce: &[u8; 32]) -> [u8; 32] {
    hash_of_parts("bulla 2026 pairing commitment", &[&id.0, &[side], card, nonce])
}

/// PAIR-27.
pub(crate) fn code(
    id: &InvitationId,
    joining_card: &[u8],
    label: &str,
    approver_card: &[u8],
    joiner_nonce: &[u8; 32],
    approver_nonce: &[u8; 32],
) -> String {
    let hash = hash_of_parts(
        "bulla 2026 pairing code",
        &[
            &SPACE.0,
            &id.0,
            joining_card,
            label.as_bytes(),
            approver_card,
            joiner_nonce,
            approver_nonce,
        ],
    );
    let number = u64::from_be_bytes(hash[..8].try_into().unwrap()) % 10_000_000_000;
    let digits = format!("{number:010}");
    format!("{} {}", &digits[..5], &digits[5..])
}

/// The content of message 1.
pub(crate) fn joiner_hello(card: &[u8], label: &str, commitment: &[u8; 32]) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.array(3).bytes(card).text(label).bytes(commitment);
    writer.into_bytes()
}

/// The content of message 2.
pub(crate) fn approver_hello(card: &[u8], commitment: &[u8; 32]) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.array(2).bytes(card).bytes(commitment);
    writer.into_bytes()
}

/// The content of messages 3 and 4.
pub(crate) fn reveal(nonce: &[u8; 32]) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.array(1).bytes(nonce);
    writer.into_bytes()
}

/// The content of message 5, signed after these messages.
pub(crate) fn confirmation(device: &DeviceKeys, history: &[u8; 32], confirmed: bool) -> Vec<u8> {
    let mut statement = Writer::new();
    statement.array(1).bool(confirmed);
    let signature = device.sign_pairing_confirmation(history, statement.as_bytes());
    let mut writer = Writer::new();
    writer.array(2).bool(confirmed).bytes(signature);
    writer.into_bytes()
}

/// The content of message 6, signed after these messages.
pub(crate) fn approval(
    device: &DeviceKeys,
    history: &[u8; 32],
    genesis: [u8; 32],
    frontier: &[u8],
) -> Vec<u8> {
    let mut statement = Writer::new();
    statement.array(3).bytes(genesis).bytes([1; 32]).bytes(frontier);
    let signature = device.sign_pairing_approval(history, statement.as_bytes());
    let mut writer = Writer::new();
    writer.array(4).bytes(genesis).bytes([1; 32]).bytes(frontier).bytes(signature);
    writer.into_bytes()
}

pub(crate) fn read_joiner_hello(content: &[u8]) -> (JoiningCard, [u8; 32]) {
    let mut reader = Reader::new(content);
    reader.array_exact(3).unwrap();
    let card = JoiningCard::from_bytes(reader.bytes(204).unwrap()).unwrap();
    reader.text(64).unwrap();
    (card, reader.array_of().unwrap())
}

/// The approver's card and commitment.
pub(crate) fn read_approver_hello(content: &[u8]) -> (Vec<u8>, [u8; 32]) {
    let mut reader = Reader::new(content);
    reader.array_exact(2).unwrap();
    (reader.bytes(256).unwrap().to_vec(), reader.array_of().unwrap())
}

pub(crate) fn read_nonce(content: &[u8]) -> [u8; 32] {
    let mut reader = Reader::new(content);
    reader.array_exact(1).unwrap();
    reader.array_of().unwrap()
}
