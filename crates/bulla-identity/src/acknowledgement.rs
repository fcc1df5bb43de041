//! Checking a node's signed word that it holds entries.

use bulla_core::NodeId;
use bulla_core::values::Acknowledgement;
use bulla_core::verify::{SignatureError, verify_signature};

/// Checks that `expected`, and nobody else, signed this acknowledgement (ACK-4).
///
/// That it covers the entries the caller sent is the caller's next check: compare `count` and `digest` with
/// [`Acknowledgement::digest_of`] over the receipts reported.
///
/// # Errors
///
/// [`SignatureError::Key`] when it names another node or a key that is none, [`SignatureError::Mismatch`] when the
/// signature does not verify. The node that sent it is at fault.
pub fn verify_acknowledgement(
    value: &Acknowledgement,
    expected: &NodeId,
) -> Result<(), SignatureError> {
    if value.node != *expected {
        return Err(SignatureError::Key);
    }
    verify_signature(&expected.0, &value.signing_message(), &value.signature)
}
