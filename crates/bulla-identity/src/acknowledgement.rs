//! Checking a node's signed word that it holds entries.

use bulla_core::values::Acknowledgement;
use bulla_core::verify::{SignatureError, verify_signature};
use bulla_core::{Code, NodeId};

/// Why an acknowledgement is not one. The node that sent it is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AcknowledgementError {
    /// It names another node than the one asked (ACK-4).
    #[error("acknowledged by node {actual}, not by {expected}")]
    Node {
        /// The node asked.
        expected: NodeId,
        /// The node named.
        actual: NodeId,
    },
    /// The signature does not hold (ACK-4).
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

impl AcknowledgementError {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> Code {
        Code::new(match self {
            Self::Node { .. } => "ack.node",
            Self::Signature(_) => "ack.signature",
        })
    }

    /// The clause of the spec that refuses this.
    #[must_use]
    pub const fn clause(self) -> &'static str {
        match self {
            Self::Node { .. } => "ACK-4",
            Self::Signature(_) => "ACK-4",
        }
    }
}

/// Checks that `expected`, and nobody else, signed this acknowledgement.
///
/// That it covers the entries the caller sent is the caller's next check: compare `count` and `digest` with
/// [`Acknowledgement::digest_of`] over the receipts reported.
///
/// # Errors
///
/// [`AcknowledgementError::Node`] before [`AcknowledgementError::Signature`].
pub fn verify_acknowledgement(
    value: &Acknowledgement,
    expected: &NodeId,
) -> Result<(), AcknowledgementError> {
    if value.node != *expected {
        return Err(AcknowledgementError::Node { expected: *expected, actual: value.node });
    }
    Ok(verify_signature(&expected.0, &value.signing_message(), &value.signature)?)
}
