//! What two devices that share an invitation ask of a node's mailbox, and how they prove that they may (chapter
//! `pairing.md`, PAIR-40 to PAIR-45).

use crate::cbor::Writer;
use crate::ids::MailboxAddress;
use crate::verify::{SignatureError, verify_signature};
use crate::{Code, ContentHash, NodeId, Signature, domain};

/// Longest message in a mailbox in bytes (PAIR-20, PAIR-42).
pub const MAX_MAILBOX_MESSAGE_BYTES: usize = 4_096;
/// Slots of a mailbox; they are counted from 1 (PAIR-42).
pub const MAILBOX_SLOTS: u8 = 8;
/// How long a mailbox lives after it was opened, in milliseconds (PAIR-43).
pub const MAILBOX_LIFETIME_MS: u64 = 900_000;

const VERSION: u64 = 1;

/// What is asked of a mailbox (PAIR-42).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MailboxOperation {
    /// 1: make it.
    Open,
    /// 2: leave a message in an empty slot.
    Leave {
        /// The number of the message, 1 to 8.
        slot: u8,
        /// BLAKE3 of the message.
        content: ContentHash,
    },
    /// 3: read what lies in a slot.
    Fetch {
        /// The number of the message, 1 to 8.
        slot: u8,
    },
    /// 4: forget it with all that is in it.
    Close,
}

impl MailboxOperation {
    /// Its number, its slot and its content.
    fn fields(&self) -> (u64, u8, ContentHash) {
        match *self {
            Self::Open => (1, 0, ContentHash::ZERO),
            Self::Leave { slot, content } => (2, slot, content),
            Self::Fetch { slot } => (3, slot, ContentHash::ZERO),
            Self::Close => (4, 0, ContentHash::ZERO),
        }
    }

    /// Whether the slot is one that a mailbox has, or none is needed (PAIR-42).
    #[must_use]
    pub const fn has_slot(&self) -> bool {
        match self {
            Self::Open | Self::Close => true,
            Self::Leave { slot, .. } | Self::Fetch { slot } => *slot >= 1 && *slot <= MAILBOX_SLOTS,
        }
    }
}

/// Why a node does not do what is asked of a mailbox. Whoever asked is at fault, but for [`Full`](Self::Full).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum MailboxError {
    /// A slot that mailboxes do not have (PAIR-42).
    #[error("slots are 1 to {MAILBOX_SLOTS}")]
    Slot,
    /// A message of more than 4,096 bytes (PAIR-42).
    #[error("a message in a mailbox has at most {MAX_MAILBOX_MESSAGE_BYTES} bytes")]
    TooLarge,
    /// The proof does not hold, or it is for another node or another message (PAIR-42).
    #[error("the proof does not hold")]
    Proof,
    /// The slot holds another message (PAIR-43).
    #[error("the slot holds another message")]
    Taken,
    /// There is no such mailbox, there never was, or it has expired (PAIR-44).
    #[error("there is no such mailbox")]
    Unknown,
    /// Too many are open just now; ask again later (PAIR-45).
    #[error("too many mailboxes are open")]
    Full,
}

impl MailboxError {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> Code {
        Code::new(match self {
            Self::Slot => "mailbox.slot",
            Self::TooLarge => "request.too_large",
            Self::Proof => "mailbox.proof",
            Self::Taken => "mailbox.taken",
            Self::Unknown => "mailbox.unknown",
            Self::Full => "mailbox.full",
        })
    }

    /// The clause of the spec that refuses this; `None` where ERR-10 names none.
    #[must_use]
    pub const fn clause(self) -> Option<&'static str> {
        Some(match self {
            Self::Slot | Self::Proof => "PAIR-42",
            Self::Taken => "PAIR-43",
            Self::Unknown => "PAIR-44",
            Self::Full => "PAIR-45",
            Self::TooLarge => return None,
        })
    }
}

