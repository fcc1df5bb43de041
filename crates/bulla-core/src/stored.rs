//! Verified headers and entries read back from a store that verified them before it wrote them (chapter `entries.md`, VER-8).

use bytes::Bytes;

use crate::control::Trust;
use crate::{EntryId, Header, HeaderError, Signature, VerifiedEntry, VerifiedHeader, VerifyError};

/// Why bytes read back are not the header that was verified. The store's medium is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoredError {
    /// The bytes are not a header any more.
    #[error("stored header does not decode: {0}")]
    Header(#[from] HeaderError),
    /// Header and signature have another id than the one recorded.
    #[error("stored header and signature have id {actual}, recorded was {recorded}")]
    Id {
        /// Recorded when the entry was verified.
        recorded: EntryId,
        /// Of the bytes read.
        actual: EntryId,
    },
}

impl VerifiedHeader {
    /// The header that a store verified, wrote down beside its id, and now reads back.
    ///
    /// **For stores only, over their own medium.** `recorded` is the id that the store took from a [`VerifiedHeader`]
    /// when it was given one; never an id that came along with the bytes from a peer, a bundle or a backup made by
    /// somebody else: those go through [`Verifier`](crate::Verifier).
    ///
    /// Why nothing unverified gets through: the id is a collision-resistant hash over header and signature (ENT-30,
    /// ENT-32), so it names exactly one run of bytes. When the id of what was read equals the id of what was verified,
    /// these are the bytes whose signature held, and checking it again could not come out otherwise. Whoever can write
    /// to the medium can forge record and bytes together; against that stands the store's own check of every signature
    /// (`verify`), and that every peer verifies what it is sent.
    ///
    /// # Errors
    ///
    /// [`StoredError`]; what was read is damaged.
    pub fn from_store(
        bytes: Bytes,
        signature: Signature,
        recorded: &EntryId,
    ) -> Result<Self, StoredError> {
        let header = Header::decode(&bytes)?;
        let digest = Header::digest_of(&bytes);
        let verified = Self::new(header, bytes, &digest, signature);
        let actual = verified.id();
        if actual == *recorded {
            Ok(verified)
        } else {
            Err(StoredError::Id { recorded: *recorded, actual })
        }
    }
}

impl VerifiedEntry {
    /// The entry whose payload a store verified with its header, wrote down, and now reads back.
    ///
    /// **For stores only, over their own medium**, like [`VerifiedHeader::from_store`]. Length and content hash are
    /// compared, so these are the bytes that were verified; a control payload is read again, but the signature of a joining
    /// card in it is not verified again. A payload that came from anybody else goes through
    /// [`attach_payload`](crate::verify::attach_payload).
    ///
    /// # Errors
    ///
    /// [`VerifyError::PayloadLength`], [`VerifyError::ContentHash`] or [`VerifyError::Control`]; what was read is damaged.
    pub fn from_store(header: VerifiedHeader, payload: Bytes) -> Result<Self, VerifyError> {
        crate::verify::join(header, payload, Trust::VerifiedBefore)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cbor::Encode;
    use crate::{AuthorKey, ContentHash, KeyId, Kind, Salt, SpaceId, Topic};

    fn header_bytes() -> Bytes {
        let header = Header {
            space: SpaceId([1; 32]),
            author: AuthorKey([2; 32]),
            sequence: 1,
            previous: EntryId::ZERO,
            timestamp: 7,
            kind: Kind::OPERATION,
            topic: Topic([3; 16]),
            dependencies: vec![],
            key_id: KeyId([4; 32]),
            salt: Salt([5; 24]),
            payload_length: 16,
            content_hash: ContentHash([6; 32]),
        };
        Bytes::from(header.to_cbor())
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        let (bytes, signature) = (header_bytes(), Signature([9; 64]));
        let id = EntryId::compute(&Header::digest_of(&bytes), &signature);
        let read = VerifiedHeader::from_store(bytes.clone(), signature, &id).unwrap();
        assert_eq!((read.id(), read.bytes()), (id, &bytes));

        for bit in 0..8 * bytes.len() {
            let mut flipped = bytes.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(
                VerifiedHeader::from_store(flipped.into(), signature, &id).is_err(),
                "bit {bit} of the header"
            );
        }
        for bit in 0..8 * Signature::LEN {
            let mut flipped = signature;
            flipped.0[bit / 8] ^= 1 << (bit % 8);
            let outcome = VerifiedHeader::from_store(bytes.clone(), flipped, &id);
            assert!(matches!(outcome, Err(StoredError::Id { .. })), "bit {bit} of the signature");
        }
        let other = EntryId([8; 32]);
        assert!(matches!(
            VerifiedHeader::from_store(bytes, signature, &other),
            Err(StoredError::Id { recorded, .. }) if recorded == other
        ));
    }
}
