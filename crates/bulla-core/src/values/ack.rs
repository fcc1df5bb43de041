//! What a node signs when it has stored a batch (chapter `wire.md`, ACK-1 to ACK-5).

use crate::cbor::{CborError, Decode, Encode, Reader, Writer};
use crate::limits::{MAX_COUNTER, MAX_ENTRIES_PER_PUT};
use crate::{AcknowledgedDigest, EntryId, Lineage, NodeId, Signature, SpaceId, domain};

/// A node's signed word that it holds entries durably, one for each batch (ACK-1).
///
/// A client keeps it, with the receipts and ids it covers, until a later audit: a node that acknowledged an entry and
/// dropped it is caught by its own signature. This type is the value; `bulla-identity` signs and verifies it.
///
/// Encoded as `[node, space, lineage, count, digest, signature]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acknowledgement {
    /// The node that signs: the one the client talks to, also where it only passes on.
    pub node: NodeId,
    /// The space.
    pub space: SpaceId,
    /// The history the receipts belong to.
    pub lineage: Lineage,
    /// How many entries the digest covers: those with a receipt; 0 to 4,096.
    pub count: u64,
    /// Digest over their receipts and ids (ACK-2).
    pub digest: AcknowledgedDigest,
    /// The node's signature (ACK-3).
    pub signature: Signature,
}

impl Acknowledgement {
    /// Counts and hashes what a batch stored: for each entry with a receipt, in the order of the batch, the receipt as 8
    /// bytes big-endian and the id (ACK-2).
    #[must_use]
    pub fn digest_of(
        stored: impl IntoIterator<Item = (u64, EntryId)>,
    ) -> (u64, AcknowledgedDigest) {
        let mut hasher = blake3::Hasher::new_derive_key(domain::ACKNOWLEDGED_IDS);
        let mut count = 0;
        for (receipt, id) in stored {
            hasher.update(&receipt.to_be_bytes()).update(&id.0);
            count += 1;
        }
        (count, AcknowledgedDigest(hasher.finalize().into()))
    }

    /// The bytes that are signed: the domain string, node, space and lineage, the count as 8 bytes big-endian and the
    /// digest; every part but the domain string has a fixed length (ACK-3). The signature is not part of it.
    #[must_use]
    pub fn signing_message(&self) -> Vec<u8> {
        let count = self.count.to_be_bytes();
        [
            domain::SIGN_ACKNOWLEDGEMENT,
            &self.node.0,
            &self.space.0,
            &self.lineage.0,
            &count,
            &self.digest.0,
        ]
        .concat()
    }
}

impl Encode for Acknowledgement {
    fn encode(&self, writer: &mut Writer) {
        writer.array(6).bytes(self.node).bytes(self.space).bytes(self.lineage);
        writer.uint(self.count).bytes(self.digest).bytes(self.signature);
    }
}

impl Decode for Acknowledgement {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_exact(6)?;
        let most = u64::try_from(MAX_ENTRIES_PER_PUT).unwrap_or(MAX_COUNTER);
        Ok(Self {
            node: NodeId(reader.array_of()?),
            space: SpaceId(reader.array_of()?),
            lineage: Lineage(reader.array_of()?),
            count: reader.uint(most)?,
            digest: AcknowledgedDigest(reader.array_of()?),
            signature: Signature(reader.array_of()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decode_inverts_encode_and_bounds_the_count() {
        let ack = Acknowledgement {
            node: NodeId([1; 32]),
            space: SpaceId([2; 32]),
            lineage: Lineage([3; 16]),
            count: 4_096,
            digest: AcknowledgedDigest([4; 32]),
            signature: Signature([5; 64]),
        };
        assert_eq!(Acknowledgement::from_cbor(&ack.to_cbor()), Ok(ack));
        assert!(
            Acknowledgement::from_cbor(&Acknowledgement { count: 4_097, ..ack }.to_cbor()).is_err()
        );
    }

    #[test]
    fn the_digest_knows_order_receipt_and_id() {
        let (a, b) = (EntryId([1; 32]), EntryId([2; 32]));
        let (count, digest) = Acknowledgement::digest_of([(1, a), (2, b)]);
        assert_eq!(count, 2);
        for other in
            [vec![(2, b), (1, a)], vec![(1, b), (2, a)], vec![(1, a)], vec![(1, a), (3, b)], vec![]]
        {
            assert_ne!(Acknowledgement::digest_of(other).1, digest);
        }
    }
}