/// A request to the mailbox of one node: `[version, node, address, operation, slot, content]` (PAIR-42).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MailboxRequest {
    /// The node that is asked, so that nobody can show the proof to another one.
    pub node: NodeId,
    /// The mailbox, which is the key that verifies the proof.
    pub address: MailboxAddress,
    /// What is asked.
    pub operation: MailboxOperation,
}

impl MailboxRequest {
    /// The bytes that the mailbox key signs: the domain string, then the array.
    #[must_use]
    pub fn signing_message(&self) -> Vec<u8> {
        let (operation, slot, content) = self.operation.fields();
        let mut writer = Writer::new();
        writer.array(6).uint(VERSION).bytes(self.node).bytes(self.address);
        writer.uint(operation).uint(u64::from(slot)).bytes(content);
        [domain::SIGN_MAILBOX, writer.as_bytes()].concat()
    }

    /// Checks that whoever sent this holds the mailbox key. That the node is the one asked, the node compares.
    ///
    /// # Errors
    ///
    /// [`SignatureError`].
    pub fn verify(&self, proof: &Signature) -> Result<(), SignatureError> {
        verify_signature(&self.address.0, &self.signing_message(), proof)
    }

    /// All that `own` checks before it looks for the mailbox: slot, length of the message, proof (PAIR-42). `message` is what
    /// came with [`Leave`](MailboxOperation::Leave), and nothing with the others.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Slot`], [`MailboxError::TooLarge`] or [`MailboxError::Proof`], in this order.
    pub fn judge(
        &self,
        own: &NodeId,
        message: &[u8],
        proof: &Signature,
    ) -> Result<(), MailboxError> {
        if !self.operation.has_slot() {
            return Err(MailboxError::Slot);
        }
        if message.len() > MAX_MAILBOX_MESSAGE_BYTES {
            return Err(MailboxError::TooLarge);
        }
        let is_that_message = match self.operation {
            MailboxOperation::Leave { content, .. } => content == ContentHash::of(message),
            MailboxOperation::Open | MailboxOperation::Fetch { .. } | MailboxOperation::Close => {
                message.is_empty()
            }
        };
        if self.node != *own || !is_that_message || self.verify(proof).is_err() {
            return Err(MailboxError::Proof);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer, SigningKey};

    use super::*;

    /// Clauses: PAIR-42.
    #[test]
    fn a_proof_is_for_one_node_address_operation_slot_and_message() {
        let key = SigningKey::from_bytes(&[5; 32]);
        let request = |node, address, operation| MailboxRequest {
            node: NodeId([node; 32]),
            address: MailboxAddress(address),
            operation,
        };
        let own = key.verifying_key().to_bytes();
        let leave = |slot, byte| MailboxOperation::Leave { slot, content: ContentHash([byte; 32]) };
        let operations = [
            MailboxOperation::Open,
            leave(1, 1),
            leave(1, 2),
            leave(2, 1),
            MailboxOperation::Fetch { slot: 1 },
            MailboxOperation::Fetch { slot: 2 },
            MailboxOperation::Close,
        ];
        for (i, signed) in operations.iter().enumerate() {
            let message = request(1, own, *signed).signing_message();
            let proof = Signature(key.sign(&message).to_bytes());
            for (j, asked) in operations.iter().enumerate() {
                assert_eq!(request(1, own, *asked).verify(&proof).is_ok(), i == j, "{i} as {j}");
            }
            assert!(request(2, own, *signed).verify(&proof).is_err());
            let other = SigningKey::from_bytes(&[6; 32]).verifying_key().to_bytes();
            assert!(request(1, other, *signed).verify(&proof).is_err());
        }
    }

    #[test]
    fn slots_are_1_to_8() {
        for slot in 0..=u8::MAX {
            let fetch = MailboxOperation::Fetch { slot };
            assert_eq!(fetch.has_slot(), (1..=8).contains(&slot));
        }
        assert!(MailboxOperation::Open.has_slot() && MailboxOperation::Close.has_slot());
    }
}
