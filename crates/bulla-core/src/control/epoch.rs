//! The entry that starts a key epoch (CTL-30).

use super::list::{check_list, read_device, read_ids, read_list, write_byte_strings, write_list};
use super::{Context, ControlError, Payload, Trust, begin};
use crate::cbor::{CborErrorKind, Encode, Reader, Writer};
use crate::limits::{
    MAX_EPOCH_PARENTS, MAX_EPOCH_RECIPIENTS, MAX_INHERITED_BYTES, MIN_INHERITED_BYTES,
};
use crate::{AuthorKey, EntryId, KeyId};

/// Bytes of an epoch key sealed to one device: encapsulated key, ciphertext and tag (CTL-32).
pub const SEALED_KEY_BYTES: usize = 80;

/// The payload of kind 4: a new key for a space or for a group in it, sealed to each of its readers (CTL-30).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epoch {
    /// Zero for the space's own epochs; otherwise the id of the entry that founded the group.
    pub group: EntryId,
    /// All heads of the group's epochs that the author knew; at most 64, ascending.
    pub parents: Vec<EntryId>,
    /// The id of the new epoch key (KEY-5); never zero.
    pub key_id: KeyId,
    /// 1 to 8,192 devices, ascending.
    pub recipients: Vec<Recipient>,
    /// The topic secret and, where policy allows it, the parents' keys, under the new key (CTL-33); 16 to 4,096 bytes.
    pub inherited: Vec<u8>,
}

/// One device that may open an epoch: `[device, sealed]` (CTL-30).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recipient {
    /// The device.
    pub device: AuthorKey,
    /// The epoch key, sealed to it.
    pub sealed: [u8; SEALED_KEY_BYTES],
}

impl Epoch {
    /// What is sealed to `device`, if it is among the recipients.
    #[must_use]
    pub fn sealed_to(&self, device: &AuthorKey) -> Option<&[u8; SEALED_KEY_BYTES]> {
        let place = self.recipients.binary_search_by(|recipient| recipient.device.cmp(device));
        place.ok().and_then(|place| self.recipients.get(place)).map(|recipient| &recipient.sealed)
    }
}

impl Payload for Epoch {
    const ELEMENTS: usize = 5;

    fn read(reader: &mut Reader<'_>, _trust: Trust) -> Result<Self, ControlError> {
        let group = EntryId(reader.array_of()?);
        let parents = read_ids(reader, MAX_EPOCH_PARENTS)?;
        let key_id = KeyId(reader.array_of()?);
        let start = reader.position();
        let recipients = read_list(reader, MAX_EPOCH_RECIPIENTS, |reader| {
            reader.array_exact(2)?;
            Ok(Recipient { device: read_device(reader)?, sealed: reader.array_of()? })
        })?;
        if recipients.is_empty() {
            return Err(Reader::error_at(start, CborErrorKind::Bounds).into());
        }
        let start = reader.position();
        let inherited = reader.bytes(MAX_INHERITED_BYTES)?;
        if inherited.len() < MIN_INHERITED_BYTES {
            return Err(Reader::error_at(start, CborErrorKind::Bounds).into());
        }
        Ok(Self { group, parents, key_id, recipients, inherited: inherited.to_vec() })
    }

    fn is_within_bounds(&self) -> bool {
        self.parents.len() <= MAX_EPOCH_PARENTS
            && (1..=MAX_EPOCH_RECIPIENTS).contains(&self.recipients.len())
            && (MIN_INHERITED_BYTES..=MAX_INHERITED_BYTES).contains(&self.inherited.len())
    }

    fn rules(&self, _context: &Context) -> Result<(), ControlError> {
        check_list(&self.parents, EntryId::as_bytes)?;
        check_list(&self.recipients, |recipient| recipient.device.as_bytes())?;
        if self.key_id.is_zero() { Err(ControlError::EpochKeyId) } else { Ok(()) }
    }
}

impl Encode for Recipient {
    fn encode(&self, writer: &mut Writer) {
        writer.array(2).bytes(self.device).bytes(self.sealed);
    }
}

impl Encode for Epoch {
    fn encode(&self, writer: &mut Writer) {
        begin::<Self>(writer).bytes(self.group);
        write_byte_strings(writer, &self.parents);
        writer.bytes(self.key_id);
        write_list(writer, &self.recipients);
        writer.bytes(&self.inherited);
    }
}
