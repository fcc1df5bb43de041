//! One sealed message, and how it looks as text (PAIR-20, PAIR-25).

use std::fmt;

use bulla_core::domain;
use bulla_core::values::MAX_MAILBOX_MESSAGE_BYTES;
use bulla_identity::{armour, unarmour};

use crate::PairingError;

/// Longest message in bytes (PAIR-20). A mailbox takes just that much.
pub const MAX_MESSAGE_BYTES: usize = MAX_MAILBOX_MESSAGE_BYTES;
/// Longest frontier in an approval in bytes (PAIR-22).
pub const MAX_FRONTIER_BYTES: usize = 3_904;
/// Shortest message: a salt and a tag.
pub(crate) const MIN_MESSAGE_BYTES: usize = 40;

const PREFIX: &str = "bulla-pair1-";

/// A message to the other side: 40 to 4,096 bytes that tell nothing to whom does not have the invitation.
///
/// Its text is one line, `bulla-pair1-` and then base32, with a checksum (PAIR-25).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    number: u8,
    bytes: Vec<u8>,
}

impl Message {
    pub(crate) const fn new(number: u8, bytes: Vec<u8>) -> Self {
        Self { number, bytes }
    }

    /// Its number, 1 to 6, which is its slot in a mailbox (PAIR-42).
    #[must_use]
    pub const fn number(&self) -> u8 {
        self.number
    }

    /// The bytes to send.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes of a message that came as text.
    ///
    /// # Errors
    ///
    /// [`PairingError::Armour`].
    pub fn bytes_of_text(text: &str) -> Result<Vec<u8>, PairingError> {
        Ok(unarmour(PREFIX, domain::PAIRING_CHECKSUM, text, MAX_MESSAGE_BYTES)?)
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&armour(PREFIX, domain::PAIRING_CHECKSUM, &self.bytes))
    }
}
