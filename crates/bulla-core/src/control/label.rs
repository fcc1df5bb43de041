//! A name that members read and nodes do not (CTL-11).

use super::ControlError;
use crate::cbor::{Encode, Reader, Writer};
use crate::{KeyId, Salt};

/// Bytes of a sealed label's ciphertext: 65 of plaintext and 16 of the tag (CTL-11, CTL-12).
pub const SEALED_LABEL_BYTES: usize = 81;

/// A sealed label: `[key id, salt, ciphertext]` (CTL-11). Who holds the epoch key opens it (CTL-12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SealedLabel {
    /// The epoch key it was sealed with.
    pub key_id: KeyId,
    /// Makes its key; never used for two labels.
    pub salt: Salt,
    /// Ciphertext and tag.
    pub ciphertext: [u8; SEALED_LABEL_BYTES],
}

impl SealedLabel {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ControlError> {
        reader.array_exact(3)?;
        Ok(Self {
            key_id: KeyId(reader.array_of()?),
            salt: Salt(reader.array_of()?),
            ciphertext: reader.array_of()?,
        })
    }
}

impl Encode for SealedLabel {
    fn encode(&self, writer: &mut Writer) {
        writer.array(3).bytes(self.key_id).bytes(self.salt).bytes(self.ciphertext);
    }
}
