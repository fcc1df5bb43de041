//! How a node is shown that one shares an invitation (PAIR-40 to PAIR-42).

use bulla_core::ids::MailboxAddress;
use bulla_core::values::{MailboxOperation, MailboxRequest};
use bulla_core::{ContentHash, NodeId, Signature};
use ed25519_dalek::{Signer, SigningKey};

use crate::Message;

/// The key of an invitation's mailbox. Both sides have it, nobody else does, and it tells nothing of the space.
///
/// Each method gives a request and its proof, to be sent to the node that is named in it.
pub struct MailboxKey(SigningKey);

impl MailboxKey {
    pub(crate) fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The address of the mailbox (PAIR-41).
    #[must_use]
    pub fn address(&self) -> MailboxAddress {
        MailboxAddress(self.0.verifying_key().to_bytes())
    }

    /// Asks for the mailbox to be made.
    #[must_use]
    pub fn open(&self, node: NodeId) -> (MailboxRequest, Signature) {
        self.ask(node, MailboxOperation::Open)
    }

    /// Leaves a message in the slot of its number.
    #[must_use]
    pub fn leave(&self, node: NodeId, message: &Message) -> (MailboxRequest, Signature) {
        let content = ContentHash::of(message.as_bytes());
        self.ask(node, MailboxOperation::Leave { slot: message.number(), content })
    }

    /// Asks for the message of a number, as [`Joiner::awaits`](crate::Joiner::awaits) and
    /// [`Approver::awaits`](crate::Approver::awaits) give it, 1 for a beginning.
    #[must_use]
    pub fn fetch(&self, node: NodeId, number: u8) -> (MailboxRequest, Signature) {
        self.ask(node, MailboxOperation::Fetch { slot: number })
    }

    /// Asks for the mailbox to be forgotten.
    #[must_use]
    pub fn close(&self, node: NodeId) -> (MailboxRequest, Signature) {
        self.ask(node, MailboxOperation::Close)
    }

    fn ask(&self, node: NodeId, operation: MailboxOperation) -> (MailboxRequest, Signature) {
        let request = MailboxRequest { node, address: self.address(), operation };
        let proof = Signature(self.0.sign(&request.signing_message()).to_bytes());
        (request, proof)
    }
}

impl std::fmt::Debug for MailboxKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailboxKey").field("address", &self.address()).finish_non_exhaustive()
    }
}
