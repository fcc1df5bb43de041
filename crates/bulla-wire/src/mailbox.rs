//! What is asked of a node's mailboxes, and what comes back (WIRE-42 to WIRE-46).
//!
//! Neither the key of the node nor the hash of a message is sent: whoever reads a request puts in its own key and computes
//! the hash, so a request says nothing twice. What the proof is over is `bulla_core`'s [`MailboxRequest`].

use bulla_core::cbor::{CborError, CborErrorKind, Decode, Encode, Reader, Writer};
use bulla_core::ids::MailboxAddress;
use bulla_core::values::{MAX_MAILBOX_MESSAGE_BYTES, MailboxOperation, MailboxRequest};
use bulla_core::{Code, ContentHash, NodeId, Signature};

use crate::limits::MAX_MAILBOX_BODY_BYTES;

/// The feature in the capabilities of a node that offers mailboxes (CAP-4, WIRE-42).
pub const FEATURE: Code = Code::new("mailbox");

/// Asks for a mailbox to be made, by a device that has logged in (WIRE-43). Encoded as `[address, proof]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailboxOpen {
    /// The mailbox.
    pub address: MailboxAddress,
    /// The signature of its key.
    pub proof: Signature,
}

/// Asks something of a mailbox that exists, without a login (WIRE-44). Encoded as `[address, proof, operation]`.
#[derive(Clone, PartialEq, Eq)]
pub struct MailboxCall {
    /// The mailbox.
    pub address: MailboxAddress,
    /// The signature of its key.
    pub proof: Signature,
    /// What is asked.
    pub action: MailboxAction,
}

/// What can be asked without a login. `Debug` shows no message.
#[derive(Clone, PartialEq, Eq)]
pub enum MailboxAction {
    /// `[2, slot, message]`: leave a message.
    Leave {
        /// 1 to 8; others are for the node to refuse.
        slot: u8,
        /// The message; one of more than 4,096 bytes is for the node to refuse.
        message: Vec<u8>,
    },
    /// `[3, slot]`: read what lies in a slot.
    Fetch {
        /// 1 to 8; others are for the node to refuse.
        slot: u8,
    },
    /// `[4]`: forget the mailbox.
    Close,
}

/// The answer to both (WIRE-45): the message that was fetched, or `null`.
#[derive(Clone, PartialEq, Eq)]
pub struct MailboxReply(pub Option<Vec<u8>>);

impl MailboxOpen {
    /// What the proof is over, asked of this node.
    #[must_use]
    pub const fn request(&self, node: NodeId) -> MailboxRequest {
        MailboxRequest { node, address: self.address, operation: MailboxOperation::Open }
    }
}

impl MailboxCall {
    /// The call of a request and its proof; `message` is what comes with [`Leave`](MailboxOperation::Leave). `None` for
    /// [`Open`](MailboxOperation::Open), which takes a login.
    #[must_use]
    pub fn new(request: &MailboxRequest, proof: Signature, message: &[u8]) -> Option<Self> {
        let action = match request.operation {
            MailboxOperation::Open => return None,
            MailboxOperation::Leave { slot, .. } => {
                MailboxAction::Leave { slot, message: message.to_vec() }
            }
            MailboxOperation::Fetch { slot } => MailboxAction::Fetch { slot },
            MailboxOperation::Close => MailboxAction::Close,
        };
        Some(Self { address: request.address, proof, action })
    }

    /// What the proof is over, asked of this node.
    #[must_use]
    pub fn request(&self, node: NodeId) -> MailboxRequest {
        let operation = match &self.action {
            MailboxAction::Leave { slot, message } => {
                MailboxOperation::Leave { slot: *slot, content: ContentHash::of(message) }
            }
            MailboxAction::Fetch { slot } => MailboxOperation::Fetch { slot: *slot },
            MailboxAction::Close => MailboxOperation::Close,
        };
        MailboxRequest { node, address: self.address, operation }
    }

    /// The message to be left; nothing with the others.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        match &self.action {
            MailboxAction::Leave { message, .. } => message,
            MailboxAction::Fetch { .. } | MailboxAction::Close => &[],
        }
    }
}

impl std::fmt::Debug for MailboxCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailboxCall").field("action", &self.action).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for MailboxAction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Leave { slot, message } => write!(f, "Leave({slot}, {} bytes)", message.len()),
            Self::Fetch { slot } => write!(f, "Fetch({slot})"),
            Self::Close => f.write_str("Close"),
        }
    }
}

impl std::fmt::Debug for MailboxReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Some(message) => write!(f, "MailboxReply({} bytes)", message.len()),
            None => f.write_str("MailboxReply(null)"),
        }
    }
}

impl Encode for MailboxOpen {
    fn encode(&self, writer: &mut Writer) {
        writer.array(2).bytes(self.address).bytes(self.proof);
    }
}

impl Decode for MailboxOpen {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_exact(2)?;
        let address = MailboxAddress(reader.array_of()?);
        Ok(Self { address, proof: Signature(reader.array_of()?) })
    }
}

impl Encode for MailboxCall {
    fn encode(&self, writer: &mut Writer) {
        writer.array(3).bytes(self.address).bytes(self.proof);
        match &self.action {
            MailboxAction::Leave { slot, message } => {
                writer.array(3).uint(2).uint(u64::from(*slot)).bytes(message);
            }
            MailboxAction::Fetch { slot } => {
                writer.array(2).uint(3).uint(u64::from(*slot));
            }
            MailboxAction::Close => {
                writer.array(1).uint(4);
            }
        }
    }
}

impl Decode for MailboxCall {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_exact(3)?;
        let address = MailboxAddress(reader.array_of()?);
        let proof = Signature(reader.array_of()?);
        Ok(Self { address, proof, action: action(reader)? })
    }
}

fn action(reader: &mut Reader<'_>) -> Result<MailboxAction, CborError> {
    let start = reader.position();
    let count = reader.array(3)?;
    if count == 0 {
        return Err(Reader::error_at(start, CborErrorKind::Count));
    }
    let at = reader.position();
    let number = reader.uint(4)?;
    let elements = match number {
        2 => 3,
        3 => 2,
        4 => 1,
        // 1 is to open, which is another request.
        _ => return Err(Reader::error_at(at, CborErrorKind::Bounds)),
    };
    if count != elements {
        return Err(Reader::error_at(start, CborErrorKind::Count));
    }
    if number == 4 {
        return Ok(MailboxAction::Close);
    }
    let at = reader.position();
    let slot = reader.uint(u64::from(u8::MAX))?;
    let slot = u8::try_from(slot).map_err(|_| Reader::error_at(at, CborErrorKind::Bounds))?;
    if number == 3 {
        return Ok(MailboxAction::Fetch { slot });
    }
    let message = reader.bytes(MAX_MAILBOX_BODY_BYTES)?.to_vec();
    Ok(MailboxAction::Leave { slot, message })
}

impl Encode for MailboxReply {
    fn encode(&self, writer: &mut Writer) {
        match &self.0 {
            Some(message) => writer.bytes(message),
            None => writer.null(),
        };
    }
}

impl Decode for MailboxReply {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        if reader.null() {
            return Ok(Self(None));
        }
        Ok(Self(Some(reader.bytes(MAX_MAILBOX_MESSAGE_BYTES)?.to_vec())))
    }
}
