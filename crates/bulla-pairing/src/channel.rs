//! Sealing and opening messages, each at its one place (PAIR-20, PAIR-21, PAIR-23).

use bulla_core::domain;
use bulla_identity::{Randomness, RandomnessError};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Nonce};
use zeroize::Zeroizing;

use crate::Message;
use crate::message::{MAX_MESSAGE_BYTES, MIN_MESSAGE_BYTES};
use crate::root::{Root, SALT_BYTES, Side};

/// Where one side stands in the exchange: the number of the next message, and everything before it as a hash.
///
/// A message opens only with the same root, number, direction and history. So one that is replayed, reflected, left out or
/// out of its order does not open, nor does any after an altered one.
#[derive(Clone)]
pub(crate) struct Channel {
    root: Root,
    history: [u8; 32],
    next: u8,
}

impl Channel {
    /// Before message 1.
    pub(crate) fn new(root: Root) -> Self {
        let history = root.id().0;
        Self { root, history, next: 1 }
    }

    /// The number of the next message.
    pub(crate) const fn next(&self) -> u8 {
        self.next
    }

    /// Everything before the next message, which is what signatures are over (PAIR-22).
    pub(crate) const fn history(&self) -> [u8; 32] {
        self.history
    }

    /// Seals the next message.
    pub(crate) fn seal(
        &mut self,
        content: &[u8],
        randomness: &dyn Randomness,
    ) -> Result<Message, RandomnessError> {
        let message = self.seal_in_place(content, randomness)?;
        self.advance(message.as_bytes());
        Ok(message)
    }

    /// Seals a message for the next place and stays before it. Salts are drawn anew, and hedged with the content, so
    /// sealing twice repeats no key.
    pub(crate) fn seal_in_place(
        &self,
        content: &[u8],
        randomness: &dyn Randomness,
    ) -> Result<Message, RandomnessError> {
        let mut random = Zeroizing::new([0; 32]);
        randomness.fill(random.as_mut())?;
        let salt = self.root.salt(&self.history, &random, content);
        let payload = Payload { msg: content, aad: &self.history };
        let ciphertext = self
            .cipher(&salt)
            .encrypt(&self.nonce(), payload)
            .expect("a content is far shorter than the cipher's limit");
        Ok(Message::new(self.next, [salt.as_slice(), &ciphertext].concat()))
    }

    /// Opens the next message; `None`, and nothing changes, for whatever is not that.
    pub(crate) fn open(&mut self, message: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        if !(MIN_MESSAGE_BYTES..=MAX_MESSAGE_BYTES).contains(&message.len()) {
            return None;
        }
        let (salt, ciphertext) = message.split_first_chunk::<SALT_BYTES>()?;
        let payload = Payload { msg: ciphertext, aad: &self.history };
        let content = self.cipher(salt).decrypt(&self.nonce(), payload).ok()?;
        self.advance(message);
        Some(Zeroizing::new(content))
    }

    fn cipher(&self, salt: &[u8; SALT_BYTES]) -> ChaCha20Poly1305 {
        let key = self.root.message_key(Side::of_message(self.next), &self.history, salt);
        ChaCha20Poly1305::new((&*key).into())
    }

    /// Eleven zero bytes and the number.
    fn nonce(&self) -> Nonce {
        let mut nonce = Nonce::default();
        if let Some(last) = nonce.last_mut() {
            *last = self.next;
        }
        nonce
    }

    fn advance(&mut self, message: &[u8]) {
        let material = [self.history.as_slice(), message].concat();
        self.history = blake3::derive_key(domain::PAIRING_HISTORY, &material);
        self.next = self.next.saturating_add(1);
    }
}
